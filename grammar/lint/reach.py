"""Which steps of a flow can be reached, and whether it can start at all.

One way through the steps carries along what is known of the visitor at each place. That is little, and only what holds
at the very instant: the start says that `when` is true, an arm that its condition is, a `set` what a variable is, and
before every step `exit when` is false. A wait forgets all.
"""

from collections.abc import Callable, Iterable

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics, Label
from grammar.lint.cases import ANYTHING, IMPOSSIBLE, Cases, both, either, only, size, without
from grammar.lint.consistency import possible
from grammar.lint.intervals import NULL, Family, in_ranges
from grammar.lint.literals import equal_to_any
from grammar.lint.subjects import at_least
from grammar.lint.truth import Truths
from grammar.names import STANDARD_VARIABLES, Writer
from grammar.nodes import (
    Constant,
    Convert,
    Expression,
    Flow,
    If,
    Name,
    OnAnyEvent,
    OnEnter,
    OnEvent,
    OnEventSeq,
    OnIdentify,
    OnLeave,
    Script,
    SendEmail,
    SendWeb,
    Set,
    Split,
    Step,
    Stop,
    Trigger,
    Wait,
    WaitUntil,
)
from grammar.source import Span
from grammar.walk import steps_within

Known = Cases | None
"""What is known at a place; no case: it is never reached. None: it is never reached, and the reason has been told."""
_OF_A_WAIT = frozenset({"step_time"})
LARGEST = 64
"""So much is carried along at most; what is more is not taken up."""


def written_by(flow: Flow) -> frozenset[str]:
    """The variables that a flow's steps write."""
    steps = tuple(steps_within(flow.steps))
    converted = {"customer_user_type"} if any(isinstance(step, Convert) for step in steps) else set()
    return frozenset(step.name for step in steps if isinstance(step, Set)) | converted


class Surroundings:
    """What the flows of a program have in common. `told`: whether something in a condition was told of already."""

    def __init__(self, script: Script, truths: Truths, told: Callable[[Expression], bool], report: Diagnostics) -> None:
        self.truths, self.told, self.report = truths, told, report
        self.seqs = {event.name: event.seq for event in script.events}
        writable = {name for name, variable in STANDARD_VARIABLES.items() if Writer.FLOW in variable.writers}
        self.writable = frozenset({*writable, *(declared.name for declared in script.fields)})
        """What any flow of any version can write."""


