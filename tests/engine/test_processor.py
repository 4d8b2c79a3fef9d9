"""The processor: everything exactly once, in the log's order, whoever comes and goes, and whatever is broken."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import cycle
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.owned_shard import PER_COMMIT
from engine.processor import BATCH, LEASE, Processor
from engine.program import Program
from tests.engine.test_folding import (
    PROGRAMS,
    State,
    Story,
    program,
    recorded,
    replayed,
    state_of,
    story_of,
    track,
    without_numbers,
)
from variables.memory_store import MemoryShard
from variables.profile import NUMBER, Profile
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import (
    START,
    Change,
    Commit,
    Entry,
    EntryId,
    Held,
    Logged,
    Ownership,
    Shard,
    StoreUnavailable,
    Wanted,
)

pytestmark = pytest.mark.anyio
LIMIT = 10
"""Seconds after which what is waited for will not come."""
STOPPING = 3
"""Seconds after which a processor that was cancelled once will not stop."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is set aside is logged with its whole traceback."""
    with capture_logs():
        yield


@pytest.fixture(params=["memory", "redis"])
async def shard(request: pytest.FixtureRequest, connections: Connections, app: str) -> AsyncIterator[Shard]:
    if request.param == "memory":
        yield MemoryShard(lambda: time.time_ns() // 1_000_000)
    else:
        shard = RedisShard(connections, app, 0)
        yield shard
        await shard.close()


class Versions:
    """Programs, ready. Asking for one lets others run, as fetching one does."""

    def __init__(self, programs: dict[int, Program]) -> None:
        self._programs = programs

    async def program(self, version: int) -> Program:
        await asyncio.sleep(0)
        return self._programs[version]


GREET = '\nflow greet:\n    on webclick\n    send web "hi {{ event_count_1 }}"\n'
VERSIONS = Versions(
    {
        0: program(version=0),
        1: program(GREET, 1),
        2: program(GREET.replace("hi", "hello"), 2),
        3: program(version=3),
    }
)


async def recover() -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def processing(
    shard: Shard, holder: str = "p", *, versions: Versions = VERSIONS, lease: int = LEASE
) -> AsyncIterator[asyncio.Task[None]]:
    """A processor that runs; cancelled at the end, as whenflow does when it stops."""
    task = asyncio.create_task(Processor(shard, versions, holder, recover, lease=lease).run())
    try:
        yield task
    finally:
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=STOPPING)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not running, "one cancellation must be enough"


async def until(holds: Callable[[], Awaitable[object]], seconds: float = LIMIT) -> None:
    """Waits until an async condition holds."""
    end = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        await asyncio.sleep(0.001)


async def folded(shard: Shard, position: EntryId, seconds: float = LIMIT) -> None:
    async def is_there() -> bool:
        return await shard.position() >= position

    await until(is_there, seconds)


