"""Events a second that one processor folds, with 100 flows on the event, durable (`always`), in one process.

A shard's log is filled with 20,000 entries of one event each, of 1,000 visitors in turn; then one `Processor` reads
it to the end. 97 flows have conditions that none of these visitors comes to; three start once for each visitor and
send a message. The goal is per core of Whenflow's own: what counts is this process's processor time, for the server
has another core. The wall clock's figure beside it is what the log's reader is ahead of its writers by.

Beside it, run by run, durable_rules gets the same rules and events (`bench.durable_rules_peer` says how), ready in
memory: once with all values in the event, nothing to be kept, and once counting them in its own state.

A row has the floor (`bench.floor`): as many entries, moved by the same scripts and libraries with nothing decided.

The last row has the same log folded with 10 flows and with 10,000, of which a visitor's item concerns one or two.
"""

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time

import uvloop
from pydantic_core import to_json

from bench import durable_rules_peer, floor
from bench.report import Row, at_least, at_most, duration
from bench.requests import DATA, WEBCLICK
from bench.shard import compiled, connected, fill, fold
from engine.program import Program
from variables.redis_connection import Connections
from variables.redis_store import RedisShard

GOAL = 20_000
"""Events per second of our own processor time."""
VISITORS = 1_000
FLOWS, STARTING = 100, 3


@dataclass(frozen=True, slots=True)
class Run:
    events: int
    cpu: float
    wall: float

    @property
    def each(self) -> float:
        """Processor time of an event."""
        return self.cpu / self.events


@dataclass(frozen=True, slots=True)
class Beside:
    """A run of ours; seconds that an event takes if nothing is decided, and takes durable_rules: with values handed in,
    and with values kept."""

    ours: Run
    moved: float
    handed_in: float
    kept: float


def rows(*, quick: bool) -> Iterator[Row]:
    events, runs = (5_000, 1) if quick else (20_000, 3)
    measured = uvloop.run(_measure(events, runs))
    per_core = median(1 / run.ours.each for run in measured)
    per_second = median(run.ours.events / run.ours.wall for run in measured)
    what = f"processor, {FLOWS} flows on the event"
    yield Row(what, f"{per_core:,.0f} events/s of its own core", f"goal: {GOAL:,}", per_core / GOAL, at_least(1))
    yield Row("  by the wall clock, the server's work included", f"{per_second:,.0f} events/s")
    yield Row(
        "  as many times what the bytes alone take to move",
        f"{duration(median(run.ours.each for run in measured))} an event",
        f"nothing decided: {duration(median(run.moved for run in measured))}",
        median(run.ours.each / run.moved for run in measured),
    )
    ours = f"{duration(median(run.ours.each for run in measured))} an event"
    yield Row(
        f"against durable_rules, the same {FLOWS} rules, nothing kept",
        ours,
        f"durable_rules: {duration(median(run.handed_in for run in measured))}",
        median(run.handed_in / run.ours.each for run in measured),
        at_least(3),
    )
    yield Row(
        "  if it counts the events itself, in memory",
        ours,
        f"durable_rules: {duration(median(run.kept for run in measured))}",
        median(run.kept / run.ours.each for run in measured),
    )
    few, many = (10, 1_000) if quick else (10, 10_000)
    ratio, times = uvloop.run(_compare(few, many, events // 2, runs))
    yield Row(
        f"{many:,} flows instead of {few}, few of them concerned",
        f"{duration(times[1])} an event",
        f"{few} flows: {duration(times[0])}",
        ratio,
        at_most(3),
    )


async def _compare(few: int, many: int, events: int, runs: int) -> tuple[float, tuple[float, float]]:
    """How many times longer an event takes with many flows, run beside run; and both times, in seconds."""
    programs = [compiled(_thresholds(number)) for number in (few, many)]
    pairs: list[tuple[float, float]] = []
    async with connected() as connections:
        for number in range(runs):
            pair = [
                await _run(connections, f"bench{number}of{len(program.flows)}", program, events) for program in programs
            ]
            pairs.append((pair[0].each, pair[1].each))
    return median(many / few for few, many in pairs), (median(f for f, _ in pairs), median(m for _, m in pairs))


async def _measure(events: int, runs: int) -> list[Beside]:
    program = compiled(_program())
    async with connected() as connections:
        return [await _beside(connections, f"bench{number}", program, events) for number in range(runs)]


async def _beside(connections: Connections, app: str, program: Program, events: int) -> Beside:
    ours = await _run(connections, app, program, events)
    moved = await _floor(connections, app, events)
    handed_in, kept = [
        await durable_rules_peer.measured(durable_rules_peer.Task(FLOWS, STARTING, VISITORS, events, kept=kept))
        for kept in (False, True)
    ]
    return Beside(ours, moved, handed_in, kept)


async def _floor(connections: Connections, app: str, events: int) -> float:
    """Seconds that each of as many entries takes, of a shard that was folded, with nothing decided."""
    shard = RedisShard(connections, app, 0)
    before = await shard.position()
    last = await fill(shard, [_body(number) for number in range(events)], "floor")
    gc.collect()
    took = await floor.moved(connections, app, before, last)
    await shard.close()
    return took / events


async def _run(connections: Connections, app: str, program: Program, events: int) -> Run:
    shard = RedisShard(connections, app, 0)
    last = await fill(shard, [_body(number) for number in range(events)])
    gc.collect()
    cpu, wall = process_time(), perf_counter()
    await fold(shard, program, connections, last)
    run = Run(events, process_time() - cpu, perf_counter() - wall)
    await shard.close()
    return run


def _body(number: int) -> bytes:
    n, visitor = divmod(number, VISITORS)
    item = {"n": n + 1, "track_event": {**WEBCLICK, "event_data": DATA}}
    return to_json({"visitor": f"{visitor:032x}", "client": f"{visitor:040x}", "items": [item]})


def _program() -> str:
    return _HEAD + "".join(_flow(number) for number in range(FLOWS))


_HEAD = f'event 1 webclick "{WEBCLICK["event_uuid"]}"\nevent 2 checkout "a4016a56-2109-4f5e-842f-6e89e28ff1eb"\n'


def _thresholds(flows: int) -> str:
    """Flows of two kinds by turns: on an event, and whenever something comes true; each is for another count."""
    flow = '\nflow f{number}:\n    {starts}\n    send web "Hello"\n'
    starts = [_STARTS[number % 2].format(count=number // 2 + 3) for number in range(flows)]
    return _HEAD + "".join(flow.format(number=number, starts=each) for number, each in enumerate(starts))


_STARTS = (
    "on webclick\n    when event_count_1 == {count} and event_count_2 == 0",
    "when event_count_1 > {count} and now - event_last_time_1 < 7d",
)
_CONDITIONS = (
    "event_count_1 > {large} and event_count_2 == 0",
    "event_count_2 > 0 and now - event_last_time_2 < 7d",
    'user_country == "CN" and startswith(page_url, "/shop/{large}")',
    "event_last_data_1.price > {large}",
)


def _flow(number: int) -> str:
    """The first ones start once for each visitor; the others' conditions are of four kinds, and never true."""
    starts = number < STARTING
    when = "event_count_1 > 0" if starts else _CONDITIONS[number % len(_CONDITIONS)].format(large=1000 + number)
    return f'\nflow flow_{number}:\n    on webclick\n    when {when}\n    limit once\n    send web "Hello {number}"\n'
