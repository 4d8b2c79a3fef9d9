"""Flows at random over histories at random, compared with a second engine that has no timers.

It is written from LANGUAGE.md section 3 alone: it looks at every condition at every instant there is, remembers what
was true, and a run of it is a Python generator. Items come at whole seconds; what turns just after a boundary does so a
millisecond later, so the first milliseconds of each second are all the instants there are.
"""

import json
import os
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instant import Versions
from engine.place import Place
from engine.program import Program
from engine.step import Stepped, pass_time, step
from grammar.program import read_files
from variables.items import Content, Item, Ping, SetFields, Track
from variables.profile import Profile, having_met
from variables.store import EntryId, Era
from variables.values import milliseconds

NOW = 1_767_261_600_000
SECONDS = 25
INSTANTS = 6
"""Of each second: a chain of waits gets no further behind it."""
MOST_ROUNDS = 16
EXAMPLES = 5_000 if os.environ.get("WHENFLOW_LONG") == "1" else 80
UUID = {"click": "0fc050ec-cb6f-11e8-b697-00163e0c79f6", "buy": "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"}
DECLARED = f'event 1 click "{UUID["click"]}"\nevent 2 buy "{UUID["buy"]}"\nfield x int\nfield y int\n'


# The second engine ----------------------------------------------------------------------------------------------------


@dataclass
class Visitor:
    """What is known of the visitor, moments in milliseconds. `asked`: the run that a condition is asked for."""

    now: int = 0
    born: bool = False
    count: dict[str, int] = field(default_factory=lambda: {"click": 0, "buy": 0})
    last: dict[str, int | None] = field(default_factory=lambda: {"click": None, "buy": None, "seen": None})
    fields: dict[str, int | None] = field(default_factory=lambda: {"x": None, "y": None})
    segments: dict[str, "Condition"] = field(default_factory=dict)
    asked: "Run | None" = None

    def since(self, moment: int | None) -> int | None:
        return None if moment is None else self.now - moment


@dataclass(frozen=True)
class Condition:
    """As an author writes it, and as this file understands it."""

    text: str
    holds: Callable[[Visitor], bool] = field(repr=False)


Waiting = tuple[Condition | None, int]
"""What for, if for something, and until when at most."""


@dataclass
class Run:
    flow: "Flow"
    segments: dict[str, Condition]
    started: int
    was_reached: bool
    step_time: int | None = None
    waiting: Waiting | None = None
    course: Generator[Waiting, bool, None] | None = None
    converted: bool = False

    @property
    def in_progress(self) -> bool:
        return self.course is not None


class Left(Exception):
    """A run is over before its last step."""


Step = tuple[Any, ...]


@dataclass(frozen=True)
class Flow:
    name: str
    on: tuple[str, ...]
    when: Condition | None
    limit: tuple[int, int | None] | None
    exit: Condition | None
    goal: tuple[Condition, int] | None
    steps: list[Step]

    @property
    def text(self) -> str:
        clauses = [f"on {', '.join(self.on)}"] if self.on else []
        clauses += [] if self.when is None else [f"when {self.when.text}"]
        if self.limit is not None:
            count, per = self.limit
            clauses.append(f"limit {count}" if per is None else f"limit {count} per {per}s")
        clauses += [] if self.exit is None else [f"exit when {self.exit.text}"]
        clauses += [] if self.goal is None else [f"goal {self.goal[0].text} within {self.goal[1]}s"]
        return f"flow {self.name}:\n" + "".join(f"    {line}\n" for line in [*clauses, *written(self.steps)])


