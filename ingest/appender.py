"""From many requests to few appends: one flush in flight per shard, with a number that makes it safe to send again."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass

import structlog

from variables.store import Entry, EntryId, LogFull, Recover, Shard, StaleFlush, StoreUnavailable

PATIENCE = 2.3
"""Seconds after which a request is told that the store does not answer."""
LAST_PATIENCE = 0.5
"""The same, once the process is stopping."""
LOOK_EVERY = 0.25
"""Seconds between looks at who has waited too long, while a flush is not answered."""
ROOM = 10_000
"""Entries that may wait in memory for a shard's next flush."""
LARGEST_FLUSH = 500
"""Entries in one flush."""
LARGEST_FLUSH_BYTES = 4 << 20
GATHER = 0.001
"""Seconds that a flush waits for more to come, if the last one had more than one entry: fewer, larger appends."""
RETRY_PAUSE = 0.02
_log = structlog.get_logger(__name__)


class Overloaded(Exception):
    """There is no room for one more entry now; nothing was kept."""


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    appended: asyncio.Future[EntryId]
    give_up_at: float


class Appender:
    """Appends to one shard's log. `append` returns when the entry is durable there."""

    def __init__(self, shard: Shard, sender: str, recover: Recover) -> None:
        self._shard = shard
        self._sender = sender
        self._recover = recover
        self._queue: deque[_Waiting] = deque()
        self._number = 0
        self._patience = PATIENCE
        self._flushing: asyncio.Task[None] | None = None
        self._in_flight: list[_Waiting] = []
        self._watch: asyncio.TimerHandle

    async def append(self, entry: Entry) -> EntryId:
        """Where in the log the entry lies. Raises Overloaded, and StoreUnavailable: then it may be there or not."""
        if len(self._queue) >= ROOM:
            raise Overloaded
        future: asyncio.Future[EntryId] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(entry, future, time.monotonic() + self._patience))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_all())
        return await future

    def hurry(self) -> None:
        """The process stops: nobody waits any longer for a store that does not answer."""
        self._patience = LAST_PATIENCE
        for waiting in (*self._in_flight, *self._queue):
            waiting.give_up_at = min(waiting.give_up_at, time.monotonic() + LAST_PATIENCE)

    async def _flush_all(self) -> None:
        crowded = False
        while self._queue:
            if crowded:
                await asyncio.sleep(GATHER)
            flush = self._next_flush()
            crowded = len(flush) > 1
            await self._flush(flush)

    def _next_flush(self) -> list[_Waiting]:
        flush: list[_Waiting] = []
        size = 0
        while self._queue and len(flush) < LARGEST_FLUSH and size < LARGEST_FLUSH_BYTES:
            waiting = self._queue.popleft()
            if not waiting.appended.done():
                flush.append(waiting)
                size += len(waiting.entry.body)
        return flush

    async def _flush(self, flush: list[_Waiting]) -> None:
        """Sends a flush until it is answered, always under one number; who has waited too long meanwhile is told so."""
        self._number += 1
        self._in_flight = flush
        entries = [waiting.entry for waiting in flush]
        self._watch = asyncio.get_running_loop().call_later(LOOK_EVERY, self._tell_the_impatient, flush)
        try:
            await self._send(flush, entries)
        finally:
            self._watch.cancel()
            self._in_flight = []

    async def _send(self, flush: list[_Waiting], entries: list[Entry]) -> None:
        while any(not waiting.appended.done() for waiting in flush):
            try:
                appended = await self._shard.append(self._sender, self._number, entries)
            except StoreUnavailable as error:
                _log.warning("append not answered", entries=len(entries), reason=str(error))
                await self._try_to_recover()
            except (LogFull, StaleFlush) as refusal:
                _settle(flush, Overloaded(str(refusal)))
            except Exception as error:
                _log.error("append failed", exc_info=error)
                _settle(flush, StoreUnavailable(str(error)))
            else:
                for waiting, id in zip(flush, appended.ids, strict=True):
                    if not waiting.appended.done():
                        waiting.appended.set_result(id)

    async def _try_to_recover(self) -> None:
        try:
            await self._recover()
        except StoreUnavailable as error:
            _log.debug("not recovered yet", reason=str(error))
            await asyncio.sleep(RETRY_PAUSE)

    def _tell_the_impatient(self, flush: list[_Waiting]) -> None:
        now = time.monotonic()
        impatient = [waiting for waiting in (*flush, *self._queue) if waiting.give_up_at <= now]
        _settle(impatient, StoreUnavailable(f"no answer within {self._patience:g} s"))
        self._watch = asyncio.get_running_loop().call_later(LOOK_EVERY, self._tell_the_impatient, flush)


def _settle(flush: list[_Waiting], error: Exception) -> None:
    for waiting in flush:
        if not waiting.appended.done():
            waiting.appended.set_exception(error)
