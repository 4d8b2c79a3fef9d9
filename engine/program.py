"""A program: all the active declarations of an app, compiled. It knows what each happening may start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler
from engine.flows import ReadyFlow, Triggers
from engine.graph import Place as StepPlace
from engine.index import NO_TESTS, Crossings, Tests
from engine.provider import Reader, Values, reader_of
from engine.traces import Layout
from engine.watch import Watched, watched
from grammar.built_in import DERIVED, segments_of
from grammar.names import TRACK_EVENT_VARIABLES
from grammar.nodes import Constant, Script
from grammar.scope import Place, Scope
from variables.catalogue import Catalogue, EventField, Variable
from variables.profile import Profile
from variables.values import Value

UTC = ZoneInfo("UTC")


@dataclass(slots=True)
class Occurrence:
    """What happened to a visitor, as far as flows may be waiting for it. `track`: what they may read of the event."""

    event: EventField | None = None
    track: Mapping[str, Value] = field(default_factory=dict)
    visit: bool = False
    identify: bool = False
    entered: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    data: bytes = b""
    """Of the event, as JSON, where anything is read of it."""


NOTHING_HAPPENED = Occurrence()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event may start, in order of declaration. `whens` tests their conditions, in the same order.

    `reads_event`: whether anything is read of the event itself.
    """

    flows: tuple[ReadyFlow, ...]
    whens: Tests
    reads_event: bool
    happened: Occurrence
    """The event, where nothing is read of it."""
    at_once: tuple[Compiled, Reader] | None = None
    """The one function that tests all of the conditions, and what reads its variables, where that is all it takes."""

    def called_for(
        self, profile: Profile, variables: Mapping[str, Variable], track: Mapping[str, Value], now: datetime
    ) -> list[ReadyFlow]:
        """The flows whose `when` is true of a visitor; `track`: what they may read of the event."""
        if self.at_once is None:
            places = self.whens.true(Values(profile, variables, track), now)
        else:
            tests, read = self.at_once
            places = sorted(tests.run(read(profile.fields), now))
        return [self.flows[place] for place in places]


