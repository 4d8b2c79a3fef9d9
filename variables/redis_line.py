"""A connection that many calls share: each sends at once, and the answers come back in the same order.

redis-py's client lends each connection to one call at a time. Here one of its connections serves many, which takes a
half to a third of the processor time: calls to the store are most of what a single event costs.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError, ResponseError

CONNECT_TIMEOUT = 1.0
"""Seconds that connecting may take, with what is said at the beginning."""
LOOK_EVERY = 0.25
"""Seconds between looks at whether an answer is overdue: a timer for each call would be dearer than the call."""


class Line:
    """Connects at the first call, and anew at the first one after its connection broke.

    `connection` makes one that is not connected yet. Nothing is ever sent twice: whoever waits for an answer when the
    connection breaks is told so, and the numbers of appends and commits say what to do.
    """

    def __init__(self, connection: Callable[[], AbstractConnection]) -> None:
        self._connection = connection
        self._exchange: _Exchange | None = None

    async def call(self, *words: str | bytes | int, within: float = inf) -> Any:
        """What the server answers to a command: bytes, ints, None, and lists of these.

        Raises redis-py's ResponseError if the server refuses, ConnectionError if it cannot be reached or has not
        answered `within` seconds (and not much later); all others on the line are told the same then. A caller who is
        cancelled leaves nothing half read: the answer is dropped when it comes.
        """
        packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub speaks of one word
        if self._exchange is None or self._exchange.is_over:
            self._exchange = _Exchange(self._connection())
        return await self._exchange.call(packed, within)

    async def close(self) -> None:
        """Breaks the connection, and waits until it is gone."""
        if self._exchange is not None:
            self._exchange.end("closed")
            await asyncio.wait([self._exchange.work])


class _Exchange:
    """What is said over one connection, from its beginning to its end."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.is_over = False
        self._reason = ""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._is_ready = asyncio.Event()
        self._unanswered: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._look_again = self._loop.call_later(LOOK_EVERY, self._look)
        self.work = asyncio.create_task(self._serve())

    async def call(self, packed: bytes, within: float) -> Any:
        if not self._is_ready.is_set():
            await self._is_ready.wait()
        if self.is_over:
            raise ConnectionError(self._reason)
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._unanswered.append((answer, self._loop.time() + within))
        try:
            await self._connection.send_packed_command(packed, check_health=False)  # writes before it may wait
            return await answer
        finally:
            answer.cancel()

    def end(self, reason: str) -> None:
        self.work.cancel()
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        """Tells all who wait for an answer that there will be none."""
        self.is_over, self._reason = True, reason
        self._look_again.cancel()
        self._is_ready.set()
        for answer, _ in self._unanswered:
            if not answer.done():
                answer.set_exception(ConnectionError(reason))

    def _look(self) -> None:
        if self._unanswered and self._unanswered[0][1] < self._loop.time():
            self.end("no answer in time")
        else:
            self._look_again = self._loop.call_later(LOOK_EVERY, self._look)

    async def _serve(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connection.connect()  # type: ignore[no-untyped-call]  # it has no annotations
            self._is_ready.set()
            while True:
                await self._receive()
        except Exception as broken:
            self._tell(str(broken) or type(broken).__name__)
        finally:
            await self._connection.disconnect(nowait=True)

    async def _receive(self) -> None:
        try:
            answer, refusal = await self._connection.read_response(disable_decoding=True), None
        except ResponseError as error:
            answer, refusal = None, error
        waiting, _ = self._unanswered.popleft()
        if waiting.done():  # its caller was cancelled
            return
        if refusal is None:
            waiting.set_result(answer)
        else:
            waiting.set_exception(refusal)
