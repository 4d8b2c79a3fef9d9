"""What one recorded moment was to a flow: started, refused, not called for, or what its run did; and why.

The record has the values; what they meant follows from the program that held.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.decisions import REFUSALS, Decision, Outcome
from engine.explanation import wording
from engine.explanation.parts import Conditions, Given, Reading
from engine.graph import Place
from engine.program import Program
from engine.provider import Values
from engine.traces import Raw, Record, instant_of
from grammar.nodes import Expression, If, Name, SendEmail, SendWeb, SendWebhook, Step, WaitUntil
from grammar.walk import steps_within
from variables.profile import Profile
from variables.values import READERS, Value, moment


class Came(StrEnum):
    """What came of a moment for a flow: the words of the API."""

    STARTED = "started"
    FALSE = "condition false"
    """What the flow waits for happened, or what its condition reads changed, and the condition was false."""
    BEFORE = "true before"
    """Its condition was true, and had been true before: it starts only as it turns."""
    UNTOLD = "not to be told"
    """A value that the condition reads was too long to be kept, or another version of Whenflow kept it."""
    LIMIT = "limit"
    IN_PROGRESS = "in progress"
    EXIT = "exit"
    RUN = "run"
    """Nothing about a start, but something of a run."""


@dataclass(frozen=True, slots=True)
class Told:
    """A moment, told. `at`: milliseconds; `happened`: what, in words; `version`: of the program that held.

    `condition`: the flow's `when` at that moment, None if it has none or it was not asked for. `lines`: all that there
    is to say, the first about the start. `messages`: ids of those that were sent.
    """

    at: int
    happened: str
    version: int
    came: Came
    lines: tuple[str, ...]
    condition: Reading | None = None
    messages: tuple[str, ...] = ()


class Teller:
    """Tells of one flow. `programs`: the versions of the records, and of the runs in them, as far as there are any.

    `texts`: of messages that are still in the inbox, by id.
    """

    def __init__(self, flow: str, programs: Mapping[int, Program], texts: Mapping[str, str] | None = None) -> None:
        self._flow = flow
        self._programs = programs
        self._texts = texts or {}
        self._conditions: dict[int, Conditions] = {}

    def tell(self, visitor: str, record: Record) -> Told | None:
        """None if the moment was nothing to the flow."""
        program = self._programs.get(record.version)
        if program is None:
            return None
        tellings = [
            told
            for number in range(len(record.rounds))
            if (told := _Round(self, visitor, record, number, program).tell()) is not None
        ]
        if not tellings:
            return None
        first = next((told for told in tellings if told.came is not Came.RUN), tellings[0])
        lines = tuple(line for told in tellings for line in told.lines)
        messages = tuple(id for told in tellings for id in told.messages)
        return Told(first.at, first.happened, first.version, first.came, lines, first.condition, messages)

    def conditions(self, version: int) -> Conditions:
        """Of a version that is there."""
        if version not in self._conditions:
            self._conditions[version] = Conditions(self._programs[version])
        return self._conditions[version]

    def program(self, version: int) -> Program | None:
        return self._programs.get(version)

    @property
    def flow(self) -> str:
        return self._flow

    def text(self, message: str) -> str | None:
        return self._texts.get(message)


class _Round:
    """One round of a moment, being told."""

    def __init__(self, teller: Teller, visitor: str, record: Record, number: int, program: Program) -> None:
        self._teller = teller
        self._visitor = visitor
        self._record = record
        self._seen = record.rounds[number]
        self._is_first = number == 0
        self._program = program
        self._flow = program.flows.get(teller.flow)
        self._is_readable = record.mark == program.layout.mark
        self._tense = wording.Tense(program.zone, past=True)

    def tell(self) -> Told | None:
        decisions = [decision for decision in self._seen.decisions if self._concerns(decision)]
        start = next((d for d in decisions if d.outcome in _STARTS), None)
        condition = self._condition()
        came = Came(start.outcome.value) if start is not None else self._came(condition)
        said = list(self._run_lines(decisions))
        if came is None and not said:
            return None
        lines = [self._head(came, start, condition), *said]
        sent = tuple(decision.detail for decision in decisions if decision.outcome is Outcome.SENT)
        told = came or Came.RUN
        return Told(self._record.now, self._happened, self._record.version, told, tuple(lines), condition, sent)

    def _concerns(self, decision: Decision) -> bool:
        if decision.outcome is Outcome.DROPPED:
            return self._teller.flow in decision.detail.split(" → ")
        return decision.flow == self._teller.flow

    @property
    def _happened(self) -> str:
        return wording.happened(self._record.what if self._is_first else "set by a flow", self._event_name, self._seen)

    @property
    def _event_name(self) -> str | None:
        return next((e.name for e in self._program.catalogue.events.values() if e.seq == self._seen.seq), None)

    # The start

    def _condition(self) -> Reading | None:
        """The flow's `when`, as it was."""
        when = None if self._flow is None else self._program.script.flows[self._flow.order].when
        if when is None or not (self._is_called or self._may_have_turned):
            return None
        return self._read(when, self._given(self._seen.fields))

    def _came(self, condition: Reading | None) -> Came | None:
        """What came of it, where nothing was decided about a start."""
        if condition is None or not (self._is_called or self._may_have_turned):
            return None
        if condition.holds is False:
            return Came.FALSE
        if self._was_true():
            return Came.BEFORE
        return Came.UNTOLD

    @property
    def _is_called(self) -> bool:
        """Whether something happened that the flow names after its `on`."""
        if self._flow is None:
            return False
        seen, on = self._seen, self._flow.triggers
        return bool(
            seen.seq in on.events
            or (on.visit and self._record.what == "visit" and self._is_first)
            or (on.identify and seen.identify)
            or on.enters.intersection(seen.entered)
            or on.leaves.intersection(seen.left)
            or on.changes.intersection(seen.changed)
        )

    @property
    def _may_have_turned(self) -> bool:
        """Whether something that the flow's condition reads was changed, for a flow that starts as it comes true."""
        if self._flow is None or self._flow.edge is None or not self._is_readable:
            return False
        if any(d.flow == self._flow.name and d.outcome in _STARTS for d in self._seen.decisions):
            return True
        keys, reads = self._program.layout.keys, self._flow.edge.compiled.reads
        return self._seen.since is None and (
            self._seen.is_birth or any(keys[place].decode() in reads for place in self._seen.before)
        )

    def _was_true(self) -> bool:
        """Whether the condition of an edge had held before."""
        if self._flow is None or self._flow.edge is None or self._seen.is_birth:
            return False
        when = self._program.script.flows[self._flow.order].when
        assert when is not None
        fields = list(self._seen.fields)
        for place, raw in self._seen.before.items():
            fields[place] = raw
        return self._read(when, self._given(fields)).holds is True

    def _head(self, came: Came | None, start: Decision | None, condition: Reading | None) -> str:
        at = wording.clock(self._record.now, self._program.zone)
        flow, happened = self._teller.flow, self._happened
        match came:
            case None:
                return wording.went_on(flow, at, happened)
            case Came.STARTED:
                return wording.started(flow, at, happened, self._tense.with_values(condition) if condition else None)
            case Came.FALSE:
                assert condition is not None
                return wording.false(flow, at, happened, self._tense.why(condition))
            case Came.BEFORE:
                assert condition is not None
                return wording.true_before(flow, at, happened, self._tense.with_values(condition))
            case Came.UNTOLD:
                return wording.untold(flow, at, happened)
        assert start is not None
        return wording.refused(flow, at, happened, self._refusal(start))

    def _refusal(self, start: Decision) -> str:
        zone = self._program.zone
        match start.outcome:
            case Outcome.LIMIT:
                assert self._flow is not None
                limit = self._program.script.flows[self._flow.order].limit
                until = None if start.until is None else wording.clock(start.until, zone)
                return wording.limit_reached(limit, until)
            case Outcome.IN_PROGRESS:
                until = None if start.until is None else wording.clock(start.until, zone)
                return wording.in_progress(self._place(start), until)
        exit = None if self._flow is None else self._program.script.flows[self._flow.order].exit
        return wording.exit_holds(None if exit is None else self._held(exit, None))

    # Runs

    def _run_lines(self, decisions: Sequence[Decision]) -> Iterator[str]:
        for decision in decisions:
            if decision.outcome not in _STARTS:
                yield self._line(decision)

    def _line(self, decision: Decision) -> str:
        place, step = self._place(decision), self._step(decision)
        zone = self._program.zone
        until = None if decision.until is None else wording.clock(decision.until, zone)
        match decision.outcome:
            case Outcome.DROPPED:
                return wording.dropped(decision.detail)
            case Outcome.SENT:
                return wording.sent(_channel(step), place, decision.detail, self._teller.text(decision.detail))
            case Outcome.NO_ADDRESS:
                if not isinstance(step, SendEmail):
                    return wording.no_address(place, "")
                to = step.to or Name(step.span, "user_email")
                return wording.no_address(place, self._values(to, decision))
            case Outcome.HELD:
                return wording.held(place, until)
            case Outcome.BRANCHED:
                return wording.branched(place, self._branches(step, decision), bool(decision.detail))
            case Outcome.DIVIDED:
                return wording.divided(place, decision.detail)
            case Outcome.MISFIT:
                return wording.misfit(place, decision.detail)
            case Outcome.WAITS:
                return wording.waits(place, until, at_most=isinstance(step, WaitUntil))
            case Outcome.WENT_ON:
                return wording.wait_over(place)
            case Outcome.REACHED:
                return (
                    wording.reached(place, self._held(step.condition, decision)) if isinstance(step, WaitUntil) else ""
                )
            case Outcome.TIMED_OUT:
                return wording.timed_out(place)
            case Outcome.CONVERTED:
                goal = self._flow_node(decision, "goal")
                return wording.converted(None if goal is None else self._held(goal, decision))
            case Outcome.EXITED:
                exit = self._flow_node(decision, "exit")
                return wording.exited(None if exit is None else self._held(exit, decision))
            case Outcome.STOPPED:
                return wording.STOPPED
        return wording.ENDED

    def _flow_node(self, decision: Decision, clause: str) -> Expression | None:
        """The condition of a flow's `exit` or `goal`, in the version of a run."""
        program = self._teller.program(decision.version or self._record.version)
        if program is None or decision.flow not in program.flows:
            return None
        flow = program.script.flows[program.flows[decision.flow].order]
        if clause == "exit":
            return flow.exit
        return None if flow.goal is None else flow.goal.condition

    def _step(self, decision: Decision) -> Step | None:
        program = self._teller.program(decision.version or self._record.version)
        if program is None or decision.step is None or decision.flow not in program.flows:
            return None
        flow = program.script.flows[program.flows[decision.flow].order]
        return list(steps_within(flow.steps))[decision.step]

    def _place(self, decision: Decision) -> Place | None:
        program = self._teller.program(decision.version or self._record.version)
        if program is None or decision.step is None or decision.flow not in program.flows:
            return None
        return program.flows[decision.flow].graph.places[decision.step]

    def _branches(self, step: Step | None, decision: Decision) -> Sequence[str]:
        """The conditions of an `if`, up to the one that held."""
        if not isinstance(step, If):
            return ()
        taken = int(decision.detail) if decision.detail else None
        arms = step.arms if taken is None else step.arms[: taken + 1]
        return [
            self._held(arm.condition, decision)
            if number == taken
            else self._tense.why(self._as_it_came(arm.condition, decision, came=False))
            for number, arm in enumerate(arms)
        ]

    def _held(self, condition: Expression, decision: Decision | None) -> str:
        """A condition of a run (None: of one that starts) that was true."""
        return self._tense.with_values(self._as_it_came(condition, decision, came=True))

    def _as_it_came(self, condition: Expression, decision: Decision | None, *, came: bool) -> Reading:
        """A condition whose truth is known; without values where these have another truth: a `set` came between."""
        version = None if decision is None else decision.version
        reading = self._read(condition, self._given(self._seen.fields, decision), version)
        return reading if reading.holds is came else Reading(reading.text, came, ())

    # Values

    def _read(self, condition: Expression, given: Given, version: int | None = None) -> Reading:
        return self._teller.conditions(version or self._record.version).read(condition, given)

    def _values(self, expression: Expression, decision: Decision) -> str:
        given = self._given(self._seen.fields, decision)
        conditions = self._teller.conditions(decision.version or self._record.version)
        return self._tense.values(conditions.values(expression, given))

    def _given(self, raw: Sequence[Raw], decision: Decision | None = None) -> Given:
        """What the record knows; of a run (None: one that starts now) also its own values."""
        now = moment(self._record.now)
        if not self._is_readable:
            return Given({}, frozenset(), now)
        layout, variables = self._program.layout, self._program.catalogue.variables
        fields = {key: value for key, value in zip(layout.keys, raw, strict=True) if isinstance(value, bytes)}
        known = {key.decode() for key, value in zip(layout.keys, raw, strict=True) if not isinstance(value, int)}
        run = self._record.place if decision is None else decision.run or self._record.place
        own: dict[str, Value] = {"run_time": moment(instant_of(run))}
        if run.startswith(self._record.place):
            own.update(self._track())
        environment = Values(Profile(self._visitor, fields), variables, own)
        return Given(environment, frozenset({*known, *own, "visitor_id"}), now)

    def _track(self) -> dict[str, Value]:
        """The `track_event_…` names, as far as they were kept."""
        record, name = self._record, self._event_name
        if record.event is None or name is None:
            return {}
        data, time, count = record.event
        values: dict[str, Value] = {
            "track_event_seq": self._seen.seq,
            "track_event_name": name,
            "track_event_uuid": self._program.catalogue.events[name].uuid,
            "track_event_count": count,
            "track_event_time": moment(time),
        }
        if isinstance(data, bytes):
            values["track_event_data"] = READERS["json"](data)
        return values


_STARTS = REFUSALS | {Outcome.STARTED}


def _channel(step: Step | None) -> str:
    match step:
        case SendWeb():
            return "web"
        case SendEmail():
            return "email"
        case SendWebhook():
            return "webhook"
    return "message"
