"""One run's way through its flow: takes its steps until it waits or ends."""

from dataclasses import dataclass, replace
from hashlib import blake2b, sha256

from pydantic_core import to_json

from engine.compile import Compiled
from engine.decisions import Decision, Outcome
from engine.flows import Opening, ReadyFlow
from engine.functions import json_default
from engine.graph import Branch, Division, Email, End, Pause, Position, Send, Watch, Webhook, Write
from engine.place import Place
from engine.program import Program
from engine.provider import Values
from engine.turns import bounds_of, next_turn
from engine.watch import Watched
from variables.profile import Profile, write_all
from variables.runs import Run
from variables.store import Message, Outgoing
from variables.values import MILLISECOND, Misfit, Value, iso, moment, write


class Effects:
    """What came of one instant of one visitor so far. `place`: that instant in the log; `at`: the same as a text."""

    __slots__ = ("_sent", "_time", "at", "conversions", "messages", "outgoing", "place", "trace")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.at = str(place)
        self.messages: list[Message] = []
        self.outgoing: list[Outgoing] = []
        self.trace: list[Decision] = []
        self.conversions: list[Run] = []
        self._sent = 0
        self._time: str | None = None

    @property
    def time(self) -> str:
        """The instant as JSON has it."""
        if self._time is None:
            self._time = iso(moment(self.place.entry.stamp))
        return self._time

    def message_id(self, visitor: str, flow: str) -> str:
        """Follows from the log alone, so that a replay gives it again; ids of one visitor sort by time of sending."""
        of_whom = blake2b(f"{visitor}\0{flow}".encode("utf-8", "surrogatepass"), digest_size=8)
        self._sent += 1
        return f"{self.at}-{self._sent - 1:04x}-{of_whom.hexdigest()}"


