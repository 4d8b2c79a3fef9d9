"""One instant of one visitor: what happens at it, in the order of LANGUAGE.md section 3, "When things happen".

An edge is the difference of two evaluations: of the profile before and after an item, or of one profile at the instant
and a millisecond before. So nothing has to remember what was true.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.decisions import Decision, Outcome
from engine.flows import ReadyFlow
from engine.graph import Watch
from engine.looks import NEVER
from engine.passage import Passage, Round, View, names_changed
from engine.place import Place
from engine.program import NOBODY, NOTHING_HAPPENED, Occurrence, Program
from engine.provider import Values
from engine.running import Effects, Running, values_of_run
from engine.watch import Watched
from variables.profile import DUE, Fields, Profile
from variables.runs import Run
from variables.store import Era
from variables.values import Value, milliseconds, moment

MOST_ROUNDS = 16
"""At one instant; what flows would start in each other beyond is dropped."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The program that holds, and the others that the visitors at hand are concerned with.

    `older`: those of their runs, and those that they have met or have yet to meet. `eras`: from which entries on the
    versions held that not everybody has met, oldest first.
    `arms`: which arm a visitor gets at a flow's splits, where a flow test chose it.
    """

    program: Program
    older: Mapping[int, Program] = field(default_factory=dict)
    eras: Sequence[Era] = ()
    arms: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, run: Run) -> Program:
        return self.program if run.version == self.program.version else self.older[run.version]

    def under(self, version: int) -> "Versions":
        """While another version held; one that is not to be had any more gives way to the one that holds now."""
        held = self.older.get(version, self.program)
        return self if held is self.program else replace(self, program=held)

    def after(self, version: int) -> Era | None:
        """When the next one came that whoever has met this one has to meet."""
        if version >= self.program.version:
            return None
        here = (era for era in self.eras if era.version in self.older or era.version == self.program.version)
        return next((era for era in here if era.version > version), None)


class Instant:
    """Works through an instant. Afterwards `profile`, `effects` and `rounds` say what came of it."""

    def __init__(self, profile: Profile, place: Place, versions: Versions) -> None:
        self.profile = profile
        self.effects = Effects(place)
        self._now = place.entry.stamp
        self._moment = moment(self._now)
        self._versions = versions
        self.program = versions.program
        self.rounds: list[Round] = []
        self._starts: list[list[str]] = []
        self._born: dict[str, Profile] = {}
        """Runs that started in this round or the last, and the profile as they found it."""

    def item(self, before: Profile, occurrence: Occurrence, called: Sequence[ReadyFlow] | None = None) -> None:
        """An item has just been folded; `before` is the profile without it.

        `called`: the flows that it calls for, where they have been found already.
        """
        self._rounds(View(before, self._now), occurrence, called)
        self._arm(before.fields, afresh=not before.fields or self._is_due(before))

    def time(self, since: int) -> None:
        """Time alone has passed, since an instant at which nothing was left to do."""
        fields = self.profile.fields
        self._rounds(View(self.profile, since), NOTHING_HAPPENED)
        self._arm(fields, afresh=True)

    def stop(self, flows: Set[str]) -> None:
        """Ends the runs of flows that were stopped."""
        for run in self._runs():
            if run.flow in flows and run.in_progress:
                running = self._running(run)
                running.leave(Outcome.STOPPED)
                self._take_up(running)

    # Rounds

    def _rounds(self, before: View, occurrence: Occurrence, called: Sequence[ReadyFlow] | None = None) -> None:
        tested = before
        for _ in range(MOST_ROUNDS):
            after = View(self.profile, self._now)
            passage = Passage(before, after)
            if self.program.listens:
                occurrence = self._crossed(occurrence, passage)
            if self.profile.runs:
                self._reach_goals(passage)
                self._exit()
                self._wake()
            if tested is not before or self.profile is not after.profile:
                passage = Passage(tested, View(self.profile, self._now))
            self._start(self._called_for(occurrence, passage) if called is None else called, occurrence)
            self.rounds.append((occurrence, passage, len(self.effects.trace)))
            if not (self._has_changed(after.profile) or self._has_changed(passage.after.profile)):
                return
            before, tested, occurrence, called = after, passage.after, NOTHING_HAPPENED, None
        self._report_loop()

    def _has_changed(self, before: Profile) -> bool:
        """Whether steps have changed since what conditions read: of a run, the beginning of its wait.

        What they change back may still be an edge: the `when`s were tested in between.
        """
        if self.profile.fields is not before.fields and self.profile.fields != before.fields:
            return True
        return self.profile.runs is not before.runs and any(
            self._flow_of(run).heeds_step_time and run.since != _as_it_was(run, before).since
            for run in self.profile.runs.values()
        )

    def _report_loop(self) -> None:
        """Names the flows that start each other: those since the last one started the time before."""
        names = [name for started in self._starts for name in started]
        last = names[-1] if names else None
        if last is None:
            return
        loop = [last]
        for name in reversed(names[:-1]):
            if name == last:
                break
            loop.insert(0, name)
        self.effects.trace.append(Decision(last, Outcome.DROPPED, " → ".join([*loop, loop[0]])))

    # (3) Segments

    def _crossed(self, occurrence: Occurrence, passage: Passage) -> Occurrence:
        """What happened, with the variables that were changed and the segments that were entered and left by it."""
        program = self.program
        if program.listens_to_changes:
            occurrence = replace(occurrence, changed=passage.changed)
        if not program.borders:
            return occurrence
        entered, left = set[str](), set[str]()
        for name, border in program.borders.items():
            if self._can_have_turned(border, passage):
                was, is_ = self._holds(border, passage.before, None), self._holds(border, passage.after, None)
                if was is not is_:
                    (entered if is_ else left).add(name)
        return replace(occurrence, entered=frozenset(entered), left=frozenset(left))

    def _has_come_true(self, condition: Watched, passage: Passage, run: Run | None = None) -> bool:
        """Whether a condition is true after a passage, and was not before."""
        before = None if run is None else _as_it_was(run, passage.before.profile)
        return (
            self._can_have_turned(condition, passage, before, run)
            and self._holds(condition, passage.after, run)
            and not self._holds(condition, passage.before, before)
        )

    def _can_have_turned(
        self, condition: Watched, passage: Passage, before: Run | None = None, run: Run | None = None
    ) -> bool:
        if passage.is_birth or (condition.timed and passage.takes_time) or before != run:
            return True
        return not passage.changed.isdisjoint(condition.reads)

    def _holds(self, condition: Watched, view: View, run: Run | None) -> bool:
        """Before a visitor's first item no condition is true."""
        if not view.profile.fields:
            return False
        values = view.values(self.program) if run is None else values_of_run(view.profile, run, self._versions.of(run))
        return bool(condition.compiled.evaluate(values, moment(view.at)))

    # (4) Goals

    def _reach_goals(self, passage: Passage) -> None:
        """Conversions of the runs that were there before; of one that came in the last round, since it started."""
        for run in self._runs():
            aim = self._flow_of(run).goal
            if run.goal is None or aim is None:
                continue
            if self._now > run.goal:
                self._keep(replace(run, goal=None))
                continue
            born = self._born.pop(run.id, None)
            since = passage if born is None else Passage(View(born, self._now), passage.after)
            if self._has_come_true(aim.condition, since, run):
                self._convert(replace(run, goal=None))

    def _convert(self, run: Run) -> None:
        self.profile = self.profile.with_tally(run.flow, self.profile.tallies.of(run.flow).converted())
        self.effects.conversions.append(run)
        self.effects.trace.append(Decision(run.flow, Outcome.CONVERTED, run=run.id, version=run.version))
        self._keep(run)

    # (5) Exits and (6) waits

    def _exit(self) -> None:
        for run in self._runs():
            if run.in_progress and self._flow_of(run).exit is not None:
                running = self._running(run)
                if running.exits():
                    running.leave(Outcome.EXITED)
                    self._take_up(running)

    def _wake(self) -> None:
        for run in self._runs():
            if run.in_progress:
                running = self._running(run)
                running.wake()
                self._take_up(running)

    # (7) Starts

    def _start(self, called: Sequence[ReadyFlow], occurrence: Occurrence) -> None:
        """Every `when` has been tested before any run starts; then the runs start in order of declaration."""
        started: list[str] = []
        for flow in called:
            refusal = self._start_run(flow, occurrence)
            if refusal is None:
                started.append(flow.name)
            else:
                self.effects.trace.append(refusal)
        self._starts.append(started)

    def _called_for(self, occurrence: Occurrence, passage: Passage) -> Sequence[ReadyFlow]:
        """The flows whose triggers have happened and whose `when` holds, and those whose condition has come true."""
        program, now = self.program, self._moment
        plan = NOBODY if occurrence.event is None else program.plan(occurrence.event)
        after, variables = passage.after.profile, program.catalogue.variables
        found = plan.called_for(after, variables, occurrence.track, now) if plan.flows else []
        if not program.starts_otherwise:
            return found
        others = program.triggered(occurrence)
        if others:
            values = Values(after, variables, occurrence.track)
            others = [flow for flow in others if flow.when is None or flow.when.evaluate(values, now)]
        if program.edges.all:
            others += self._come_true(passage)
        if others:
            found = sorted({flow.order: flow for flow in (*found, *others)}.values(), key=lambda flow: flow.order)
        return found

    def _come_true(self, passage: Passage) -> Iterable[ReadyFlow]:
        """The flows whose condition is true after, and was not before."""
        program, now, values = self.program, self._moment, passage.after.values(self.program)
        if passage.takes_time or passage.is_birth:
            candidates = program.edges.holding(values, now)
        else:
            candidates = program.edges.turned(passage.changed, passage.before.values(program), values, now)
        return [flow for flow in candidates if flow.edge is not None and self._has_come_true(flow.edge, passage)]

    def _start_run(self, flow: ReadyFlow, occurrence: Occurrence) -> Decision | None:
        """Starts a run, or says why not."""
        profile = self.profile
        for run in profile.runs.values():
            if run.flow == flow.name and run.in_progress:
                return Decision(flow.name, Outcome.IN_PROGRESS, "", run.id, run.version, run.at, run.due)
        refusal = flow.refusal(profile.tallies, self._now)
        if refusal is not None:
            return refusal
        event = {name: _kept(occurrence.track[name]) for name in flow.of_event}
        goal = None if flow.goal is None else self._now + flow.goal.within
        id = f"{self.effects.at}-{sum(map(len, self._starts)):03x}-{flow.order:x}"
        running = self._running(Run(id, flow.name, self.program.version, self._now, event=event or None, goal=goal))
        if running.exits():
            return Decision(flow.name, Outcome.EXIT)
        self._born[id] = profile
        running.profile = profile.with_tally(flow.name, profile.tallies.of(flow.name).started(self._now))
        self.effects.trace.append(Decision(flow.name, Outcome.STARTED, "", id, self.program.version))
        running.go(0)
        self._take_up(running)
        return None

    # Runs

    def _flow_of(self, run: Run) -> ReadyFlow:
        return self._versions.of(run).flows[run.flow]

    def _runs(self) -> list[Run]:
        """Oldest first."""
        runs = self.profile.runs
        return [runs[id] for id in sorted(runs)]

    def _running(self, run: Run) -> Running:
        arm = self._versions.arms.get((self.profile.visitor, run.flow))
        return Running(self.profile, run, self._flow_of(run), self._versions.of(run), self._now, self.effects, arm)

    def _take_up(self, running: Running) -> None:
        self.profile = running.profile
        self._keep(running.run)

    def _keep(self, run: Run) -> None:
        self.profile = self.profile.with_run(run)

    # The next instant

    def _is_due(self, profile: Profile) -> bool:
        due = profile.due
        return due is not None and due <= self._now

    def _arm(self, before: Fields, *, afresh: bool) -> None:
        """Sets the visitor's one timer: to the first instant at which time alone may do something.

        Of conditions that nothing touched the timer knows already, unless it is set `afresh`.
        """
        if not (self.program.timed.all or self.profile.runs or DUE in self.profile.fields):
            return
        due = NEVER if afresh or self.profile.due is None else self.profile.due
        if self.program.timed.all:
            changed, values = self._since(before)
            for condition in self.program.timed.holding(values, self._moment):
                if afresh or not changed.isdisjoint(condition.reads):
                    due = min(due, condition.look(values, self._now)[1])
        for run in self.profile.runs.values():
            due = min(due, self._due(run))
        self.profile = self.profile.armed(due if due < NEVER else None)

    def _since(self, before: Fields) -> tuple[frozenset[str], Values]:
        """What has changed in this instant, and the values now: the first round's, if no step has changed any."""
        _, passage, _ = self.rounds[0]
        fields = self.profile.fields
        if passage.before.profile.fields is before and passage.after.profile.fields is fields:
            return passage.changed, passage.after.values(self.program)
        return names_changed(before, fields), Values(self.profile, self.program.catalogue.variables)

    def _due(self, run: Run) -> int:
        """When time alone may next do something to a run."""
        flow, values = self._flow_of(run), values_of_run(self.profile, run, self._versions.of(run))
        due = NEVER
        if run.goal is not None and flow.goal is not None:
            due = min(run.goal + 1, flow.goal.condition.look(values, self._now)[1])
        if run.at is None:
            return due
        step = flow.graph.steps[run.at]
        for condition in (flow.exit, step.condition if isinstance(step, Watch) else None):
            if condition is not None:
                holds, until = condition.look(values, self._now)
                due = min(due, self._now + 1 if holds else until)
        return due if run.due is None else min(due, run.due)


def _as_it_was(run: Run, before: Profile) -> Run:
    """A run earlier on; one that was not there yet is at its start."""
    return before.runs.get(run.id) or replace(run, since=None)


def _kept(value: Value) -> Value:
    """A value of an event as a run keeps it: a moment in milliseconds."""
    return milliseconds(value) if isinstance(value, datetime) else value
