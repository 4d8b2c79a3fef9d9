"""Checks a flow test before any of it runs: every name and value in it against the program that holds at its line.

The clock of a flow test moves by what its lines say alone, so when each line runs is known here too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic_core import from_json

from engine.program import UTC
from grammar import wording
from grammar.checker import check
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
from grammar.names import PREDECLARED_SEGMENTS, STANDARD_VARIABLES, Writer
from grammar.nodes import Declaration, Event, Expression, Script, Split
from grammar.scope import Place, Scope
from grammar.source import Span
from grammar.suggest import Suggestions
from grammar.syntax.parser import parse, read_source
from grammar.types import Type, infer
from grammar.walk import steps_within
from variables.catalogue import EMPTY, Catalogue
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

ReadFile = Callable[[str], tuple[str, bytes]]
"""Reads a file that a flow test loads: the name to show, and its bytes. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Apply(Command):
    """From here on this program holds. `resets`: SEQ of events that have another UUID, and the version that did it."""

    script: Script
    version: int
    resets: Mapping[int, int]


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
        self._read_file, self._report = read_file, report
        self._suggestions = Suggestions()
        self._zone = UTC
        self._clock = START
        self._steps: list[Planned] = []
        self._values: dict[Span, Value] = {}
        self._visitor_of: dict[str, str] = {}
        self._user_of: dict[str, str] = {}
        self._script = Script(())
        self._known = True
        """Whether all files could be loaded; otherwise nothing can be said about names."""
        self._loaded: Span | None = None
        self._versions = 0
        self._uuids: dict[int, str] = {}
        self._resets: dict[int, int] = {}
        self._hold(Script(()), EMPTY)

    def _hold(self, script: Script, catalogue: Catalogue) -> None:
        self._script, self._catalogue = script, catalogue.with_open_visits()
        self._scope = Scope.of(script)
        self._flows = {flow.name: flow for flow in script.flows}
        self._segments = [*PREDECLARED_SEGMENTS, *(segment.name for segment in script.segments)]

    def plan(self, test: FlowTest) -> Plan:
        for index, command in enumerate(test.commands):
            match command:
                case Zone():
                    self._set_zone(command, is_first=index == 0)
                case Load():
                    self._load(command)
                case Declare(declarations=declarations, broken=broken, span=span):
                    self._merge(declarations, broken, span)
                case _:
                    self._apply()
                    self._check(command)
                    self._add(command)
        self._apply()
        return Plan(self._zone, tuple(self._steps), self._values)

    def _add(self, command: Command) -> None:
        self._steps.append(Planned(command, self._clock))

    def _complain(self, diagnostic: Diagnostic | None) -> None:
        if diagnostic is not None:
            self._report.add(diagnostic)

    # The program

    def _set_zone(self, command: Zone, *, is_first: bool) -> None:
        fault = zone_fault(command.name.text, command.name.span, self._suggestions)
        if not is_first:
            self._report.add(wording.zone_not_first(command.span))
        elif fault is not None:
            self._report.add(fault)
        else:
            self._zone = ZoneInfo(command.name.text)

    def _load(self, command: Load) -> None:
        path = command.path
        try:
            name, data = self._read_file(path.text)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            self._report.add(wording.cannot_load(path.span, path.text, (reason or str(error)).lower()))
            self._known = False
            return
        source = read_source(name, data, self._report)
        if source is None:
            self._known = False
        else:
            script = parse([source], self._report)
            self._merge(script.declarations, script.broken, command.span)

    def _merge(self, new: tuple[Declaration, ...], broken: frozenset[str], span: Span) -> None:
        """Adds declarations; one of the same kind and name (of an event: or number) takes the place of an earlier."""
        self._script = Script(_replaced(self._script.declarations, new), self._script.broken | broken)
        self._loaded = span

    def _apply(self) -> None:
        """What was loaded since the last other command becomes the program, together."""
        if self._loaded is None:
            return
        if self._known:
            check(self._script, self._report)
        self._versions += 1
        for event in self._script.events:
            if self._uuids.setdefault(event.seq, event.uuid) != event.uuid:
                self._uuids[event.seq] = event.uuid
                self._resets[event.seq] = self._versions
        self._hold(self._script, Catalogue.of(self._script))
        self._add(Apply(self._loaded, self._script, self._versions, dict(self._resets)))
        self._loaded = None

    # Commands

    def _check(self, command: Command) -> None:
        match command:
            case At():
                self._move(command)
            case Track(event=event, data=data):
                self._known_name(event, self._catalogue.events, wording.unknown_event)
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
                self._known_name(flow, self._flows, wording.unknown_flow)
                if channel is not None and channel.text not in CHANNELS:
                    nearest = self._suggestions.nearest(channel.text, CHANNELS)
                    self._report.add(wording.unknown_channel(channel.span, channel.text, CHANNELS, nearest))
            case ExpectRun(flow=flow) | ExpectGoal(flow=flow):
                self._known_name(flow, self._flows, wording.unknown_flow)
            case ExpectSegment(segment=segment):
                self._known_name(segment, dict.fromkeys(self._segments), wording.unknown_segment)
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
        if self._known and word.text not in self._script.broken:
            self._report.add(unknown(word.span, word.text, self._suggestions.nearest(word.text, known)))
        return False

    def _check_expression(self, expression: Expression) -> bool:
        if not self._known:
            return False
        found = Diagnostics()
        segments, seqs = dict.fromkeys(self._segments), sorted(event.seq for event in self._script.events)
        checker = ExpressionChecker(found, {Place.ANYWHERE: self._scope}, segments, seqs, self._script.broken)
        checker.suggestions = self._suggestions
        checker.check(expression, Place.ANYWHERE)
        for diagnostic in found:
            self._report.add(diagnostic)
        return found.ok

    def _check_arm(self, command: ChooseArm) -> None:
        if not self._known_name(command.flow, self._flows, wording.unknown_flow):
            return
        steps = steps_within(self._flows[command.flow.text].steps)
        arms = [share.name for step in steps if isinstance(step, Split) for share in step.shares if share.name]
        arm = command.arm
        if arm.text not in arms:
            nearest = self._suggestions.nearest(arm.text, arms)
            self._report.add(wording.no_such_arm(arm.span, command.flow.text, arm.text, nearest))

    # What is written

    def _check_set(self, command: SetField) -> None:
        name = command.name
        is_fine = self._check_expression(command.value)
        if name.text in STANDARD_VARIABLES or name.text in self._catalogue.variables:
            variable = self._catalogue.variables.get(name.text)
            if variable is None or Writer.SERVER not in variable.writers:
                self._not_writable(name.span, name.text, "set")
            elif is_fine and not infer(command.value, self._scope) & (
                _WRITABLE_TYPES[variable.kind] | Type.NULL | Type.JSON
            ):
                self._report.add(wording.value_never_fits(command.value.span, name.text, variable.kind))
        else:
            self._known_name(name, self._catalogue.variables, _unknown_field)

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
        if json is None or not self._known or not isinstance(values, dict):
            return
        for name, value in values.items():
            self._check_value(command, name, value, _place_of(name, json))

    def _check_value(self, command: str, name: str, value: Value, span: Span) -> None:
        computed = name in STANDARD_VARIABLES and STANDARD_VARIABLES[name].derived
        if computed or (command == "identify" and name == "ent_user_id"):
            self._not_writable(span, name, command)
        elif self._known_name(Word(name, span), self._catalogue.variables, _unknown_variable):
            item = VisitItem({name: value}) if command == "visit" else IdentifyItem({name: value})
            try:
                self._catalogue.writes(item, from_server=False)
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