class Sender:
    """Appends batches of visitors, and can send each again."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.flush = 0
        self.numbers: dict[str, int] = {}

    async def send(self, visitor: str, *items: dict[str, Any], copies: int = 1, **entry: Any) -> EntryId:
        """A batch whose items are numbered; the second copy comes as a resend does, in a flush of its own."""
        n = self.numbers.get(visitor, 0)
        self.numbers[visitor] = n + len(items)
        numbered = [{"n": n + place, **item} for place, item in enumerate(items)]
        raw = json.dumps({"visitor": visitor, "client": "c", "items": numbered}).encode()
        for _ in range(copies):
            last = await self.raw(raw, **entry)
        return last

    async def raw(self, body: bytes, **entry: Any) -> EntryId:
        self.flush += 1
        return (await self.shard.append("s", self.flush, [Entry(body, **entry)])).ids[-1]


async def profile_of(shard: Shard, visitor: str) -> Profile:
    [profile] = await shard.load([Wanted(visitor)])
    return profile


async def count_of(shard: Shard, visitor: str, name: bytes = b"event_count_1") -> int:
    return int((await profile_of(shard, visitor)).fields.get(name, b"0"))


async def texts_of(shard: Shard, visitor: str) -> list[str]:
    return [json.loads(message.body)["text"] for message in await shard.inbox(visitor)]


# Exactly once


async def test_accepted_items_are_counted_once_though_they_are_sent_again(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard):
        for turn in range(20):
            last = await sender.send(f"v{turn % 3}", track(), track(), copies=1 + turn % 3)
        await folded(shard, last)
    assert [await count_of(shard, f"v{k}") for k in range(3)] == [14, 14, 12]
    assert await texts_of(shard, "v2") == [f"hi {k}" for k in range(1, 13)]


async def test_what_was_appended_before_anybody_read_is_folded_in_many_commits(shard: Shard) -> None:
    await shard.append_program(1)
    entries = [
        Entry(json.dumps({"visitor": f"v{k % 150}", "client": "c", "n": k, **track()}).encode())
        for k in range(2 * BATCH + 50)
    ]
    last = (await shard.append("bulk", 1, entries)).ids[-1]
    async with processing(shard):
        await folded(shard, last)
    counts = [await count_of(shard, f"v{k}") for k in range(150)]
    assert sum(counts) == 2 * BATCH + 50
    assert PER_COMMIT < 150
    numbers = sorted([int((await profile_of(shard, f"v{k}")).fields[NUMBER]) for k in range(150)])
    assert numbers == list(range(150))


async def test_who_goes_on_where_the_last_one_stopped_counts_nothing_twice(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    for turn in range(1, 6):
        last = await sender.send("v", track())
        async with processing(shard, f"p{turn}"):
            await folded(shard, last)
    assert await texts_of(shard, "v") == [f"hi {k}" for k in range(1, 6)]


async def test_a_processor_that_is_cancelled_at_any_moment_loses_and_doubles_nothing(shard: Shard) -> None:
    chance = random.Random(7)  # noqa: S311
    sender = Sender(shard)
    await shard.append_program(1)
    for turn in range(25):
        for _ in range(4):
            last = await sender.send(f"v{chance.randrange(3)}", track())
        async with processing(shard, f"p{turn}"):
            for _ in range(chance.randrange(30)):
                await asyncio.sleep(0)
    async with processing(shard):
        await folded(shard, last)
    counts = [await count_of(shard, f"v{k}") for k in range(3)]
    assert counts == [sender.numbers.get(f"v{k}", 0) for k in range(3)]
    for visitor, count in enumerate(counts):
        assert await texts_of(shard, f"v{visitor}") == [f"hi {k}" for k in range(1, count + 1)][-50:]


# Programs


async def test_a_program_holds_from_its_place_in_the_log(shard: Shard) -> None:
    sender = Sender(shard)
    await sender.send("v", track())
    await shard.append_program(1)
    await sender.send("v", track())
    await sender.send("v", track())
    await shard.append_program(2)
    await sender.send("v", track())
    await shard.append_program(3)
    last = await sender.send("v", track())
    async with processing(shard):
        await folded(shard, last)
    assert await texts_of(shard, "v") == ["hi 2", "hi 3", "hello 4"]


async def test_the_next_owner_knows_which_program_holds(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(2)
    async with processing(shard):
        await folded(shard, await sender.send("v", track()))
    async with processing(shard, "q"):
        await folded(shard, await sender.send("v", track()))
    assert await texts_of(shard, "v") == ["hello 1", "hello 2"]


# Several processors


async def test_of_several_processors_one_owns_the_shard_and_all_is_counted_once(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard, "p1"), processing(shard, "p2"), processing(shard, "p3"):
        for _ in range(30):
            last = await sender.send("v", track())
        await folded(shard, last)
        assert isinstance(await shard.take("somebody else", 1000), Held)
    assert await texts_of(shard, "v") == [f"hi {k}" for k in range(1, 31)]


async def test_an_owner_who_lost_the_shard_writes_nothing_more_and_takes_it_anew(shard: Shard) -> None:
    """Whoever calls itself by the same name takes the shard at once: the epoch rises under the owner's feet."""
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard) as task:
        for turn in range(10):
            last = await sender.send("v", track())
            if turn % 2:
                await shard.take("p", LEASE)
        await folded(shard, last)
        assert not task.done()
    assert await texts_of(shard, "v") == [f"hi {k}" for k in range(1, 11)]


