"""Promise 4, with real processes and real kills: a timer is never early, never lost, and comes once and in time.

`WHENFLOW_TIMERS=100000` sets more of them, `WHENFLOW_SPREAD=600` over more seconds (on a slow or busy machine),
`WHENFLOW_KILLS=20` kills more often; `WHENFLOW_SEED=7` chooses other moments.
"""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest
from redis import Redis, RedisError

from tests.whenflow.process import EVENTS, Whenflow, stopped, track, until
from tests.whenflow.senders import Connection
from variables.apps import SHARDS
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.shards import shard_number
from variables.store import Entry, StoreUnavailable

pytestmark = pytest.mark.alone

TIMERS = int(os.environ.get("WHENFLOW_TIMERS", "800"))
"""Two a visitor."""
KILLS = int(os.environ.get("WHENFLOW_KILLS", "6"))
SPREAD = int(os.environ.get("WHENFLOW_SPREAD", max(12, TIMERS // 400)))
"""Seconds over which timers fall due: a processor that was away for some of them has to be able to catch up."""
LONGEST_PEACE = max(2.0, 3 * SPREAD / KILLS)
"""Seconds between two kills at the most, so that they are spread over the whole time."""
SEED = os.environ.get("WHENFLOW_SEED", str(time.time_ns()))
LEASE = 3.0
"""Seconds, as `engine.processor` has it."""

WAITS = f"""{EVENTS}
field seconds int

flow later:
    on webclick
    wait until now >= run_time + track_event_data * 1s for 1h:
        send web "{{{{ (now - run_time) / 1s }}}}"
        send webhook "https://example.com/later"
    timeout:
        send web "never"

flow quiet:
    when event_count_1 > 0 and now - event_last_time_1 > 2s
    limit once
    send web "quiet"
    send webhook "https://example.com/quiet"
"""


def click_all(whenflow: Whenflow, lengths: dict[str, int]) -> None:
    """One click of each visitor, with how many seconds to wait, numbered and sent until it is accepted."""

    def some(visitors: list[str]) -> None:
        with Connection(whenflow.port) as connection:
            for visitor in visitors:
                items = [track(data=lengths[visitor], n=1)]
                body = json.dumps({"visitor": visitor, "client": "c", "items": items}).encode()
                until(lambda: connection.post(body).status == 200, 60, "a click is accepted")  # noqa: B023

    visitors = list(lengths)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(some, [visitors[start::8] for start in range(8)]))


def append_all(whenflow: Whenflow, lengths: dict[str, int]) -> None:
    """The same for very many, straight into the logs, evenly over SPREAD seconds, flush by flush as ingest does it."""

    async def append() -> None:
        connections = Connections(url=f"unix://{whenflow.data / 'store.sock'}")
        shards = [RedisShard(connections, "default", number) for number in range(SHARDS)]
        waiting: list[list[Entry]] = [[] for _ in shards]
        begun = time.monotonic()
        for number, (visitor, seconds) in enumerate(lengths.items(), 1):
            items = [track(data=seconds, n=1)]
            body = json.dumps({"visitor": visitor, "client": "c", "items": items}).encode()
            waiting[shard_number(visitor, SHARDS)].append(Entry(body))
            if number % 100 and number < len(lengths):
                continue
            await asyncio.sleep(begun + number / len(lengths) * SPREAD - time.monotonic())
            for shard, entries in zip(shards, waiting, strict=True):
                while entries:
                    try:
                        await shard.append("clicks", number, entries)
                        entries.clear()
                    except StoreUnavailable:
                        await asyncio.sleep(0.2)
        await connections.close()

    asyncio.run(append())


def inboxes(whenflow: Whenflow) -> dict[str, list[dict[str, Any]]]:
    """Everybody's messages, out of the store."""
    with whenflow.store() as store:
        keys = list(store.scan_iter("wf:{default:*}:inbox:*", count=1000))
        pipeline = store.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(key)
        found = pipeline.execute()
    return {
        key.decode().rpartition(":")[2]: [json.loads(body) for id, body in inbox.items() if b"." not in id]
        for key, inbox in zip(keys, found, strict=True)
    }


def last_clicks(whenflow: Whenflow, visitors: Iterable[str]) -> dict[str, int]:
    """When each visitor clicked, in milliseconds."""
    with whenflow.store() as store:
        pipeline = store.pipeline(transaction=False)
        for visitor in visitors:
            pipeline.hget(f"wf:{{default:{shard_number(visitor, SHARDS)}}}:profile:{visitor}", "event_last_time_1")
        return {visitor: int(raw) for visitor, raw in zip(visitors, pipeline.execute(), strict=True)}


def milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


# When each timer came


class Watch:
    """Looks fifty times a second which shards have a living owner; `without` are the times in which one has not."""

    def __init__(self, whenflow: Whenflow, processes: Sequence[Whenflow]) -> None:
        self._whenflow = whenflow
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._since: dict[int, float] = {}
        self.without: dict[int, list[tuple[float, float]]] = {shard: [] for shard in range(SHARDS)}
        """By shard, in milliseconds."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        with self._whenflow.store() as store:
            while not self._over.wait(0.02):
                owned = self._owned(store)
                for shard, missing in self.without.items():
                    now = time.time() * 1000
                    if shard not in owned:
                        self._since.setdefault(shard, now)
                    elif shard in self._since:
                        missing.append((self._since.pop(shard), now))

    def _owned(self, store: Redis) -> set[int]:
        alive = {each.process.pid for each in self._processes if each.process.poll() is None}
        pipeline = store.pipeline(transaction=False)
        for shard in range(SHARDS):
            pipeline.hmget(f"wf:{{default:{shard}}}:owner", "holder", "lapses")
        try:
            found = pipeline.execute()
        except RedisError:
            return set()
        now = time.time() * 1000
        return {
            shard
            for shard, (holder, lapses) in enumerate(found)
            if holder and int(holder.split(b":")[1]) in alive and int(lapses) > now
        }

    def lateness(self, shard: int, due: int, came: int) -> float:
        """Milliseconds, from when it was due or, if that was later, from when its shard had a living owner again."""
        ends = [min(end, came) for start, end in self.without[shard] if start < came and end > due]
        return came - max([due, *ends])


def when_they_came(whenflow: Whenflow) -> dict[str, list[tuple[int, int]]]:
    """When each timer was due and when it came, visitor by visitor, by the clock of the store.

    A commit that fires one puts a webhook into the outbox, under the instant at which the store did it.
    """
    came: dict[str, list[tuple[int, int]]] = {}
    with whenflow.store() as store:
        for shard in range(SHARDS):
            for id, fields in store.xrange(f"wf:{{default:{shard}}}:outbox"):
                due = milliseconds(json.loads(fields[b"body"])["time"])
                came.setdefault(fields[b"visitor"].decode(), []).append((due, int(id.split(b"-")[0])))
    return came


def have_come(whenflow: Whenflow) -> int:
    with whenflow.store() as store:
        return sum(store.xlen(f"wf:{{default:{shard}}}:outbox") for shard in range(SHARDS))


@pytest.mark.parametrize("roles", [[None], ["ingest,console", "processor", "processor"]], ids=["one process", "three"])
def test_each_timer_comes_once_and_in_time_whoever_is_killed(tmp_path: Path, roles: list[str | None]) -> None:
    random = Random(SEED)  # noqa: S311
    lengths = {f"v{number}": random.randint(1, SPREAD) for number in range(TIMERS // 2)}
    with ExitStack() as running:
        processes = [
            running.enter_context(Whenflow(tmp_path / "data", *(("--roles", role) if role else ()))) for role in roles
        ]
        whenflow = processes[0]
        whenflow.apply(WAITS)
        watch = running.enter_context(Watch(whenflow, processes))
        pool = running.enter_context(ThreadPoolExecutor(1))
        clicking = pool.submit(click_all if TIMERS < 10_000 else append_all, whenflow, lengths)
        for _ in range(KILLS):
            time.sleep(random.uniform(0.3, LONGEST_PEACE))
            if random.random() < 0.3 + 0.1 * len(processes):
                killed = random.choice(processes)
                killed.kill()
                killed.spawn()
            else:
                os.kill(whenflow.server(), signal.SIGKILL)
        for process in processes:
            process.start()
        clicking.result(3600)
        until(lambda: whenflow.health().status_code == 200, 20, "the store is there")
        until(lambda: have_come(whenflow) >= TIMERS, SPREAD + 30, "all timers have come")
        clicks, found, came = last_clicks(whenflow, list(lengths)), inboxes(whenflow), when_they_came(whenflow)
        late = []
        for visitor, seconds in lengths.items():
            messages = sorted((m["flow"], m["text"], milliseconds(m["time"]) - clicks[visitor]) for m in found[visitor])
            wanted = [("later", f"{seconds}", 1000 * seconds), ("quiet", "quiet", 2001)]
            assert messages == wanted, f"seed {SEED}: {visitor}"
            assert sorted(due - clicks[visitor] for due, _ in came[visitor]) == sorted([1000 * seconds, 2001])
            shard = shard_number(visitor, SHARDS)
            late += [watch.lateness(shard, due, at) for due, at in came[visitor]]
        assert whenflow.health().json()["apps"]["default"]["dead_letters"] == 0
    late.sort()
    p50, p99 = (late[len(late) * part // 100] for part in (50, 99))
    print(f"{len(late)} timers, {KILLS} kills: late by {p50:g} ms (p50), {p99:g} (p99), {late[-1]:g} at most")  # noqa: T201
    assert late[0] >= 0, f"seed {SEED}: a timer came early"
    assert p99 <= 1000, f"seed {SEED}"


@pytest.fixture
def three(tmp_path: Path) -> Iterator[tuple[Whenflow, list[Whenflow]]]:
    """A process that takes what pages send, and three that fold it."""
    data = tmp_path / "data"
    with ExitStack() as running:
        processes = [Whenflow(data, "--roles", role) for role in ("ingest,console", *["processor"] * 3)]
        for process in processes:
            process.spawn()  # all of them come up side by side
            running.callback(process.kill)
        front, *processors = [running.enter_context(process) for process in processes]
        front.apply(EVENTS)
        yield front, processors


def folds_everywhere(front: Whenflow) -> bool:
    """Whether the items of many visitors, so of every shard, are folded as they come."""
    answers = [front.collect({"visitor": f"probe-{number}", "ping": {}}, wait=True) for number in range(12)]
    return all(answer.status_code == 200 and answer.json()["folded"] for answer in answers)


@pytest.mark.parametrize("how", ["killed", "hung", "ended"])
def test_the_others_take_over_from_a_processor_that_is_gone(three: tuple[Whenflow, list[Whenflow]], how: str) -> None:
    front, processors = three
    assert folds_everywhere(front)
    for processor in processors[:2]:
        begun = time.monotonic()
        if how == "killed":
            processor.kill()
        elif how == "hung":
            os.kill(processor.process.pid, signal.SIGSTOP)
            until(lambda: stopped(processor.process.pid))  # noqa: B023
        else:
            code, seconds = processor.end()
            assert code == 0
            assert seconds < 5
        assert folds_everywhere(front)
        assert time.monotonic() - begun < 2 * LEASE + 1


def test_a_processor_that_hung_goes_on_without_doing_anything_twice(three: tuple[Whenflow, list[Whenflow]]) -> None:
    front, processors = three
    for processor in processors:
        os.kill(processor.process.pid, signal.SIGSTOP)
        for number in range(12):
            assert front.collect({"visitor": f"v{number}", **track()}).status_code == 200
        assert folds_everywhere(front)
        os.kill(processor.process.pid, signal.SIGCONT)
        assert folds_everywhere(front)
    assert [front.count(f"v{number}") for number in range(12)] == [3] * 12
