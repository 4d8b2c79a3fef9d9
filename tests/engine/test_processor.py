"""The processor: everything exactly once, in the log's order, whoever comes and goes."""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import cycle, repeat

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.owned_shard import PER_COMMIT
from engine.processor import BATCH, LEASE
from engine.program import Program
from tests.engine.processing import LIMIT, Sender, count_of, folded, processing, profile_of, texts_of
from tests.engine.stories import Replaying, State, Story, Versions, fold_on, owner_of, state_of, story_of, track
from variables.profile import NUMBER, Profile
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import START, Commit, Entry, EntryId, Held, Logged, Ownership, Reading, Shard, Wanted

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quiet")]

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
