"""What may hold of a visitor at one instant: some cases, in each of which some subjects' values are narrowed down.

The cases cover every possibility, and perhaps more: they are joined where they would become too many. So "no case"
means that something is impossible, and nothing else is ever concluded from them.
"""

from collections.abc import Callable, Iterable, Mapping

from grammar.lint.intervals import Values
from grammar.lint.subjects import Subject

Case = Mapping[Subject, Values]
"""Subjects and the values that they can have, all at once; what does not stand there can have any."""
Cases = tuple[Case, ...]

MOST_CASES = 8
"""Beyond this many, cases are joined into one."""

IMPOSSIBLE: Cases = ()
ANYTHING: Cases = ({},)


def only(subject: Subject, values: Values) -> Cases:
    """A subject has one of these values, which are some of its domain."""
    return ({subject: values},) if values else IMPOSSIBLE


def both(one: Cases, other: Cases) -> Cases:
    """What holds where both hold."""
    if one is ANYTHING or not other:
        return other
    if other is ANYTHING or not one:
        return one
    return _few(case for a in one for b in other if (case := _met(a, b)) is not None)


def either(one: Cases, other: Cases) -> Cases:
    """What holds where one of them holds."""
    return _few((*one, *other)) if one and other else one or other


def without(cases: Cases, forgotten: Callable[[Subject], bool]) -> Cases:
    """The same when nothing is known any more of some subjects."""
    return _few({subject: values for subject, values in case.items() if not forgotten(subject)} for case in cases)


def size(cases: Cases) -> int:
    """How much there is to remember."""
    return sum(values.size for case in cases for values in case.values())


def _met(one: Case, other: Case) -> Case | None:
    if len(one) < len(other):
        one, other = other, one
    met = dict(one)
    for subject, values in other.items():
        if subject in met:
            values = met[subject] & values
            if not values:
                return None
        met[subject] = values
    return met


def _few(cases: Iterable[Case]) -> Cases:
    """Puts together what differs in one subject alone (exact), and everything where there is still too much."""
    few: list[Case] = []
    for case in cases:
        if not case:
            return ANYTHING
        _add(few, case)
        if len(few) > MOST_CASES:
            few = [_joined(few)]
            if not few[0]:
                return ANYTHING
    return tuple(few)


def _add(few: list[Case], case: Case) -> None:
    for place, other in enumerate(few):
        if len(other) == len(case) and other.keys() == case.keys():
            different = [subject for subject in case if case[subject] != other[subject]]
            if len(different) <= 1:
                few[place] = {**other, **{subject: case[subject] | other[subject] for subject in different}}
                return
    few.append(case)


def _joined(cases: list[Case]) -> Case:
    """One case that covers them all: only what each of them narrows stays narrow."""
    first, *others = cases
    joined: dict[Subject, Values] = {}
    for subject, values in first.items():
        if all(subject in other for other in others):
            for other in others:
                values |= other[subject]
            joined[subject] = values
    return joined
