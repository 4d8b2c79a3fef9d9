"""The last of the three steps from an author's text to running code: parse → generate → **compile**."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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
    _again: Callable[[], ast.Module] = field(repr=False)
    """Generates the code once more: it takes much room, and few want to see it."""

    @property
    def generated(self) -> str:
        return ast.unparse(ast.fix_missing_locations(self._again()))


@dataclass(frozen=True, slots=True)
class Compiler:
    """What all the functions of one program have in common."""

    scope: Scope
    zone: ZoneInfo
    segments: Mapping[str, Expression]
    derived: Mapping[str, Expression]

    def condition(self, expression: Expression) -> Compiled:
        """Compiles an expression whose truth alone matters; the function may return anything that is true or false."""
        return self._compile(expression, lambda generator: generator.condition(expression))

    def value(self, expression: Expression) -> Compiled:
        """Compiles an expression whose value matters."""
        return self._compile(expression, lambda generator: generator.value(expression))

    def template(self, template: Template, escape: Callable[[str], str] | None = None) -> Compiled:
        """Compiles a text; `escape` makes a value fit for where it lands."""
        return self._compile(template, lambda generator: generator.template(template, escape))

    def _compile(self, node: Expression | Template, generate: Callable[[Generator], ast.expr]) -> Compiled:
        generator = self._generator()
        run = _load(_tree(generate, generator), node, generator.constants)
        again = lambda: _tree(generate, self._generator())  # noqa: E731
        return Compiled(run, frozenset(generator.reads), again)

    def _generator(self) -> Generator:
        return Generator(self.scope, self.zone, self.segments, self.derived)


def _tree(generate: Callable[[Generator], ast.expr], generator: Generator) -> ast.Module:
    """The function `evaluate`, and how it goes on at the ends of the calendar."""
    body: list[ast.stmt] = [ast.Return(generate(generator))]
    if generator.may_overflow:
        careful = replace(generator, hurried=False)
        caught = ast.ExceptHandler(ast.Name("OverflowError", ast.Load()), None, [ast.Return(generate(careful))])
        body = [ast.Try(body, [caught], [], [])]
    return ast.Module([ast.FunctionDef("evaluate", _PARAMETERS, body, [])], [])


_PARAMETERS = ast.arguments([], [ast.arg("v"), ast.arg("now")], None, [], [], None, [])


def _place(tree: ast.AST, line: int) -> None:
    """Gives each part that has no line yet that of the part around it (as `ast.fix_missing_locations`, but faster)."""
    pending = [(tree, line)]
    while pending:
        node, line = pending.pop()
        has = node.__dict__
        if "lineno" in has:
            line = has["lineno"]
        else:
            has["lineno"] = has["end_lineno"] = line
            has["col_offset"] = has["end_col_offset"] = 0
        for value in list(has.values()):
            if isinstance(value, list):
                pending += [(each, line) for each in value if isinstance(each, _PLACED)]
            elif isinstance(value, _PLACED):
                pending.append((value, line))


_PLACED = (ast.expr, ast.stmt, ast.excepthandler, ast.arguments, ast.arg)
"""The parts of a tree that have lines, or parts that do."""


def _load(tree: ast.Module, node: Expression | Template, constants: Mapping[str, Any]) -> Function:
    function = tree.body[0]
    function.lineno = function.end_lineno = node.span.source.position(node.span.start)[0]
    function.col_offset = function.end_col_offset = 0
    _place(function, function.lineno)
    # Only trees that the generator built get here: they can name nothing but these and what it keeps in `constants`.
    names: dict[str, Any] = {"__builtins__": {}, "dict": dict, "str": str, "OverflowError": OverflowError, **constants}
    exec(compile(tree, node.span.source.name, "exec"), names)  # noqa: S102
    evaluate: Function = names["evaluate"]
    return evaluate