async def test_a_shard_whose_owner_is_dead_is_taken_when_the_lease_lapses(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    assert isinstance(await shard.take("dead", 300), Ownership)
    async with processing(shard):
        await folded(shard, await sender.send("v", track()))
    assert await count_of(shard, "v") == 1


async def test_a_shard_that_was_given_up_is_free_at_once(shard: Shard) -> None:
    sender = Sender(shard)
    async with processing(shard, "p", lease=60_000):
        await folded(shard, await sender.send("v", track()))
    async with processing(shard, "q", lease=60_000):
        await folded(shard, await sender.send("v", track()))


async def test_a_processor_that_is_cancelled_before_it_has_its_program_gives_the_shard_up_too(shard: Shard) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    class Slow(Versions):
        async def program(self, version: int) -> Program:
            asked.set()
            await never.wait()
            return await super().program(version)

    async with processing(shard, versions=Slow({}), lease=60_000), asyncio.timeout(LIMIT):
        await asked.wait()
    assert isinstance(await shard.take("q", 1000), Ownership)


async def test_one_who_waits_takes_over_long_before_the_lease_would_lapse(shard: Shard) -> None:
    sender = Sender(shard)
    async with AsyncExitStack() as second:
        async with processing(shard, "first", lease=30_000):
            await folded(shard, await sender.send("v", track()))
            await second.enter_async_context(processing(shard, "second", lease=30_000))
            await folded(shard, await sender.send("v", track()))
        await folded(shard, await sender.send("v", track()), 3)


# Poison


async def test_a_body_that_is_no_json_is_set_aside_and_the_others_go_on(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    await sender.send("a", track())
    for body in (b"no json", b"", b"[]", b'{"visitor": 5}', b"\xff"):
        await sender.raw(body)
    last = await sender.send("b", track())
    async with processing(shard):
        await folded(shard, last)
    assert await shard.dead_letters() == 5
    assert [await texts_of(shard, visitor) for visitor in "ab"] == [["hi 1"], ["hi 1"]]


@pytest.fixture
async def redis(connections: Connections, app: str) -> AsyncIterator[tuple[RedisShard, Any, str]]:
    """A shard, a client that may spoil it, and what its keys begin with."""
    shard = RedisShard(connections, app, 0)
    yield shard, connections.commands, f"wf:{{{app}:0}}:"
    await shard.close()


@pytest.mark.parametrize(
    ("field", "raw"),
    [("event_count_1", "many"), ("event_last_time_1", ""), ("last_seen_time", "now"), (".clients", "short")],
)
async def test_an_item_that_raises_is_set_aside_and_the_others_go_on(
    redis: tuple[RedisShard, Any, str], field: str, raw: str
) -> None:
    """Somebody wrote into a profile what only Whenflow may write."""
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard):
        await folded(shard, await sender.send("spoilt", track()))
        await commands.hset(f"{prefix}profile:spoilt", field, raw)
        for visitor in ("a", "spoilt", "b"):
            last = await sender.send(visitor, track())
        await folded(shard, last)
        assert await shard.dead_letters() == 1
        await commands.delete(f"{prefix}profile:spoilt")
        await folded(shard, await sender.send("spoilt", track()))
    assert await shard.dead_letters() == 1
    assert [await count_of(shard, visitor) for visitor in ("a", "spoilt", "b")] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["profile", "tallies", "runs", "inbox"])
async def test_a_key_of_another_type_sets_aside_only_that_visitors_entries(
    redis: tuple[RedisShard, Any, str], kind: str
) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    await commands.set(f"{prefix}{kind}:spoilt", "no hash")
    for _ in range(3):
        for visitor in ("a", "spoilt", "b"):
            last = await sender.send(visitor, track())
    async with processing(shard) as task:
        await folded(shard, last)
        assert not task.done()
    assert await shard.dead_letters() == 3
    assert await commands.get(f"{prefix}{kind}:spoilt") == b"no hash"
    for visitor in "ab":
        assert await texts_of(shard, visitor) == ["hi 1", "hi 2", "hi 3"]


# Timers


async def arm(shard: Shard, **due_in: int) -> int:
    """Arms a timer a visitor, so many milliseconds from now, by commits as an owner makes them. Gives the last due."""
    state = await shard.take("setup", 1000)
    assert isinstance(state, Ownership)
    changes = [
        Change(visitor, {NUMBER: b"%d" % number}, new_number=number, timer=(number, state.now + due))
        for number, (visitor, due) in enumerate(due_in.items())
    ]
    await shard.commit(Commit(state.epoch, state.commit + 1, START, 0, len(changes), changes))
    await shard.renew(state.epoch, 0)
    return state.now + max(due_in.values())


async def no_timer_is_left(shard: Shard, after: int) -> bool:
    reading = await shard.read(START, 100)
    return reading.now > after and not reading.timers


async def test_timers_that_fell_due_before_anybody_owned_the_shard_are_taken(shard: Shard) -> None:
    last = await arm(shard, a=-5000, b=-1000, c=-1000)
    async with processing(shard):
        await until(lambda: no_timer_is_left(shard, last))


