"""The last of the three steps from an author's text to running code: parse → generate → **compile**."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from engine.code import load, local
from engine.generate import Generator
from grammar.nodes import Expression, Template
from grammar.types import Scope
from variables.values import Value

Environment = Mapping[str, Value]
"""The values of names; of all that a function reads, and perhaps of more."""
Function = Callable[[Sequence[Value], datetime], Value]
Evaluate = Callable[[Environment, datetime], Value]
Body = Callable[[Generator], list[ast.stmt]]
"""Generates the statements of a function."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A function of the visitor's variables and of the instant, and which variables it reads.

    `run` wants the values of `order`, as they stand there; `evaluate` finds them by name.
    `generated` is its Python source, for whoever wants to see it.
    """

    run: Function
    order: tuple[str, ...]
    evaluate: Evaluate = field(repr=False)
    _again: Callable[[], ast.Module] = field(repr=False)
    """Generates the code once more: it takes much room, and few want to see it."""

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(self.order)

    @property
    def generated(self) -> str:
        return ast.unparse(ast.fix_missing_locations(self._again()))


@dataclass(frozen=True, slots=True)
class Guarded:
    """Conditions, each with its place, that are false where `guard` is; `inside`: more, behind guards of their own."""

    guard: Expression | None
    tests: tuple[tuple[int, Expression], ...]
    inside: tuple["Guarded", ...] = ()

    def conditions(self) -> Iterator[Expression]:
        """All of them, the guards among them."""
        if self.guard is not None:
            yield self.guard
        yield from (condition for _, condition in self.tests)
        for inner in self.inside:
            yield from inner.conditions()


@dataclass(frozen=True, slots=True)
class Compiler:
    """What all the functions of one program have in common."""

    scope: Scope
    zone: ZoneInfo
    segments: Mapping[str, Expression]
    derived: Mapping[str, Expression]

    def condition(self, expression: Expression) -> Compiled:
        """Compiles an expression whose truth alone matters; the function may return anything that is true or false."""
        return self._compile(expression, lambda generator: [ast.Return(generator.condition(expression))])

    def value(self, expression: Expression) -> Compiled:
        """Compiles an expression whose value matters."""
        return self._compile(expression, lambda generator: [ast.Return(generator.value(expression))])

    def values(self, expressions: Sequence[Expression]) -> Compiled:
        """Compiles several expressions into one function, which gives the list of their values."""

        def body(generator: Generator) -> list[ast.stmt]:
            return [ast.Return(ast.List([generator.value(each) for each in expressions], ast.Load()))]

        return self._compile(expressions[0], body)

    def template(self, template: Template, escape: Callable[[str], str] | None = None) -> Compiled:
        """Compiles a text; `escape` makes a value fit for where it lands."""
        return self._compile(template, lambda generator: [ast.Return(generator.template(template, escape))])

    def conditions(self, guarded: "Guarded") -> Compiled:
        """Compiles many conditions into one function, which gives the places of those that are true.

        Together they are called once, read each variable once, and make once the comparisons that they share.
        """

        def body(generator: Generator) -> list[ast.stmt]:
            shared = generator.sharing(guarded.conditions())
            found = ast.Assign([ast.Name("found", ast.Store())], ast.List([], ast.Load()))
            return [*shared, found, *_tests(guarded, generator), ast.Return(load("found"))]

        return self._compile(next(iter(guarded.conditions())), body)

    def _compile(self, node: Expression | Template, body: Body) -> Compiled:
        generator = self._generator()
        run = _load(_tree(body, generator), node, generator.constants)
        again = lambda: _tree(body, self._generator())  # noqa: E731
        order = tuple(sorted(generator.reads))
        return Compiled(run, order, _by_name(run, order), again)

    def _generator(self) -> Generator:
        return Generator(self.scope, self.zone, self.segments, self.derived)


def _by_name(run: Function, order: tuple[str, ...]) -> Evaluate:
    """The function, with its variables found by their names; `itemgetter` gives no tuple of less than two."""
    if len(order) > 1:
        read = itemgetter(*order)
        return lambda environment, now: run(read(environment), now)
    if order:
        (name,) = order
        return lambda environment, now: run((environment[name],), now)
    return lambda environment, now: run((), now)


def _tree(body: Body, generator: Generator) -> ast.Module:
    """The function `evaluate`: its variables, its body, and how it goes on at the ends of the calendar."""
    statements = body(generator)
    if generator.may_overflow:
        careful = body(replace(generator, hurried=False))
        caught = ast.ExceptHandler(ast.Name("OverflowError", ast.Load()), None, careful)
        statements = [ast.Try(statements, [caught], [], [])]
    if generator.reads:
        variables: list[ast.expr] = [ast.Name(local(name), ast.Store()) for name in sorted(generator.reads)]
        statements.insert(0, ast.Assign([ast.Tuple(variables, ast.Store())], load("v")))
    return ast.Module([ast.FunctionDef("evaluate", _PARAMETERS, statements, [])], [])


def _tests(guarded: Guarded, generator: Generator) -> list[ast.stmt]:
    """The tests behind a guard, and those behind the guards that stand behind it."""
    tests = [_if_true(generator.condition(each), place) for place, each in guarded.tests]
    for inner in guarded.inside:
        tests += _tests(inner, generator)
    return tests if guarded.guard is None else [ast.If(generator.condition(guarded.guard), tests, [])]


def _if_true(condition: ast.expr, place: int) -> ast.stmt:
    append = ast.Call(ast.Attribute(load("found"), "append", ast.Load()), [ast.Constant(place)], [])
    return ast.If(condition, [ast.Expr(append)], [])


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


_CLASSES = {class_.__name__: class_ for class_ in (bool, int, float, str, dict, OverflowError)}
"""Of Python's own names, those that generated code uses."""


def _load(tree: ast.Module, node: Expression | Template, constants: Mapping[str, Any]) -> Function:
    function = tree.body[0]
    function.lineno = function.end_lineno = node.span.source.position(node.span.start)[0]
    function.col_offset = function.end_col_offset = 0
    _place(function, function.lineno)
    # Only trees that the generator built get here: they can name nothing but these and what it keeps in `constants`.
    names: dict[str, Any] = {"__builtins__": {}, **_CLASSES, **constants}
    exec(compile(tree, node.span.source.name, "exec"), names)  # noqa: S102
    evaluate: Function = names["evaluate"]
    return evaluate
