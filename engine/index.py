"""Which of many conditions may hold, or have come true, found without a look at each.

A conjunction is false while one of its parts is, and comes true only as one of its parts does. Parts that compare what
a visitor's variable holds with a literal (`event_count_1 > 5`, `event_last_data_1.page == "/cart"`) are its *bars*: of
all bars on one variable a dictionary and two sorted lists tell which hold. So what an item costs depends on how many
flows it concerns, not on how many there are. What is found is a superset: whoever asks evaluates what was found.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Generic, Self, TypeVar

from engine.compile import Compiled, Compiler, Environment, Guarded
from engine.operators import NUMBER
from grammar.built_in import DERIVED
from grammar.nodes import (
    MIRRORED,
    Boolean,
    Call,
    Comparison,
    ComparisonOperator,
    Constant,
    Expression,
    Index,
    Link,
    Member,
    Name,
)
from grammar.walk import walk
from variables.values import Value

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Bar:
    """A comparison with a literal. `subject`: a variable, or what is read inside it."""

    subject: Expression
    operator: ComparisonOperator
    literal: int | float | str

    @property
    def expression(self) -> Expression:
        """The comparison."""
        span = self.subject.span
        return Comparison(span, self.subject, (Link(span, self.operator, Constant(span, self.literal)),))

    @property
    def order(self) -> int:
        """The most telling first: few values are equal to a literal, many are above it."""
        return 0 if self.operator == "==" else 1


@dataclass(frozen=True, slots=True)
class Parts:
    """A condition as a conjunction: its bars, and the names that its other parts read, None if that is not plain."""

    bars: tuple[Bar, ...]
    others: frozenset[str] | None

    @classmethod
    def of(cls, condition: Expression) -> Self:
        bars: list[Bar] = []
        others: set[str] | None = set()
        for part in _conjuncts(condition):
            bar = _bar(part)
            if bar is not None:
                bars.append(bar)
            elif others is not None:
                names = _names(part)
                others = None if names is None else others | names
        return cls(tuple(bars), None if others is None else frozenset(others))


def _conjuncts(condition: Expression) -> Iterator[Expression]:
    """The parts that must all be true; of a chain, its links."""
    pending = [condition]
    while pending:
        node = pending.pop()
        if isinstance(node, Boolean) and node.operator == "and":
            pending.extend(node.operands)
        elif isinstance(node, Comparison):
            left = node.first
            for link in node.links:
                yield Comparison(node.span, left, (link,))
                left = link.right
        else:
            yield node


def _bar(node: Expression) -> Bar | None:
    if not isinstance(node, Comparison):
        return None
    operator: ComparisonOperator = node.links[0].operator
    left, right = node.first, node.links[0].right
    if operator not in MIRRORED:
        return None
    if isinstance(left, Constant):
        operator, left, right = MIRRORED[operator], right, left
    if not isinstance(right, Constant) or not _is_stored(left):
        return None
    literal = right.value
    if isinstance(literal, int | float) or (operator == "==" and isinstance(literal, str)):
        return Bar(left, operator, literal)
    return None


def _is_stored(node: Expression) -> bool:
    """Whether this is a variable, or read inside one by what is written out: nothing that time could change."""
    while isinstance(node, Member | Index):
        if isinstance(node, Index) and not isinstance(node.index, Constant):
            return False
        node = node.value
    return isinstance(node, Name) and node.id != "now" and node.id not in DERIVED


def _names(node: Expression) -> set[str] | None:
    """The variables that an expression reads; None where some stand behind a segment or a derived name."""
    names: set[str] = set()
    for part in walk(node):
        if isinstance(part, Name):
            if part.id in DERIVED:
                return None
            names.add(part.id)
        elif isinstance(part, Call) and part.function == "in_segment":
            return None
    return names


# The bars on one subject ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Side(Generic[_Thing]):
    """Things behind bars that all stand on one side, in the order of their literals."""

    literals: list[int | float] = field(default_factory=list)
    things: list[_Thing] = field(default_factory=list)

    def between(self, low: float, high: float) -> list[_Thing]:
        """Those whose literals lie between two numbers, both included."""
        return self.things[bisect_left(self.literals, low) : bisect_right(self.literals, high)]


class _Subject(Generic[_Thing]):
    """Things behind bars on one subject."""

    def __init__(self, behind: Iterable[tuple[Bar, _Thing]]) -> None:
        self._equal: dict[Value, list[_Thing]] = {}
        self._above: _Side[_Thing] = _Side()
        self._below: _Side[_Thing] = _Side()
        ordered: list[tuple[int | float, str, _Thing]] = []
        for bar, thing in behind:
            if bar.operator == "==":
                self._equal.setdefault(bar.literal, []).append(thing)
            elif not isinstance(bar.literal, str):
                ordered.append((bar.literal, bar.operator, thing))
        for literal, operator, thing in sorted(ordered, key=lambda each: each[0]):
            side = self._above if operator in (">", ">=") else self._below
            side.literals.append(literal)
            side.things.append(thing)

    def holding(self, value: Value) -> list[_Thing]:
        """Behind the bars that hold for a value."""
        found: list[_Thing] = []
        if self._equal and not isinstance(value, list | dict):
            found += self._equal.get(value, ())
        if isinstance(value, NUMBER):
            if self._above.things:
                found += self._above.between(-inf, value)
            if self._below.things:
                found += self._below.between(value, inf)
        return found

    def turned(self, old: Value, new: Value) -> list[_Thing]:
        """Behind the bars that hold for the new value and did not for the old one, and perhaps a few more."""
        if not isinstance(new, NUMBER) or not isinstance(old, NUMBER):
            return self.holding(new)
        return [*self._equal.get(new, ()), *self._above.between(old, new), *self._below.between(new, old)]


class Bars(Generic[_Thing]):
    """Things behind bars, on any subjects."""

    def __init__(self, behind: Sequence[tuple[Bar, _Thing]], compiler: Compiler) -> None:
        grouped: dict[Expression, list[tuple[Bar, _Thing]]] = {}
        for bar, thing in behind:
            grouped.setdefault(bar.subject, []).append((bar, thing))
        self._subjects = [(compiler.value(subject), _Subject(members)) for subject, members in grouped.items()]
        self._all = compiler.values(list(grouped)) if grouped else None

    def holding(self, values: Environment, now: datetime) -> list[_Thing]:
        """Behind the bars that hold."""
        found: list[_Thing] = []
        if self._all is not None:
            for value, (_, subject) in zip(self._all.evaluate(values, now), self._subjects, strict=True):
                found += subject.holding(value)
        return found

    def turned(self, changed: frozenset[str], old: Environment, new: Environment, now: datetime) -> list[_Thing]:
        """Behind the bars that hold now, and did not while the changed variables had their old values."""
        found: list[_Thing] = []
        for compiled, subject in self._subjects:
            if not changed.isdisjoint(compiled.order):
                found += subject.turned(compiled.evaluate(old, now), compiled.evaluate(new, now))
        return found


def telling_bars(conditions: Sequence[Parts]) -> list[Bar | None]:
    """Of each condition the bar that it shares with the fewest others; None where it has none."""
    shared = Counter(bar for parts in conditions for bar in set(parts.bars))
    return [min(parts.bars, key=lambda bar: (shared[bar], bar.order), default=None) for parts in conditions]


# Conditions that are tested together ----------------------------------------------------------------------------------

BLOCK = 8
"""Conditions that stand behind one bar: as many as it costs about as much to test as to look at another bar."""
MOST_BLOCKS = 32
"""Blocks that are looked at one after the other, by one function. Of more, those whose bars hold are looked up."""


@dataclass(frozen=True, slots=True)
class Tests:
    """Many conditions, tested at once. Those that stand behind bars are tested only where their bars hold."""

    _plain: "_Tested | None"
    _bars: "Bars[_Tested] | None"
    compiled: tuple[Compiled, ...]

    @classmethod
    def of(cls, conditions: Sequence[Expression], compiler: Compiler) -> Self:
        blocks, plain = _blocks(telling_bars([Parts.of(condition) for condition in conditions]))
        if sum(block.size for block in blocks) <= MOST_BLOCKS:
            tested = _Tested.of(conditions, plain, blocks, compiler)
            return cls(tested, None, (tested.tests,))
        behind = [
            (block.bar, _Tested.of(conditions, block.places, (), compiler)) for each in blocks for block in each.chain()
        ]
        always = _Tested.of(conditions, plain, (), compiler) if plain else None
        whole = (*([] if always is None else [always.tests]), *(tested.tests for _, tested in behind))
        return cls(always, Bars(behind, compiler), whole)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset[str]().union(*(compiled.reads for compiled in self.compiled))

    @property
    def alone(self) -> Compiled | None:
        """The one function that tests them all, where it is one."""
        return None if self._plain is None or self._bars is not None else self._plain.tests

    def true(self, values: Environment, now: datetime) -> list[int]:
        """The places of those that are true."""
        found: list[int] = [] if self._plain is None else self._plain.true(values, now)
        if self._bars is not None:
            for tested in self._bars.holding(values, now):
                found += tested.true(values, now)
        return sorted(found)


NO_TESTS = Tests(None, None, ())


@dataclass(frozen=True, slots=True)
class _Block:
    """Places of conditions that stand behind one bar. Who does not come over it does not come over `further` either."""

    bar: Bar
    places: tuple[int, ...]
    further: "_Block | None" = None

    @property
    def size(self) -> int:
        """How many blocks this is, with the further ones."""
        return sum(1 for _ in self.chain())

    def chain(self) -> "Iterator[_Block]":
        block: _Block | None = self
        while block is not None:
            yield block
            block = block.further

    def guarded(self, conditions: Sequence[Expression]) -> Guarded:
        inside: tuple[Guarded, ...] = () if self.further is None else (self.further.guarded(conditions),)
        return Guarded(self.bar.expression, tuple((place, conditions[place]) for place in self.places), inside)


@dataclass(frozen=True, slots=True)
class _Tested:
    """Conditions that one function tests; it gives the places of those that are true."""

    tests: Compiled

    @classmethod
    def of(
        cls, conditions: Sequence[Expression], plain: Sequence[int], blocks: Sequence[_Block], compiler: Compiler
    ) -> Self:
        guarded = tuple(block.guarded(conditions) for block in blocks)
        return cls(compiler.conditions(Guarded(None, tuple((place, conditions[place]) for place in plain), guarded)))

    def true(self, values: Environment, now: datetime) -> list[int]:
        found: list[int] = self.tests.evaluate(values, now)
        return found


def _blocks(bars: Sequence[Bar | None]) -> tuple[list[_Block], list[int]]:
    """Blocks of conditions by the bar that they stand behind, and the places of those that stand behind none.

    Neighbours on one side of a subject share a block, which stands behind the bar that falls first; the block of those
    that fall later is further on.
    """
    plain = [place for place, bar in enumerate(bars) if bar is None]
    equal: dict[Bar, list[int]] = {}
    sides: dict[tuple[Expression, bool], list[tuple[int | float, int, Bar]]] = {}
    for place, bar in enumerate(bars):
        if bar is None:
            continue
        if isinstance(bar.literal, str) or bar.operator == "==":
            equal.setdefault(bar, []).append(place)
        else:
            sides.setdefault((bar.subject, bar.operator in (">", ">=")), []).append((bar.literal, place, bar))
    blocks = [_Block(bar, tuple(places)) for bar, places in equal.items()]
    blocks += [_side(members, is_above=is_above) for (_, is_above), members in sides.items()]
    return blocks, plain


def _side(members: list[tuple[int | float, int, Bar]], *, is_above: bool) -> _Block:
    """Of one side the block whose bar falls first, with those further on. A bar `>= 5` falls before one `> 5`."""
    members.sort(key=lambda member: (member[0] if is_above else -member[0], len(member[2].operator) < 2))
    further: _Block | None = None
    for start in reversed(range(0, len(members), BLOCK)):
        some = members[start : start + BLOCK]
        further = _Block(some[0][2], tuple(place for _, place, _ in some), further)
    assert further is not None
    return further


# Conditions that are watched ------------------------------------------------------------------------------------------


class _Held(Generic[_Thing]):
    """Things by their conditions' most telling bars; those that have none are held by nothing."""

    def __init__(self, things: Sequence[tuple[Bar | None, _Thing]], compiler: Compiler) -> None:
        self._bare = [thing for bar, thing in things if bar is None]
        self._bars = Bars([(bar, thing) for bar, thing in things if bar is not None], compiler)

    def let_through(self, values: Environment, now: datetime) -> list[_Thing]:
        return [*self._bare, *self._bars.holding(values, now)]


