"""A program: all the active declarations of an app, compiled. It knows what each happening may start."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler
from engine.flows import ReadyFlow, Triggers
from engine.watch import Watched, watched
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.names import TRACK_EVENT_VARIABLES
from grammar.nodes import Script
from grammar.scope import Place, Scope
from variables.catalogue import Catalogue, EventField
from variables.profile import Profile
from variables.values import Value

UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What happened to a visitor, as far as flows may be waiting for it. `track`: what they may read of an event."""

    event: EventField | None = None
    track: Mapping[str, Value] = field(default_factory=dict)
    visit: bool = False
    identify: bool = False
    entered: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Program:
    """One version. `resets`: SEQ of events that were given another UUID, and the version that did it.

    `stops`: flows whose runs were to end with the coming of a version, and the last such version.
    """

    version: int
    catalogue: Catalogue
    flows: Mapping[str, ReadyFlow]
    """By name, in order of declaration."""
    segments: Mapping[str, Compiled]
    derived: Mapping[str, Compiled]
    """Names that are computed from others, such as `is_online`."""
    resets: Mapping[int, int]
    stops: Mapping[str, int]
    edges: tuple[ReadyFlow, ...]
    """Flows that start when their condition comes true, whatever made it so."""
    borders: Mapping[str, Watched]
    """Segments that a flow waits for somebody to enter or leave."""
    read_events: frozenset[int]
    """Events, by SEQ, that a flow wants to read something of."""
    timed: tuple[Watched, ...]
    """Conditions of edges and borders that time alone can turn."""
    _by_event: Mapping[int, tuple[ReadyFlow, ...]] = field(repr=False)
    """By SEQ, the flows that the event may start."""
    _otherwise: tuple[ReadyFlow, ...] = field(repr=False)
    """The flows that something else than an event may start."""

    @classmethod
    def build(
        cls,
        script: Script,
        version: int = 0,
        zone: ZoneInfo = UTC,
        resets: Mapping[int, int] | None = None,
        stops: Mapping[str, int] | None = None,
    ) -> Self:
        """Compiles a script that the checker found no error in."""
        catalogue = Catalogue.of(script)
        conditions = {**BUILT_IN_SEGMENTS, **{segment.name: segment.condition for segment in script.segments}}
        compiler = Compiler(Scope.of(script, Place.EVENT | Place.RUN), zone, conditions, DERIVED)
        flows = [ReadyFlow.of(flow, order, compiler, catalogue) for order, flow in enumerate(script.flows)]
        crossed = set[str]().union(*(flow.triggers.enters | flow.triggers.leaves for flow in flows))
        borders = {name: watched(conditions[name], compiler) for name in conditions if name in crossed}
        edges = tuple(flow for flow in flows if flow.edge is not None)
        watches = (*(flow.edge for flow in edges), *borders.values())
        return cls(
            version,
            catalogue,
            {flow.name: flow for flow in flows},
            {name: compiler.condition(condition) for name, condition in conditions.items()},
            {name: compiler.condition(expression) for name, expression in DERIVED.items()},
            resets or {},
            stops or {},
            edges,
            borders,
            frozenset().union(*(flow.triggers.events for flow in flows if _reads_event(flow))),
            tuple(watch for watch in watches if watch is not None and watch.timed),
            {event.seq: _started_by(event, flows) for event in catalogue.events.values()},
            tuple(flow for flow in flows if flow.triggers.are_not_only_events),
        )

    @property
    def watches(self) -> bool:
        """Whether a visitor is watched whatever happens."""
        return bool(self.edges or self.borders)

    def started_by(self, event: EventField) -> tuple[ReadyFlow, ...]:
        """The flows that an event may start, in order of declaration."""
        return self._by_event.get(event.seq, ())

    def triggered(self, occurrence: Occurrence) -> list[ReadyFlow]:
        """The flows whose triggers have happened, each once."""
        found = [] if occurrence.event is None else list(self.started_by(occurrence.event))
        for flow in self._otherwise:
            if flow not in found and _is_triggered(flow.triggers, occurrence):
                found.append(flow)
        return found

    def values(self, profile: Profile, now: datetime) -> dict[str, Value]:
        """Every variable's value for a visitor at an instant, the derived ones among them, by name."""
        values = {name: variable.read(profile.fields) for name, variable in self.catalogue.variables.items()}
        derived = {name: bool(compiled.run(values, now)) for name, compiled in self.derived.items()}
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
        return bool(compiled.run({**values, "visitor_id": profile.visitor}, now))


def _reads_event(flow: ReadyFlow) -> bool:
    in_condition = flow.when is not None and not flow.when.reads.isdisjoint(TRACK_EVENT_VARIABLES)
    return in_condition or bool(flow.of_event)


def _started_by(event: EventField, flows: Iterable[ReadyFlow]) -> tuple[ReadyFlow, ...]:
    return tuple(flow for flow in flows if event.seq in flow.triggers.events)


def _is_triggered(triggers: Triggers, occurrence: Occurrence) -> bool:
    """Whether something else than an event, of what a flow waits for, has happened."""
    return (
        (triggers.visit and occurrence.visit)
        or (triggers.identify and occurrence.identify)
        or not triggers.enters.isdisjoint(occurrence.entered)
        or not triggers.leaves.isdisjoint(occurrence.left)
        or not triggers.changes.isdisjoint(occurrence.changed)
    )
