"""Which values an expression can have at all: by its type, and by what the product promises of some variables."""

from dataclasses import dataclass, field
from datetime import timedelta

from grammar.inference import types_of
from grammar.kinds import LARGEST_INT, NUMBER, Type
from grammar.lint.intervals import (
    AFTER,
    BEFORE,
    NOTHING,
    NULL,
    Family,
    Ranges,
    Values,
    in_ranges,
    of_family,
    ordered,
    point,
)
from grammar.names import STANDARD_VARIABLES, event_variable
from grammar.nodes import Binary, Call, Constant, Expression, Name
from grammar.scope import Scope
from grammar.source import Source, Span
from grammar.types import infer
from grammar.walk import walk

_NOWHERE = Span(Source("", ""), 0, 0)
_WHOLE = Type.BOOL | Type.INT | Type.NULL

_FAMILIES = {
    Type.NULL: (Family.NULL,),
    Type.BOOL: (Family.NUMBER,),
    Type.INT: (Family.NUMBER,),
    Type.FLOAT: (Family.NUMBER,),
    Type.TEXT: (Family.TEXT,),
    Type.DATETIME: (Family.MOMENT,),
    Type.DURATION: (Family.DURATION,),
    Type.LIST: (Family.EMPTY, Family.FULL),
    Type.JSON: (Family.NULL, Family.NUMBER, Family.TEXT, Family.EMPTY, Family.FULL),
}
_ORDERED = (Family.NUMBER, Family.TEXT, Family.MOMENT, Family.DURATION)

LESS, EQUAL, GREATER, ONLY_EQUAL = -1, 0, 1, 2
"""How two values compare. Two nulls are equal, but neither is `<=` the other: they are only equal."""


@dataclass(frozen=True, slots=True)
class Order:
    """How two expressions compare: LESS, EQUAL, GREATER or ONLY_EQUAL; null for unlike values."""

    left: Expression
    right: Expression


def at_least(bound: object) -> Ranges:
    return ordered(">=", bound)


def between(least: int, greatest: int) -> Ranges:
    """Whole numbers, both ends inside."""
    return Ranges(False, ((least, BEFORE), (greatest, AFTER))).whole()


BOOLS = between(0, 1)
_TEXTS = in_ranges(Family.TEXT, at_least(""))
"""No text is less than the empty one."""

_RANGES: dict[str, Ranges] = {
    "event_count": at_least(0),
    "user_web_sessions": at_least(0),
    "track_event_count": at_least(1),
    "hour": between(0, 23),
    "weekday": between(1, 7),
    "len": at_least(0),
    "abs": at_least(0),
}
"""The numbers that some variables and functions can be."""

_NEVER_AHEAD = ("event_first_time", "event_last_time", "track_event_time", "run_time", "step_time")
"""Moments that are never later than `now`."""
_FIRST_TO_LAST = ("event_first_time", "event_last_time")


def difference(left: Expression, right: Expression) -> Binary:
    """The subject `left - right`."""
    return Binary(_NOWHERE, "-", left, right)


