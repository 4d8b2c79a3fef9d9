"""Promises 1 to 4 in small: whatever happens in whatever order, what the log says is what comes of it, once.

Items, resends, programs, lost answers, owners who die, are taken over from and go on later as if nothing had been, and
the store's server killed; with waits and with edges that time alone brings. In the end a model that is told nothing but
the log says what must have come of it. `WHENFLOW_LONG=1` tries more.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from engine.order import in_order
from engine.owned_shard import OwnedShard
from engine.program import Program
from tests.engine.stories import Versions, program, track
from tests.variables.single import Single
from tests.whenflow.process import servers
from variables.durability import Durability
from variables.embedded import EmbeddedStore
from variables.memory_store import MemoryShard
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import (
    START,
    Commit,
    Entry,
    Fenced,
    Held,
    Logged,
    Ownership,
    StoreUnavailable,
    Wanted,
    until_recovered,
)
from variables.values import milliseconds

EXAMPLES, STEPS = (400, 80) if os.environ.get("WHENFLOW_LONG") else (8, 40)
LATER, AWAY = 40, 60
"""Milliseconds that a run waits, and that a visitor must be away; short, for the server's clock is a real one."""
VISITORS = ("v", "w", "访客")
T = TypeVar("T")


def program_of(version: int) -> Program:
    """Each version says its number; every third greets nobody."""
    greet = f'\nflow greet:\n    on webclick\n    send web "{version} hi {{{{ event_count_1 }}}}"\n'
    rest = f"""
flow later:
    on checkout
    goal event_count_1 > 3 within 1h
    wait until now >= run_time + {LATER} * 0.001 * 1s for 1h:
        send web "{version} later {{{{ event_count_2 }}}}"

flow away:
    when event_count_1 > 0 and now - event_last_time_1 > {AWAY} * 0.001 * 1s
    send web "{version} away {{{{ event_count_1 }}}}"
    send webhook "https://example.com/{version}"
"""
    return program((greet if version % 3 else "") + rest, version)


PROGRAMS = {0: program(version=0), **{version: program_of(version) for version in range(1, 7)}}


# The model ------------------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """What must have come of one visitor's items."""

    clicks: int = 0
    buys: int = 0
    last_click: int = 0
    is_here: bool = False
    """Whether the last click is not yet so long ago."""
    waiting: tuple[int, int] | None = None
    """Until when a run waits, and the version that it began with."""
    hopeful: int = 0
    """Runs that began before the goal was reached."""
    conversions: int = 0
    posted: list[tuple[int, str]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    messages: list[tuple[int, str]] = field(default_factory=list)

    def pass_time(self, until: int, version: int) -> None:
        """Up to an instant, that one included."""
        while True:
            buy = (self.waiting[0], 0) if self.waiting else (until + 1, 0)
            away = (self.last_click + AWAY + 1, 1) if self.is_here else (until + 1, 1)
            now, which = min(buy, away)
            if now > until:
                return
            if which == 0 and self.waiting:
                self.messages.append((now, f"{self.waiting[1]} later {self.buys}"))
                self.waiting = None
            else:
                self.messages.append((now, f"{version} away {self.clicks}"))
                self.posted.append((now, f"https://example.com/{version}"))
                self.is_here = False

    def take(self, now: int, n: int, event: str, version: int) -> None:
        if n in self.seen:
            return
        self.seen.add(n)
        if event == "webclick":
            self.clicks, self.last_click, self.is_here = self.clicks + 1, now, True
            if self.clicks == 4:
                self.conversions = self.hopeful
            if version % 3:
                self.messages.append((now, f"{version} hi {self.clicks}"))
        else:
            self.buys += 1
            if not self.waiting:
                self.waiting = now + LATER, version
                self.hopeful += self.clicks < 4


def told_by_model(log: Sequence[Logged], until: int) -> tuple[dict[str, Person], int]:
    """Everybody, and how many things could not be read."""
    people, version, dead = {visitor: Person() for visitor in VISITORS}, 0, 0
    for logged in log:
        now, entry = logged.id.stamp, logged.entry
        for person in people.values():
            person.pass_time(now, version)
        if entry.program is not None:
            version = entry.program
        elif entry.meeting is None:
            try:
                batch = json.loads(entry.body)
            except ValueError:
                dead += 1
                continue
            for item in batch["items"]:
                person, event = people[batch["visitor"]], item["track_event"]["event_name"]
                person.take(now, item["n"], event, version)
    for person in people.values():
        person.pass_time(until, version)
    return people, dead


# The machine ----------------------------------------------------------------------------------------------------------


class Died(Exception):
    """An owner's process was killed here."""


class Faulty:
    """A shard as one owner sees it: the answer to one of its next calls is lost, or it dies there."""

    def __init__(self, shard: Any) -> None:
        self._shard = shard
        self.fault = ""
        self.withheld: Commit | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shard, name)

    async def load(self, wanted: Sequence[Wanted]) -> Any:
        if self.fault == "load":
            self.fault = ""
            raise StoreUnavailable("not answered")
        return await self._shard.load(wanted)

    async def commit(self, commit: Commit) -> int | None:
        fault, self.fault = self.fault, ""
        if fault == "request lost":
            raise StoreUnavailable("not answered")
        if fault == "dies before":
            self.withheld = commit  # it may still be under way
            raise Died
        due: int | None = await self._shard.commit(commit)
        if fault == "answer lost":
            raise StoreUnavailable("not answered")
        if fault == "dies after":
            self.withheld = commit
            raise Died
        return due


