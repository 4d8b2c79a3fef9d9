# Two commands are all that a newcomer needs: `make run` and `make test`. Each sets itself up in .venv.
PORT ?= 8000
BIN := .venv/bin

.PHONY: run test check bench client docs clean

run: .venv/set-up  ## Whenflow with the demo shop, at http://127.0.0.1:8000/ (PORT= changes it)
	@echo "whenflow: starting the demo at http://127.0.0.1:$(PORT)/"
	@exec $(BIN)/whenflow demo --port $(PORT)

test: .venv/set-up-dev  ## all tests; first as many at once as there are cores, then those that keep time (ARGS="…" for some)
	@tools/chromium
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m "not alone"
	$(BIN)/python -m pytest -m alone
endif

check: .venv/set-up-dev  ## lint, format, types, and the import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_arrows.py

bench: .venv/set-up-bench  ## benchmarks: ratios against peers and limits (ARGS="conditions --quick" for one)
	$(BIN)/python -m bench $(ARGS)

client: .venv/set-up-dev  ## builds the page client, ingest/ppmatc.js, from ingest/client
	@tools/node
	cd ingest/client && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci && PATH="$(CURDIR)/$(BIN):$$PATH" npm run build

docs: .venv/set-up-dev  ## builds docs/diagnostics.md, from the cases in tests/grammar/diagnostics
	$(BIN)/python -m tests.grammar.diagnostics_page

clean:  ## removes what was installed and cached; data directories stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis ingest/client/node_modules

.venv/set-up: pyproject.toml constraints.txt tools/set-up
	@tools/set-up

.venv/set-up-%: pyproject.toml constraints.txt tools/set-up
	@tools/set-up $*