def written(steps: Sequence[Step]) -> Iterable[str]:
    for one in steps:
        match one:
            case "send", str(text):
                yield f'send web "{text} {{{{ x }}}} {{{{ y }}}}"'
            case "set", name, value:
                yield f"set {name} = {value}"
            case "wait", seconds:
                yield f"wait {seconds}s"
            case ("stop",):
                yield "stop"
            case "if", condition, then, otherwise:
                yield f"if {condition.text}:"
                yield from (f"    {line}" for line in written(then))
                yield "else:"
                yield from (f"    {line}" for line in written(otherwise))
            case "until", condition, seconds, then, timeout:
                yield f"wait until {condition.text} for {seconds}s:"
                yield from (f"    {line}" for line in written(then))
                yield "timeout:"
                yield from (f"    {line}" for line in written(timeout))


@dataclass(frozen=True)
class Declared:
    """A program, and the second from which on it holds."""

    second: int
    flows: Sequence[Flow]
    segments: dict[str, Condition]


class Reference:
    def __init__(self) -> None:
        self.visitor = Visitor()
        self.runs: list[Run] = []
        self.starts: dict[str, list[int]] = {}
        self.told: list[tuple[int, str, str]] = []
        self._flows: Sequence[Flow] = ()
        self._segments: dict[str, Condition] = {}
        self._in: dict[str, bool] = {}
        self._was_true: dict[str, bool] = {}
        self._fields: dict[str, int | None] = dict(self.visitor.fields)

    def apply(self, declared: Declared) -> None:
        """Conditions and segments are set to their truth: nothing starts, enters or leaves by it."""
        self._flows, self._segments = declared.flows, declared.segments
        self._in = {name: self.holds(condition) for name, condition in self._segments.items()}
        self._was_true = {flow.name: flow.when is not None and self.holds(flow.when) for flow in self._flows}

    def holds(self, condition: Condition, run: Run | None = None) -> bool:
        self.visitor.asked = run
        self.visitor.segments = self._segments if run is None else run.segments
        return self.visitor.born and condition.holds(self.visitor)

    def instant(self, now: int, item: Collection[str] = ()) -> None:
        self.visitor.now = now
        for _ in range(MOST_ROUNDS):
            before = dict(self.visitor.fields), [run.step_time for run in self.runs]
            happened = self._crossed() | {*item}
            item = ()
            self._reach_goals()
            self._exit()
            self._wake()
            self._start(happened)
            if before == (self.visitor.fields, [run.step_time for run in self.runs]):
                break
        self._remember()

    def _remember(self) -> None:
        """What is true as the instant ends."""
        self._crossed()
        self._turned()
        for run in self.runs:
            run.was_reached = run.flow.goal is not None and self.holds(run.flow.goal[0], run)

    def _crossed(self) -> set[str]:
        happened = set[str]()
        for name, condition in self._segments.items():
            is_in = self.holds(condition)
            if is_in != self._in[name]:
                happened.add(f"{'enter' if is_in else 'leave'} {name}")
            self._in[name] = is_in
        happened |= {f"change {name}" for name, value in self.visitor.fields.items() if value != self._fields[name]}
        self._fields = dict(self.visitor.fields)
        return happened

    def _turned(self) -> set[str]:
        turned = set[str]()
        for flow in self._flows:
            if not flow.on and flow.when is not None:
                holds = self.holds(flow.when)
                if holds and not self._was_true[flow.name]:
                    turned.add(flow.name)
                self._was_true[flow.name] = holds
        return turned

    def _reach_goals(self) -> None:
        for run in self.runs:
            if run.flow.goal is None:
                continue
            condition, within = run.flow.goal
            holds = self.holds(condition, run)
            in_time = self.visitor.now <= run.started + within * 1_000
            if holds and not run.was_reached and not run.converted and in_time:
                run.converted = True
                self.told.append((self.visitor.now, run.flow.name, "goal"))
            run.was_reached = holds

    def _exits(self, run: Run) -> bool:
        return run.flow.exit is not None and self.holds(run.flow.exit, run)

    def _exit(self) -> None:
        for run in self.runs:
            if run.in_progress and self._exits(run):
                run.course, run.step_time = None, None

    def _wake(self) -> None:
        for run in self.runs:
            if run.in_progress and run.waiting is not None:
                condition, due = run.waiting
                if condition is not None and self.holds(condition, run):
                    self._go(run, reached=True)
                elif due <= self.visitor.now:
                    self._go(run, reached=False)

    def _start(self, happened: set[str]) -> None:
        turned = self._turned()
        called = [
            flow
            for flow in self._flows
            if flow.name in turned
            or (not happened.isdisjoint(flow.on) and (flow.when is None or self.holds(flow.when)))
        ]
        for flow in called:
            now, starts = self.visitor.now, self.starts.setdefault(flow.name, [])
            if any(run.flow.name == flow.name and run.in_progress for run in self.runs):
                continue
            if flow.limit is not None:
                count, per = flow.limit
                if len([start for start in starts if per is None or now - start < per * 1_000]) >= count:
                    continue
            run = Run(flow, self._segments, now, was_reached=False)
            run.was_reached = flow.goal is not None and self.holds(flow.goal[0], run)
            if self._exits(run):
                continue
            starts.append(now)
            self.runs.append(run)
            run.course = self._course(run, flow.steps)
            self._go(run, reached=None)

    def _go(self, run: Run, reached: bool | None) -> None:
        assert run.course is not None
        run.step_time, run.waiting = None, None
        try:
            run.waiting = next(run.course) if reached is None else run.course.send(reached)
        except (StopIteration, Left):
            run.course = None

    def _course(self, run: Run, steps: Sequence[Step]) -> Generator[Waiting, bool, None]:
        visitor = self.visitor
        for one in steps:
            if self._exits(run):
                raise Left
            match one:
                case "send", str(text):
                    x, y = ("" if value is None else value for value in visitor.fields.values())
                    self.told.append((visitor.now, run.flow.name, f"{text} {x} {y}"))
                case "set", name, value:
                    visitor.fields[name] = value
                case "wait", seconds:
                    run.step_time = visitor.now
                    yield None, visitor.now + seconds * 1_000
                case ("stop",):
                    raise Left
                case "if", condition, then, otherwise:
                    yield from self._course(run, then if self.holds(condition, run) else otherwise)
                case "until", condition, seconds, then, timeout:
                    run.step_time = visitor.now
                    reached = self.holds(condition, run)
                    if not reached:
                        reached = yield condition, visitor.now + seconds * 1_000
                    run.step_time = None
                    yield from self._course(run, then if reached else timeout)


