"""From an event to its message: the time from the request being sent to the message's line arriving on the stream.

The default process (`whenflow serve`: all roles, `always`) gets 500 events a second on an open schedule: an event is
sent when its time has come, whether or not those before it are answered. The events are those of 1,000 visitors; every
fifth is of one of 50 whose stream is open, carries a token in its data, and a flow answers with the token as text.
Requests and streams are this process's, so both instants are read off one clock, and the client's own work counts too.
"""

import asyncio
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from time import perf_counter
from typing import cast
from uuid import uuid4

import uvloop

from bench.load import PATIENCE, WrongAnswer, is_whole, percentile
from bench.report import Row, at_most, duration
from bench.requests import FIRST_NUMBER, WEBCLICK, post, stream
from bench.servers import whenflow

RATE = 500
"""Events a second."""
VISITORS = 1_000
STREAMS = 50
EVERY = 5
"""One event in so many is answered with a message."""
LIMITS = {50: 0.005, 99: 0.025}
"""Seconds, by percentile."""
WARM_UP = 2.0
"""Seconds whose messages do not count."""
TICK = 0.001
_token = re.compile(rb'"text":"(\d+)"')


def rows(*, quick: bool) -> Iterator[Row]:
    seconds = 5.0 if quick else 20.0
    with tempfile.TemporaryDirectory() as data, whenflow(Path(data)) as server:
        cpu, started = server.cpu(), perf_counter()
        took, rate = uvloop.run(_measure(server.port, seconds))
        busy = (server.cpu() - cpu) / (perf_counter() - started)
    for percent, limit in LIMITS.items():
        measured = percentile(took, percent)
        ratio = measured / limit
        what = f"event posted → message on the stream, p{percent}"
        yield Row(what, duration(measured), f"limit: {duration(limit)}", ratio, at_most(1))
    yield Row(f"  {len(took):,} messages at {rate:.0f} events/s", f"the slowest: {duration(max(took))}")
    yield Row("  its own processor time, the store's not included", f"{busy:.0%} of a core")


async def _measure(port: int, seconds: float) -> tuple[list[float], float]:
    """How long each message took, and how many events a second were sent in truth."""
    clock = _Clock()
    watchers = [uuid4().hex for _ in range(STREAMS)]
    for visitor in watchers:
        await _connect(port, _Stream(stream(visitor), clock.arrived))
    senders = _Senders(port)
    events = _Events(watchers)
    started, sent = perf_counter(), 0
    while (now := perf_counter()) - started < WARM_UP + seconds:
        while sent < (now - started) * RATE:
            token, request = events.next()
            if token is not None and now - started > WARM_UP:
                clock.sent(token)
            await senders.send(request)
            sent += 1
        await asyncio.sleep(TICK)
    rate = sent / (perf_counter() - started)
    await asyncio.wait_for(clock.all_arrived.wait(), PATIENCE)
    return clock.took, rate


class _Clock:
    """When each token was sent, and how long its message took."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.all_arrived = asyncio.Event()
        self._sent: dict[int, float] = {}

    def sent(self, token: int) -> None:
        self._sent[token] = perf_counter()
        self.all_arrived.clear()

    def arrived(self, token: int) -> None:
        sent = self._sent.pop(token, None)
        if sent is not None:
            self.took.append(perf_counter() - sent)
        if not self._sent:
            self.all_arrived.set()


class _Events:
    """The requests, in order: every so many of one who watches, the others of the many who do not."""

    def __init__(self, watchers: list[str]) -> None:
        self._watchers = cycle([(visitor, uuid4().hex) for visitor in watchers])
        self._others = cycle([(uuid4().hex, uuid4().hex) for _ in range(VISITORS - len(watchers))])
        self._number = FIRST_NUMBER

    def next(self) -> tuple[int | None, bytes]:
        """A token (None if the event asks for no message) and the request."""
        self._number += 1
        token = self._number if self._number % EVERY == 0 else None
        visitor, client = next(self._others if token is None else self._watchers)
        data = {"page": "/shop"} if token is None else {"page": "/shop", "token": token}
        item = {"n": self._number, "track_event": {**WEBCLICK, "event_data": data}}
        return token, post({"visitor": visitor, "client": client, "items": [item]})


class _Senders:
    """Kept-alive connections, as many as there are requests waiting for an answer at a time: none waits to be sent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[_Sender] = deque()

    async def send(self, request: bytes) -> None:
        if not self._idle:
            await _connect(self._port, _Sender(self._idle))
        self._idle.popleft().send(request)


class _Sender(asyncio.Protocol):
    """One of them; it is `idle` once its request is answered."""

    def __init__(self, idle: "deque[_Sender]") -> None:
        self._idle = idle
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._idle.append(self)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if is_whole(self._answer):
            if not self._answer.startswith(b"HTTP/1.1 200 ") or b'"accepted":1' not in self._answer:
                raise WrongAnswer(self._answer.decode())
            self._answer = b""
            self._idle.append(self)


class _Stream(asyncio.Protocol):
    """A visitor's stream: says the token of each message as it comes in."""

    def __init__(self, request: bytes, arrived: Callable[[int], None]) -> None:
        self._request = request
        self._arrived = arrived
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if found := _token.search(line):
                self._arrived(int(found[1]))


async def _connect(port: int, protocol: asyncio.Protocol) -> None:
    await asyncio.get_running_loop().create_connection(lambda: protocol, "127.0.0.1", port)
