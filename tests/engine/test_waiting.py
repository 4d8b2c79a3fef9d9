"""Timers, and runs that wait, under a processor: each once, in time, whoever comes and goes."""

import asyncio
import json
import random
import time
from datetime import datetime

import pytest

from engine.owned_shard import PER_COMMIT
from tests.engine.processing import (
    WAITING,
    Sender,
    arm,
    folded,
    no_timer_is_left,
    processing,
    profile_of,
    texts_of,
    until,
)
from tests.engine.stories import Versions, program, track
from variables.memory_store import MemoryShard
from variables.store import START, Entry, Shard

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quiet")]

# Timers


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


# Runs that wait


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
