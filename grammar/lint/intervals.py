"""Sets of values, exactly: of each family of values that compare with one another, a union of intervals.

A set of numbers is a row of *cuts* on the number line, at each of which one passes from outside to inside or back:
`x > 5` is one cut just after 5, `x == 5` a cut just before 5 and one just after. Intersection, union and complement of
such rows are exact, and so are those of whole sets. Texts, moments and durations have lines of their own; null, the
empty and the other containers are families of which a set has all or nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from fractions import Fraction
from math import ceil, floor
from operator import and_, or_
from types import MappingProxyType
from typing import Any

Point = Any
"""A number (an int, a float or a Fraction), a text or a duration: what one line has points of."""
Cut = tuple[Point, int]
"""A place on a line: just before a point (-1) or just after it (1)."""

BEFORE, AFTER = -1, 1


@dataclass(frozen=True, slots=True)
class Ranges:
    """A union of intervals. `inside`: whether the line begins inside; `cuts` rise, each passes in or out."""

    inside: bool
    cuts: tuple[Cut, ...] = ()

    def __bool__(self) -> bool:
        """Whether any point is inside. (Between two cuts there counts as being one.)"""
        return self.inside or bool(self.cuts)

    def __invert__(self) -> "Ranges":
        return Ranges(not self.inside, self.cuts)

    def __and__(self, other: "Ranges") -> "Ranges":
        return self._combine(other, and_)

    def __or__(self, other: "Ranges") -> "Ranges":
        return self._combine(other, or_)

    def _combine(self, other: "Ranges", operation: Callable[[bool, bool], bool]) -> "Ranges":
        """Passes both lines from left to right at once; the cuts of one between two of the other, all in one step."""
        one, two = self.inside, other.inside
        begins = operation(one, two)
        cuts: list[Cut] = []
        mine, theirs = self.cuts, other.cuts
        i = j = 0
        while i < len(mine) or j < len(theirs):
            if j == len(theirs) or (i < len(mine) and mine[i] < theirs[j]):
                end = len(mine) if j == len(theirs) else bisect_left(mine, theirs[j], i)
                if operation(one, two) is not operation(not one, two):
                    cuts += mine[i:end]
                one, i = one ^ bool((end - i) % 2), end
            elif i == len(mine) or theirs[j] < mine[i]:
                end = len(theirs) if i == len(mine) else bisect_left(theirs, mine[i], j)
                if operation(one, two) is not operation(one, not two):
                    cuts += theirs[j:end]
                two, j = two ^ bool((end - j) % 2), end
            else:
                if operation(one, two) is not operation(not one, not two):
                    cuts.append(mine[i])
                one, two, i, j = not one, not two, i + 1, j + 1
        return Ranges(begins, tuple(cuts))

    @property
    def least(self) -> Point | None:
        """A point that nothing inside is below; None: there is no such point."""
        return None if self.inside or not self.cuts else self.cuts[0][0]

    @property
    def greatest(self) -> Point | None:
        """A point that nothing inside is above; None: there is no such point."""
        ends_inside = self.inside ^ bool(len(self.cuts) % 2)
        return None if ends_inside or not self.cuts else self.cuts[-1][0]

    def whole(self) -> "Ranges":
        """The same for a line on which only whole numbers are: so written that what holds none of them is empty."""
        cuts: list[Cut] = []
        for point, side in self.cuts:
            cut = (ceil(point) if side == BEFORE else floor(point) + 1, BEFORE)
            if cuts and cuts[-1] == cut:
                cuts.pop()
            else:
                cuts.append(cut)
        return Ranges(self.inside, tuple(cuts))

    def moved(self, factor: Fraction, offset: Fraction) -> "Ranges":
        """The numbers x for which `factor * x + offset` is in these ranges; the factor is not 0."""
        cuts = [((Fraction(point) - offset) / factor, side) for point, side in self.cuts]
        if factor > 0:
            return Ranges(self.inside, tuple(cuts))
        turned = tuple((point, -side) for point, side in reversed(cuts))
        return Ranges(self.inside ^ bool(len(cuts) % 2), turned)


NONE, ALL = Ranges(False), Ranges(True)


def point(at: Point) -> Ranges:
    return Ranges(False, ((at, BEFORE), (at, AFTER)))


def points(several: Iterable[Point]) -> Ranges:
    """Several points. (1 and True are one.)"""
    return Ranges(False, tuple((at, side) for at in sorted(set(several)) for side in (BEFORE, AFTER)))


def ordered(operator: str, bound: Point) -> Ranges:
    """What is `<`, `<=`, `>` or `>=` than a bound."""
    side = BEFORE if operator in ("<", ">=") else AFTER
    return Ranges(operator in ("<", "<="), ((bound, side),))


class Family(Enum):
    """Values that compare with one another. Bools are numbers, as in Python."""

    NULL = auto()
    NUMBER = auto()
    TEXT = auto()
    MOMENT = auto()
    DURATION = auto()
    EMPTY = auto()
    """Empty lists and objects, which are false as a condition."""
    FULL = auto()
    """All other lists and objects."""


@dataclass(frozen=True, slots=True)
class Values:
    """A set of values: of each family some ranges. Families of which nothing is inside do not stand there."""

    parts: Mapping[Family, Ranges]

    def __bool__(self) -> bool:
        """Whether any value may be inside."""
        return bool(self.parts)

    def __and__(self, other: "Values") -> "Values":
        both = (
            (family, ranges & other.parts[family]) for family, ranges in self.parts.items() if family in other.parts
        )
        return Values({family: ranges for family, ranges in both if ranges})

    def __or__(self, other: "Values") -> "Values":
        united = dict(self.parts)
        for family, ranges in other.parts.items():
            united[family] = united[family] | ranges if family in united else ranges
        return Values(united)

    def __sub__(self, other: "Values") -> "Values":
        rest = ((family, ranges & ~other.parts.get(family, NONE)) for family, ranges in self.parts.items())
        return Values({family: ranges for family, ranges in rest if ranges})

    def whole(self) -> "Values":
        """The same where all numbers are whole."""
        if Family.NUMBER not in self.parts:
            return self
        number = self.parts[Family.NUMBER].whole()
        return Values({family: r for family, r in {**self.parts, Family.NUMBER: number}.items() if r})

    @property
    def size(self) -> int:
        """How much there is to it: cuts, and families."""
        return sum(1 + len(ranges.cuts) for ranges in self.parts.values())


def of_family(*families: Family) -> Values:
    """All values of some families."""
    return Values(dict.fromkeys(families, ALL))


def in_ranges(family: Family, ranges: Ranges) -> Values:
    return Values({family: ranges} if ranges else {})


NOTHING = Values({})
NULL = of_family(Family.NULL)
FALSY = Values(
    MappingProxyType(
        {
            Family.NULL: ALL,
            Family.NUMBER: point(0),
            Family.TEXT: point(""),
            Family.DURATION: point(timedelta(0)),
            Family.EMPTY: ALL,
        }
    )
)
"""What is false as a condition."""