@dataclass(frozen=True)
class Happening:
    """Something that happens to the visitor, in a second from the beginning. `ago`: of an event that comes late."""

    second: int
    kind: str
    value: int | None = None
    ago: int = 0


def told_by_reference(
    programs: Sequence[Declared], history: Sequence[Happening]
) -> tuple[list[tuple[int, str, str]], list[str]]:
    reference = Reference()
    visitor = reference.visitor
    for second in range(SECONDS):
        for instant in range(INSTANTS):
            now = NOW + second * 1_000 + instant
            reference.instant(now)
            for declared in programs if instant == 0 else ():
                if declared.second == second:
                    reference.apply(declared)
            for one in history if instant == 0 else ():
                if one.second != second:
                    continue
                visitor.born = True
                if one.kind in visitor.count:
                    visitor.count[one.kind] += 1
                    visitor.last[one.kind] = max(visitor.last[one.kind] or 0, now - one.ago * 1_000)
                elif one.kind != "ping":
                    visitor.fields[one.kind] = one.value
                visitor.last["seen"] = now
                reference.instant(now, {one.kind, "any event"} if one.kind in visitor.count else {one.kind})
    return reference.told, sorted(run.flow.name for run in reference.runs if run.in_progress)


# The engine -----------------------------------------------------------------------------------------------------------


