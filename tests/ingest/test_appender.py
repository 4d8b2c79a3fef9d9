"""The appender, on a real log: few flushes for many requests, each entry once, and a word when there is no room."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ingest import appender as module
from ingest.appender import Appender, Overloaded
from tests.whenflow.process import servers, stopped, until
from variables.embedded import EmbeddedStore
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import START, Entry, Logged, StoreUnavailable

pytestmark = [pytest.mark.anyio, pytest.mark.alone]


@pytest.fixture
async def shard(connections: Connections, app: str) -> AsyncIterator[RedisShard]:
    shard = RedisShard(connections, app, 0, log_bound=30_000)
    yield shard
    await shard.close()


async def log_of(shard: RedisShard) -> list[Logged]:
    """All that lies in a log."""
    found: list[Logged] = []
    while more := await shard.wait(found[-1].id if found else START, 10_000, 1):
        found += more
    return found


def entry(k: int) -> Entry:
    return Entry(f"{k}".encode())


async def test_entries_of_one_moment_share_few_flushes_and_each_learns_its_own_place(
    shard: RedisShard, connections: Connections
) -> None:
    appender = Appender(shard, "s", connections.recover)
    before = await flushes(connections)
    ids = await asyncio.gather(*(appender.append(entry(k)) for k in range(1200)))
    assert await flushes(connections) - before <= 5
    logged = await log_of(shard)
    assert [one.entry for one in logged] == [entry(k) for k in range(1200)]
    assert ids == [one.id for one in logged]


async def flushes(connections: Connections) -> int:
    """Scripts that the server has run so far."""
    stats = await connections.commands.info("commandstats")
    calls: int = stats.get("cmdstat_evalsha", {"calls": 0})["calls"]
    return calls


async def test_what_comes_during_a_flush_goes_with_the_next(shard: RedisShard, connections: Connections) -> None:
    appender = Appender(shard, "s", connections.recover)

    async def send(sender: int) -> None:
        for k in range(50):
            await appender.append(Entry(f"{sender}/{k}".encode()))

    await asyncio.gather(*(send(sender) for sender in range(20)))
    bodies = [one.entry.body.decode() for one in await log_of(shard)]
    assert sorted(bodies) == sorted(f"{sender}/{k}" for sender in range(20) for k in range(50))
    for sender in range(20):
        assert [b for b in bodies if b.startswith(f"{sender}/")] == [f"{sender}/{k}" for k in range(50)]


async def test_a_flush_is_kept_small_enough_in_bytes_too(shard: RedisShard, connections: Connections) -> None:
    appender = Appender(shard, "s", connections.recover)
    large = Entry(b"x" * (256 << 10))
    before = await flushes(connections)
    await asyncio.gather(*(appender.append(large) for _ in range(64)))
    assert await flushes(connections) - before >= 4
    assert len(await log_of(shard)) == 64


async def test_a_full_log_is_said_and_room_is_found_again(connections: Connections, app: str) -> None:
    shard = RedisShard(connections, app, 0, log_bound=5)
    appender = Appender(shard, "s", connections.recover)
    await asyncio.gather(*(appender.append(entry(k)) for k in range(5)))
    with pytest.raises(Overloaded):
        await appender.append(entry(5))
    await connections.commands.xtrim(f"wf:{{{app}:0}}:log", maxlen=0, approximate=False)
    await appender.append(entry(6))
    assert [one.entry for one in await log_of(shard)] == [entry(6)]
    await shard.close()


async def test_more_than_may_wait_are_told_so_at_once_and_the_others_are_kept(
    shard: RedisShard, connections: Connections
) -> None:
    appender = Appender(shard, "s", connections.recover)
    results = await asyncio.gather(
        *(appender.append(entry(k)) for k in range(module.ROOM + 10)), return_exceptions=True
    )
    refused = [k for k, result in enumerate(results) if isinstance(result, Overloaded)]
    assert refused == list(range(module.ROOM, module.ROOM + 10))
    assert [one.entry for one in await log_of(shard)] == [entry(k) for k in range(module.ROOM)]


async def test_whoever_gave_up_before_the_flush_is_left_out_and_the_others_are_not(
    shard: RedisShard, connections: Connections
) -> None:
    appender = Appender(shard, "s", connections.recover)
    tasks = [asyncio.create_task(appender.append(entry(k))) for k in range(10)]
    await asyncio.sleep(0)  # all ten wait now, and the flush has not begun
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 5
    assert [one.entry for one in await log_of(shard)] == [entry(k) for k in range(1, 10, 2)]


async def test_entries_survive_the_kill_of_the_server_in_the_middle_of_flushes(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "data") as store:
        connections = Connections(embedded=store)
        shard = RedisShard(connections, "app", 0)
        appender = Appender(shard, "s", connections.recover)
        accepted: list[str] = []
        progress = asyncio.Event()

        async def send(sender: int) -> None:
            for k in range(100):
                body = f"{sender}/{k}"
                await appender.append(Entry(body.encode()))
                accepted.append(body)
                progress.set()

        sending = asyncio.gather(*(send(sender) for sender in range(10)))
        for _ in range(5):
            goal = len(accepted) + 100
            while len(accepted) < goal:
                await progress.wait()
                progress.clear()
            [pid] = servers(store.directory)
            os.kill(pid, signal.SIGKILL)
        await sending
        assert sorted(one.entry.body.decode() for one in await log_of(shard)) == sorted(accepted)
        await shard.close()
        await connections.close()


async def test_a_server_that_does_not_answer_is_said_in_time_and_a_later_entry_is_not_lost(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path / "data") as store:
        connections = Connections(embedded=store)
        shard = RedisShard(connections, "app", 0)
        appender = Appender(shard, "s", connections.recover)
        await appender.append(entry(0))
        [pid] = servers(store.directory)
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: stopped(pid), what="the server is stopped")
            begun = asyncio.get_running_loop().time()
            results = await asyncio.gather(*(appender.append(entry(k)) for k in range(1, 601)), return_exceptions=True)
            assert all(isinstance(result, StoreUnavailable) for result in results)
            assert asyncio.get_running_loop().time() - begun < 3
        finally:
            os.kill(pid, signal.SIGCONT)
        await appender.append(entry(1000))
        logged = [int(one.entry.body) for one in await log_of(shard)]
        assert (logged[0], logged[-1]) == (0, 1000)
        assert len(logged) == len(set(logged)), "an entry that was told it may be there or not is there twice"
        await shard.close()
        await connections.close()