@dataclass(frozen=True, slots=True)
class Crossings(Generic[_Thing]):
    """Watched conditions, found by what may make them true. `others`: by the names that other parts than bars read."""

    all: tuple[_Thing, ...]
    _held: _Held[_Thing]
    _bars: Bars[_Thing]
    _others: Mapping[str, _Held[_Thing]]

    @classmethod
    def of(cls, watched: Sequence[tuple[Expression, frozenset[str], _Thing]], compiler: Compiler) -> Self:
        """`watched`: conditions, all the names that each reads, and what is watching it."""
        parted = [Parts.of(condition) for condition, _, _ in watched]
        things = [thing for _, _, thing in watched]
        held = list(zip(telling_bars(parted), things, strict=True))
        others: dict[str, list[tuple[Bar | None, _Thing]]] = {}
        for parts, (_, reads, _), each in zip(parted, watched, held, strict=True):
            for name in reads if parts.others is None else parts.others:
                others.setdefault(name, []).append(each)
        return cls(
            tuple(things),
            _Held(held, compiler),
            Bars([(bar, thing) for parts, thing in zip(parted, things, strict=True) for bar in parts.bars], compiler),
            {name: _Held(some, compiler) for name, some in others.items()},
        )

    def holding(self, values: Environment, now: datetime) -> list[_Thing]:
        """Whose conditions may hold."""
        return self._held.let_through(values, now)

    def turned(self, changed: frozenset[str], old: Environment, new: Environment, now: datetime) -> list[_Thing]:
        """Whose conditions may have come true as variables changed; some may be named twice."""
        found = self._bars.turned(changed, old, new, now)
        for name in changed & self._others.keys():
            found += self._others[name].let_through(new, now)
        return found
