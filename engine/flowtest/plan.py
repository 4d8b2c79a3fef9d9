"""Checks a flow test before any of it runs: every name and value in it against the program that holds at its line.

The clock of a flow test moves by what its lines say alone, so when each line runs is known here too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic_core import from_json

from engine.flowtest.declared import Declared, ReadFile
from engine.program import UTC
from grammar import wording
from grammar.checker.arguments import zone_fault
from grammar.checker.expressions import ExpressionChecker
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest.nodes import (
    At,
    ChooseArm,
    Command,
    Declare,
    ExpectGoal,
    ExpectMessage,
    ExpectRun,
    ExpectSegment,
    ExpectThat,
    FlowTest,
    Identify,
    Json,
    Load,
    SetField,
    Track,
    Visit,
    Word,
    Zone,
)
from grammar.names import STANDARD_VARIABLES, Writer
from grammar.nodes import Expression, Split
from grammar.scope import Place
from grammar.source import Span
from grammar.suggest import Suggestions
from grammar.types import Type, infer
from grammar.walk import steps_within
from variables.items import BadItem, read_batch
from variables.items import Identify as IdentifyItem
from variables.items import Visit as VisitItem
from variables.lenient_json import read_leniently
from variables.values import MILLISECOND, Kind, Value, iso, milliseconds, moment

START = 1_767_225_600_000
"""2026-01-01 00:00 UTC, in milliseconds: what the clock of every flow test shows at first."""
LAST = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_BODY = b'{"visitor":"v","items":[{"track_event":{"event_name":"","event_uuid":"","event_data":%b}}]}'
CHANNELS = ("web", "email", "webhook")

_WRITABLE_TYPES: Mapping[Kind, Type] = {
    "text": Type.TEXT,
    "int": Type.INT | Type.FLOAT,
    "float": Type.INT | Type.FLOAT,
    "bool": Type.BOOL,
    "datetime": Type.DATETIME | Type.TEXT | Type.INT | Type.FLOAT,
}
"""What a server may write into a field of a kind; whether the value itself fits is looked at when it is there."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A command, and what the clock (milliseconds) shows when it has run."""

    command: Command
    clock: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A flow test that is ready to run. `values`: what the JSON of its commands says, by where it stands."""

    zone: ZoneInfo
    steps: tuple[Planned, ...]
    values: Mapping[Span, Value] = field(repr=False)


def plan(test: FlowTest, read_file: ReadFile, report: Diagnostics) -> Plan:
    """Looks at all commands. The plan is fit to run if nothing is reported but warnings."""
    return _Planner(read_file, report).plan(test)


class _Planner:
    def __init__(self, read_file: ReadFile, report: Diagnostics) -> None:
        self._report = report
        self._suggestions = Suggestions()
        self._declared = Declared(read_file, report)
        self._zone = UTC
        self._clock = START
        self._steps: list[Planned] = []
        self._values: dict[Span, Value] = {}
        self._visitor_of: dict[str, str] = {}
        self._user_of: dict[str, str] = {}

    def plan(self, test: FlowTest) -> Plan:
        for index, command in enumerate(test.commands):
            match command:
                case Zone():
                    self._set_zone(command, is_first=index == 0)
                case Load():
                    self._declared.load(command)
                case Declare():
                    self._declared.declare(command)
                case _:
                    self._apply()
                    self._check(command)
                    self._add(command)
        self._apply()
        return Plan(self._zone, tuple(self._steps), self._values)

    def _set_zone(self, command: Zone, *, is_first: bool) -> None:
        fault = zone_fault(command.name.text, command.name.span, self._suggestions)
        if not is_first:
            self._report.add(wording.zone_not_first(command.span))
        elif fault is not None:
            self._report.add(fault)
        else:
            self._zone = ZoneInfo(command.name.text)

    def _apply(self) -> None:
        applied = self._declared.apply()
        if applied is not None:
            self._add(applied)

    def _add(self, command: Command) -> None:
        self._steps.append(Planned(command, self._clock))

    # Commands

    def _check(self, command: Command) -> None:
        match command:
            case At():
                self._move(command)
            case Track(event=event, data=data):
                self._known_name(event, self._declared.catalogue.events, wording.unknown_event)
                if data is not None:
                    self._check_data(data)
            case Visit(values=values):
                self._check_values("visit", values)
                self._meet(command.visitor, self._values.get(values.span) if values is not None else None)
            case SetField():
                self._check_set(command)
            case Identify(user=user, values=values):
                self._check_value("as", "ent_user_id", user.text, user.span)
                self._check_values("identify", values)
                self._name_user(command.visitor, user.text, user.span)
            case ChooseArm():
                self._check_arm(command)
            case ExpectMessage(flow=flow, channel=channel):
                self._known_name(flow, self._declared.flows, wording.unknown_flow)
                if channel is not None and channel.text not in CHANNELS:
                    nearest = self._suggestions.nearest(channel.text, CHANNELS)
                    self._report.add(wording.unknown_channel(channel.span, channel.text, CHANNELS, nearest))
            case ExpectRun(flow=flow) | ExpectGoal(flow=flow):
                self._known_name(flow, self._declared.flows, wording.unknown_flow)
            case ExpectSegment(segment=segment):
                self._known_name(segment, self._declared.segments, wording.unknown_segment)
            case ExpectThat(condition=condition):
                self._check_expression(condition)

    def _move(self, command: At) -> None:
        time = command.time
        clock = self._clock + time // MILLISECOND if isinstance(time, timedelta) else milliseconds(time)
        if clock > LAST:
            self._report.add(wording.clock_too_far(command.time_span))
        elif clock < self._clock:
            self._report.add(wording.clock_goes_back(command.time_span, shown_time(self._clock)))
        else:
            self._clock = clock

    def _known_name(
        self, word: Word, known: Mapping[str, object], unknown: Callable[[Span, str, str | None], Diagnostic]
    ) -> bool:
        if word.text in known:
            return True
        if self._declared.is_complete and word.text not in self._declared.script.broken:
            self._report.add(unknown(word.span, word.text, self._suggestions.nearest(word.text, known)))
        return False

    def _check_expression(self, expression: Expression) -> bool:
        if not self._declared.is_complete:
            return False
        found, declared = Diagnostics(), self._declared
        seqs = sorted(event.seq for event in declared.script.events)
        scopes, broken = {Place.ANYWHERE: declared.scope}, declared.script.broken
        checker = ExpressionChecker(found, scopes, declared.segments, seqs, broken)
        checker.suggestions = self._suggestions
        checker.check(expression, Place.ANYWHERE)
        for diagnostic in found:
            self._report.add(diagnostic)
        return found.ok

    def _check_arm(self, command: ChooseArm) -> None:
        if not self._known_name(command.flow, self._declared.flows, wording.unknown_flow):
            return
        steps = steps_within(self._declared.flows[command.flow.text].steps)
        arms = [share.name for step in steps if isinstance(step, Split) for share in step.shares if share.name]
        arm = command.arm
        if arm.text not in arms:
            nearest = self._suggestions.nearest(arm.text, arms)
            self._report.add(wording.no_such_arm(arm.span, command.flow.text, arm.text, nearest))

    # What is written

    def _check_set(self, command: SetField) -> None:
        name = command.name
        is_fine = self._check_expression(command.value)
        if name.text in STANDARD_VARIABLES or name.text in self._declared.catalogue.variables:
            variable = self._declared.catalogue.variables.get(name.text)
            if variable is None or Writer.SERVER not in variable.writers:
                self._not_writable(name.span, name.text, "set")
            elif is_fine and not infer(command.value, self._declared.scope) & (
                _WRITABLE_TYPES[variable.kind] | Type.NULL | Type.JSON
            ):
                self._report.add(wording.value_never_fits(command.value.span, name.text, variable.kind))
        else:
            self._known_name(name, self._declared.catalogue.variables, _unknown_field)

    def _not_writable(self, span: Span, name: str, command: str) -> None:
        help = wording.BY_IDENTIFY if name == "ent_user_id" else None
        self._report.add(wording.not_writable_here(span, name, command, help))

    def _read(self, json: Json) -> Value:
        """What JSON says, read as the body of a request is. None, and reported, where it is none."""
        text = json.text.encode()
        try:
            value = from_json(text, allow_inf_nan=False)
        except ValueError:
            try:
                value = read_leniently(text)
            except ValueError:
                self._report.add(wording.bad_json(json.span))
                return None
        self._values[json.span] = value
        return value

    def _check_data(self, json: Json) -> None:
        """Data of an event, read inside a body as a page would send it."""
        self._read(json)
        if json.span not in self._values:
            return
        try:
            batch = read_batch(_BODY % json.text.encode())
            batch.item(0, self._clock)
        except BadItem as bad:
            self._report.add(wording.bad_value(json.span, bad.detail))
        else:
            self._values[json.span] = batch.items[0]["track_event"]["event_data"]

    def _check_values(self, command: str, json: Json | None) -> None:
        values = None if json is None else self._read(json)
        if json is None or not self._declared.is_complete or not isinstance(values, dict):
            return
        for name, value in values.items():
            self._check_value(command, name, value, _place_of(name, json))

    def _check_value(self, command: str, name: str, value: Value, span: Span) -> None:
        computed = name in STANDARD_VARIABLES and STANDARD_VARIABLES[name].derived
        if computed or (command == "identify" and name == "ent_user_id"):
            self._not_writable(span, name, command)
        elif self._known_name(Word(name, span), self._declared.catalogue.variables, _unknown_variable):
            item = VisitItem({name: value}) if command == "visit" else IdentifyItem({name: value})
            try:
                self._declared.catalogue.writes(item, from_server=False)
            except BadItem as bad:
                if bad.code == "not_writable":
                    self._not_writable(span, name, command)
                else:
                    self._report.add(wording.bad_value(span, bad.detail))

    # Who is who

    def _meet(self, visitor: Word, values: Value) -> None:
        user = values.get("ent_user_id") if isinstance(values, dict) else None
        if isinstance(user, str):
            self._name_user(visitor, user, visitor.span)

    def _name_user(self, visitor: Word, user: str, span: Span) -> None:
        """One user is one visitor, until visitors can be merged."""
        if self._visitor_of.setdefault(user, visitor.text) != visitor.text:
            self._report.add(wording.not_yet(span, wording.MERGING))
        elif self._user_of.setdefault(visitor.text, user) != user:
            self._report.add(wording.not_yet(span, wording.ANOTHER_USER))


def _unknown_field(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return wording.unknown_field(span, name, suggestion, "text")


def _unknown_variable(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return wording.unknown_variable(span, name, wording.did_you_mean(suggestion))


def _place_of(name: str, json: Json) -> Span:
    """Where a key stands in a JSON object; the whole object, if it is written with escapes."""
    match = re.search(rf'"{re.escape(name)}"(?=\s*:)', json.text)
    if match is None:
        return json.span
    return Span(json.span.source, json.span.start + match.start(), json.span.start + match.end())


def shown_time(clock: int) -> str:
    """As a flow test writes it: `2026-01-01 10:00:00`."""
    return iso(moment(clock)).replace("T", " ").removesuffix("Z")
