"""News of commits: whoever waits for an entry to be folded, or for a visitor's messages, hears of it.

The news may get lost with the connection that they come over (DESIGN.md section 4, "Inbox"): so whoever waits
subscribes first and reads the store second, and after a lost connection everybody reads again. What comes over a
connection that holds comes whole and in order, so the news bring the messages themselves.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from msgpack import unpackb
from redis.asyncio.client import PubSub

from variables.keys import ALL_NEWS
from variables.redis_connection import Connections, translated_errors
from variables.redis_store import RedisShard
from variables.store import INBOX_SIZE, START, EntryId, Message, StoreUnavailable, until_recovered

SILENCE = 1.0
"""Seconds without any news after which the server is asked whether it is there, and after as many more left: one that
hangs never breaks a connection."""
_log = structlog.get_logger(__name__)


class Heard:
    """What one who listens for a visitor's messages has heard and not taken yet."""

    def __init__(self) -> None:
        self._something = asyncio.Event()
        self._messages: list[Message] = []
        self._missed = True

    def add(self, message: Message) -> None:
        if self._missed:  # the inbox has it, and will be read
            return
        self._messages.append(message)
        self._something.set()
        if len(self._messages) > INBOX_SIZE:  # whoever reads so slowly may as well look there
            self.miss()

    def miss(self) -> None:
        """There may be messages that were not heard of."""
        self._missed, self._messages = True, []
        self._something.set()

    async def take(self) -> list[Message] | None:
        """Waits until there is something: the messages that came, or None if the inbox has to be read, as at first."""
        if not self._missed:
            await self._something.wait()
        self._something.clear()
        messages, self._messages = self._messages, []
        missed, self._missed = self._missed, False
        return None if missed else messages


class ShardNews:
    """What one shard's commits tell."""

    def __init__(self, shard: RedisShard) -> None:
        self.shard = shard
        self.folded_to = START
        self.over = False
        """Set when this process stops: whoever listens should end."""
        self._entries: list[tuple[EntryId, asyncio.Future[None]]] = []
        self._listeners: defaultdict[str, set[Heard]] = defaultdict(set)
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
    def messages(self, visitor: str) -> Iterator[Heard]:
        """Listens for a visitor's messages."""
        heard = Heard()
        self._listeners[visitor].add(heard)
        try:
            yield heard
        finally:
            self._listeners[visitor].discard(heard)
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

    def hear(self, position: EntryId, messages: Sequence[Message]) -> None:
        """A commit was made: it folded up to `position` and put `messages` into inboxes."""
        self.folded_to = max(self.folded_to, position)
        for id, future in self._entries:
            if id <= position and not future.done():
                future.set_result(None)
        for message in messages:
            for heard in self._listeners.get(message.visitor, ()):
                heard.add(message)
        for event in self._watchers:
            event.set()

    def end(self) -> None:
        """Wakes all who listen or wait, for the last time."""
        self.over = True
        for _, future in self._entries:
            if not future.done():
                future.set_result(None)
        self._miss(self.folded_to)

    async def catch_up(self) -> None:
        """After a lost connection: everything may have happened meanwhile. Raises StoreUnavailable."""
        self._miss(await self.shard.position())

    def _miss(self, position: EntryId) -> None:
        self.hear(position, ())
        for listeners in self._listeners.values():
            for heard in listeners:
                heard.miss()


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

    def end(self) -> None:
        """Ends all streams of this process."""
        for news in self._shards.values():
            news.end()

    async def _listen(self) -> None:
        async with self._connections.blocking() as client, client.pubsub() as pubsub:
            async with asyncio.timeout(SILENCE):
                await pubsub.psubscribe(ALL_NEWS)
            try:
                await self._listen_to(pubsub)
            finally:
                self.ready.clear()

    async def _listen_to(self, pubsub: PubSub) -> None:
        is_asked = False
        while True:
            message = await pubsub.get_message(timeout=SILENCE)
            if message is None and is_asked:
                raise StoreUnavailable("the server of the subscription does not answer")
            if message is None:
                await pubsub.ping()
            elif message["type"] == "psubscribe":  # also when the library has connected anew
                await self._catch_up()
                self.ready.set()
            elif message["type"] == "pmessage":
                await self._dispatch(message["channel"].decode(), message["data"])
            is_asked = message is None

    async def _dispatch(self, channel: str, data: bytes) -> None:
        if news := self._shards.get(channel):
            position, messages = unpackb(data, unicode_errors="surrogatepass")
            news.hear(EntryId.parse(position), [Message(*message) for message in messages])
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