def _replaced(old: tuple[Declaration, ...], new: tuple[Declaration, ...]) -> tuple[Declaration, ...]:
    """Old and new declarations; a new one stands where the one that it replaces stood."""
    places = {key: place for place, declaration in enumerate(old) for key in _keys(declaration)}
    merged: list[Declaration | None] = list(old)
    for declaration in new:
        found = sorted({places.pop(key) for key in _keys(declaration) if key in places})
        for place in found:
            merged[place] = None
        if found:
            merged[found[0]] = declaration
        else:
            merged.append(declaration)
    return tuple(declaration for declaration in merged if declaration is not None)


def _keys(declaration: Declaration) -> tuple[object, ...]:
    """What no two declarations of a program share: the kind and the name, and an event's number."""
    if isinstance(declaration, Event):
        return (Event, declaration.name), (Event, declaration.seq)
    return ((type(declaration), declaration.name),)


def _place_of(name: str, json: Json) -> Span:
    """Where a key stands in a JSON object; the whole object, if it is written with escapes."""
    match = re.search(rf'"{re.escape(name)}"(?=\s*:)', json.text)
    if match is None:
        return json.span
    return Span(json.span.source, json.span.start + match.start(), json.span.start + match.end())


def shown_time(clock: int) -> str:
    """As a flow test writes it: `2026-01-01 10:00:00`."""
    return iso(moment(clock)).replace("T", " ").removesuffix("Z")
