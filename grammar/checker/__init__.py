"""What must hold of a program that parsed, else it is an error.

From outside import `check` for a whole program and `check_expression` for an expression by itself. `declarations` looks
at what a program declares, `flows` at the steps and clauses of each flow, `expressions` at each expression: its names,
its calls (`arguments`), its `types`, and that it can be waited for (`exact_time`).
"""

from grammar.checker.declarations import MAX_EVENTS, check
from grammar.checker.expressions import check_expression

__all__ = ["MAX_EVENTS", "check", "check_expression"]