FAULTS = st.sampled_from(["", "", "", "load", "request lost", "answer lost", "dies before", "dies after"])
OWNERS = st.sampled_from(["p", "q", "r"])


class Machine(RuleBasedStateMachine):
    """On any shard; what differs between its homes is how time passes."""

    shard: Any

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.log: list[Logged] = []
        """All of it; the store keeps what is folded only for a while."""
        self.bodies: list[bytes] = []
        self.numbers = dict.fromkeys(VISITORS, 0)
        self.flushes = 0
        self.version = 0
        self.owners: dict[str, tuple[OwnedShard, Faulty]] = {}
        self.withheld: list[Commit] = []

    def go(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    async def sleep(self, milliseconds: int) -> None:
        raise NotImplementedError

    async def now(self) -> int:
        raise NotImplementedError

    async def recover(self) -> None:
        """Nothing is lost for good."""

    async def surely(self, call: Any, *args: Any) -> Any:
        """A call, again and again until it is answered, as all that Whenflow asks of the store may be."""
        while True:
            try:
                return await call(*args)
            except StoreUnavailable:
                await until_recovered(self.recover)

    # What comes in

    @rule(
        visitor=st.sampled_from(VISITORS),
        events=st.lists(st.sampled_from(["webclick", "checkout"]), min_size=1, max_size=3),
        copies=st.integers(1, 2),
    )
    def send(self, visitor: str, events: list[str], copies: int) -> None:
        """Two copies of a flush: the answer to the first was lost."""
        first = self.numbers[visitor] + 1
        self.numbers[visitor] += len(events)
        items = [{"n": first + place, **track(event)} for place, event in enumerate(events)]
        self.bodies.append(json.dumps({"visitor": visitor, "client": "c", "items": items}).encode())
        self._append([self.bodies[-1]], copies)

    @precondition(lambda self: self.bodies)
    @rule(data=st.data(), copies=st.integers(1, 2))
    def send_again(self, data: st.DataObject, copies: int) -> None:
        """What a page was not answered, it sends anew, in other company."""
        self._append(data.draw(st.lists(st.sampled_from(self.bodies), min_size=1, max_size=3)), copies)

    @rule()
    def send_nonsense(self) -> None:
        self._append([b"no batch"], 1)

    def _append(self, bodies: Sequence[bytes], copies: int) -> None:
        self.flushes += 1
        entries = [Entry(body) for body in bodies]
        answers = [self.go(self.surely(self.shard.append, "s", self.flushes, entries)).ids for _ in range(copies)]
        assert answers.count(answers[0]) == copies
        self.log += map(Logged, answers[0], entries)

    @initialize()
    def apply_the_first(self) -> None:
        self.apply()

    @precondition(lambda self: 0 < self.version < max(PROGRAMS))
    @rule()
    def apply(self) -> None:
        self.version += 1
        self.go(self.surely(self.shard.append_program, self.version))
        self.log += [each for each in self.go(self._logged()) if each.entry.program == self.version]

    async def _logged(self) -> Sequence[Logged]:
        found: Sequence[Logged] = await self.surely(self.shard.wait, START, 10**6, 1)
        return found

    @rule(milliseconds=st.sampled_from([1, 5, LATER, AWAY]))
    def pass_time(self, milliseconds: int) -> None:
        self.go(self.sleep(milliseconds))

    # Owners

    @rule(holder=OWNERS)
    def take(self, holder: str) -> None:
        """Whoever had the shard goes on without knowing."""
        self.go(self._take(holder))

    async def _take(self, holder: str) -> OwnedShard:
        while isinstance(taken := await self.surely(self.shard.take, holder, 1), Held):
            await self.sleep(taken.free_in)
        assert isinstance(taken, Ownership)
        faulty, versions = Faulty(self.shard), Versions(PROGRAMS)
        owned = OwnedShard(faulty, versions, self.recover, taken, await versions.program(taken.program))
        self.owners[holder] = owned, faulty
        return owned

    @rule(holder=OWNERS, turns=st.integers(1, 4), size=st.sampled_from([1, 2, 100]), fault=FAULTS)
    def fold(self, holder: str, turns: int, size: int, fault: str) -> None:
        """By whoever has the shard, or thinks so."""
        if holder not in self.owners:
            self.take(holder)
        self.go(self._fold(holder, turns, size, fault))

    async def _fold(self, holder: str, turns: int, size: int, fault: str) -> None:
        owned, faulty = self.owners[holder]
        faulty.fault = fault
        try:
            for _ in range(turns):
                reading = await self.shard.read(owned.state.position, size)
                await owned.fold(in_order(reading))
        except (Died, Fenced, StoreUnavailable):
            del self.owners[holder]
        if faulty.withheld is not None:
            self.withheld.append(faulty.withheld)

    @precondition(lambda self: self.withheld)
    @rule(data=st.data())
    def a_commit_comes_late(self, data: st.DataObject) -> None:
        """A server that was stopped goes on and finds it in its socket; whose it was may be long gone."""
        commit = data.draw(st.sampled_from(self.withheld))
        with suppress(Fenced):
            self.go(self.surely(self.shard.commit, commit))

    # The end

    def teardown(self) -> None:
        try:
            self.go(self._end())
        finally:
            self.go(self.close())
            self.loop.close()

    async def close(self) -> None:
        """Connections, if there are some."""

    async def _end(self) -> None:
        await self.sleep(LATER + AWAY + 2)
        owned = await self._take("last")
        while happenings := in_order(await self.surely(self.shard.read, owned.state.position, 100)):
            await owned.fold(happenings)
        people, dead = told_by_model(self.log, await self.now())
        [*profiles] = await self.shard.load([Wanted(visitor) for visitor in VISITORS])
        for profile in profiles:
            person, count = people[profile.visitor], profile.fields.get
            assert (int(count(b"event_count_1", 0)), int(count(b"event_count_2", 0))) == (person.clicks, person.buys)
            messages = [message.body for message in await self.shard.inbox(profile.visitor)]
            assert said(messages, "text") == person.messages[-50:], profile.visitor
            posted = [each.body for each in await self.shard.outbox() if each.visitor == profile.visitor]
            assert said(posted, "url") == person.posted, profile.visitor
        conversions = sum(person.conversions for person in people.values())
        assert sum((await self.shard.counts()).values()) == conversions, "no run waits any more, and goals count once"
        assert await self.shard.dead_letters() == dead
        assert owned.state.next_timer is None or owned.state.next_timer > await self.now() + 1000  # goals
        assert (await self.shard.position()) >= self.log[-1].id


def said(bodies: Sequence[bytes], what: str) -> list[tuple[int, str]]:
    """When and what, of messages."""
    read = [json.loads(body) for body in bodies]
    return [(milliseconds(datetime.fromisoformat(each["time"])), each[what]) for each in read]


class MemoryMachine(Machine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = 1_767_261_600_000
        self.shard = MemoryShard(lambda: self.clock)

    async def sleep(self, milliseconds: int) -> None:
        self.clock += milliseconds

    async def now(self) -> int:
        return self.clock


@dataclass
class Home:
    """A server, or a cluster of them. `kill`: kills it, and sees to it that it comes back; a cluster may lose something
    then (docs/operating.md), which no model can tell.
    """

    connections: Callable[[], Connections]
    kill: Callable[[], None] | None = None


class RedisMachine(Machine):
    """On real servers, whose clock is the real one, and which are killed now and then."""

    home: Home
    apps = 0

    def __init__(self) -> None:
        super().__init__()
        RedisMachine.apps += 1
        self.connections = self.home.connections()
        self.go(self.connections.recover())
        self.shard = RedisShard(self.connections, f"machine{RedisMachine.apps}", 0)

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    async def now(self) -> int:
        return int(time.time() * 1000)

    async def recover(self) -> None:
        await self.connections.recover()

    @rule(seldom=st.integers(0, 3))
    def kill_the_server(self, seldom: int) -> None:
        if seldom == 0 and self.home.kill is not None:
            self.home.kill()

    async def close(self) -> None:
        await self.shard.close()
        await self.connections.close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


def run(machine: type[Machine], examples: int, *phases: Phase) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, *phases),
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_it_comes_once_in_memory() -> None:
    run(MemoryMachine, 5 * EXAMPLES, Phase.shrink)


@pytest.fixture(params=["embedded", "single", "cluster"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    directory = tmp_path_factory.mktemp("machine")
    if request.param == "cluster":
        url = request.getfixturevalue("cluster").url
        yield Home(lambda: Connections(url=url))
    elif request.param == "single":
        with Single(directory) as single:
            yield Home(lambda: Connections(url=single.url), single.restart)
    else:
        with EmbeddedStore(directory, Durability.ALWAYS) as store:
            yield Home(lambda: Connections(embedded=store), lambda: kill_servers(directory))


def kill_servers(directory: Path) -> None:
    for pid in servers(directory):  # none, if it was killed already
        os.kill(pid, signal.SIGKILL)


def test_whatever_happens_it_comes_once_in_a_real_store(home: Home) -> None:
    RedisMachine.home = home
    run(RedisMachine, EXAMPLES)
