"""Flows, compiled: what starts one, what holds it up or ends it, and its steps."""

from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler
from engine.decisions import Decision, Outcome
from engine.functions import Window
from engine.graph import Graph, in_milliseconds
from engine.watch import Watched, watched
from grammar.names import TRACK_EVENT_VARIABLES
from grammar.nodes import (
    Flow,
    Goal,
    Hours,
    Limit,
    OnAnyEvent,
    OnChange,
    OnEnter,
    OnEvent,
    OnEventSeq,
    OnIdentify,
    OnLeave,
    OnVisit,
)
from variables.catalogue import Catalogue
from variables.tally import Tallies


@dataclass(frozen=True, slots=True)
class Triggers:
    """What a flow's `on` names. `events`: by SEQ; `changes`: variables by name."""

    events: frozenset[int] = frozenset()
    visit: bool = False
    identify: bool = False
    enters: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()

    @property
    def are_not_only_events(self) -> bool:
        return bool(self.visit or self.identify or self.enters or self.leaves or self.changes)

    @classmethod
    def of(cls, flow: Flow, catalogue: Catalogue) -> Self:
        events: set[int] = set()
        enters, leaves, changes = set(), set(), set()
        for trigger in flow.triggers:
            match trigger:
                case OnEvent(name=name):
                    events.add(catalogue.events[name].seq)
                case OnEventSeq(seq=seq):
                    events.add(seq)
                case OnAnyEvent():
                    events.update(event.seq for event in catalogue.events.values())
                case OnEnter(segment=segment):
                    enters.add(segment)
                case OnLeave(segment=segment):
                    leaves.add(segment)
                case OnChange(variable=variable):
                    changes.add(variable)
        return cls(
            frozenset(events),
            any(isinstance(trigger, OnVisit) for trigger in flow.triggers),
            any(isinstance(trigger, OnIdentify) for trigger in flow.triggers),
            frozenset(enters),
            frozenset(leaves),
            frozenset(changes),
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """The hours in which a flow sends."""

    window: Window
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Aim:
    """A flow's goal: a run counts a conversion if it comes true within so many milliseconds of its start."""

    condition: Watched
    within: int


@dataclass(frozen=True, slots=True)
class ReadyFlow:
    """One flow, compiled. `when` is tested where something else than an event happens: those of events are tested
    together, by a plan of the program. In place of triggers a flow has an `edge`.

    `limit`: how many starts, in how many milliseconds (None: in all). `of_event`: what it reads of the event that
    started it.
    """

    name: str
    order: int
    """Its place among the flows of the program."""
    triggers: Triggers
    when: Compiled | None
    edge: Watched | None
    limit: tuple[int, int | None] | None
    hours: Opening | None
    exit: Watched | None
    goal: Aim | None
    graph: Graph
    of_event: frozenset[str]
    heeds_step_time: bool
    """Whether its exit or its goal can turn as a wait begins or ends."""
    used_up: Decision
    """That it is refused for good, since the limit of all its starts is reached."""

    def refusal(self, tallies: Tallies, now: int) -> Decision | None:
        """Why its limit lets no run start at an instant (milliseconds); None: it lets one."""
        if self.limit is None:
            return None
        count, per = self.limit
        if per is None:
            return None if tallies.starts(self.name) < count else self.used_up
        tally = tallies.of(self.name)
        return None if tally.allows(count, per, now) else self.used_up._replace(until=tally.next_start(count, per))

    @property
    def compiled(self) -> tuple[Compiled, ...]:
        """All its expressions and texts, for whoever wants to see them."""
        watches = (self.edge, self.exit, None if self.goal is None else self.goal.condition)
        whole = [watch.compiled for watch in watches if watch is not None]
        return (*([] if self.when is None else [self.when]), *whole, *self.graph.compiled)

    @classmethod
    def of(cls, flow: Flow, order: int, compiler: Compiler, catalogue: Catalogue) -> Self:
        """Compiles a flow that the checker found no error in."""
        graph = Graph.of(flow.steps, compiler, catalogue.variables)
        triggers = Triggers.of(flow, catalogue)
        when = compiler.condition(flow.when) if flow.when is not None and triggers.are_not_only_events else None
        edge = None if flow.when is None or flow.triggers else watched(flow.when, compiler)
        exit = None if flow.exit is None else watched(flow.exit, compiler)
        goal = None if flow.goal is None else _aim(flow.goal, compiler)
        clauses = (exit.reads if exit else frozenset()) | (goal.condition.reads if goal else frozenset())
        return cls(
            flow.name,
            order,
            triggers,
            when,
            edge,
            _limit(flow.limit),
            None if flow.hours is None else _opening(flow.hours, compiler.zone),
            exit,
            goal,
            graph,
            (graph.reads | clauses) & TRACK_EVENT_VARIABLES.keys(),
            "step_time" in clauses,
            Decision(flow.name, Outcome.LIMIT),
        )


def _limit(limit: Limit | None) -> tuple[int, int | None] | None:
    return None if limit is None else (limit.count, None if limit.per is None else in_milliseconds(limit.per))


def _opening(hours: Hours, zone: ZoneInfo) -> Opening:
    texts = (hours.window, hours.days) if hours.days is not None else (hours.window,)
    window = Window.parse(*(str(text.value) for text in texts))
    return Opening(window, zone if hours.zone is None else ZoneInfo(str(hours.zone.value)))


def _aim(goal: Goal, compiler: Compiler) -> Aim:
    return Aim(watched(goal.condition, compiler), in_milliseconds(goal.within))
