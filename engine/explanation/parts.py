"""A condition, taken apart: which of its parts held at an instant, and with which values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.compile import Compiled, Compiler
from engine.program import Program
from grammar.built_in import DERIVED, segments_of
from grammar.nodes import (
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Index,
    ListDisplay,
    Member,
    Name,
    Unary,
)
from grammar.scope import Place, Scope
from grammar.source import Span
from grammar.walk import walk
from variables.values import Value


@dataclass(frozen=True, slots=True)
class Given:
    """What is known at an instant: the values of the names in `known`."""

    environment: Mapping[str, Value]
    known: frozenset[str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition, as it stands in its text.

    `holds`: None where it cannot be told, since values that it reads are not known. `values`: of the variables in it,
    and of what else it compares. `decides`: whether it makes the condition what it is. `negated`: it stands below a
    `not`. `inside`: of a segment, the parts of its condition.
    """

    text: str
    holds: bool | None
    values: Mapping[str, Value] = field(default_factory=dict)
    decides: bool = True
    negated: bool = False
    inside: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A condition at an instant: whether it held (None: not to be told), and its parts in the order of the text."""

    text: str
    holds: bool | None
    parts: tuple[Part, ...]

    @property
    def deciding(self) -> Sequence[Part]:
        return [part for part in self.parts if part.decides]


class Conditions:
    """Reads the conditions of a program."""

    def __init__(self, program: Program) -> None:
        self._segments = segments_of(program.script)
        scope = Scope.of(program.script, Place.EVENT | Place.RUN)
        self._compiler = Compiler(scope, program.zone, self._segments, DERIVED)
        self._compiled: dict[int, tuple[Expression, Compiled]] = {}
        """By identity: the expression beside it is kept so that nobody else gets the same."""

    def read(self, condition: Expression, given: Given) -> Reading:
        """A condition at an instant, taken apart along its `and`, `or`, `not`, `if` and its segments."""
        holds = self._holds(condition, given)
        return Reading(written(condition.span), holds, tuple(self._parts(condition, given, decides=True)))

    def value(self, expression: Expression, given: Given) -> Value:
        """Raises KeyError where something is not known."""
        compiled = self._compile(expression)
        if not compiled.reads <= given.known:
            raise KeyError(", ".join(sorted(compiled.reads - given.known)))
        return compiled.evaluate(given.environment, given.now)

    def _compile(self, expression: Expression) -> Compiled:
        found = self._compiled.get(id(expression))
        if found is None:
            found = self._compiled[id(expression)] = expression, self._compiler.value(expression)
        return found[1]

    # Truth: None where it cannot be told

    def _holds(self, node: Expression, given: Given) -> bool | None:
        match node:
            case Boolean():
                decisive = node.operator == "or"
                truths = [self._holds(operand, given) for operand in node.operands]
                return decisive if decisive in truths else None if None in truths else not decisive
            case Unary(operator="not"):
                inner = self._holds(node.operand, given)
                return None if inner is None else not inner
            case Conditional():
                chosen = self._holds(node.condition, given)
                return None if chosen is None else self._holds(node.then if chosen else node.otherwise, given)
            case Call(function="in_segment"):
                return self._holds(self._segment(node), given)
        try:
            return bool(self.value(node, given))
        except KeyError:
            return None

    def _segment(self, call: Call) -> Expression:
        name = call.arguments[0]
        assert isinstance(name, Constant)
        return self._segments[str(name.value)]

    # Parts

    def _parts(self, node: Expression, given: Given, *, decides: bool, negated: bool = False) -> Iterator[Part]:
        holds = self._holds(node, given)
        match node:
            case Boolean():
                for operand in node.operands:
                    deciding = decides and self._holds(operand, given) is holds
                    yield from self._parts(operand, given, decides=deciding, negated=negated)
            case Unary(operator="not", operand=Boolean() | Conditional() as inner):
                yield from self._parts(inner, given, decides=decides, negated=not negated)
            case Conditional():
                chosen = self._holds(node.condition, given)
                yield from self._parts(node.condition, given, decides=decides)
                for branch, taken in ((node.then, chosen is True), (node.otherwise, chosen is False)):
                    yield from self._parts(branch, given, decides=decides and taken, negated=negated)
            case Call(function="in_segment"):
                inside = tuple(self._parts(self._segment(node), given, decides=decides))
                yield Part(written(node.span), holds, {}, decides, negated, inside)
            case Unary(operator="not", operand=Call(function="in_segment") as call):
                [part] = self._parts(call, given, decides=decides)
                yield replace(part, text=written(node.span), holds=holds, negated=negated)
            case _:
                yield Part(written(node.span), holds, self.values(node, given), decides, negated)

    def values(self, node: Expression, given: Given) -> dict[str, Value]:
        """The variables that an expression names, and what else it compares, with their values, as far as known.

        Of what it reads inside of json that alone, for the whole may be long.
        """
        if isinstance(node, Unary):
            return self.values(node.operand, given)
        shown: list[Expression] = list(_names(node))
        if isinstance(node, Comparison):
            sides = (node.first, *(link.right for link in node.links))
            looked_into = {id(part) for side in sides if isinstance(side, Member | Index) for part in walk(side)}
            shown = [name for name in shown if id(name) not in looked_into]
            shown += [side for side in sides if not isinstance(side, Name | Constant | ListDisplay)]
        values = {}
        for each in shown:
            try:
                values[each.id if isinstance(each, Name) else written(each.span)] = self.value(each, given)
            except KeyError:
                continue
        return values


def _names(node: Expression) -> Iterator[Name]:
    """The variables in an expression; of a derived one, also what it is made of. The clock stands beside it anyway."""
    for part in walk(node):
        if isinstance(part, Name) and part.id != "now":
            yield part
            if part.id in DERIVED:
                yield from _names(DERIVED[part.id])


def written(span: Span) -> str:
    """How something stands in its file, as one line."""
    return " ".join(span.text.split())