NOBODY = Plan((), NO_TESTS, reads_event=False, happened=NOTHING_HAPPENED)


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The flows that something else than an event may start, by what it is: a visit, a segment, a variable."""

    visit: tuple[ReadyFlow, ...]
    identify: tuple[ReadyFlow, ...]
    enters: Mapping[str, Sequence[ReadyFlow]]
    leaves: Mapping[str, Sequence[ReadyFlow]]
    changes: Mapping[str, Sequence[ReadyFlow]]

    def __bool__(self) -> bool:
        return bool(self.visit or self.identify or self.enters or self.leaves or self.changes)

    @classmethod
    def of(cls, flows: Sequence[ReadyFlow]) -> Self:
        return cls(
            tuple(flow for flow in flows if flow.triggers.visit),
            tuple(flow for flow in flows if flow.triggers.identify),
            _by_name(flows, lambda triggers: triggers.enters),
            _by_name(flows, lambda triggers: triggers.leaves),
            _by_name(flows, lambda triggers: triggers.changes),
        )

    def triggered(self, occurrence: Occurrence) -> list[ReadyFlow]:
        """The flows for which what they wait for has happened; one that waits for two things may come twice."""
        found: list[ReadyFlow] = []
        if occurrence.visit:
            found += self.visit
        if occurrence.identify:
            found += self.identify
        for flows, names in (
            (self.enters, occurrence.entered),
            (self.leaves, occurrence.left),
            (self.changes, occurrence.changed),
        ):
            if flows and names:
                for name in names:
                    found += flows.get(name, ())
        return found


@dataclass(frozen=True, slots=True)
class Program:
    """One version. `resets`: SEQ of events that were given another UUID, and the version that did it.

    `stops`: flows whose runs were to end with the coming of a version, and the last such version.
    """

    version: int
    script: Script = field(repr=False)
    """What it was compiled from."""
    zone: ZoneInfo
    catalogue: Catalogue
    flows: Mapping[str, ReadyFlow]
    """By name, in order of declaration."""
    segments: Mapping[str, Compiled]
    derived: Mapping[str, Compiled]
    """Names that are computed from others, such as `is_online`."""
    resets: Mapping[int, int]
    stops: Mapping[str, int]
    edges: Crossings[ReadyFlow]
    """Flows that start when their condition comes true, whatever made it so."""
    borders: Mapping[str, Watched]
    """Segments that a flow waits for somebody to enter or leave."""
    timed: Crossings[Watched]
    """Conditions of edges and borders that time alone can turn."""
    plans: Mapping[int, Plan] = field(repr=False)
    """By SEQ, what an event may start."""
    layout: Layout
    """Of the traces that are recorded under it."""
    _otherwise: Otherwise = field(repr=False)
    starts_otherwise: bool = field(init=False)
    """Whether anything else than an event may start a flow."""
    watches: bool = field(init=False)
    """Whether a visitor is watched whatever happens."""
    listens_to_changes: bool = field(init=False)
    """Whether a flow waits for the change of a variable."""
    compares: bool = field(init=False)
    """Whether anything that a flow waits for is the difference of before and after."""

    def __post_init__(self) -> None:
        watches, listens_to_changes = bool(self.edges.all or self.borders), bool(self._otherwise.changes)
        object.__setattr__(self, "starts_otherwise", bool(self._otherwise or self.edges.all))
        object.__setattr__(self, "watches", watches)
        object.__setattr__(self, "listens_to_changes", listens_to_changes)
        object.__setattr__(self, "compares", watches or listens_to_changes)

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
        conditions = segments_of(script)
        compiler = Compiler(Scope.of(script, Place.EVENT | Place.RUN), zone, conditions, DERIVED)
        flows = [ReadyFlow.of(flow, order, compiler, catalogue) for order, flow in enumerate(script.flows)]
        crossed = set[str]().union(*(flow.triggers.enters | flow.triggers.leaves for flow in flows))
        borders = {name: watched(conditions[name], compiler) for name in conditions if name in crossed}
        edges = [(script.flows[flow.order].when, flow.edge, flow) for flow in flows]
        watched_edges = [(when, edge, flow) for when, edge, flow in edges if when is not None and edge is not None]
        watches = [
            *((when, edge) for when, edge, _ in watched_edges),
            *((conditions[name], border) for name, border in borders.items()),
        ]
        plans = {event.seq: _plan(event, flows, script, compiler, catalogue) for event in catalogue.events.values()}
        return cls(
            version,
            script,
            zone,
            catalogue,
            {flow.name: flow for flow in flows},
            {name: compiler.condition(condition) for name, condition in conditions.items()},
            {name: compiler.condition(expression) for name, expression in DERIVED.items()},
            resets or {},
            stops or {},
            Crossings.of([(when, edge.reads, flow) for when, edge, flow in watched_edges], compiler),
            borders,
            Crossings.of([(condition, each.reads, each) for condition, each in watches if each.timed], compiler),
            plans,
            Layout.of(flows, [plan.whens.reads for plan in plans.values()], catalogue.variables),
            Otherwise.of(flows),
        )

    @property
    def listens(self) -> bool:
        """Whether a flow waits for the change of a variable, or for somebody to enter or leave a segment."""
        return bool(self.listens_to_changes or self.borders)

    def place(self, flow: str, step: int) -> StepPlace | None:
        """Where a step of a flow, by its number, stands in the text; None for what this version has not."""
        places = self.flows[flow].graph.places if flow in self.flows else ()
        return places[step] if step in range(len(places)) else None

    def plan(self, event: EventField) -> Plan:
        return self.plans.get(event.seq, NOBODY)

    def triggered(self, occurrence: Occurrence) -> list[ReadyFlow]:
        """The flows for which something else than an event has happened that they wait for."""
        return self._otherwise.triggered(occurrence)

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


def _plan(
    event: EventField, flows: Sequence[ReadyFlow], script: Script, compiler: Compiler, catalogue: Catalogue
) -> Plan:
    started = [ready for ready in flows if event.seq in ready.triggers.events]
    if not started:
        return replace(NOBODY, happened=Occurrence(event))
    whens = [script.flows[ready.order].when or Constant(script.flows[ready.order].span, True) for ready in started]
    tests = Tests.of(whens, compiler)
    reads_event = any(flow.of_event for flow in started) or not tests.reads.isdisjoint(TRACK_EVENT_VARIABLES)
    return Plan(tuple(started), tests, reads_event, Occurrence(event), _at_once(tests, catalogue))


def _at_once(tests: Tests, catalogue: Catalogue) -> tuple[Compiled, Reader] | None:
    alone, variables = tests.alone, catalogue.variables
    if alone is None or not variables.keys() >= alone.reads:
        return None
    return alone, reader_of([variables[name] for name in alone.order])


def _by_name(
    flows: Sequence[ReadyFlow], named: Callable[[Triggers], frozenset[str]]
) -> Mapping[str, Sequence[ReadyFlow]]:
    found: dict[str, list[ReadyFlow]] = {}
    for flow in flows:
        for name in named(flow.triggers):
            found.setdefault(name, []).append(flow)
    return found