async def test_a_timer_is_taken_when_it_falls_due(shard: Shard) -> None:
    last = await arm(shard, a=100)
    async with processing(shard):
        await until(lambda: no_timer_is_left(shard, last), 3)


async def test_a_timer_that_falls_due_after_another_one_is_not_forgotten(shard: Shard) -> None:
    last = await arm(shard, a=20, b=150, c=300)
    async with processing(shard):
        await until(lambda: no_timer_is_left(shard, last), 3)


async def test_items_are_folded_while_a_timer_is_far_away(shard: Shard) -> None:
    await arm(shard, a=3_600_000)
    sender = Sender(shard)
    async with processing(shard):
        for _ in range(3):
            await folded(shard, await sender.send("v", track()))


async def test_a_timer_of_a_visitor_whose_key_is_broken_is_set_aside_once(redis: tuple[RedisShard, Any, str]) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    last = await arm(shard, spoilt=-10, b=-5)
    await commands.delete(f"{prefix}profile:spoilt")
    await commands.set(f"{prefix}profile:spoilt", "no hash")
    async with processing(shard):
        await until(lambda: no_timer_is_left(shard, last), 3)
        await folded(shard, await sender.send("a", track()))
    assert await shard.dead_letters() == 1


# Replay equality in small


class Unsteady(MemoryShard):
    """A store whose answers are cut at odd places, and some of whose answers get lost, before or after it has done."""

    chance = random.Random(0)  # noqa: S311
    sizes: Iterator[int] = cycle([1])
    faults: float = 0.1

    async def wait(self, after: EntryId, limit: int, patience: int | None) -> Sequence[Logged]:
        await self._hesitate()
        return await super().wait(after, min(limit, next(self.sizes)), patience)

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Profile]:
        await self._hesitate()
        return await super().load(wanted)

    async def commit(self, commit: Commit) -> int | None:
        await self._hesitate()
        next_timer = await super().commit(commit)
        await self._hesitate()
        return next_timer

    async def _hesitate(self) -> None:
        await asyncio.sleep(0)
        if self.chance.random() < self.faults:
            raise StoreUnavailable("no answer")


async def unsteadily(story: Story, chance: random.Random, sizes: Sequence[int]) -> Unsteady:
    """Folds a log by processors that come and go, out of a store that fails now and then."""
    shard = await recorded(story.log, Unsteady)
    shard.chance, shard.sizes = chance, cycle(sizes)
    versions = Versions(PROGRAMS)
    for _ in range(1_000):
        if not (await shard.read(await shard.position(), 1)).entries:
            shard.faults = 0
            return shard
        async with processing(shard, versions=versions):
            for _ in range(chance.randrange(1, 200)):
                await asyncio.sleep(0)
    raise AssertionError("the log was not folded to its end")


@settings(deadline=None, max_examples=60, phases=[Phase.generate])
@given(st.integers(0, 2**32), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_batches_restarts_and_lost_answers_change_no_profile_and_no_message(seed: int, sizes: list[int]) -> None:
    chance = random.Random(seed)  # noqa: S311
    story = asyncio.run(story_of(seed))
    steady = replayed(story, lambda: cycle([1]))

    async def unsteady() -> State:
        shard = await unsteadily(story, chance, sizes)
        return await state_of(shard, story.visitors, steady.messages)

    assert without_numbers(asyncio.run(unsteady())) == without_numbers(steady)


async def test_redis_and_memory_give_the_same_profiles_and_messages(connections: Connections, app: str) -> None:
    """One log, folded by both: the stamps of the one are given to the other."""
    redis = RedisShard(connections, app, 0)
    story = await story_of(12)
    for number, (_, entry) in enumerate(story.log, 1):
        if entry.program is not None:
            await redis.append_program(entry.program)
        else:
            await redis.append("s", number, [entry])
    entries = await redis.wait(START, 10_000, 1000)
    memory = await recorded([(logged.id.stamp, logged.entry) for logged in entries], MemoryShard)
    assert [logged.id for logged in await memory.wait(START, 10_000, 1000)] == [logged.id for logged in entries]
    versions = Versions(PROGRAMS)
    for home in (redis, memory):
        async with processing(home, versions=versions):
            await folded(home, entries[-1].id)
    for visitor in story.visitors:
        one, other = await profile_of(redis, visitor), await profile_of(memory, visitor)
        assert (dict(one.fields), one.tallies, one.runs) == (dict(other.fields), other.tallies, other.runs)
        assert await redis.inbox(visitor) == await memory.inbox(visitor)
    assert await redis.dead_letters() == await memory.dead_letters()
    await redis.close()
