"""The processor: everything exactly once, in the log's order, whoever comes and goes, and whatever is broken."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from itertools import cycle, repeat
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.owned_shard import PER_COMMIT
from engine.processor import BATCH, LEASE, Processor
from engine.program import Program
from tests.conftest import connected
from tests.engine.stories import (
    Replaying,
    State,
    Story,
    Versions,
    fold_on,
    owner_of,
    program,
    recover,
    state_of,
    story_of,
    track,
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
    Reading,
    Shard,
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


@pytest.fixture(params=["memory", "redis", "single", "cluster"])
async def shard(request: pytest.FixtureRequest, app: str) -> AsyncIterator[Shard]:
    if request.param == "memory":
        yield MemoryShard(lambda: time.time_ns() // 1_000_000)
    else:
        async with connected(request, request.param) as connections:
            shard = RedisShard(connections, app, 0)
            yield shard
            await shard.close()


GREET = '\nflow greet:\n    on webclick\n    send web "hi {{ event_count_1 }}"\n'
VERSIONS = Versions(
    {
        0: program(version=0),
        1: program(GREET, 1),
        2: program(GREET.replace("hi", "hello"), 2),
        3: program(version=3),
    }
)


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
    [("event_count_1", "many"), ("event_last_time_1", ""), ("last_seen_time", "now"), (".c", "short")],
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


async def test_a_shard_whose_own_key_is_broken_goes_on_when_it_is_mended(redis: tuple[RedisShard, Any, str]) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard) as task:
        await folded(shard, await sender.send("v", track()))
        await commands.set(f"{prefix}timers", "no sorted set")
        epoch = int(await commands.hget(f"{prefix}owner", "epoch"))
        last = await sender.send("v", track())

        async def is_taken_anew() -> bool:
            return int(await commands.hget(f"{prefix}owner", "epoch")) > epoch

        await until(is_taken_anew)
        assert await shard.position() < last
        await commands.delete(f"{prefix}timers")
        await folded(shard, last)
        assert not task.done()
    assert await texts_of(shard, "v") == ["hi 1", "hi 2"]
    assert await shard.dead_letters() == 0


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


async def test_a_timer_is_taken_though_the_store_s_clock_has_run_ahead_of_ours() -> None:
    """As it has when the processor's machine slept."""
    slept = 0
    shard = MemoryShard(lambda: time.time_ns() // 1_000_000 + slept)
    last = await arm(shard, a=3_600_000)
    async with processing(shard, lease=300):
        await asyncio.sleep(0.05)
        slept = 3_600_000
        await until(lambda: no_timer_is_left(shard, last), 2)


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


# Runs that wait


LATER = """
flow later:
    on webclick
    limit 1
    set visits = (visits or 0) + 1
    wait 1s
    send web "later {{ visits }}"
"""
WAITING = Versions({0: program(version=0), 1: program(LATER, 1)})


async def test_a_wait_is_over_within_a_second_of_its_due_time(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard, versions=WAITING):
        began = (await sender.send("v", track())).stamp

        async def is_sent() -> bool:
            return bool(await shard.inbox("v"))

        await until(is_sent)
        assert 1000 <= time.time() * 1000 - began < 2000
    [message] = await shard.inbox("v")
    sent = datetime.fromisoformat(json.loads(message.body)["time"])
    assert sent.timestamp() * 1000 == began + 1000


async def test_the_timers_of_two_thousand_visitors_fire_once_each(shard: Shard) -> None:
    crowd = 2000
    await shard.append_program(1)
    entries = [
        Entry(json.dumps({"visitor": f"v{number}", "client": "c", "n": 1, **track()}).encode())
        for number in range(crowd)
    ]
    last = (await shard.append("bulk", 1, entries)).ids[-1]
    async with processing(shard, versions=WAITING):
        await folded(shard, last)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
    assert [await texts_of(shard, f"v{number}") for number in range(crowd)] == [["later 1"]] * crowd
    assert await shard.counts() == {}


async def test_a_processor_that_is_cancelled_at_any_moment_loses_and_doubles_no_wait(shard: Shard) -> None:
    chance = random.Random(7)  # noqa: S311
    sender = Sender(shard)
    await shard.append_program(1)
    last = START
    for turn in range(60):
        if turn < 20:
            last = await sender.send(f"v{turn}", track())
        async with processing(shard, f"p{turn}", versions=WAITING):
            await asyncio.sleep(0.03)
            for _ in range(chance.randrange(30)):
                await asyncio.sleep(0)
    async with processing(shard, versions=WAITING):
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
    assert [await texts_of(shard, f"v{number}") for number in range(20)] == [["later 1"]] * 20


async def test_a_run_that_cannot_be_read_sets_aside_its_visitor_and_no_other(
    redis: tuple[RedisShard, Any, str],
) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    spoilings = ("no json", "[]", "{}", '{"flow": "later", "version": "x", "started": 1}', '{"flow": 1, "other": 2}')
    async with processing(shard, versions=WAITING) as task:
        for visitor in ("a", *(f"spoilt{k}" for k in range(len(spoilings))), "b"):
            last = await sender.send(visitor, track())
        await folded(shard, last)
        for k, raw in enumerate(spoilings):
            await commands.hset(f"{prefix}runs:spoilt{k}", "id", raw)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
        assert not task.done()
    assert await shard.dead_letters() == len(spoilings)
    assert [await texts_of(shard, visitor) for visitor in "ab"] == [["later 1"]] * 2


async def test_a_program_is_met_by_all_though_one_visitors_key_is_broken(redis: tuple[RedisShard, Any, str]) -> None:
    shard, commands, prefix = redis
    away = "\nflow away:\n    when now - event_last_time_1 > 1s\n    send web 'away'\n"
    versions = Versions({0: program(version=0), 1: program("", 1), 2: program(away, 2)})
    sender, crowd = Sender(shard), PER_COMMIT + 5
    await shard.append_program(1)
    async with processing(shard, versions=versions) as task:
        for number in range(crowd):
            last = await sender.send(f"v{number}", track())
        await folded(shard, last)
        await commands.delete(f"{prefix}tallies:v3", f"{prefix}runs:v3")
        await commands.set(f"{prefix}runs:v3", "no hash")
        await shard.append_program(2)

        async def is_sent() -> bool:
            return bool(await shard.inbox(f"v{crowd - 1}"))

        await until(is_sent)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
        assert not task.done()
    sent = [await texts_of(shard, f"v{number}") for number in range(crowd)]
    assert sent == [[] if number == 3 else ["away"] for number in range(crowd)]
    assert await shard.dead_letters() == 1


async def test_what_time_brought_between_two_programs_comes_though_nobody_met_the_first_in_time(shard: Shard) -> None:
    """No processor runs while they come: it finds both in the log, and an edge of each visitor between them."""
    away = "\nflow away:\n    when now - event_last_time_1 > 1s / 5\n    send web 'second'\n"
    versions = Versions(
        {0: program(version=0), 1: program("", 1), 2: program(away, 2), 3: program(away.replace("second", "third"), 3)}
    )
    sender, crowd, clicked = Sender(shard), PER_COMMIT + 5, dict[str, int]()
    await shard.append_program(1)
    async with processing(shard, versions=versions):
        for number in range(crowd):
            last = await sender.send(f"v{number}", track())
            clicked[f"v{number}"] = last.stamp
        await folded(shard, last)
    second = await shard.append_program(2)
    assert second is not None

    async def is_later() -> bool:
        return (await shard.read(START, 1)).now > last.stamp + 250

    await until(is_later)
    third = await shard.append_program(3)
    assert third is not None
    async with processing(shard, versions=versions):
        await folded(shard, third)
        await until(lambda: no_timer_is_left(shard, third.stamp))

        async def all_have_met() -> bool:
            return (await profile_of(shard, f"v{crowd - 1}")).program == 3

        await until(all_have_met)
    for visitor, stamp in clicked.items():
        turned = stamp + 201
        expected = [] if turned <= second.stamp else ["second"]
        assert await texts_of(shard, visitor) == expected, (visitor, turned - second.stamp, third.stamp - turned)
        for message in await shard.inbox(visitor):
            sent = datetime.fromisoformat(json.loads(message.body)["time"])
            assert round(sent.timestamp() * 1000) == turned


# Replay equality in small


class Unsteady(Replaying):
    """A store whose answers are cut at odd places, and some of whose answers get lost, before or after it has done."""

    sizes: Iterator[int] = cycle([1])

    async def wait(self, after: EntryId, limit: int, patience: int | None) -> Sequence[Logged]:
        await asyncio.sleep(0)
        return await super().wait(after, min(limit, next(self.sizes)), patience)

    async def read(self, after: EntryId, limit: int) -> Reading:
        await asyncio.sleep(0)
        return await super().read(after, min(limit, next(self.sizes)))

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Profile]:
        await asyncio.sleep(0)
        return await super().load(wanted)