def content(one: Happening) -> Content:
    if one.kind == "ping":
        return Ping()
    if one.kind in UUID:
        return Track(one.kind, UUID[one.kind], b"null", NOW + (one.second - one.ago) * 1_000)
    return SetFields({one.kind: one.value})


def program_of(declared: Declared, version: int) -> Program:
    segments = "".join(f"segment {name}:\n    {condition.text}\n" for name, condition in declared.segments.items())
    checked = read_files([("t.flow", DECLARED + segments + "".join(flow.text for flow in declared.flows))])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, version)


def told_by_engine(
    programs: Sequence[Declared], built: Mapping[int, Program], history: Sequence[Happening]
) -> tuple[list[tuple[int, str, str]], list[str]]:
    """Nobody looks after the visitor but when something happens to them: the programs since then are met so late."""
    profile, told = Profile.new("v"), list[tuple[int, str, str]]()
    eras = [Era(version, EntryId(NOW + each.second * 1_000, version)) for version, each in enumerate(programs, 1)]

    def take(stepped: Stepped, now: int) -> Profile:
        told.extend((now, run.flow, "goal") for run in stepped.conversions)
        for message in (json.loads(message.body) for message in stepped.messages):
            assert milliseconds(datetime.fromisoformat(message["time"])) == now
            told.append((now, message["flow"], message["text"]))
        return stepped.profile

    for sequence, one in enumerate([*history, None]):
        last = EntryId(NOW + SECONDS * 1_000 - 1, 0)
        entry = last if one is None else EntryId(NOW + one.second * 1_000, len(programs) + 1 + sequence)
        known = [era for era in eras if era.since < entry]
        versions = Versions(built[len(known)], built, known)
        for stepped, now in due(profile, entry, versions):
            profile = take(stepped, now)
        if one is not None:
            was_born = bool(profile.fields)
            profile = take(step(profile, Item(content(one)), Place(entry, 1), versions), entry.stamp)
            if not was_born:
                profile = having_met(profile, len(known), {})
    return told, sorted(run.flow for run in profile.runs.values() if run.in_progress)


def due(profile: Profile, entry: EntryId, versions: Versions) -> Iterable[tuple[Stepped, int]]:
    """What time brings, each thing with the instant that its timer was set to, or from which on a program holds."""
    for stepped in pass_time(profile, entry, versions):
        is_met = stepped.profile.program != profile.program
        now = dict(versions.eras)[stepped.profile.program].stamp if is_met else profile.due
        assert now is not None
        assert now <= entry.stamp
        yield stepped, now
        profile = stepped.profile


# What is made up ------------------------------------------------------------------------------------------------------

LENGTHS = st.sampled_from([1, 2, 3, 4, 6])
"""In seconds: few, so that things fall together."""
ORDERS: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def elapsed(text: str, moment: Callable[[Visitor], int | None]) -> st.SearchStrategy[Condition]:
    def made(order: str, seconds: int) -> Condition:
        def holds(visitor: Visitor) -> bool:
            since = visitor.since(moment(visitor))
            return since is not None and ORDERS[order](since, seconds * 1_000)

        return Condition(f"now - {text} {order} {seconds}s", holds)

    return st.builds(made, st.sampled_from(sorted(ORDERS)), LENGTHS)


def _run_time(visitor: Visitor) -> int | None:
    return None if visitor.asked is None else visitor.asked.started


def _step_time(visitor: Visitor) -> int | None:
    return None if visitor.asked is None else visitor.asked.step_time


def _bought_since(visitor: Visitor) -> bool:
    last, run = visitor.last["buy"], visitor.asked
    return last is not None and run is not None and last > run.started