def is_whole(type_: Type) -> bool:
    """Whether all numbers of the type are whole."""
    return not type_ & (Type.FLOAT | Type.JSON)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What has one value at one instant: a variable, an expression that reads some, or how two of them compare.

    There is one of each, so that they are told apart by identity. `domain`: all values that it can have. `reads`: the
    variables it depends on; None: not known, perhaps any.
    """

    what: Expression | Order
    domain: Values = field(repr=False)
    reads: frozenset[str] | None = field(repr=False)


class Subjects:
    """The subjects of a program's conditions, and the types of their parts."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._roots: list[Expression] = []
        self._types: dict[int, Type] = {}
        self._subjects: dict[Expression | Order, Subject] = {}

    def learn(self, root: Expression) -> None:
        """Works out the types of all nodes of an expression at once. (It is kept: its nodes are known by identity.)"""
        if id(root) in self._types:
            return
        self._roots.append(root)
        self._types.update(types_of(root, self._scope))

    def type_of(self, node: Expression) -> Type:
        type_ = self._types.get(id(node))
        return infer(node, self._scope) if type_ is None else type_

    def of(self, what: Expression | Order) -> Subject:
        subject = self._subjects.get(what)
        if subject is None:
            domain = self._order(what) if isinstance(what, Order) else self._of(what)
            subject = self._subjects[what] = Subject(what, domain, _reads(what))
        return subject

    def _of(self, subject: Expression) -> Values:
        type_ = self.type_of(subject)
        domain = of_type(type_)
        narrow = self._narrow(subject, type_)
        if narrow is not None and Family.NUMBER in domain.parts:
            domain &= in_ranges(Family.NUMBER, narrow) | of_family(*(f for f in domain.parts if f != Family.NUMBER))
        sign = _sign(subject)
        if sign is not None:
            domain &= in_ranges(Family.DURATION, ordered(sign, timedelta(0))) | NULL
        if isinstance(subject, Call) and subject.function in ("hour", "weekday") and _is_now(subject.arguments[0]):
            domain -= NULL
        return domain.whole() if is_whole(type_) else domain

    def _narrow(self, subject: Expression, type_: Type) -> Ranges | None:
        """The numbers among its values, where they are fewer than the type says."""
        if isinstance(subject, Call):
            return _RANGES.get(subject.function)
        if isinstance(subject, Binary) and subject.operator == "%" and is_whole(type_):
            divisor = subject.right
            if isinstance(divisor, Constant) and type(divisor.value) is int and divisor.value > 0:
                return between(0, divisor.value - 1)
        if isinstance(subject, Name):
            variable = event_variable(subject.id)
            narrow = _RANGES.get(variable[0] if variable else subject.id)
            if narrow is None and type_ == Type.INT | Type.NULL:
                return between(-LARGEST_INT, LARGEST_INT)
            return narrow
        return None

    def _order(self, order: Order) -> Values:
        one, other = (of_type(self.type_of(side)).parts.keys() for side in (order.left, order.right))
        comparable = any(family in _ORDERED and family in other for family in one)
        containers = any(family in (Family.EMPTY, Family.FULL) and family in other for family in one)
        null = Family.NULL in one and Family.NULL in other
        if order.left == order.right:
            ways = {EQUAL} if comparable or containers else set()
            unlike = False
        else:
            ways = {LESS, EQUAL, GREATER} if comparable or containers else set()
            unlike = len(one | other) > 1 or containers
        if null or containers:
            ways.add(ONLY_EQUAL)
        values = NULL if unlike or not ways else NOTHING
        for way in ways:
            values |= in_ranges(Family.NUMBER, point(way).whole())
        return values


def of_type(type_: Type) -> Values:
    """All values of a type."""
    domain = of_family(*(family for kind in type_ for family in _FAMILIES[kind]))
    if Family.TEXT in domain.parts:
        domain &= _TEXTS | of_family(*(family for family in domain.parts if family != Family.TEXT))
    if type_ & NUMBER == Type.BOOL and Type.JSON not in type_:
        domain = in_ranges(Family.NUMBER, BOOLS) | of_family(*(f for f in domain.parts if f != Family.NUMBER))
    return domain


def _reads(what: Expression | Order) -> frozenset[str] | None:
    sides = (what.left, what.right) if isinstance(what, Order) else (what,)
    nodes = [node for side in sides for node in walk(side)]
    names = frozenset(node.id for node in nodes if isinstance(node, Name))
    indirect = any(isinstance(node, Call) and node.function == "in_segment" for node in nodes)
    return None if indirect or any(STANDARD_VARIABLES[n].derived for n in names & STANDARD_VARIABLES.keys()) else names


def _is_now(expression: Expression) -> bool:
    return isinstance(expression, Name) and expression.id == "now"


def _sign(subject: Expression) -> str | None:
    """How a difference of two moments compares to `0s`, always: `>=` of `now` less what is never ahead of it."""
    match subject:
        case Binary(operator="-", left=Name(id=left), right=Name(id=right)):
            one, other = event_variable(left), event_variable(right)
            if left == "now":
                return ">=" if (other[0] if other else right) in _NEVER_AHEAD else None
            if one is not None and other is not None and one[1] == other[1]:
                return {_FIRST_TO_LAST: "<=", _FIRST_TO_LAST[::-1]: ">="}.get((one[0], other[0]))
            return None
        case _:
            return None
