"""A program: all the active declarations of an app, compiled. It knows what each flow reads and each event starts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.nodes import (
    Arm,
    Constant,
    Convert,
    Flow,
    If,
    OnAnyEvent,
    OnEvent,
    OnEventSeq,
    Script,
    SendWeb,
    Set,
    Step,
    Stop,
    Template,
)
from grammar.scope import Place, Scope
from variables.catalogue import Catalogue, EventField, Variable
from variables.profile import Profile
from variables.values import MILLISECOND, Value

UTC = ZoneInfo("UTC")


# Steps, ready to run --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    text: Compiled
    sender: Compiled | None
    button: Mapping[str, Compiled] | None
    """`label` and `link`."""


@dataclass(frozen=True, slots=True)
class Write:
    variable: Variable
    value: Compiled


@dataclass(frozen=True, slots=True)
class Branch:
    arms: tuple[tuple[Compiled, "Steps"], ...]
    otherwise: "Steps"


@dataclass(frozen=True, slots=True)
class End:
    pass


Ready = Send | Write | Branch | End
Steps = tuple[Ready, ...]


@dataclass(frozen=True, slots=True)
class ReadyFlow:
    """One flow, compiled. `reads`: the names that its steps read; `when` knows its own."""

    name: str
    triggers: frozenset[int]
    """SEQ of the events that start it."""
    when: Compiled | None
    limit: tuple[int, int | None] | None
    """How many starts, in how many milliseconds (None: in all)."""
    steps: Steps
    reads: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event may start, in order of declaration, and all that the conditions of these flows read."""

    flows: tuple[ReadyFlow, ...]
    reads: frozenset[str]


NOTHING = Plan((), frozenset())


@dataclass(frozen=True, slots=True)
class Program:
    """One version. `resets`: SEQ of events that were given another UUID, and the version that did it."""

    version: int
    catalogue: Catalogue
    flows: tuple[ReadyFlow, ...]
    segments: Mapping[str, Compiled]
    derived: Mapping[str, Compiled]
    """Names that are computed from others, such as `is_online`."""
    resets: Mapping[int, int]
    plans: Mapping[int, Plan] = field(repr=False)
    """By SEQ."""

    @classmethod
    def build(
        cls, script: Script, version: int = 0, zone: ZoneInfo = UTC, resets: Mapping[int, int] | None = None
    ) -> Self:
        """Compiles a script that the checker found no error in."""
        catalogue = Catalogue.of(script)
        builder = _Builder(script, catalogue, zone)
        flows = tuple(builder.flow(flow) for flow in script.flows)
        segments = {name: builder.compiler.condition(condition) for name, condition in builder.segments.items()}
        derived = {name: builder.compiler.condition(expression) for name, expression in DERIVED.items()}
        plans = {event.seq: _plan(event, flows) for event in catalogue.events.values()}
        return cls(version, catalogue, flows, segments, derived, resets or {}, plans)

    def plan(self, event: EventField) -> Plan:
        return self.plans.get(event.seq, NOTHING)

    def values(self, profile: Profile, now: datetime) -> dict[str, Value]:
        """Every variable's value for a visitor at an instant, the derived ones among them, by name."""
        values = {name: variable.read(profile.fields) for name, variable in self.catalogue.variables.items()}
        derived = {name: bool(compiled.run(values, now)) for name, compiled in self.derived.items()}
        return {**values, **derived}

    def segments_of(self, profile: Profile, now: datetime) -> list[str]:
        """The names of the segments that a visitor is in at an instant; nobody is, before the first item."""
        if not profile.fields:
            return []
        values = {"visitor_id": profile.visitor, **self.values(profile, now)}
        return [name for name, compiled in self.segments.items() if compiled.run(values, now)]


def _plan(event: EventField, flows: Iterable[ReadyFlow]) -> Plan:
    started = tuple(flow for flow in flows if event.seq in flow.triggers)
    return Plan(started, frozenset().union(*(flow.when.reads for flow in started if flow.when is not None)))


class _Builder:
    """Makes flows ready to run."""

    def __init__(self, script: Script, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self.catalogue = catalogue
        self.segments = {**BUILT_IN_SEGMENTS, **{s.name: s.condition for s in script.segments}}
        self.compiler = Compiler(Scope.of(script, Place.EVENT | Place.RUN), zone, self.segments, DERIVED)

    def flow(self, flow: Flow) -> ReadyFlow:
        read: set[str] = set()
        steps = self._steps(flow.steps, read)
        when = None if flow.when is None else self.compiler.condition(flow.when)
        limit = None if flow.limit is None else (flow.limit.count, _in_milliseconds(flow.limit.per))
        return ReadyFlow(flow.name, self._triggers(flow), when, limit, steps, frozenset(read))

    def _triggers(self, flow: Flow) -> frozenset[int]:
        seqs: set[int] = set()
        for trigger in flow.triggers:
            match trigger:
                case OnEvent(name=name):
                    seqs.add(self.catalogue.events[name].seq)
                case OnEventSeq(seq=seq):
                    seqs.add(seq)
                case OnAnyEvent():
                    seqs.update(event.seq for event in self.catalogue.events.values())
        return frozenset(seqs)

    def _steps(self, steps: tuple[Step, ...], read: set[str]) -> Steps:
        return tuple(self._step(step, read) for step in steps)

    def _step(self, step: Step, read: set[str]) -> Ready:
        match step:
            case SendWeb():
                return self._send(step, read)
            case If(arms=arms, otherwise=otherwise):
                return Branch(tuple(self._arm(arm, read) for arm in arms), self._steps(otherwise, read))
            case Set(name=name, value=value):
                return Write(self.catalogue.variables[name], self._noted(self.compiler.value(value), read))
            case Convert(type=type_, span=span):
                constant = self.compiler.value(Constant(span, type_))
                return Write(self.catalogue.variables["customer_user_type"], constant)
            case Stop():
                return End()

    def _arm(self, arm: Arm, read: set[str]) -> tuple[Compiled, Steps]:
        return self._noted(self.compiler.condition(arm.condition), read), self._steps(arm.steps, read)

    def _send(self, step: SendWeb, read: set[str]) -> Send:
        def text(template: Template, escape: Callable[[str], str] | None = None) -> Compiled:
            return self._noted(self.compiler.template(template, escape), read)

        sender = None if step.sender is None else text(step.sender)
        if step.button is None:
            return Send(text(step.text), sender, None)
        button = {"label": text(step.button.label), "link": text(step.button.link, in_a_link)}
        return Send(text(step.text), sender, button)

    def _noted(self, compiled: Compiled, read: set[str]) -> Compiled:
        read |= compiled.reads
        return compiled


def _in_milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // MILLISECOND


def in_a_link(text: str) -> str:
    """A value, fit for a link (LANGUAGE.md section 6)."""
    return quote(text, safe="")
