"""A server that stops in the middle, and goes on when everybody has given it up, changes nothing twice.

What was sent to it while it was stopped lies in its sockets, and it does all of it when it goes on: the call that timed
out, each time that it was sent again, and whatever came of the answer that nobody waited for.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.variables.test_store import MAIL, commit_after, of_all_kinds, take
from tests.whenflow.process import servers, stopped, until
from variables import redis_connection
from variables.embedded import EmbeddedStore
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import START, Change, Entry, Fenced, StoreUnavailable, Wanted, WrongKey

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path_factory.mktemp("stopped") / "data") as store:
        yield store


@pytest.fixture
async def connections(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connections]:
    monkeypatch.setattr(redis_connection, "COMMAND_TIMEOUT", 0.2)
    connections = Connections(embedded=store)
    yield connections
    await connections.close()


@pytest.fixture
async def shard(connections: Connections, app: str) -> AsyncIterator[RedisShard]:
    shard = RedisShard(connections, app, 0)
    yield shard
    await shard.close()


@contextmanager
def stopped_server(directory: Path) -> Iterator[None]:
    [pid] = servers(directory)
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: stopped(pid))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def sent_in_vain(call: Callable[[], Awaitable[object]], times: int) -> None:
    for _ in range(times):
        with pytest.raises(StoreUnavailable):
            await call()


async def test_a_commit_is_done_once_though_it_was_sent_again_and_again(
    store: EmbeddedStore, shard: RedisShard, connections: Connections
) -> None:
    commit = of_all_kinds(await take(shard))
    with stopped_server(store.directory):
        await sent_in_vain(lambda: shard.commit(commit), 3)
        again = asyncio.create_task(surely(lambda: shard.commit(commit)))
        await asyncio.sleep(0.05)
    assert await again == 5
    assert await shard.commit(commit) == 5
    assert await connections.commands.hget(f"{shard.channel.removesuffix('news')}owner", "commit") == b"1"
    assert await shard.counts() == {"run": 2}
    assert list(await shard.outbox()) == [MAIL]
    assert await shard.dead_letters() == 1
    assert [each.entry for each in await shard.wait(START, 10, 1000)] == [Entry(meeting=(4, 0))]


async def surely(call: Callable[[], Awaitable[int | None]]) -> int | None:
    while True:
        try:
            return await call()
        except StoreUnavailable:
            await asyncio.sleep(0)


async def test_a_flush_is_added_once_though_it_was_sent_again_and_again(
    store: EmbeddedStore, shard: RedisShard
) -> None:
    entries = [Entry(b"a"), Entry(b"b")]
    await shard.append("s", 1, [Entry(b"before")])
    with stopped_server(store.directory):
        await sent_in_vain(lambda: shard.append("s", 2, entries), 3)
    ids = (await shard.append("s", 2, entries)).ids
    await shard.append("s", 3, [Entry(b"after")])
    logged = await shard.wait(START, 10, 1000)
    assert [each.entry.body for each in logged] == [b"before", b"a", b"b", b"after"]
    assert [each.id for each in logged[1:3]] == list(ids)


async def test_a_flush_that_was_given_up_is_there_once_or_not_at_all_and_never_behind_a_later_one(
    store: EmbeddedStore, shard: RedisShard
) -> None:
    with stopped_server(store.directory):
        await sent_in_vain(lambda: shard.append("s", 1, [Entry(b"given up")]), 2)
    await shard.append("s", 2, [Entry(b"later")])
    bodies = [each.entry.body for each in await shard.wait(START, 10, 1000)]
    assert bodies in ([b"given up", b"later"], [b"later"])


async def test_the_commit_of_an_owner_who_was_taken_over_from_comes_before_that_or_never(
    store: EmbeddedStore, shard: RedisShard
) -> None:
    state = await take(shard, "old", 1)
    old = commit_after(state, Change("v", {b"event_count_1": b"1"}), counts={"old": 1})
    with stopped_server(store.directory):
        await sent_in_vain(lambda: shard.commit(old), 2)
        await sent_in_vain(lambda: shard.take("new", 60_000), 1)
    taken = await take(shard, "new")
    [profile] = await shard.load([Wanted("v")])
    counted = int(profile.fields.get(b"event_count_1", b"0"))
    assert counted == taken.commit == state.commit + (await shard.counts() == {"old": 1})
    await shard.commit(commit_after(taken, Change("v", {b"event_count_1": b"%d" % (counted + 1)}), counts={"new": 1}))
    with pytest.raises(Fenced):
        await shard.commit(old)
    [profile] = await shard.load([Wanted("v")])
    assert profile.fields[b"event_count_1"] == b"%d" % (counted + 1)


async def test_a_key_of_another_type_in_the_middle_of_what_comes_late_leaves_nothing_half_written(
    store: EmbeddedStore, shard: RedisShard, connections: Connections
) -> None:
    prefix = shard.channel.removesuffix("news")
    await connections.commands.set(f"{prefix}profile:broken", "no hash")
    state = await take(shard)
    changes = [Change(visitor, {b"x": b"1"}, new_number=k) for k, visitor in enumerate(["a", "broken", "b"])]
    commit = commit_after(state, *changes, counts={"run": 1})
    with stopped_server(store.directory):
        await sent_in_vain(lambda: shard.commit(commit), 2)
    with pytest.raises(WrongKey):
        await shard.commit(commit)
    assert [dict(profile.fields) for profile in await shard.load([Wanted("a"), Wanted("b")])] == [{}, {}]
    assert (await shard.counts(), await shard.visitors(0, 3)) == ({}, [])
    await connections.commands.delete(f"{prefix}profile:broken")
    await shard.commit(commit)
    assert [dict(each.fields) for each in await shard.load([Wanted(v) for v in ("a", "broken", "b")])] == [
        {b"x": b"1"}
    ] * 3
