"""The core, a pure function: an item and a visitor's profile in, the profile after it and its messages out.

It does no I/O and reads no clock and no random source: `cause` carries the instant, the stamp of the log entry. The
same function runs in the processor, in flow tests and in explanations; replaying a log gives the same bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b

from pydantic_core import from_json, to_json

from engine.compile import Compiled
from engine.graph import Branch, End, Position, Ready, Send, Write
from engine.program import Program, ReadyFlow
from variables.items import Item, Receipt, Track
from variables.profile import NEVER, Profile, event_time, fold, write_all
from variables.store import EntryId, Message
from variables.values import Misfit, Value, iso, moment, write


@dataclass(frozen=True, slots=True)
class Cause:
    """The item's place in the log: its entry, and its index in the entry's batch."""

    entry: EntryId
    index: int = 0

    @property
    def now(self) -> int:
        """The instant, in milliseconds."""
        return self.entry.stamp


class Outcome(StrEnum):
    STARTED = "started"
    LIMIT = "refused: the limit is reached"


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the trace: a flow whose condition was true, and what came of it."""

    flow: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Stepped:
    profile: Profile
    messages: tuple[Message, ...] = ()
    trace: tuple[Decision, ...] = ()


def step(profile: Profile, item: Item, cause: Cause, program: Program) -> Stepped:
    """One item. An item that is a second copy, or that the program does not know, leaves the profile as it is."""
    folded = fold(profile, item, cause.now, program.catalogue)
    if folded is None:
        return Stepped(profile)
    if isinstance(item.content, Receipt):
        return Stepped(_receive(folded, item.content))
    if isinstance(item.content, Track):
        return _start_flows(_Happening(item, item.content, cause, program, folded))
    return Stepped(folded)


# Receipts -------------------------------------------------------------------------------------------------------------

_RANKS = {"sent": 0, "shown": 1, "closed": 2, "clicked": 3}


def _receive(profile: Profile, receipt: Receipt) -> Profile:
    """A receipt never takes a message back to an earlier status, and says nothing of one not in the inbox."""
    known = profile.inbox.get(receipt.message)
    if known is None or _RANKS[receipt.status] <= _RANKS[known]:
        return profile
    return replace(profile, inbox={**profile.inbox, receipt.message: receipt.status})


# Flows ----------------------------------------------------------------------------------------------------------------


def _start_flows(happening: "_Happening") -> Stepped:
    """Every `when` is tested before any run starts; then the runs start in order of declaration."""
    plan, profile = happening.plan, happening.folded
    if not plan.flows:
        return Stepped(profile)
    values = [happening.value(profile, name) for name in plan.whens.order]
    places: list[int] = plan.whens.run(values, happening.now)
    called_for = [plan.flows[place] for place in places]
    if not called_for:
        return Stepped(profile)
    messages: list[Message] = []
    trace: list[Decision] = []
    for flow in called_for:
        starts = profile.starts.get(flow.name, NEVER)
        if flow.limit is not None and not starts.allow(*flow.limit, happening.cause.now):
            trace.append(Decision(flow.name, Outcome.LIMIT))
            continue
        trace.append(Decision(flow.name, Outcome.STARTED))
        profile = replace(profile, starts={**profile.starts, flow.name: starts.and_now(happening.cause.now)})
        run = _Run(happening, flow, profile, messages)
        run.go()
        profile = run.profile
    return Stepped(profile, tuple(messages), tuple(trace))


class _Happening:
    """A tracked event that was folded: what flows are started by, and where the names they read get their values."""

    def __init__(self, item: Item, track: Track, cause: Cause, program: Program, folded: Profile) -> None:
        self.item = item
        self.track = track
        self.cause = cause
        self.folded = folded
        self.event = program.catalogue.event(track.name, track.uuid)
        self.plan = program.plan(self.event)
        self.now = moment(cause.now)
        self._variables = program.catalogue.variables

    def environment(self, profile: Profile, names: Iterable[str]) -> dict[str, Value]:
        """The variable provider: the values of the names that a program reads."""
        return {name: self.value(profile, name) for name in names}

    def value(self, profile: Profile, name: str) -> Value:
        """The value of a name, out of a profile or of what happens."""
        variable = self._variables.get(name)
        if variable is not None:
            return variable.read(profile.fields)
        return profile.visitor if name == "visitor_id" else self._own[name]

    @cached_property
    def _own(self) -> Mapping[str, Value]:
        """What only a run has: the `track_event_…` names, frozen as they are at its start, and its times."""
        return {
            "run_time": self.now,
            "step_time": None,  # of a wait, and nothing waits yet
            "track_event_seq": self.event.seq,
            "track_event_name": self.event.name,
            "track_event_uuid": self.event.uuid,
            "track_event_count": int(self.folded.fields[self.event.count]),
            "track_event_data": from_json(self.track.data),
            "track_event_time": moment(event_time(self.item, self.track, self.cause.now)),
        }


class _Run:
    """One visitor's way through a flow: takes its steps, changes its `profile`, and adds to the item's `messages`."""

    def __init__(self, happening: _Happening, flow: ReadyFlow, profile: Profile, messages: list[Message]) -> None:
        self.profile = profile
        self.messages = messages
        self._happening = happening
        self._flow = flow
        self._environment = happening.environment(profile, flow.graph.reads)

    def go(self) -> None:
        steps = self._flow.graph.steps
        position: Position = 0
        while position is not None:
            position = self._take(steps[position])

    def _take(self, step: Ready) -> Position:
        """Does what a step says; returns where the run goes on."""
        match step:
            case Send():
                self._send(step)
                return step.next
            case Write():
                self._write(step)
                return step.next
            case Branch():
                return next((then for condition, then in step.arms if self._value(condition)), step.otherwise)
            case End():
                return None
            case _:
                raise NotImplementedError(f"{step}: the check refuses flows with steps that cannot run yet")

    def _value(self, compiled: Compiled) -> Value:
        return compiled.evaluate(self._environment, self._happening.now)

    def _write(self, ready: Write) -> None:
        """What a `set` writes is seen at once; a value that does not fit the field writes nothing."""
        try:
            raw = write(self._value(ready.value), ready.variable.kind)
        except Misfit:
            return
        fields = dict(self.profile.fields)
        write_all(fields, {ready.variable.key: raw})
        self.profile = replace(self.profile, fields=fields)
        self._environment = self._happening.environment(self.profile, self._flow.graph.reads)

    def _send(self, send: Send) -> None:
        id = self._message_id()
        body = {
            "id": id,
            "flow": self._flow.name,
            "text": self._value(send.text),
            "sender": None if send.sender is None else self._line(send.sender),
            "button": None if send.button is None else {part: self._line(text) for part, text in send.button.items()},
            "time": iso(self._happening.now),
        }
        self.messages.append(Message(self.profile.visitor, id, to_json(body)))
        self.profile = replace(self.profile, inbox={**self.profile.inbox, id: "sent"})

    def _line(self, compiled: Compiled) -> str:
        """A text that has no line breaks."""
        return " ".join(self._value(compiled).splitlines())

    def _message_id(self) -> str:
        """Follows from the log alone, so that a replay gives it again; ids of one visitor sort by time of sending."""
        (stamp, sequence), index = self._happening.cause.entry, self._happening.cause.index
        place = f"{stamp:013}-{sequence:06x}-{index:03x}-{len(self.messages):04x}"
        of_whom = f"{self.profile.visitor}\0{self._flow.name}".encode()
        return f"{place}-{blake2b(of_whom, digest_size=8).hexdigest()}"