class Reach:
    """Goes through one flow. `written`: the variables that earlier flows of the program write."""

    def __init__(self, flow: Flow, written: frozenset[str], surroundings: Surroundings) -> None:
        self._flow, self._written, self._surroundings = flow, written, surroundings
        self._truths, self._told, self._report = surroundings.truths, surroundings.told, surroundings.report
        self._goes_on: Cases = ANYTHING
        if flow.exit is not None and not self._told(flow.exit):
            self._goes_on = _forgetting(self._truths.of(flow.exit).false, _OF_A_WAIT)

    def check(self) -> None:
        self._block(self._flow.steps, self._start())

    # The start

    def _start(self) -> Cases:
        """What is known before the first step."""
        flow = self._flow
        started = self._triggered()
        labels: tuple[Label, ...] = ()
        if flow.when is not None and not self._told(flow.when):
            when = self._truths.of(flow.when).true
            labels = (Label(wording.WHEN_IS_HERE, flow.when.span),)
            if not possible(both(started, when)):
                self._report.add(wording.never_starts(flow.when.span, wording.FALSE_AT_TRIGGERS))
                return ANYTHING
            for trigger in flow.triggers if len(flow.triggers) > 1 else ():
                if not possible(both(self._happened(trigger), when)):
                    self._report.add(wording.idle_trigger(trigger.span, wording.FALSE_AT_TRIGGER, labels))
            # Flows that are declared earlier may have written something since `when` was found true.
            started = _forgetting(both(started, when), self._written)
        if flow.exit is not None and not possible(both(started, self._goes_on)):
            self._report.add(wording.never_starts(flow.exit.span, wording.EXIT_AT_START, labels))
            return ANYTHING
        return _narrowed(ANYTHING, started)

    def _triggered(self) -> Cases:
        """What is certain when one of the triggers has happened."""
        happened = ANYTHING if not self._flow.triggers else IMPOSSIBLE
        for trigger in self._flow.triggers:
            this = ANYTHING if self._never_happens(trigger) else self._happened(trigger)
            happened = either(happened, this)
        return happened

    def _never_happens(self, trigger: Trigger) -> bool:
        """Tells of a trigger on a segment that nobody ever enters or leaves.

        A segment that everybody is always in is entered by every visitor's first item.
        """
        if not isinstance(trigger, OnEnter | OnLeave):
            return False
        truth = self._truths.segment(trigger.segment)
        empty = not possible(truth.true)
        if empty or (isinstance(trigger, OnLeave) and not possible(truth.false)):
            reason = (wording.nobody_enters if empty else wording.nobody_leaves)(trigger.segment)
            self._report.add(wording.idle_trigger(trigger.span, reason))
            return True
        return False

    def _happened(self, trigger: Trigger) -> Cases:
        """What is certain when a trigger has happened."""
        match trigger:
            case OnEvent(name=name):
                return self._tracked(self._surroundings.seqs[name])
            case OnEventSeq(seq=seq):
                return self._tracked(seq)
            case OnAnyEvent():
                return self._counted(self._surroundings.seqs.values())
            case OnIdentify():
                user = self._truths.subjects.of(Name(trigger.span, "ent_user_id"))
                return only(user, user.domain - NULL)
            case OnEnter(segment=segment):
                return self._before_steps(self._truths.segment(segment).true)
            case OnLeave(segment=segment):
                return self._before_steps(self._truths.segment(segment).false)
            case _:
                return ANYTHING

    def _before_steps(self, cases: Cases) -> Cases:
        """The same at a start of this instant: waiting runs may go on, and write, before it."""
        return _forgetting(cases, self._surroundings.writable)

    def _tracked(self, seq: int) -> Cases:
        """This event has happened. (Of `any event` the number is left open: an `else` may be for events to come.)"""
        number = self._truths.subjects.of(Name(self._flow.span, "track_event_seq"))
        return both(self._counted([seq]), only(number, equal_to_any([seq])))

    def _counted(self, seqs: Iterable[int]) -> Cases:
        """One of these events has happened."""
        cases = IMPOSSIBLE
        for seq in seqs:
            count = self._truths.subjects.of(Name(self._flow.span, f"event_count_{seq}"))
            cases = either(cases, only(count, count.domain & in_ranges(Family.NUMBER, at_least(1))))
        return cases or ANYTHING

    # The steps

    def _block(self, steps: tuple[Step, ...], known: Known) -> Known:
        """What is known behind some steps. Recurses no deeper than blocks may be nested."""
        seen: Known = None
        for step in steps:
            if known is None:
                return None
            if known is not seen:
                if not possible(known):
                    self._report.add(wording.unreachable_step(step.span))
                    return None
                known = both(known, self._goes_on)
                if not possible(known):
                    self._report.add(self._dead_by_exit(step.span, wording.THIS_STEP))
                    return None
            seen = known
            known = self._step(step, known)
        return known

    def _dead_by_exit(self, span: Span, what: str) -> Diagnostic:
        assert self._flow.exit is not None
        return wording.dead_by_exit(span, what, self._flow.exit.span)

    def _step(self, step: Step, known: Cases) -> Known:
        match step:
            case Stop():
                return IMPOSSIBLE
            case Wait():
                return ANYTHING
            case SendWeb() | SendEmail() if self._flow.hours is not None:
                return ANYTHING
            case Set(name=name, value=value):
                return self._write(known, name, value)
            case Convert(type=type_):
                return self._write(known, "customer_user_type", Constant(step.span, type_))
            case If():
                return self._if(step, known)
            case Split():
                return self._split(step, known)
            case WaitUntil():
                return self._wait_until(step, known)
            case _:
                return known

    def _write(self, known: Cases, name: str, value: Expression) -> Cases:
        known = _forgetting(known, frozenset({name}))
        subjects = self._truths.subjects
        variable = Name(value.span, name)
        if isinstance(value, Constant) and subjects.type_of(value) in subjects.type_of(variable):
            subject = subjects.of(variable)
            values = subject.domain & equal_to_any([value.value])
            return both(known, only(subject, values)) if values else known
        return known

    def _if(self, step: If, known: Cases) -> Known:
        falls: Known = known
        earlier = ANYTHING
        end: Known = IMPOSSIBLE
        for arm in step.arms:
            condition = self._truths.of(arm.condition)
            inside: Known = falls
            if falls is not None and self._told(arm.condition):
                falls = falls if possible(condition.false) else None
            elif falls is not None:
                inside = _narrowed(falls, condition.true)
                if possible(inside):
                    falls = _narrowed(falls, condition.false)
                else:
                    self._report.add(self._dead_arm(arm.condition.span, condition.true, earlier))
                    inside = None
                    falls = falls if possible(falls) else None
                earlier = _narrowed(earlier, condition.false)
            end = _joined(end, self._block(arm.steps, inside))
        if step.otherwise and falls is not None and not possible(falls):
            by_exit = possible(earlier) and not possible(both(self._goes_on, earlier))
            span = step.otherwise[0].span
            dead = self._dead_by_exit(span, wording.THIS_STEP) if by_exit else None
            self._report.add(dead or wording.dead_arm(span, wording.ALL_CHOSEN))
            falls = None
        return _joined(end, self._block(step.otherwise, falls))

    def _dead_arm(self, span: Span, true: Cases, earlier: Cases) -> Diagnostic:
        """Why an arm is never chosen."""
        if not possible(both(self._goes_on, true)):
            return self._dead_by_exit(span, wording.THE_STEPS_BELOW)
        by_earlier = not possible(both(earlier, true))
        return wording.dead_arm(span, wording.CHOSEN_EARLIER if by_earlier else wording.FALSE_HERE)

    def _split(self, step: Split, known: Cases) -> Known:
        rest = 100 - sum(share.percent for share in step.shares)
        end: Known = known if rest else IMPOSSIBLE
        for share in step.shares:
            end = _joined(end, self._block(share.steps, known))
        return end

    def _wait_until(self, step: WaitUntil, known: Cases) -> Known:
        """Other runs may write what any flow can write between the end of the wait and the next step."""
        truth = self._truths.of(step.condition)
        came_true: Known = ANYTHING
        ran_out: Known = ANYTHING
        if not self._told(step.condition):
            came_true, ran_out = self._after_wait(truth.true), self._after_wait(truth.false)
            if not possible(both(_forgetting(known, _OF_A_WAIT), truth.false)):
                self._report.add(wording.true_already(step.condition.span))
                ran_out = None
            elif step.steps and not possible(both(self._goes_on, truth.true)):
                self._report.add(self._dead_by_exit(step.condition.span, wording.THE_STEPS_BELOW))
                came_true = None
        end = self._block(step.steps, came_true)
        return _joined(end, self._block(step.timeout, ran_out))

    def _after_wait(self, cases: Cases) -> Cases:
        return _narrowed(ANYTHING, _forgetting(cases, self._surroundings.writable | _OF_A_WAIT))


def _joined(one: Known, other: Known) -> Known:
    """What is known where two ways meet."""
    if not one or not other:
        return one or other or (None if one is None or other is None else IMPOSSIBLE)
    return either(one, other)


def _narrowed(known: Cases, by: Cases) -> Cases:
    """What is known where something more holds, unless that is too much to carry along."""
    narrowed = both(known, by)
    return narrowed if size(narrowed) <= LARGEST else known


def _forgetting(cases: Cases, names: frozenset[str]) -> Cases:
    """The same without what depends on some variables."""
    if not names:
        return cases
    return without(cases, lambda subject: subject.reads is None or not subject.reads.isdisjoint(names))