@dataclass(slots=True)
class Running:
    """A run at an instant (milliseconds). Changes `profile` and `run`, and adds to `effects`."""

    profile: Profile
    run: Run
    flow: ReadyFlow
    program: Program
    now: int
    effects: Effects
    arm: str | None = None
    """The arm that this visitor gets at the flow's splits, chosen by a flow test."""

    def go(self, position: Position) -> None:
        """Takes steps from a position on, until the run waits or is over."""
        while position is not None:
            if self.exits():
                self._end(Outcome.EXITED)
                return
            number = position
            match step := self.flow.graph.steps[number]:
                case Send():
                    if self._held(number):
                        return
                    self._send(number, step)
                    position = step.next
                case Email():
                    if self._held(number):
                        return
                    self._mail(number, step)
                    position = step.next
                case Webhook():
                    self._post(number, step)
                    position = step.next
                case Write():
                    self._write(number, step)
                    position = step.next
                case Branch():
                    position = self._branch(number, step)
                case Division():
                    position = self._divide(number, step)
                case Pause():
                    self._wait(number, self.now + step.length)
                    self._tell(Outcome.WAITS, step=number, until=self.run.due)
                    return
                case Watch():
                    self._wait(number, self.now + step.at_most)
                    if not self.holds(step.condition):
                        self._tell(Outcome.WAITS, step=number, until=self.run.due)
                        return
                    self._go_on(Outcome.REACHED, number)
                    position = step.next
                case End():
                    position = None
        self._end(Outcome.ENDED)

    def wake(self) -> None:
        """Goes on if the wait is over: a condition that is true comes before its timeout."""
        at = self.run.at
        assert at is not None
        step = self.flow.graph.steps[at]
        is_over = self.run.due is not None and self.run.due <= self.now
        if isinstance(step, Watch) and self.holds(step.condition):
            self._go_on(Outcome.REACHED, at)
            self.go(step.next)
        elif is_over:
            self._go_on(Outcome.TIMED_OUT if isinstance(step, Watch) else Outcome.WENT_ON, at)
            self.go(step.timeout if isinstance(step, Watch) else step.next if isinstance(step, Pause) else at)

    def leave(self, outcome: Outcome) -> None:
        """Ends the run wherever it is."""
        self._end(outcome)

    # Conditions

    def exits(self) -> bool:
        return self.flow.exit is not None and self.holds(self.flow.exit)

    def holds(self, condition: Watched) -> bool:
        return bool(condition.compiled.evaluate(self._values(), moment(self.now)))

    def _value(self, compiled: Compiled) -> Value:
        return compiled.evaluate(self._values() if compiled.order else {}, moment(self.now))

    def _values(self) -> Values:
        return values_of_run(self.profile, self.run, self.program)

    # Where a run waits and ends

    def _wait(self, at: int, due: int) -> None:
        self.run = self.run.waiting(at, self.now, due)

    def _go_on(self, outcome: Outcome, at: int) -> None:
        """A wait is over."""
        self.run = self.run.waiting(self.run.at, None, None)
        self._tell(outcome, step=at)

    def _held(self, at: int) -> bool:
        """Whether a message has to wait for the flow's hours; then the run waits until they begin."""
        hours = self.flow.hours
        if hours is None or hours.window.holds(moment(self.now).astimezone(hours.zone)):
            return False
        self.run = self.run.waiting(at, None, next_opening(hours, self.now))
        self._tell(Outcome.HELD, step=at, until=self.run.due)
        return True

    def _end(self, outcome: Outcome) -> None:
        self.run = self.run.waiting(None, None, None)
        self._tell(outcome)

    def _tell(self, outcome: Outcome, detail: str = "", step: int | None = None, until: int | None = None) -> None:
        run = self.run
        self.effects.trace.append(Decision(run.flow, outcome, detail, run.id, run.version, step, until))

    # Steps

    def _branch(self, number: int, step: Branch) -> Position:
        for arm, (condition, then) in enumerate(step.arms):
            if self._value(condition):
                self._tell(Outcome.BRANCHED, str(arm), number)
                return then
        self._tell(Outcome.BRANCHED, "", number)
        return step.otherwise

    def _divide(self, number: int, step: Division) -> Position:
        """The arm that the same visitor gets every time, or that a flow test chose."""
        chosen = next((arm for arm in step.arms if self.arm is not None and arm[1] == self.arm), None)
        if chosen is None:
            chosen = arm_of(step, self.flow.name, self.profile.visitor)
        if chosen is None:
            self._tell(Outcome.DIVIDED, "", number)
            return step.otherwise
        percent, name, first = chosen
        arm = name or f"{percent}%"
        self.run = replace(self.run, arms=(*self.run.arms, arm))
        self._tell(Outcome.DIVIDED, arm, number)
        return first

    def _write(self, number: int, step: Write) -> None:
        """What a `set` writes is seen at once; a value that does not fit the field writes nothing."""
        try:
            raw = write(self._value(step.value), step.variable.kind)
        except Misfit as misfit:
            self._tell(Outcome.MISFIT, str(misfit), number)
            return
        fields = dict(self.profile.fields)
        write_all(fields, {step.variable.key: raw})
        self.profile = self.profile.with_fields(fields)

    def _send(self, number: int, step: Send) -> None:
        id = self._message_id(number)
        body = {
            "id": id,
            "flow": self.flow.name,
            "text": self._value(step.text),
            "sender": None if step.sender is None else self._line(step.sender),
            "button": None if step.button is None else {part: self._line(text) for part, text in step.button.items()},
            "time": self.effects.time,
        }
        self.effects.messages.append(Message(self.profile.visitor, id, to_json(body)))
        self.profile = self.profile.with_status(id, "sent")

    def _mail(self, number: int, step: Email) -> None:
        to = self._value(step.to)
        if not isinstance(to, str) or not to.strip():
            self._tell(Outcome.NO_ADDRESS, step=number)
            return
        id = self._message_id(number)
        body = {
            "id": id,
            "flow": self.flow.name,
            "to": _one_line(to),
            "subject": self._line(step.subject),
            "text": self._value(step.text),
            "html": None if step.html is None else self._value(step.html),
            "time": self.effects.time,
        }
        self.effects.outgoing.append(Outgoing(self.profile.visitor, id, "email", to_json(body)))

    def _post(self, number: int, step: Webhook) -> None:
        id = self._message_id(number)
        body = {
            "id": id,
            "flow": self.flow.name,
            "url": step.url,
            "visitor": self.profile.visitor,
            "values": {name: self._value(compiled) for name, compiled in step.values.items()},
            "time": self.effects.time,
        }
        self.effects.outgoing.append(
            Outgoing(self.profile.visitor, id, "webhook", to_json(body, fallback=json_default))
        )

    def _line(self, compiled: Compiled) -> str:
        return _one_line(self._value(compiled))

    def _message_id(self, step: int) -> str:
        """The id of the message that is about to be sent."""
        id = self.effects.message_id(self.profile.visitor, self.flow.name)
        self._tell(Outcome.SENT, id, step)
        return id


def _one_line(text: str) -> str:
    """A text that has no line breaks."""
    return " ".join(text.splitlines())


def values_of_run(profile: Profile, run: Run, program: Program) -> Values:
    """What the conditions and texts of a run read: the visitor's values as they are now, and the run's own."""
    own: dict[str, Value] = dict(run.event or {})
    if "track_event_time" in own:
        own["track_event_time"] = moment(own["track_event_time"])
    own["run_time"] = moment(run.started)
    own["step_time"] = None if run.since is None else moment(run.since)
    return Values(profile, program.catalogue.variables, own)


def arm_of(step: Division, flow: str, visitor: str) -> tuple[int, str | None, Position] | None:
    """The arm of a split that is a visitor's for good (LANGUAGE.md section 3); None: none of them."""
    digest = sha256(f"{flow}\0{step.number}\0{visitor}".encode("utf-8", "surrogatepass")).digest()
    place, sum = int.from_bytes(digest, "big") % 100, 0
    for arm in step.arms:
        sum += arm[0]
        if place < sum:
            return arm
    return None


def next_opening(hours: Opening, now: int) -> int:
    """The first instant after `now` at which a flow may send."""
    instant, bounds = moment(now), bounds_of(hours.window)
    for _ in range(_MOST_TURNS):
        turn = next_turn(instant, bounds, hours.zone)
        if turn is None:
            break
        instant = turn
        if hours.window.holds(instant.astimezone(hours.zone)):
            break
    return now - (moment(now) - instant) // MILLISECOND


_MOST_TURNS = 1_000
"""Of the clock, before a window is looked for no further; a weekly one that the clock skips comes a week later."""
