"""News of commits: whoever waits for an entry to be folded, or for a visitor's messages, is woken by it.

The news are a hint that may get lost (DESIGN.md section 4, "Inbox"): so whoever waits subscribes first and reads the
store second, and after a lost connection everybody reads again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from pydantic_core import from_json

from variables.keys import ALL_NEWS
from variables.redis_connection import Connections, translated_errors
from variables.redis_store import RedisShard
from variables.store import START, EntryId, StoreUnavailable, until_recovered

_log = structlog.get_logger(__name__)


class ShardNews:
    """What one shard's commits tell."""

    def __init__(self, shard: RedisShard) -> None:
        self.shard = shard
        self.folded_to = START
        self.over = False
        """Set when this process stops: whoever listens should end."""
        self._entries: list[tuple[EntryId, asyncio.Future[None]]] = []
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._watchers: set[asyncio.Event] = set()

    async def folded(self, id: EntryId, patience: float) -> bool:
        """Waits until an entry is folded; False after `patience` seconds."""
        if self.over or id <= self.folded_to:
            return id <= self.folded_to
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = id, future
        self._entries.append(waiting)
        try:
            async with asyncio.timeout(patience):
                await future
        except TimeoutError:  # the word may have been lost: look
            self.folded_to = max(self.folded_to, await self._position())
        finally:
            self._entries.remove(waiting)
        return id <= self.folded_to

    async def _position(self) -> EntryId:
        try:
            return await self.shard.position()
        except StoreUnavailable:
            return START

    @contextmanager
    def messages(self, visitor: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the visitor may have got a message."""
        event = asyncio.Event()
        self._listeners[visitor].add(event)
        try:
            yield event
        finally:
            self._listeners[visitor].discard(event)
            if not self._listeners[visitor]:
                del self._listeners[visitor]

    @contextmanager
    def commits(self) -> Iterator[asyncio.Event]:
        """An event that is set by every commit."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    def listeners(self, visitor: str) -> int:
        """How many streams of a visitor are open in this process."""
        return len(self._listeners.get(visitor, ()))

    def hear(self, position: EntryId, visitors: Sequence[str]) -> None:
        """A commit was made: it folded up to `position` and sent messages to `visitors`."""
        self.folded_to = max(self.folded_to, position)
        for id, future in self._entries:
            if id <= position and not future.done():
                future.set_result(None)
        for visitor in visitors:
            for event in self._listeners.get(visitor, ()):
                event.set()
        for event in self._watchers:
            event.set()

    def end(self) -> None:
        """Wakes all who listen or wait, for the last time."""
        self.over = True
        for _, future in self._entries:
            if not future.done():
                future.set_result(None)
        self.hear(self.folded_to, list(self._listeners))

    async def catch_up(self) -> None:
        """After a lost connection: everything may have happened meanwhile. Raises StoreUnavailable."""
        self.hear(await self.shard.position(), list(self._listeners))


class News:
    """One subscription for the news of all shards of all apps, and of their programs."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._shards: dict[str, ShardNews] = {}
        self._others: dict[str, Callable[[], Awaitable[None]]] = {}
        self.ready = asyncio.Event()
        """Set while the subscription holds."""

    def shard(self, shard: RedisShard) -> ShardNews:
        """The news of a shard, from now on."""
        return self._shards.setdefault(shard.channel, ShardNews(shard))

    def on(self, channel: str, act: Callable[[], Awaitable[None]]) -> None:
        """Calls `act` at every word on a channel, and after every lost connection."""
        self._others[channel] = act

    async def run(self) -> None:
        """Keeps the subscription until cancelled."""
        while True:
            try:
                with translated_errors():
                    await self._listen()
            except StoreUnavailable as error:
                _log.warning("subscription lost", reason=str(error))
                await until_recovered(self._connections.recover)
            finally:
                self.ready.clear()

    def end(self) -> None:
        """Ends all streams of this process."""
        for news in self._shards.values():
            news.end()

    async def _listen(self) -> None:
        async with self._connections.blocking() as client, client.pubsub() as pubsub:
            await pubsub.psubscribe(ALL_NEWS)
            async for message in pubsub.listen():
                if message["type"] == "psubscribe":  # also when the library has connected anew
                    await self._catch_up()
                    self.ready.set()
                elif message["type"] == "pmessage":
                    await self._dispatch(message["channel"].decode(), message["data"])

    async def _dispatch(self, channel: str, data: bytes) -> None:
        if news := self._shards.get(channel):
            told = from_json(data)
            news.hear(EntryId.parse(told["position"]), told["visitors"])
        elif act := self._others.get(channel):
            await self._do(act)

    async def _catch_up(self) -> None:
        for news in list(self._shards.values()):
            await news.catch_up()
        for act in list(self._others.values()):
            await self._do(act)

    async def _do(self, act: Callable[[], Awaitable[None]]) -> None:
        """What goes wrong with one app's news keeps nobody else from theirs (promise 6)."""
        try:
            await act()
        except StoreUnavailable:
            raise
        except Exception as error:
            _log.error("news not taken up", exc_info=error)