PLAIN = st.one_of(
    st.integers(0, 2).map(lambda n: Condition(f"event_count_1 > {n}", lambda v: v.count["click"] > n)),
    st.just(Condition("event_count_2 % 2 == 1", lambda v: v.count["buy"] % 2 == 1)),
    st.integers(0, 1).map(lambda n: Condition(f"x == {n}", lambda v: v.fields["x"] == n)),
    st.integers(0, 1).map(lambda n: Condition(f"x == {n}", lambda v: v.fields["x"] == n)),
    st.integers(0, 1).map(lambda n: Condition(f"y != {n}", lambda v: v.fields["y"] != n)),
    elapsed("event_last_time_1", lambda v: v.last["click"]),
    elapsed("event_last_time_2", lambda v: v.last["buy"]),
    elapsed("last_seen_time", lambda v: v.last["seen"]),
)
OF_RUN = st.one_of(
    PLAIN, elapsed("run_time", _run_time), st.just(Condition("event_last_time_2 > run_time", _bought_since))
)
OF_STEP = st.one_of(
    OF_RUN,
    elapsed("step_time", _step_time),
    st.just(Condition("step_time is None", lambda v: _step_time(v) is None)),
    st.just(Condition("step_time is not None", lambda v: _step_time(v) is not None)),
)
OF_SEGMENT = st.sampled_from(["s", "r"]).map(
    lambda name: Condition(f'in_segment("{name}")', lambda v: v.segments[name].holds(v))
)


def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    def both(a: Condition, b: Condition) -> Condition:
        return Condition(f"({a.text} and {b.text})", lambda v: a.holds(v) and b.holds(v))

    def either(a: Condition, b: Condition) -> Condition:
        return Condition(f"({a.text} or {b.text})", lambda v: a.holds(v) or b.holds(v))

    def negated(a: Condition) -> Condition:
        return Condition(f"(not {a.text})", lambda v: not a.holds(v))

    def chosen(a: Condition, b: Condition, c: Condition) -> Condition:
        return Condition(f"({b.text} if {a.text} else {c.text})", lambda v: (b if a.holds(v) else c).holds(v))

    return st.one_of(
        *[parts] * 5,
        st.builds(both, parts, parts),
        st.builds(either, parts, parts),
        st.builds(negated, parts),
        st.builds(chosen, parts, parts, parts),
    )


CONDITION = joined(st.one_of(PLAIN, PLAIN, OF_SEGMENT))
SET = st.tuples(st.just("set"), st.sampled_from("xxy"), st.integers(0, 1))
SENT = st.tuples(st.just("send"), st.sampled_from("abcdef"))


