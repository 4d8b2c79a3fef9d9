"""Checks a whole program: names, arguments, the ranges of clauses, and where a variable may be used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grammar import wording
from grammar.cycles import check_cycles
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.expression_checker import ExpressionChecker, check_expression
from grammar.lint import lint
from grammar.literals import is_uuid
from grammar.names import (
    PREDECLARED_SEGMENTS,
    STANDARD_VARIABLES,
    UNSUPPORTED_VARIABLE,
    Writer,
    is_taken,
)
from grammar.nodes import (
    Event,
    Flow,
    If,
    OnEvent,
    OnEventSeq,
    Script,
    SendWeb,
    Set,
    Step,
    Template,
)
from grammar.parser import parse
from grammar.scope import PLACES, Place, Scope
from grammar.source import Source, Span
from grammar.walk import steps_within, templates_of

__all__ = ["Checked", "check", "check_expression", "read_program"]

MAX_EVENTS = 8
"""How many events an app has unless it is set up otherwise."""
MAX_STARTS_PER = 100
LINK_STARTS = ("https://", "http://", "/")


@dataclass(frozen=True, slots=True)
class Checked:
    """A program and all that was found in it, in the order of the text."""

    script: Script
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)


def read_program(sources: Sequence[Source], *, max_events: int = MAX_EVENTS) -> Checked:
    """Parses and checks some files as one program."""
    report = Diagnostics()
    script = parse(sources, report)
    check(script, report, max_events=max_events)
    if report.ok:
        lint(script, report)
    return Checked(script, tuple(report))


def check(script: Script, report: Diagnostics, *, max_events: int = MAX_EVENTS) -> None:
    """Reports what is wrong with a program that was parsed. Where the parser reported an error, nothing is added."""
    _Checker(script, report, max_events).check()


class _Checker:
    """Checks a program, declaration by declaration."""

    def __init__(self, script: Script, report: Diagnostics, max_events: int) -> None:
        self._script, self._report, self._max_events = script, report, max_events
        self._segments: dict[str, Span | None] = dict.fromkeys(PREDECLARED_SEGMENTS)
        self._segments.update({segment.name: segment.name_span for segment in script.segments})
        self._seqs = sorted({event.seq for event in script.events})
        self._event_names = {event.name for event in script.events}
        self._fields = {declared.name for declared in script.fields}
        scopes = {place: Scope.of(script, place) for place in PLACES}
        self._expressions = ExpressionChecker(report, scopes, self._segments, self._seqs, script.broken)
        self._suggestions = self._expressions.suggestions

    def check(self) -> None:
        self._check_events()
        self._check_names()
        for segment in self._script.segments:
            self._expressions.check(segment.condition, Place.ANYWHERE)
        check_cycles(self._script.segments, self._report)
        for flow in self._script.flows:
            self._check_flow(flow)

    # Declarations

    def _check_events(self) -> None:
        for event in self._script.events:
            if not 1 <= event.seq <= self._max_events:
                self._report.add(wording.seq_out_of_range(event.seq_span, self._max_events))
            if not is_uuid(event.uuid):
                self._report.add(wording.bad_uuid(event.uuid_span))
        events = self._script.events
        self._once(events, lambda event: event.seq, lambda event: event.seq_span, wording.event_number)
        self._once(events, lambda event: event.name, lambda event: event.name_span, wording.event_name)
        uuids = [event for event in events if is_uuid(event.uuid)]
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

    # Flows

    def _check_flow(self, flow: Flow) -> None:
        for trigger in flow.triggers:
            self._check_trigger(trigger)
        if flow.when is not None:
            self._expressions.check(flow.when, Place.EVENT)
        if flow.limit is not None:
            self._check_limit(flow)
        for step in steps_within(flow.steps):
            self._check_step(step)

    def _check_trigger(self, trigger: object) -> None:
        broken = self._script.broken
        if isinstance(trigger, OnEvent) and trigger.name not in self._event_names | broken:
            suggestion = self._suggestions.nearest(trigger.name, self._event_names)
            self._report.add(wording.unknown_event(trigger.span, trigger.name, suggestion))
        if isinstance(trigger, OnEventSeq) and trigger.seq not in self._seqs and str(trigger.seq) not in broken:
            self._report.add(wording.undeclared_event(trigger.span, trigger.seq, self._seqs, None))

    def _check_limit(self, flow: Flow) -> None:
        limit = flow.limit
        if limit is None:
            return
        most = MAX_STARTS_PER if limit.per is not None else None
        if limit.count < 1 or (most is not None and limit.count > most):
            self._report.add(wording.limit_out_of_range(limit.span, most))
        if limit.per is not None and not limit.per:
            self._report.add(wording.limit_without_length(limit.span))

    def _check_step(self, step: Step) -> None:
        match step:
            case SendWeb():
                for template in templates_of(step):
                    self._expressions.template(template, Place.EVENT | Place.RUN)
                if step.button is not None:
                    self._check_link(step.button.link)
            case If():
                for arm in step.arms:
                    self._expressions.check(arm.condition, Place.EVENT | Place.RUN)
            case Set():
                self._check_target(step)
                self._expressions.check(step.value, Place.EVENT | Place.RUN)
            case _:
                pass

    def _check_link(self, link: Template) -> None:
        first = link.parts[0] if link.parts else ""
        if not (isinstance(first, str) and first.startswith(LINK_STARTS)):
            self._report.add(wording.bad_link(link.span))

    def _check_target(self, step: Set) -> None:
        """`set` writes custom fields and the standard variables that a flow may write."""
        name, span = step.name, step.name_span
        if (name in self._fields and not is_taken(name)) or name in self._script.broken:
            return
        variable = STANDARD_VARIABLES.get(name)
        if variable is not None and Writer.FLOW in variable.writers:
            return
        if name == UNSUPPORTED_VARIABLE:
            self._report.add(wording.no_agents(span, name))
        elif is_taken(name):
            self._report.add(wording.not_writable(span, name, None))
        else:
            writable = [known for known, one in STANDARD_VARIABLES.items() if Writer.FLOW in one.writers]
            suggestion = self._suggestions.nearest(name, [*self._fields, *writable])
            self._report.add(wording.unknown_field(span, name, suggestion))
