"""`POST /collect`, durable: requests and events a second, and how near they come to an endpoint that stores nothing.

Both are processes of their own under the same uvicorn settings, both are up all the time, and the same load goes to
one and the other in turns: 64 kept-alive connections of distinct visitors, one request under way on each. Whenflow
runs with `--roles ingest` and `always`: an answer says that the items are on the disk. Its store and the load take
their share of the same processors, so on a small machine the ratio of the rates says what a user would get there; what
`/collect` itself costs is the processor time that its process took for a request.
"""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import uvloop

from bench.load import Load, run
from bench.report import Row, at_least, duration
from bench.requests import clicks
from bench.servers import Server, empty_endpoint, empty_endpoint_under_granian, whenflow

TEN = 10
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, and the processor time that the server's own process took for each request of it (in seconds)."""

    load: Load
    cpu: float


@dataclass(frozen=True, slots=True)
class Round:
    """One load on each, one after the other."""

    ours: Measured
    empty: Measured
    ours_ten: Measured
    empty_ten: Measured


def rows(*, quick: bool) -> Iterator[Row]:
    rounds, seconds = (3, 1.0) if quick else (5, 3.0)
    with tempfile.TemporaryDirectory() as data, empty_endpoint() as empty:
        with whenflow(Path(data), "--roles", "ingest") as ours:
            results = [_round(ours, empty, seconds, odd=bool(k % 2)) for k in range(rounds)]
        with empty_endpoint_under_granian() as granian:
            under_granian, under_uvicorn = _load(granian, 1, seconds), _load(empty, 1, seconds)
    yield from _requests(results)
    yield from _events(results)
    yield _granian(under_granian, under_uvicorn)


def _round(ours: Server, empty: Server, seconds: float, *, odd: bool) -> Round:
    """A B A' B', and B A B' A' in every second round."""
    servers = (empty, ours) if odd else (ours, empty)
    loads = {(server, items): _load(server, items, seconds) for items in (1, TEN) for server in servers}
    return Round(loads[ours, 1], loads[empty, 1], loads[ours, TEN], loads[empty, TEN])


def _load(server: Server, items: int, seconds: float) -> Measured:
    expected = b'{"accepted":%d,"rejected":[]}' % items
    before = server.cpu()
    load = _run(run(server.port, partial(clicks, items), expected, seconds))
    return Measured(load, (server.cpu() - before) / load.answered)


def _run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _requests(results: list[Round]) -> Iterator[Row]:
    ratio = median(result.ours.load.per_second / result.empty.load.per_second for result in results)
    ours, empty = [result.ours for result in results], [result.empty for result in results]
    yield Row("/collect, one event a request", _rate(ours), f"empty endpoint: {_rate(empty)}", ratio, at_least(0.8))
    for percent in (50, 99):
        yield Row(f"  its p{percent}", _percentile(ours, percent), f"empty endpoint: {_percentile(empty, percent)}")
    yield _cpu("  its own processor time for a request", ours, empty)


def _events(results: list[Round]) -> Iterator[Row]:
    ratio = median(TEN * result.ours_ten.load.per_second / result.ours.load.per_second for result in results)
    ten, one = [result.ours_ten for result in results], [result.ours for result in results]
    empty = [result.empty_ten for result in results]
    what, rate = "/collect, ten events a request", f"{_rate(ten, TEN)} events"
    yield Row(what, rate, f"one a request: {_rate(one)}", ratio, at_least(4))
    yield Row("", _rate(ten), f"empty endpoint: {_rate(empty)}")
    yield _cpu("  its own processor time for a request", ten, empty)


def _granian(under_granian: Measured, under_uvicorn: Measured) -> Row:
    against = f"the same under uvicorn: {_rate([under_uvicorn])}"
    ratio = under_granian.load.per_second / under_uvicorn.load.per_second
    return Row("empty endpoint under granian, one run", _rate([under_granian]), against, ratio)


def _rate(runs: list[Measured], events: int = 1) -> str:
    return f"{median(run.load.per_second for run in runs) * events:,.0f}/s"


def _percentile(runs: list[Measured], percent: int) -> str:
    return duration(median(run.load.percentile(percent) for run in runs))


def _cpu(what: str, ours: list[Measured], empty: list[Measured]) -> Row:
    our, peer = (median(run.cpu for run in runs) for runs in (ours, empty))
    return Row(what, duration(our), f"empty endpoint: {duration(peer)}", our / peer)
