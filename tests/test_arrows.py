"""The arrows between the packages point one way: whenflow → console, ingest → engine → variables → grammar.

The language server stands aside: whenflow → editor → grammar.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "grammar": set[str](),
    "variables": {"grammar"},
    "engine": {"grammar", "variables"},
    "ingest": {"grammar", "variables", "engine"},
    "console": {"grammar", "variables", "engine"},
    "editor": {"grammar"},
    "whenflow": {"grammar", "variables", "engine", "ingest", "console", "editor"},
}


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts)


def imported(module: Path) -> set[str]:
    """The top-level names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute here"
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    ours = {*MAY_IMPORT, "tests", "bench"}
    assert modules(package)
    for module in modules(package):
        wrong = (imported(module) & ours) - MAY_IMPORT[package] - {package}
        assert not wrong, f"{module.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"


def test_ingest_appends_and_never_evaluates() -> None:
    for module in modules("ingest"):
        assert "engine" not in imported(module), module


def test_the_language_knows_no_redis_and_no_http() -> None:
    for module in modules("grammar"):
        assert not imported(module) & {"redis", "starlette", "uvicorn", "asyncio"}, module


def test_what_the_editor_is_told_does_not_depend_on_its_protocol() -> None:
    knowing = {module.name for module in modules("editor") if imported(module) & {"pygls", "lsprotocol", "asyncio"}}
    assert knowing == {"server.py"}
