"""Checks flows: what starts them, the ranges of clauses and steps, and the expressions where they stand."""

from collections.abc import Iterable
from datetime import timedelta

from grammar import wording
from grammar.checker.arguments import literal_fault
from grammar.checker.expressions import ExpressionChecker
from grammar.checker.urls import url_fault
from grammar.diagnostics import Diagnostics
from grammar.names import (
    PREDECLARED_SEGMENTS,
    STANDARD_VARIABLES,
    UNSUPPORTED_VARIABLE,
    Sort,
    Writer,
    event_variable,
    is_taken,
)
from grammar.nodes import (
    Flow,
    Hours,
    If,
    Limit,
    OnChange,
    OnEnter,
    OnEvent,
    OnEventSeq,
    OnLeave,
    Script,
    SendEmail,
    SendWeb,
    SendWebhook,
    Set,
    Share,
    Split,
    Step,
    Template,
    Trigger,
    Wait,
    WaitUntil,
)
from grammar.scope import Place
from grammar.source import Span
from grammar.walk import steps_within, templates_of

MAX_STARTS_PER = 100
LONGEST_WAIT = timedelta(days=365)
LINK_STARTS = ("https://", "http://", "/")


class FlowChecker:
    """Checks the flows of a program, one by one."""

    def __init__(self, script: Script, report: Diagnostics, expressions: ExpressionChecker) -> None:
        self._report, self._expressions, self._broken = report, expressions, script.broken
        self._suggestions = expressions.suggestions
        self._seqs = sorted({event.seq for event in script.events})
        self._event_names = {event.name for event in script.events}
        self._fields = {declared.name for declared in script.fields}
        self._segments = {*PREDECLARED_SEGMENTS, *(segment.name for segment in script.segments)}

    def check(self, flow: Flow) -> None:
        at_start = Place.EVENT if flow.is_started_by_events else Place.ANYWHERE
        running = at_start | Place.RUN
        for trigger in flow.triggers:
            self._check_trigger(trigger)
        if flow.when is not None:
            self._expressions.check(flow.when, at_start, exact=flow.is_edge_triggered)
        if flow.limit is not None:
            self._check_limit(flow.limit)
        if flow.hours is not None:
            self._check_hours(flow.hours)
        if flow.exit is not None:
            self._expressions.check(flow.exit, running, exact=True)
        if flow.goal is not None:
            self._expressions.check(flow.goal.condition, running, exact=True)
            if not flow.goal.within:
                self._report.add(wording.goal_without_time(flow.goal.span))
        for step in steps_within(flow.steps):
            self._check_step(step, running)

    # Triggers

    def _check_trigger(self, trigger: Trigger) -> None:
        match trigger:
            case OnEvent(name=name) if name not in self._event_names | self._broken:
                suggestion = self._suggestions.nearest(name, (*self._event_names, "visit", "identify"))
                self._report.add(wording.unknown_event(trigger.span, name, suggestion))
            case OnEventSeq(seq=seq) if seq not in self._seqs and str(seq) not in self._broken:
                self._report.add(wording.undeclared_event(trigger.span, seq, self._seqs, None))
            case OnEnter(segment=name) | OnLeave(segment=name) if name not in self._segments | self._broken:
                suggestion = self._suggestions.nearest(name, self._segments)
                self._report.add(wording.unknown_segment(trigger.segment_span, name, suggestion))
            case OnChange(variable=name, variable_span=span):
                self._check_watched(name, span)
            case _:
                pass

    def _check_watched(self, name: str, span: Span) -> None:
        """`change` watches what is stored with a visitor: custom fields and standard variables."""
        variable = STANDARD_VARIABLES.get(name)
        if variable is not None and variable.derived:
            help = wording.ON_IDENTIFY if name == "is_anonymous_user" else wording.WITH_WHEN
            self._report.add(wording.not_watchable(span, name, help))
        elif variable is not None or name in self._broken or (name in self._fields and not is_taken(name)):
            return
        elif name == UNSUPPORTED_VARIABLE:
            self._report.add(wording.no_agents(span, name))
        elif is_taken(name):
            help = wording.AT_EVENTS if event_variable(name) is not None else wording.NO_FIELD
            self._report.add(wording.not_watchable(span, name, help))
        else:
            stored = (known for known, one in STANDARD_VARIABLES.items() if not one.derived)
            suggestion = self._suggestions.nearest(name, [*self._fields, *stored])
            self._report.add(wording.unknown_variable(span, name, wording.did_you_mean(suggestion)))

    # Clauses

    def _check_limit(self, limit: Limit) -> None:
        most = MAX_STARTS_PER if limit.per is not None else None
        if limit.count < 1 or (most is not None and limit.count > most):
            self._report.add(wording.limit_out_of_range(limit.span, most))
        if limit.per is not None and not limit.per:
            self._report.add(wording.limit_without_length(limit.span))

    def _check_hours(self, hours: Hours) -> None:
        for text, sort in ((hours.window, Sort.WINDOW), (hours.days, Sort.DAYS), (hours.zone, Sort.ZONE)):
            if text is not None and isinstance(text.value, str):
                fault = literal_fault(text.value, text.span, sort, {}, self._suggestions)
                if fault is not None:
                    self._report.add(fault)

    # Steps

    def _check_step(self, step: Step, place: Place) -> None:
        for template in templates_of(step):
            self._expressions.template(template, place)
        match step:
            case SendWeb(button=button) if button is not None:
                self._check_link(button.link)
            case SendEmail(to=to) if to is not None:
                self._expressions.address(to, place)
            case SendWebhook():
                self._check_webhook(step, place)
            case If():
                for arm in step.arms:
                    self._expressions.check(arm.condition, place)
            case Split():
                self._check_split(step.shares)
            case Wait(duration=duration):
                self._check_wait(duration, step.span)
            case WaitUntil():
                self._expressions.check(step.condition, place, exact=True)
                self._check_wait(step.at_most, Span(step.span.source, step.span.start, step.condition.span.end))
            case Set():
                self._check_target(step, place)
                self._expressions.assignment(step, place)
            case _:
                pass

    def _check_link(self, link: Template) -> None:
        first = link.parts[0] if link.parts else ""
        if not (isinstance(first, str) and first.startswith(LINK_STARTS)):
            self._report.add(wording.bad_link(link.span))

    def _check_webhook(self, step: SendWebhook, place: Place) -> None:
        fault = url_fault(step.url)
        if fault is not None:
            self._report.add(wording.bad_url(step.url_span, fault))
        named: set[str] = set()
        for variable in step.variables:
            if variable.id in named:
                self._report.add(wording.variable_named_twice(variable.span, variable.id))
            else:
                named.add(variable.id)
                self._expressions.check(variable, place)

    def _check_split(self, shares: Iterable[Share]) -> None:
        names: dict[str, Span] = {}
        total = 0
        for share in shares:
            if not 1 <= share.percent <= 100:
                self._report.add(wording.percent_out_of_range(share.percent_span))
            elif total <= 100 < total + share.percent:
                self._report.add(wording.percents_above_all(share.percent_span, total + share.percent))
                total += share.percent
            else:
                total += share.percent
            if share.name is not None and share.name in names:
                self._report.add(wording.arm_name_twice(share.percent_span, share.name, names[share.name]))
            elif share.name is not None:
                names[share.name] = share.percent_span

    def _check_wait(self, duration: timedelta, span: Span) -> None:
        if not timedelta(seconds=1) <= duration <= LONGEST_WAIT:
            self._report.add(wording.wait_out_of_range(span))

    def _check_target(self, step: Set, place: Place) -> None:
        """`set` writes custom fields and the standard variables that a flow may write."""
        name, span = step.name, step.name_span
        if (name in self._fields and not is_taken(name)) or name in self._broken:
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
            self._report.add(wording.unknown_field(span, name, suggestion, self._expressions.likely_type(step, place)))
