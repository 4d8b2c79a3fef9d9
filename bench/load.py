"""A light load generator: kept-alive connections, each of one visitor, each with one request under way at a time.

One process, no HTTP library: a connection writes bytes that are ready and looks at the end of what comes back. Only an
answer with status 200 and the body that is expected counts; any other ends the run with an error.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter
from typing import cast

CONNECTIONS = 64
WARM_UP = 0.5
"""Seconds of load before the clock starts."""
PATIENCE = 10.0
"""Seconds that the last requests of a run may take."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run gave: how long each request took that was answered in the `seconds` that count.

    `answered`: all requests, those before and after too.
    """

    seconds: float
    took: Sequence[float]
    answered: int

    @property
    def per_second(self) -> float:
        return len(self.took) / self.seconds

    def percentile(self, percent: int) -> float:
        return percentile(self.took, percent)


def percentile(values: Sequence[float], percent: int) -> float:
    return quantiles(values, n=100, method="inclusive")[percent - 1]


class WrongAnswer(Exception):
    """A server answered something else than it should; the text is what it said."""


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered, until it is told to stop."""

    def __init__(self, next_request: Callable[[], bytes], expected: bytes) -> None:
        self.took: list[tuple[float, float]] = []
        """When each answer came, and after how long."""
        self.over = asyncio.get_running_loop().create_future()
        self.stopping = False
        self._next_request = next_request
        self._expected = expected
        self._answer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent = perf_counter()
        self._transport.write(self._next_request())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if self._answer.endswith(self._expected) and self._answer.startswith(b"HTTP/1.1 200 "):
            now = perf_counter()
            self.took.append((now, now - self._sent))
            self._answer = b""
            if self.stopping:
                self._transport.close()
            else:
                self._send()
        elif is_whole(self._answer):
            self._fail(self._answer.decode())

    def _fail(self, why: str) -> None:
        if not self.over.done():
            self.over.set_exception(WrongAnswer(why))
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            if self.stopping and error is None:
                self.over.set_result(None)
            else:
                self.over.set_exception(WrongAnswer("the connection was lost"))


def is_whole(answer: bytes) -> bool:
    """Whether an answer has come to its end, as its own Content-Length says."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    _, named, rest = head.lower().partition(b"content-length:")
    return bool(separator and named) and len(body) >= int(rest.split(b"\r\n")[0])


async def run(port: int, requests: Callable[[], Callable[[], bytes]], expected: bytes, seconds: float) -> Load:
    """Load for so many seconds. `requests` makes a visitor's requests. Raises WrongAnswer."""
    loop = asyncio.get_running_loop()
    connections = [Connection(requests(), expected) for _ in range(CONNECTIONS)]
    for connection in connections:
        await loop.create_connection(lambda connection=connection: connection, "127.0.0.1", port)  # type: ignore[misc]
    over = asyncio.gather(*(connection.over for connection in connections))
    await asyncio.wait((over,), timeout=WARM_UP)
    started = perf_counter()
    await asyncio.wait((over,), timeout=seconds)
    ended = perf_counter()
    for connection in connections:
        connection.stopping = True
    await asyncio.wait_for(over, PATIENCE)
    took = [took for connection in connections for when, took in connection.took if started <= when < ended]
    return Load(ended - started, took, sum(len(connection.took) for connection in connections))
