"""How a flow stands with a visitor now: whether its condition holds, until when, and what would refuse a start."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.explanation import wording
from engine.explanation.parts import Conditions, Given, Reading
from engine.flows import ReadyFlow
from engine.looks import NEVER
from engine.program import Program
from engine.provider import Values
from engine.running import next_opening
from grammar.built_in import segments_of
from grammar.nodes import (
    Flow,
    OnAnyEvent,
    OnChange,
    OnEnter,
    OnEvent,
    OnEventSeq,
    OnIdentify,
    OnLeave,
    OnVisit,
    Trigger,
)
from variables.profile import Profile, without_reset_events
from variables.runs import Run
from variables.tally import NOTHING
from variables.values import moment


@dataclass(frozen=True, slots=True)
class Present:
    """`condition`: the flow's `when` at this instant, None if it has none. `until`: to when time alone leaves it as it
    is (milliseconds; None: for good, or it is not watched). `lines`: all that there is to say.
    """

    lines: tuple[str, ...]
    condition: Reading | None = None
    until: int | None = None


def present(name: str, profile: Profile, program: Program, versions: Mapping[int, Program], now: int) -> Present:
    """A flow of the newest program now (milliseconds). `versions`: the programs of the visitor's runs."""
    return _Present(program.flows[name], without_reset_events(profile, program.resets), program, versions, now).tell()


class _Present:
    def __init__(
        self, flow: ReadyFlow, profile: Profile, program: Program, versions: Mapping[int, Program], now: int
    ) -> None:
        self._flow = flow
        self._node = program.script.flows[flow.order]
        self._profile = profile
        self._program = program
        self._versions = versions
        self._now = now
        self._conditions = Conditions(program)
        self._tense = wording.Tense(program.zone, past=False)
        own = {"run_time": moment(now)}
        self._environment = Values(profile, program.catalogue.variables, own)
        known = frozenset({*program.catalogue.variables, *own, "visitor_id"})
        self._given = Given(self._environment, known, moment(now))

    def tell(self) -> Present:
        runs = [run for _, run in sorted(self._profile.runs.items()) if run.flow == self._flow.name]
        lines = [*self._tally(), *runs_now(runs, self._versions, self._program), *self._segments()]
        on, condition, until = triggers(self._node), None, None
        if self._node.when is not None:
            condition = self._conditions.read(self._node.when, self._given)
            said, until = self._about(condition, on)
            lines += said
        refusals = list(self._refusals(is_running=any(run.in_progress for run in runs)))
        if refusals or condition is None or condition.holds:
            lines.append(wording.would_start(on, refusals))
        if self._flow.hours is not None:
            local = moment(self._now).astimezone(self._flow.hours.zone)
            if not self._flow.hours.window.holds(local):
                lines.append(wording.outside_hours(self._clock(next_opening(self._flow.hours, self._now))))
        return Present(tuple(lines), condition, until)

    def _clock(self, at: int) -> str:
        return wording.clock(at, self._program.zone)

    def _tally(self) -> Iterator[str]:
        tally = self._profile.tallies.get(self._flow.name, NOTHING)
        yield wording.starts_so_far(
            self._flow.name, tally.starts, self._clock(tally.times[-1]) if tally.times else None
        )
        for event in self._program.catalogue.events.values():
            if event.seq in self._flow.triggers.events:
                count = int(self._profile.fields.get(event.count, b"0"))
                raw = self._profile.fields.get(event.last_time)
                yield wording.last_happened(event.name, count, None if raw is None else self._clock(int(raw)))

    def _segments(self) -> Iterator[str]:
        """Whether the visitor is in the segments that the flow waits for somebody to enter or leave."""
        conditions = segments_of(self._program.script)
        for segment in sorted(self._flow.triggers.enters | self._flow.triggers.leaves):
            reading = self._conditions.read(conditions[segment], self._given)
            why = self._tense.with_values(reading) if reading.holds else self._tense.why(reading)
            yield wording.segment_now(segment, why, inside=bool(reading.holds))

    def _about(self, condition: Reading, on: Sequence[str]) -> tuple[list[str], int | None]:
        """What is true now, and until when by time alone: of watched conditions that is known."""
        if condition.holds is None:
            return [wording.depends_on_event(on)], None
        if condition.holds:
            lines = [wording.holds_now(self._tense.with_values(condition))]
        else:
            lines = [wording.false_now(self._tense.why(condition))]
        edge = self._flow.edge
        if edge is None:
            return lines, None
        holds, until = edge.look(self._environment, self._now)
        if until >= NEVER:
            return [*lines, wording.until_when(None, turns=False, holds=holds)], None
        turns = bool(edge.compiled.evaluate(self._environment, moment(until))) is not holds
        return [*lines, wording.until_when(self._clock(until), turns=turns, holds=holds)], until

    def _refusals(self, *, is_running: bool) -> Iterator[str]:
        """What would refuse a start now, in the engine's own order."""
        if is_running:
            yield wording.IN_PROGRESS
        tally = self._profile.tallies.get(self._flow.name, NOTHING)
        if self._flow.limit is not None and not tally.allows(*self._flow.limit, self._now):
            until = tally.next_start(*self._flow.limit)
            yield wording.limit_reached(self._node.limit, None if until is None else self._clock(until))
        if self._node.exit is not None:
            exit = self._conditions.read(self._node.exit, self._given)
            if exit.holds:
                yield wording.exit_is_true(self._tense.with_values(exit))


def runs_now(runs: Sequence[Run], versions: Mapping[int, Program], shown_in: Program) -> Iterator[str]:
    """Where runs wait, in which line and until when."""

    def clock(at: int | None) -> str | None:
        return None if at is None else wording.clock(at, shown_in.zone)

    for run in runs:
        if run.at is not None:
            program = versions.get(run.version)
            place = None if program is None else program.place(run.flow, run.at)
            yield wording.waits_now(place, run.version, clock(run.since), clock(run.due))
        elif run.goal is not None:
            yield wording.goal_open(wording.clock(run.goal, shown_in.zone))


def triggers(flow: Flow) -> Sequence[str]:
    """What a flow names after its `on`, in words."""
    return [_trigger(trigger) for trigger in flow.triggers]


def _trigger(trigger: Trigger) -> str:
    match trigger:
        case OnEvent(name=name):
            return name
        case OnEventSeq(seq=seq):
            return f"event {seq}"
        case OnAnyEvent():
            return "event of any kind"
        case OnVisit():
            return "visit"
        case OnIdentify():
            return "identification"
        case OnEnter(segment=segment):
            return f"entering of {segment}"
        case OnLeave(segment=segment):
            return f"leaving of {segment}"
        case OnChange(variable=variable):
            return f"change of {variable}"
