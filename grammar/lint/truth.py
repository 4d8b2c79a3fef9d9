"""When a condition can be true and when it can be false, as far as literals, types and a few laws tell.

The law that all rests on (tests/grammar/lint/test_truth.py): whatever a visitor's variables are, if the condition is
true of them, one of the cases of `Truth.true` covers them, and if it is false, one of `Truth.false`. Where no case is
left, the condition can never be so. What is not understood has every value of its type, but one at a time.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.kinds import Type
from grammar.lint.affine import Affine, Elapsed, constant_of
from grammar.lint.cases import ANYTHING, IMPOSSIBLE, Cases, both, either, only
from grammar.lint.intervals import FALSY, NOTHING, NULL, Family, Values, in_ranges, point
from grammar.lint.literals import Literal, compared_to, equal_to_any, moment_of
from grammar.lint.subjects import EQUAL, GREATER, LESS, ONLY_EQUAL, Order, Subjects, is_whole
from grammar.nodes import (
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    ConstantValue,
    Expression,
    Link,
    ListDisplay,
    Name,
    Script,
    Segment,
    Unary,
)
from grammar.scope import Place, Scope
from grammar.walk import segments_named


@dataclass(frozen=True, slots=True)
class Truth:
    """The cases in which a condition may be true, and those in which it may be false."""

    true: Cases
    false: Cases

    def __invert__(self) -> "Truth":
        return Truth(self.false, self.true)

    def __and__(self, other: "Truth") -> "Truth":
        return Truth(both(self.true, other.true), either(self.false, other.false))

    def __or__(self, other: "Truth") -> "Truth":
        return ~(~self & ~other)


ALWAYS = Truth(ANYTHING, IMPOSSIBLE)
NEVER = ~ALWAYS

_ORDERS = {
    "<": (LESS,),
    "<=": (LESS, EQUAL),
    ">": (GREATER,),
    ">=": (EQUAL, GREATER),
    "==": (EQUAL, ONLY_EQUAL),
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
_NEGATED = {"!=": "==", "not in": "in", "is not": "=="}


class Truths:
    """Works out the truth of a program's conditions. `segments` and derived names count as what they stand for."""

    def __init__(self, script: Script) -> None:
        self.subjects = Subjects(Scope.of(script, Place.EVENT | Place.RUN))
        self._parts: dict[int, Truth] = {}
        self._derived: dict[str, Truth] = {}
        self._segments: dict[str, Truth] = {}
        for name, expression in DERIVED.items():
            self._derived[name] = self.of(expression)
        for name, expression in BUILT_IN_SEGMENTS.items():
            self._segments[name] = self.of(expression)
        for segment in _in_order_of_dependence(script.segments):
            self._segments[segment.name] = self.of(segment.condition)

    def segment(self, name: str) -> Truth:
        return self._segments[name]

    def of(self, condition: Expression) -> Truth:
        """A whole condition's truth."""
        self.subjects.learn(condition)
        return self.part(condition)

    def part(self, node: Expression) -> Truth:
        """The truth of a condition that stands in a whole one. Recurses no deeper than expressions may be nested."""
        known = self._parts.get(id(node))
        if known is None:
            known = self._parts[id(node)] = self._part(node)
        return known

    def _part(self, node: Expression) -> Truth:
        match node:
            case Constant():
                return ALWAYS if node.value else NEVER
            case Unary(operator="not"):
                return ~self.part(node.operand)
            case Boolean():
                return self._boolean(node)
            case Conditional():
                condition, then, otherwise = map(self.part, (node.condition, node.then, node.otherwise))
                return Truth(
                    either(both(condition.true, then.true), both(condition.false, otherwise.true)),
                    either(both(condition.true, then.false), both(condition.false, otherwise.false)),
                )
            case Comparison():
                return self._chain(node)
            case Name() if node.id in self._derived:
                return self._derived[node.id]
            case Call(function="in_segment"):
                name = node.arguments[0]
                assert isinstance(name, Constant), "the checker lets nothing but a literal through here"
                return self._segments[str(name.value)]
            case _:
                return ~self._is_one_of(node, FALSY)

    def _boolean(self, node: Boolean) -> Truth:
        first, *others = map(self.part, node.operands)
        for other in others:
            first = first & other if node.operator == "and" else first | other
        return first

    def _among(self, what: Expression | Order, values: Values) -> Truth:
        """A subject is one of some values."""
        subject = self.subjects.of(what)
        return Truth(only(subject, subject.domain & values), only(subject, subject.domain - values))

    # Comparisons

    def _chain(self, node: Comparison) -> Truth:
        truth, left = ALWAYS, node.first
        for link in node.links:
            truth, left = truth & self._link(left, link), link.right
        return truth

    def _link(self, left: Expression, link: Link) -> Truth:
        operator = link.operator
        if operator in _NEGATED:
            return ~self._compared(left, _NEGATED[operator], link.right)
        return self._compared(left, "==" if operator == "is" else operator, link.right)

    def _compared(self, left: Expression, operator: str, right: Expression) -> Truth:
        """A comparison by `<`, `<=`, `>`, `>=`, `==` or `in`."""
        if operator == "in":
            return self._in(left, right)
        one, other = constant_of(left), constant_of(right)
        if one is not None and other is not None:
            return _compared_literals(one.value, operator, other.value)
        if other is not None:
            return self._to_constant(left, operator, other)
        if one is not None:
            return self._to_constant(right, _TURNED[operator], one)
        return (
            self._to_moment(left, operator, right)
            or self._elapsed(left, operator, right)
            or self._order(left, operator, right)
        )

    def _to_moment(self, left: Expression, operator: str, right: Expression) -> Truth | None:
        """A comparison with `datetime("2026-01-01")`; None if it is none."""
        one, other = moment_of(left), moment_of(right)
        if one is not None and other is not None:
            return _compared_literals(one, operator, other)
        if one is not None:
            left, operator, other = right, _TURNED[operator], one
        if other is None or self.subjects.type_of(left) & ~(Type.DATETIME | Type.NULL):
            return None
        return self._is_one_of(left, compared_to(operator, other))

    def _to_constant(self, node: Expression, operator: str, bound: Constant) -> Truth:
        if isinstance(bound.value, timedelta):
            elapsed = self._elapsed(node, operator, bound)
            if elapsed is not None:
                return elapsed
        if isinstance(bound.value, bool) and operator == "==" and self._is_condition(node):
            return self.part(node) if bound.value else ~self.part(node)
        if operator == "==" and not _can_be(node, bound.value):
            return NEVER
        return self._is_one_of(node, compared_to(operator, bound.value))

    def _is_one_of(self, node: Expression, values: Values) -> Truth:
        """An expression's value is one of some. Arithmetic with whole literals is looked through."""
        line = Affine.of(node, self.subjects)
        if Family.NUMBER in values.parts and not line.is_plain:
            moved = values.parts[Family.NUMBER].moved(line.factor, line.offset)
            values = Values({**values.parts, Family.NUMBER: moved})
        return self._among(line.subject, values.whole() if is_whole(self.subjects.type_of(line.subject)) else values)

    def _is_condition(self, node: Expression) -> bool:
        """Whether its value is True or False and nothing else, by what its truth is."""
        match node:
            case Comparison() | Unary(operator="not"):
                return True
            case Call(function=function):
                return function == "in_segment"
            case Name(id=name):
                return name in self._derived
            case _:
                return False

    def _in(self, left: Expression, right: Expression) -> Truth:
        """Membership in a list of literals; anything else is not looked into."""
        members = [constant_of(item) for item in right.items] if isinstance(right, ListDisplay) else [None]
        if None in members:
            opaque = Comparison(left.span, left, (Link(right.span, "in", right),))
            return ~self._among(opaque, FALSY)
        one = constant_of(left)
        values = equal_to_any([m.value for m in members if m is not None and _can_be(left, m.value)])
        if one is not None:
            return ALWAYS if values & equal_to_any([one.value]) else NEVER
        return self._is_one_of(left, values)

    def _elapsed(self, left: Expression, operator: str, right: Expression) -> Truth | None:
        """A comparison of two moments, or of times between moments, as one of a single difference to a duration."""
        elapsed = Elapsed.between(left, right, self.subjects)
        if elapsed is None:
            return None
        values = compared_to(_TURNED[operator] if elapsed.turned else operator, elapsed.bound)
        truth = self._among(elapsed.subject, values)
        if operator != "==":
            return Truth(truth.true, ANYTHING) if elapsed.may_fail else truth
        if elapsed.may_fail:
            return Truth(ANYTHING, ANYTHING)
        # Two nulls are equal; the difference is null then, and also where only one of them is.
        may_be_null = NOTHING if isinstance(right, Constant) else NULL
        return Truth(self._among(elapsed.subject, values | may_be_null).true, truth.false)

    def _order(self, left: Expression, operator: str, right: Expression) -> Truth:
        if hash(right) < hash(left):
            left, operator, right = right, _TURNED[operator], left
        values = NOTHING
        for way in _ORDERS[operator]:
            values |= in_ranges(Family.NUMBER, point(way).whole())
        return self._among(Order(left, right), values)


def _can_be(node: Expression, literal: ConstantValue) -> bool:
    """Whether an expression can be a literal: `lower(x)` is no text with capitals."""
    if isinstance(node, Call) and isinstance(literal, str) and node.function in _SETTLED:
        return _SETTLED[node.function](literal) == literal
    return True


_SETTLED: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "strip": str.strip}
"""Functions that change nothing of what they gave."""


def _compared_literals(one: Literal, operator: str, other: Literal) -> Truth:
    return ALWAYS if compared_to(operator, other) & equal_to_any([one]) else NEVER


def _in_order_of_dependence(segments: Iterable[Segment]) -> list[Segment]:
    """Each segment after those that it names. There are no cycles."""
    by_name = {segment.name: segment for segment in segments}
    needs = {
        name: [needed for needed, _ in segments_named(segment.condition) if needed in by_name]
        for name, segment in by_name.items()
    }
    done: dict[str, Segment] = {}
    pending = [*reversed(by_name)]
    while pending:
        name = pending[-1]
        missing = [needed for needed in needs[name] if needed not in done]
        if missing:
            pending.extend(missing)
        else:
            done[pending.pop()] = by_name[name]
    return list(done.values())
