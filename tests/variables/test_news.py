"""Who listens hears of every message, or that there may be some that were not heard of."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.variables.test_stopped_server import stopped_server
from tests.variables.test_store import commit_after, take
from variables.durability import Durability
from variables.embedded import EmbeddedStore
from variables.news import SILENCE, News, ShardNews
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import INBOX_SIZE, START, EntryId, Message

pytestmark = pytest.mark.anyio
PATIENCE = 5.0


@pytest.fixture
async def shard(connections: Connections, app: str) -> AsyncIterator[RedisShard]:
    shard = RedisShard(connections, app, 0)
    yield shard
    await shard.close()


@pytest.fixture
async def news(connections: Connections, shard: RedisShard) -> AsyncIterator[ShardNews]:
    all_news = News(connections)
    of_shard = all_news.shard(shard)
    listening = asyncio.create_task(all_news.run())
    await all_news.ready.wait()
    yield of_shard
    listening.cancel()
    await asyncio.wait([listening])


def message(number: int, visitor: str = "v") -> Message:
    return Message(visitor, f"{number:013}", b'{"text":"\xe8\xae\xbf %d"}' % number)


async def test_a_commits_messages_come_with_its_news(news: ShardNews, shard: RedisShard) -> None:
    state = await take(shard)
    with news.messages("v") as heard, news.messages("other") as other:
        assert await heard.take() is None, "what came before is in the inbox"
        assert await other.take() is None
        mine = [message(1), message(2)]
        await shard.commit(commit_after(state, messages=[mine[0], message(3, "\ud800 nobody"), mine[1]]))
        assert await asyncio.wait_for(heard.take(), PATIENCE) == mine
        waiting = asyncio.create_task(other.take())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        waiting.cancel()


async def test_after_a_lost_connection_the_inbox_has_to_be_read(
    news: ShardNews, shard: RedisShard, connections: Connections
) -> None:
    state = await take(shard)
    with news.messages("v") as heard:
        assert await heard.take() is None
        await connections.commands.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await shard.commit(commit_after(state, messages=[message(1)]))
        assert await asyncio.wait_for(heard.take(), PATIENCE) is None
        assert [each.id for each in await shard.inbox("v")] == [message(1).id]


async def test_a_server_that_hangs_is_left_and_what_it_may_have_missed_is_looked_for(tmp_path: Path) -> None:
    """It never breaks the connection: only its silence tells."""
    with EmbeddedStore(tmp_path / "data", Durability.SECOND) as store:
        connections = Connections(embedded=store)
        shard, all_news = RedisShard(connections, "a", 0), News(connections)
        of_shard, listening = all_news.shard(shard), asyncio.create_task(all_news.run())
        await all_news.ready.wait()
        with of_shard.messages("v") as heard:
            assert await heard.take() is None
            await asyncio.sleep(3 * SILENCE)
            assert all_news.ready.is_set(), "a server that has nothing to say is not left"
            with stopped_server(store.directory):
                await asyncio.sleep(3 * SILENCE)
                assert not all_news.ready.is_set()
            await asyncio.wait_for(all_news.ready.wait(), PATIENCE)
            assert await asyncio.wait_for(heard.take(), PATIENCE) is None
        listening.cancel()
        await asyncio.wait([listening])
        await shard.close()
        await connections.close()


async def test_whoever_takes_too_slowly_reads_the_inbox_instead_and_nothing_is_kept_for_them(news: ShardNews) -> None:
    with news.messages("v") as heard:
        await heard.take()
        for number in range(INBOX_SIZE):
            news.hear(START, [message(number)])
        assert len(await heard.take() or ()) == INBOX_SIZE
        body = bytes(100)
        free = sys.getrefcount(body)
        for number in range(INBOX_SIZE + 10):
            news.hear(START, [Message("v", f"{number}", body)])
        assert sys.getrefcount(body) == free
        assert await heard.take() is None
        news.hear(START, [message(1)])
        assert await heard.take() == [message(1)]


async def test_the_end_wakes_all(news: ShardNews) -> None:
    with news.messages("v") as heard:
        await heard.take()
        listening = asyncio.create_task(heard.take())
        folding = asyncio.create_task(news.folded(EntryId(2**60, 0), PATIENCE))
        await asyncio.sleep(0)
        news.end()
        assert await listening is None
        assert await folding is False
