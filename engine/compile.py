"""The last of the three steps from an author's text to running code: parse → generate → **compile**."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.generate import Generator
from grammar.nodes import Expression, Template
from grammar.types import Scope
from variables.values import Value

Environment = Mapping[str, Value]
"""The values of the names that a function reads."""
Function = Callable[[Environment, datetime], Value]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A function of the visitor's variables and of the instant, and which variables it reads.

    `generated` is its Python source, for whoever wants to see it.
    """

    run: Function
    reads: frozenset[str]
    tree: ast.Expression = field(repr=False)

    @property
    def generated(self) -> str:
        return ast.unparse(self.tree)


@dataclass(frozen=True, slots=True)
class Compiler:
    """What all the functions of one program have in common."""

    scope: Scope
    zone: ZoneInfo
    segments: Mapping[str, Expression]
    derived: Mapping[str, Expression]

    def condition(self, expression: Expression) -> Compiled:
        """Compiles an expression whose truth alone matters; the function may return anything that is true or false."""
        generator = self._generator()
        return _compile(generator.condition(expression), expression, generator)

    def value(self, expression: Expression) -> Compiled:
        """Compiles an expression whose value matters."""
        generator = self._generator()
        return _compile(generator.value(expression), expression, generator)

    def template(self, template: Template, escape: Callable[[str], str] | None = None) -> Compiled:
        """Compiles a text; `escape` makes a value fit for where it lands."""
        generator = self._generator()
        return _compile(generator.template(template, escape), template, generator)

    def _generator(self) -> Generator:
        return Generator(self.scope, self.zone, self.segments, self.derived)


_PARAMETERS = ast.arguments([], [ast.arg("v"), ast.arg("now")], None, [], [], None, [])


def _compile(body: ast.expr, node: Expression | Template, generator: Generator) -> Compiled:
    tree = ast.Expression(ast.Lambda(_PARAMETERS, body))
    tree.body.lineno = tree.body.end_lineno = node.span.source.position(node.span.start)[0]
    tree.body.col_offset = tree.body.end_col_offset = 0
    ast.fix_missing_locations(tree)
    code = compile(tree, node.span.source.name, "eval")
    # Only trees that the generator built get here, and they can name nothing but what it keeps in `constants`.
    namespace: dict[str, Any] = {"__builtins__": {}, "dict": dict, "str": str, **generator.constants}
    return Compiled(eval(code, namespace), frozenset(generator.reads), tree)  # noqa: S307
