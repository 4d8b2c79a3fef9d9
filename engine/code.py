"""Pieces of Python code as syntax trees: what `engine.generate` builds functions of."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grammar.nodes import Expression


@dataclass(frozen=True, slots=True)
class Guarded:
    """`value` may be computed if all `guards` are true, tested in order; else the whole is null.

    `sure`: the value itself is never null then.
    `unguarded`: code that gives the value or None by itself, where there is such code.
    """

    guards: tuple[ast.expr, ...]
    value: ast.expr
    sure: bool = True
    unguarded: ast.expr | None = None

    def whole(self) -> ast.expr:
        """As one expression: the value or None."""
        if self.unguarded is not None:
            return self.unguarded
        if not self.guards:
            return self.value
        return ast.IfExp(all_of(self.guards), self.value, constant(None))


def load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def local(variable: str) -> str:
    """The local variable that holds a visitor's variable: no other name begins so, whatever an author calls a field."""
    return f"v_{variable}"


def constant(value: Any) -> ast.expr:
    return ast.Constant(value)


def bind(name: str, value: ast.expr) -> ast.expr:
    return ast.NamedExpr(ast.Name(name, ast.Store()), value)


def already_bound(operand: Guarded) -> Guarded:
    """What a link to the right reads of an operand that the link to its left has evaluated."""
    value = operand.value
    return Guarded((), load(value.target.id) if isinstance(value, ast.NamedExpr) else value, operand.sure)


def is_(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [ast.Is()], [right])


def is_not_none(value: ast.expr) -> ast.expr:
    return ast.Compare(value, [ast.IsNot()], [constant(None)])


def class_of(value: ast.expr) -> ast.expr:
    return ast.Attribute(value, "__class__", ast.Load())


def all_of(tests: Sequence[ast.expr]) -> ast.expr:
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), list(tests))


def at(code: ast.expr, node: Expression) -> ast.expr:
    """Gives code the author's own line, so that a failure would be shown there; its parts take it over later."""
    if not hasattr(code, "lineno"):
        code.lineno = code.end_lineno = node.span.source.position(node.span.start)[0]
        code.col_offset = code.end_col_offset = 0
    return code
