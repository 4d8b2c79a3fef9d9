"""Whether a case can be: what the product promises of several variables together (LANGUAGE.md section 4).

An event that never happened has a count of 0, no times and no data; one that happened has times, the first of them not
later than the last. A difference of moments is null where one of them is, and only there.
"""

from dataclasses import dataclass, field

from grammar.lint.cases import Case, Cases
from grammar.lint.intervals import Family, Ranges, Values, point
from grammar.lint.subjects import Order
from grammar.names import event_variable
from grammar.nodes import Binary, Expression, Index, Member, Name

_ZERO = point(0).whole()
_NEVER_NULL = ("now", "run_time", "track_event_time")


def possible(cases: Cases) -> bool:
    """Whether any of the cases can be."""
    return any(not case or _Evidence().agrees(case) for case in cases)


@dataclass(slots=True)
class _Evidence:
    """What a case says of the presence of variables and events, and of the times since an event."""

    present: dict[str, bool] = field(default_factory=dict)
    """By the name of a variable, or the number of an event: whether it is not null, or happened."""
    since: dict[tuple[str, int], Ranges] = field(default_factory=dict)

    def agrees(self, case: Case) -> bool:
        """Whether the case contradicts itself nowhere."""
        for subject, values in case.items():
            if not isinstance(subject.what, Order) and not self._subject(subject.what, values):
                return False
        return all(self._in_order(seq) for family, seq in self.since if family == "event_last_time")

    def _subject(self, what: Expression, values: Values) -> bool:
        match what:
            case Name(id=name):
                return self._variable(name, values)
            case Binary(operator="-", left=Name(id=left), right=Name(id=right)):
                return self._difference(left, right, values)
            case Member() | Index():
                base = _container(what)
                return Family.NULL in values.parts or not isinstance(base, Name) or self._note(base.id, True)
            case _:
                return True

    def _variable(self, name: str, values: Values) -> bool:
        variable = event_variable(name)
        if variable is not None and variable[0] == "event_count":
            count = values.parts[Family.NUMBER]
            happened = count.least is not None and count.least > 0
            return self._note(name, True) if happened else count != _ZERO or self._note(name, False)
        if Family.NULL not in values.parts:
            return self._note(name, True)
        return len(values.parts) > 1 or self._note(name, False)

    def _difference(self, left: str, right: str, values: Values) -> bool:
        variable = event_variable(right)
        if left == "now" and variable is not None and Family.DURATION in values.parts:
            self.since[variable] = values.parts[Family.DURATION]
        if Family.NULL not in values.parts:
            return self._note(left, True) and self._note(right, True)
        if len(values.parts) > 1:
            return True
        return (left not in _NEVER_NULL or self._note(right, False)) and (
            right not in _NEVER_NULL or self._note(left, False)
        )

    def _note(self, name: str, present: bool) -> bool:
        """Takes up a fact; False if the opposite is known."""
        if self.present.setdefault(name, present) is not present:
            return False
        variable = event_variable(name)
        if variable is None or (variable[0] == "event_last_data" and not present):
            return True
        return self.present.setdefault(str(variable[1]), present) is present

    def _in_order(self, seq: int) -> bool:
        """The time since the last event is no longer than the time since the first."""
        first, last = self.since.get(("event_first_time", seq)), self.since["event_last_time", seq]
        if first is None or first.greatest is None or last.least is None:
            return True
        return bool(last.least <= first.greatest) or not self.present.get(str(seq), False)


def _container(subject: Expression) -> Expression:
    while isinstance(subject, Member | Index):
        subject = subject.value
    return subject
