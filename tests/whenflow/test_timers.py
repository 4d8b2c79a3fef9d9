"""Promise 4, with real processes and real kills: a timer is never early, never lost, and comes once, whoever dies when.

`WHENFLOW_TIMERS=100000` sets more of them, `WHENFLOW_KILLS=20` kills more often; `WHENFLOW_SEED=7` chooses other
moments.
"""

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.whenflow.process import EVENTS, Whenflow, stopped, track, until
from tests.whenflow.senders import Connection
from variables.apps import SHARDS
from variables.shards import shard_number

TIMERS = int(os.environ.get("WHENFLOW_TIMERS", "400"))
KILLS = int(os.environ.get("WHENFLOW_KILLS", "6"))
SEED = os.environ.get("WHENFLOW_SEED", str(time.time_ns()))
LEASE = 3.0
"""Seconds, as `engine.processor` has it."""

WAITS = f"""{EVENTS}
field seconds int

flow later:
    on webclick
    wait until now >= run_time + track_event_data * 1s for 1h:
        send web "{{{{ now - run_time }}}}"
    timeout:
        send web "never"

flow quiet:
    when event_count_1 > 0 and now - event_last_time_1 > 2s
    limit once
    send web "quiet"
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


def test_each_timer_comes_once_and_at_its_instant_whoever_is_killed(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311
    lengths = {f"v{number}": random.randint(1, 12) for number in range(TIMERS)}
    with Whenflow(tmp_path / "data") as whenflow:
        whenflow.apply(WAITS)
        with ThreadPoolExecutor(1) as pool:
            clicking = pool.submit(click_all, whenflow, lengths)
            for _ in range(KILLS):
                time.sleep(random.uniform(0.3, 2.0))
                if random.random() < 0.3:
                    whenflow.kill()
                    whenflow.spawn()
                else:
                    os.kill(whenflow.server(), signal.SIGKILL)
            whenflow.be_up()
            clicking.result(600)
        until(lambda: whenflow.health().status_code == 200, 20, "the store is there")
        until(lambda: sum(map(len, inboxes(whenflow).values())) >= 2 * TIMERS, 30, "all messages are there")
        clicks, found = last_clicks(whenflow, list(lengths)), inboxes(whenflow)
        for visitor, seconds in lengths.items():
            came = sorted((m["flow"], m["text"], milliseconds(m["time"]) - clicks[visitor]) for m in found[visitor])
            wanted = [("later", f"{seconds}s", 1000 * seconds), ("quiet", "quiet", 2001)]
            assert came == wanted, f"seed {SEED}: {visitor}"
        assert whenflow.health().json()["apps"]["default"]["dead_letters"] == 0


@pytest.fixture
def three(tmp_path: Path) -> Iterator[tuple[Whenflow, list[Whenflow]]]:
    """A process that takes what pages send, and three that fold it."""
    data = tmp_path / "data"
    with ExitStack() as running:
        front = running.enter_context(Whenflow(data, "--roles", "ingest,console"))
        processors = [running.enter_context(Whenflow(data, "--roles", "processor")) for _ in range(3)]
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
