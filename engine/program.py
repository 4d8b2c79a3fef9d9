"""A program: all the active declarations of an app, compiled. It knows what each flow reads and each event starts."""

from ast import Module
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler
from engine.graph import Graph, in_milliseconds
from grammar.built_in import DERIVED, segments_of
from grammar.nodes import Constant, Flow, Limit, OnAnyEvent, OnEvent, OnEventSeq, Script
from grammar.scope import Place, Scope
from variables.catalogue import Catalogue, EventField
from variables.profile import Profile
from variables.values import Value

UTC = ZoneInfo("UTC")


# Flows, ready to run -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadyFlow:
    """One flow, compiled. `events`: SEQ of those that start it."""

    name: str
    events: frozenset[int]
    limit: tuple[int, int | None] | None
    """How many starts, in how many milliseconds (None: in all)."""
    graph: Graph


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event may start, in order of declaration. `whens` gives the places of the flows whose `when` is true."""

    flows: tuple[ReadyFlow, ...]
    whens: Compiled


NOBODY = Plan((), Compiled(lambda values, now: [], (), lambda: Module([], [])))


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
        plans = {event.seq: builder.plan(event, flows, script) for event in catalogue.events.values()}
        return cls(version, catalogue, flows, segments, derived, resets or {}, plans)

    def plan(self, event: EventField) -> Plan:
        return self.plans.get(event.seq, NOBODY)

    def values(self, profile: Profile, now: datetime) -> dict[str, Value]:
        """Every variable's value for a visitor at an instant, the derived ones among them, by name."""
        values = {name: variable.read(profile.fields) for name, variable in self.catalogue.variables.items()}
        derived = {name: bool(compiled.evaluate(values, now)) for name, compiled in self.derived.items()}
        return {**values, **derived}

    def segments_of(self, profile: Profile, now: datetime) -> list[str]:
        """The names of the segments that a visitor is in at an instant."""
        return [name for name in self.segments if self.is_in(name, profile, now)]

    def is_in(self, segment: str, profile: Profile, now: datetime) -> bool:
        """Whether a visitor is in a segment at an instant; nobody is, before the first item."""
        if not profile.fields:
            return False
        compiled, variables = self.segments[segment], self.catalogue.variables
        values = {name: variables[name].read(profile.fields) for name in compiled.reads if name in variables}
        return bool(compiled.evaluate({**values, "visitor_id": profile.visitor}, now))


class _Builder:
    """Makes flows ready to run."""

    def __init__(self, script: Script, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self.catalogue = catalogue
        self.segments = segments_of(script)
        self.compiler = Compiler(Scope.of(script, Place.EVENT | Place.RUN), zone, self.segments, DERIVED)

    def flow(self, flow: Flow) -> ReadyFlow:
        graph = Graph.of(flow.steps, self.compiler, self.catalogue.variables)
        return ReadyFlow(flow.name, self._events(flow), _limit(flow.limit), graph)

    def plan(self, event: EventField, flows: Sequence[ReadyFlow], script: Script) -> Plan:
        started = [(ready, flow) for ready, flow in zip(flows, script.flows, strict=True) if event.seq in ready.events]
        if not started:
            return NOBODY
        whens = [Constant(flow.span, True) if flow.when is None else flow.when for _, flow in started]
        return Plan(tuple(ready for ready, _ in started), self.compiler.conditions(whens))

    def _events(self, flow: Flow) -> frozenset[int]:
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


def _limit(limit: Limit | None) -> tuple[int, int | None] | None:
    return None if limit is None else (limit.count, None if limit.per is None else in_milliseconds(limit.per))
