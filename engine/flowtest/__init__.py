"""Flow tests: the product's own step and store, in virtual time (LANGUAGE.md section 8).

From outside import `Result` and `run_flow_test`. `plan` checks a test before any of it runs, against the program that
`declared` says holds at each line; `run` runs it; `failures` says what was expected and what came.
"""

from engine.flowtest.run import Result, run_flow_test

__all__ = ["Result", "run_flow_test"]