def blocks(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    steps = st.lists(inner, min_size=1, max_size=2)
    of_step = joined(st.one_of(OF_STEP, OF_SEGMENT))
    of_run = joined(st.one_of(OF_RUN, OF_SEGMENT))
    return st.one_of(
        st.tuples(st.just("until"), of_step, LENGTHS, steps, steps),
        st.tuples(st.just("if"), of_run, steps, steps),
    )


STEP = st.recursive(
    st.one_of(
        SENT,
        SENT,
        SET,
        SET,
        st.tuples(st.just("wait"), LENGTHS),
        st.tuples(st.just("wait"), LENGTHS),
        SENT,
        SENT,
        SENT,
        st.just(("stop",)),
    ),
    blocks,
    max_leaves=5,
)
TRIGGERS = ("click", "buy", "any event", "change x", "change y", "enter s", "leave s", "enter r", "leave r")


def flow(name: str) -> st.SearchStrategy[Flow]:
    maybe_when = st.one_of(st.none(), st.none(), CONDITION)
    triggers = st.lists(st.sampled_from(TRIGGERS), min_size=1, max_size=2, unique=True).map(tuple)
    started = st.one_of(st.tuples(st.just(()), CONDITION), st.tuples(triggers, maybe_when))
    return st.builds(
        lambda begin, *rest: Flow(name, *begin, *rest),
        started,
        st.one_of(st.none(), st.tuples(st.integers(1, 2), st.one_of(st.none(), LENGTHS))),
        st.one_of(st.none(), st.none(), joined(st.one_of(OF_STEP, OF_SEGMENT))),
        st.one_of(st.none(), st.tuples(joined(st.one_of(OF_STEP, OF_SEGMENT)), LENGTHS)),
        st.tuples(st.lists(STEP, max_size=3), SENT, st.lists(STEP, max_size=2)).map(lambda s: [*s[0], s[1], *s[2]]),
    )


FLOWS = st.tuples(*map(flow, ("one", "two", "three", "four")))
OF_S = Condition('in_segment("s")', lambda v: v.segments["s"].holds(v))
SEGMENTS = st.fixed_dictionaries({"s": joined(PLAIN), "r": joined(st.one_of(PLAIN, st.just(OF_S)))})
"""The second may be one of the first."""
SECOND = st.integers(0, 16)
CHANGED = st.tuples(*(st.one_of(st.none(), flow(name)) for name in ("one", "two", "three", "four")))
REDEFINED: st.SearchStrategy[dict[str, Condition]] = st.one_of(st.just({}), st.fixed_dictionaries({"s": joined(PLAIN)}))
LATER_PROGRAMS = st.lists(st.tuples(st.integers(1, 18), CHANGED, REDEFINED), min_size=1, max_size=3)
"""From which second on, which flows and segments are declared anew: the others are as they were."""
HISTORY = st.lists(
    st.one_of(
        st.builds(Happening, SECOND, st.sampled_from(["click", "buy"]), ago=st.sampled_from([0, 0, 0, 3, 9])),
        st.builds(Happening, SECOND, st.sampled_from("xy"), st.one_of(st.none(), st.integers(0, 1))),
        st.builds(Happening, SECOND, st.just("ping")),
    ),
    min_size=6,
    max_size=14,
).map(lambda history: sorted(history, key=lambda one: one.second))


@settings(deadline=None, max_examples=EXAMPLES)
@given(FLOWS, SEGMENTS, st.lists(HISTORY, min_size=5, max_size=5))
def test_flows_do_what_a_look_at_every_instant_says(
    flows: tuple[Flow, ...], segments: dict[str, Condition], histories: list[list[Happening]]
) -> None:
    both_tell_the_same([Declared(0, flows, segments)], histories)


@settings(deadline=None, max_examples=EXAMPLES)
@given(FLOWS, SEGMENTS, LATER_PROGRAMS, st.lists(HISTORY, min_size=3, max_size=3))
def test_programs_set_conditions_to_their_truth_however_late_they_are_met(
    flows: tuple[Flow, ...],
    segments: dict[str, Condition],
    later: list[tuple[int, tuple[Flow | None, ...], dict[str, Condition]]],
    histories: list[list[Happening]],
) -> None:
    """A declaration that did not change keeps its state; a run keeps the version that it started with."""
    programs = [Declared(0, flows, segments)]
    for second, changed, redefined in sorted(later, key=lambda each: each[0]):
        flows = tuple(new or old for new, old in zip(changed, flows, strict=True))
        segments = {**segments, **redefined}
        programs.append(Declared(second, flows, segments))
    both_tell_the_same(programs, histories)


def both_tell_the_same(programs: Sequence[Declared], histories: Sequence[Sequence[Happening]]) -> None:
    built = {version: program_of(declared, version) for version, declared in enumerate(programs, 1)}
    for history in histories:
        expected, under_way = told_by_reference(programs, history)
        told, runs = told_by_engine(programs, built, history)
        assert runs == under_way
        assert by_instant(told) == by_instant(expected)


def by_instant(told: Sequence[tuple[int, str, str]]) -> list[tuple[int, Any, Any]]:
    """Messages in their order, and beside them the goals of each instant: the two are told apart."""
    instants = dict.fromkeys(now for now, _, _ in told)
    return [
        (
            now - NOW,
            [(flow, text) for at, flow, text in told if at == now and text != "goal"],
            [flow for at, flow, text in told if at == now and text == "goal"],
        )
        for now in instants
    ]
