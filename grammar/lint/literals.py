"""Literals as values: what is less than, equal to or greater than one, whatever kind it is of."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from grammar.lint.intervals import ALL, NOTHING, Family, Values, in_ranges, ordered, points
from grammar.nodes import Call, Constant, ConstantValue, Expression

Literal = ConstantValue | datetime
"""What a comparison can have on one side. A moment is a local time of the app's zone, whichever that is."""
_MOMENT = re.compile(
    r"(?:201[2-9]|20[2-9][0-9]|2[1-9][0-9]{2})-[0-9]{2}-[0-9]{2}"
    r"(?:T00:00(?::00)?|T(?:0[7-9]|1[0-9]|2[01]):[0-5][0-9](?::[0-9]{2})?)?",
    re.ASCII,
)
"""A midnight, or a moment between 7:00 and 22:00, without offset: two of these are in the same order in any zone.

By night clocks skip hours. A time that is skipped is a later instant than the time where the clock goes on: 2:30 comes
after 3:00 then. (Until 2011 some islands skipped a whole day.)
"""


def moment_of(node: Expression) -> datetime | None:
    """The moment that `datetime` makes of a text alone; None where its order to others may depend on the zone."""
    match node:
        case Call(function="datetime", arguments=(Constant(value=str(text)),)) if _MOMENT.fullmatch(text):
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                return None
        case _:
            return None


def compared_to(operator: str, bound: Literal) -> Values:
    """What is `<`, `<=`, `>`, `>=` or `==` a literal."""
    if operator == "==":
        return equal_to_any([bound])
    return NOTHING if bound is None else in_ranges(_family(bound), ordered(operator, bound))


def equal_to_any(literals: Iterable[Literal]) -> Values:
    """What equals one of some literals."""
    by_family: dict[Family, list[Literal]] = {}
    for literal in literals:
        by_family.setdefault(_family(literal), []).append(literal)
    return Values({family: ALL if family is Family.NULL else points(same) for family, same in by_family.items()})


def _family(literal: Literal) -> Family:
    match literal:
        case None:
            return Family.NULL
        case str():
            return Family.TEXT
        case timedelta():
            return Family.DURATION
        case datetime():
            return Family.MOMENT
        case _:
            return Family.NUMBER