async def unsteadily(story: Story, chance: random.Random, sizes: Sequence[int]) -> State:
    """Folds a log by processors that come and go, out of a store that fails now and then."""
    shard = Unsteady(story)
    shard.chance, shard.sizes, shard.faults = chance, cycle(sizes), 0.1
    for _ in range(3_000):
        if await shard.position() == story.log[-1].id and not (await shard.read(START, 100)).timers:
            shard.faults = 0
            return await state_of(shard, story.visitors)
        async with processing(shard, versions=Versions()):
            for _ in range(chance.randrange(1, 200)):
                await asyncio.sleep(0)
    raise AssertionError("the log was not folded to its end")


@settings(deadline=None, max_examples=30, phases=[Phase.generate])
@given(st.integers(0, 2**32), st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_batches_restarts_and_lost_answers_change_nothing(seed: int, sizes: list[int]) -> None:
    story = asyncio.run(story_of(seed))
    assert asyncio.run(unsteadily(story, random.Random(seed), sizes)) == story.lived  # noqa: S311


class ReplayingRedis(RedisShard):
    """A shard in Redis whose log was recorded; what falls due after the story's end is left alone."""

    end = 0

    async def read(self, after: EntryId, limit: int) -> Reading:
        reading = await super().read(after, limit)
        return replace(reading, timers=[timer for timer in reading.timers if timer.due <= self.end])

    async def commit(self, commit: Commit) -> int | None:
        return await super().commit(replace(commit, entries=()))


@pytest.mark.parametrize("seed", range(12, 20))
async def test_redis_and_memory_give_the_same(connections: Connections, app: str, seed: int) -> None:
    """One log, folded by both."""
    story = await story_of(seed)
    shard = ReplayingRedis(connections, app, 0)
    shard.end = story.end
    for logged in story.log:
        entry, note = logged.entry, {}
        for name in ("rejected", "from_server", "program", "meeting"):
            if value := getattr(entry, name):
                note[name] = value
        await connections.commands.xadd(
            f"wf:{{{app}:0}}:log", {"body": entry.body, "note": json.dumps(note)}, str(logged.id)
        )
    assert await shard.wait(START, 10**6, 1) == story.log
    await fold_on(await owner_of(shard), shard, repeat(50))
    assert await state_of(shard, story.visitors) == story.lived
    await shard.close()


# Hostile hands in the store: nobody else's items wait for it


@pytest.mark.parametrize(
    "spoil",
    [
        ("HSET", "profile:spoilt", b"\xff\xfe", b"\xff"),
        ("HSET", "profile:spoilt", ".number", "99999999999999999999"),
        ("HSET", "profile:spoilt", ".due", "1e400"),
        ("HSET", "profile:spoilt", ".program", "-1"),
        ("HSET", "tallies:spoilt", "later", b"\xff 1 x"),
        ("HSET", "tallies:spoilt", b"\xff", "1 0"),
        ("HSET", "runs:spoilt", "id", b"\xff\x00"),
        ("HSET", "runs:spoilt", "id", '{"flow": "later", "version": 77, "started": 1, "at": 0, "due": 5}'),
        ("HSET", "runs:spoilt", "id", '{"flow": "later", "version": 1, "started": 1, "at": 99, "due": 5}'),
        ("HSET", "runs:spoilt", "id", '{"flow": "later", "version": 1, "started": "x", "at": "y", "due": "z"}'),
        ("HSET", "runs:spoilt", "id", '{"flow": "gone", "version": 1, "started": 1, "at": 0, "due": 5, "goal": 1}'),
        ("HSET", "runs:spoilt", "id", "[" * 10_000),
        ("HSET", "inbox:spoilt", b"\xff", b"\xff"),
        ("SET", "runs:spoilt", "x"),
        ("SET", "outbox", "x"),
        ("SET", "counts", "x"),
        ("SET", "names:0", "x"),
        ("HSET", "names:0", "1", b"\xff"),
        ("ZADD", "timers", "1", "nobody"),
        ("ZADD", "timers", "1.5", b"\xff"),
        ("ZADD", "timers", "1", "4611686018427387904"),
        ("ZADD", "timers", "-inf", "12"),
        ("ZADD", "timers", "inf", "13"),
        ("XADD", "log", "*", "note", "no json"),
        ("XADD", "log", "*", "note", '{"rejected": 5}'),
        ("XADD", "log", "*", "note", '{"program": "x"}'),
        ("XADD", "log", "*", "note", '{"program": 77}'),
        ("XADD", "log", "*", "note", '{"meeting": [1, 2, 3]}'),
        ("XADD", "log", "*", "note", '{"meeting": [1, -5]}'),
        ("XADD", "log", "*", "nothing", b"\xff"),
        ("DEL", "timers"),
        ("DEL", "runs:spoilt"),
        ("DEL", "profile:spoilt"),
    ],
    ids=lambda spoil: " ".join(part if isinstance(part, str) else repr(part) for part in spoil)[:60],
)
async def test_whatever_is_spoilt_the_shard_goes_on(redis: tuple[RedisShard, Any, str], spoil: tuple[Any, ...]) -> None:
    """While runs wait; `a` comes before the spoilt one in number, `b` behind it."""
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard, versions=WAITING) as task:
        for visitor in ("a", "spoilt", "b"):
            last = await sender.send(visitor, track())
        await folded(shard, last)
        command, key, *rest = spoil
        if command == "SET":
            await commands.delete(prefix + key)
        await commands.execute_command(command, prefix + key, *rest)
        last = await sender.send("spoilt", track())
        await folded(shard, last)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
        for visitor in ("a", "b"):
            last = await sender.send(visitor, {"ping": {}})
        await folded(shard, last)
        assert not task.done()
        if command != "SET" and "timers" not in key:
            assert [await texts_of(shard, visitor) for visitor in "ab"] == [["later 1"]] * 2
        assert [await count_of(shard, visitor) for visitor in "ab"] == [1, 1]
        assert (await shard.standing()).trouble is None
