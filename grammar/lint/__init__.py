"""Lint: what is allowed, but surely not meant (W5xx). Only what is certain is said.

From outside import `lint` (of a program) and `lint_condition`. `conditions` says what of a condition is always true or
false, `reach` what follows in a flow. Both ask `truth`, which knows a condition as `cases` over `subjects`, each
narrowed to `intervals`; `literals`, `affine` and `consistency` serve it.
"""

from grammar.lint.conditions import lint, lint_condition

__all__ = ["lint", "lint_condition"]
