"""Checks a whole program: what it declares here, expressions and flows in modules of their own."""

from collections.abc import Callable, Sequence

from grammar import wording
from grammar.checker.cycles import check_cycles
from grammar.checker.expressions import ExpressionChecker
from grammar.checker.flows import FlowChecker
from grammar.diagnostics import Diagnostics
from grammar.literals import is_uuid
from grammar.names import PREDECLARED_SEGMENTS, is_taken
from grammar.nodes import Event, Script
from grammar.scope import PLACES, Place, Scope
from grammar.source import Span

MAX_EVENTS = 8
"""How many events an app has unless it is set up otherwise."""


def check(script: Script, report: Diagnostics, *, max_events: int = MAX_EVENTS) -> None:
    """Reports what is wrong with a program that was parsed. Where the parser reported an error, nothing is added."""
    _Checker(script, report, max_events).check()


class _Checker:
    """Checks a program, declaration by declaration."""

    def __init__(self, script: Script, report: Diagnostics, max_events: int) -> None:
        self._script, self._report, self._max_events = script, report, max_events
        self._segments: dict[str, Span | None] = dict.fromkeys(PREDECLARED_SEGMENTS)
        self._segments.update({segment.name: segment.name_span for segment in script.segments})
        seqs = sorted({event.seq for event in script.events})
        scopes = {place: Scope.of(script, place) for place in PLACES}
        events = {event.name: event.seq for event in script.events}
        self._expressions = ExpressionChecker(report, scopes, self._segments, seqs, script.broken, events)

    def check(self) -> None:
        self._check_events()
        self._check_names()
        for segment in self._script.segments:
            self._expressions.check(segment.condition, Place.ANYWHERE, exact=True)
        check_cycles(self._script.segments, self._report)
        flows = FlowChecker(self._script, self._report, self._expressions)
        for flow in self._script.flows:
            flows.check(flow)

    # Declarations

    def _check_events(self) -> None:
        for event in self._script.events:
            if not 1 <= event.seq <= self._max_events:
                self._report.add(wording.seq_out_of_range(event.seq_span, self._max_events))
            if not is_uuid(event.uuid):
                self._report.add(wording.bad_uuid(event.uuid_span))
        events = self._script.events
        self._once(events, lambda event: event.seq, lambda event: event.seq_span, wording.event_number)
        first: dict[tuple[int, str, str], Event] = {}  # The same event again is one error, not three.
        for event in events:
            first.setdefault((event.seq, event.name, event.uuid), event)
        different = tuple(first.values())
        self._once(different, lambda event: event.name, lambda event: event.name_span, wording.event_name)
        uuids = [event for event in different if is_uuid(event.uuid)]
        self._once(uuids, lambda event: event.uuid, lambda event: event.uuid_span, wording.event_uuid)

    def _once(
        self,
        events: Sequence[Event],
        key: Callable[[Event], int | str],
        place: Callable[[Event], Span],
        what: Callable[[int | str], str],
    ) -> None:
        first: dict[int | str, Event] = {}
        for event in events:
            earlier = first.setdefault(key(event), event)
            if earlier is not event:
                self._report.add(wording.duplicate(place(event), what(key(event)), place(earlier)))

    def _check_names(self) -> None:
        """Fields, segments and flows each have names of their own, and none that the language has."""
        script = self._script
        for what, declared in (
            (wording.FIELD, script.fields),
            (wording.SEGMENT, script.segments),
            (wording.FLOW, script.flows),
        ):
            first: dict[str, Span] = {}
            for declaration in declared:
                name, span = declaration.name, declaration.name_span
                taken = (what == wording.FIELD and is_taken(name)) or (
                    what == wording.SEGMENT and name in PREDECLARED_SEGMENTS
                )
                if taken:
                    self._report.add(wording.taken_name(span, name, what))
                elif name in first:
                    self._report.add(wording.duplicate(span, wording.named(what, name), first[name]))
                first.setdefault(name, span)
