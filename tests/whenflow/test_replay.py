"""Promise 3, with real processes: what was recorded under load, with kills and new programs, replays the same.

The record is the store's own append-only file, which has every entry of every log as it was written.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from engine.library import build
from engine.order import in_order
from engine.owned_shard import OwnedShard
from engine.program import Program
from tests.whenflow.process import EVENTS, Whenflow, until
from tests.whenflow.senders import Load, Sender
from variables.apps import SHARDS, AppStore
from variables.memory_store import MemoryShard
from variables.redis_connection import Connections
from variables.redis_entry import logged
from variables.redis_store import RedisShard
from variables.store import Held, Logged, Outgoing, Wanted

pytestmark = pytest.mark.alone

KILLS = int(os.environ.get("WHENFLOW_KILLS", "6"))
SEED = os.environ.get("WHENFLOW_SEED", str(time.time_ns()))

FLOWS = """
field turns int

segment busy:
    event_count_1 > 4 and now - event_last_time_1 < 3s

flow eager:
    on webclick
    when event_count_1 == 3
    exit when event_count_2 > 0
    goal event_count_1 >= 8 within 1m
    split:
        50% "short":
            wait 1s
        50% "long":
            wait until event_count_1 > 6 for 2s
    send web "{{ event_count_1 }} {{ run_time }}"

flow calm:
    on leave busy
    set turns = (turns or 0) + 1
    send web "calm again"

flow turned:
    on change turns
    send email:
        to "a@example.com"
        subject "{{ turns }}"
        text "{{ turns }}"

flow away:
    when event_count_1 > 0 and now - event_last_time_1 > 2s
    limit 3
    send web "away"
"""


class Recorded:
    """The programs of a version, out of the record."""

    def __init__(self, programs: Mapping[int, Program]) -> None:
        self._programs = programs

    async def program(self, version: int) -> Program:
        return self._programs[version]


def commands(data: Path) -> Iterator[list[bytes]]:
    """All that the store was told, as its append-only file has it."""
    for file in sorted((data / "appendonlydir").glob("*.incr.aof"), key=lambda file: int(file.name.split(".")[-3])):
        raw, at = file.read_bytes(), 0
        while at < len(raw):
            if raw[at : at + 1] == b"#":  # an annotation
                at = raw.index(b"\r\n", at) + 2
                continue
            end = raw.index(b"\r\n", at)
            count, at, words = int(raw[at + 1 : end]), end + 2, []
            for _ in range(count):
                end = raw.index(b"\r\n", at)
                length, at = int(raw[at + 1 : end]), end + 2
                words.append(raw[at : at + length])
                at += length + 2
            yield words


def recorded_log(data: Path, shard: int) -> list[Logged]:
    key = b"wf:{default:%d}:log" % shard
    return [logged(words[2], words[3:]) for words in commands(data) if words[0].upper() == b"XADD" and words[1] == key]


async def replayed(log: list[Logged], programs: Mapping[int, Program], until_then: int) -> MemoryShard:
    """A shard in memory that has folded a log as its owner would, each entry at its stamp."""
    clock = 0
    shard = MemoryShard(lambda: clock, log_bound=2**63, recorded=log)
    taken = await shard.take("replay", 1)
    assert not isinstance(taken, Held)
    owned = OwnedShard(shard, Recorded(programs), _never, taken, programs[0])
    while True:
        instants = [entry.id.stamp for entry in log if entry.id > owned.state.position][:1]
        instants += [owned.state.next_timer] if owned.state.next_timer is not None else []
        clock = min([instant for instant in instants if instant <= until_then], default=-1)
        if clock < 0:
            return shard
        await owned.fold(in_order(await shard.read(owned.state.position, 256)))


async def _never() -> None:
    raise AssertionError("memory always answers")


async def assert_same(shard: RedisShard, other: MemoryShard, visitors: int) -> int:
    """Profiles, starts, runs, messages, counters and outbox; returns how many messages there are."""
    wanted = [Wanted(visitor) for visitor in await shard.visitors(0, visitors)]
    messages = 0
    for one, again in zip(await shard.load(wanted), await other.load(wanted), strict=True):
        assert dict(one.fields) == dict(again.fields), f"seed {SEED}"
        assert (one.tallies, one.runs) == (again.tallies, again.runs), f"seed {SEED}"
        inbox = await shard.inbox(one.visitor)
        assert inbox == await other.inbox(one.visitor), f"seed {SEED}"
        messages += len(inbox)
    assert await shard.counts() == await other.counts()
    assert sorted(await shard.outbox(), key=_id) == sorted(await other.outbox(), key=_id), f"seed {SEED}"
    return messages


def _id(outgoing: Outgoing) -> str:
    """The order of visitors among each other depends on the batches; that of one visitor's messages does not."""
    return outgoing.id


async def compare(whenflow: Whenflow) -> int:
    """Replays every shard's log and compares what comes of it; returns how many messages there were."""
    connections = Connections(url=f"unix://{whenflow.data / 'store.sock'}")
    store, messages = AppStore(connections), 0
    versions = range(await store.newest("default") + 1)
    programs = {version: build(await store.program("default", version), version) for version in versions}
    for number in range(SHARDS):
        shard = RedisShard(connections, "default", number)
        owner = await connections.call(connections.commands.hgetall(f"wf:{{default:{number}}}:owner"))
        again = await replayed(recorded_log(whenflow.data, number), programs, int(time.time() * 1000))
        messages += await assert_same(shard, again, int(owner[b"visitors"]))
        await shard.close()
    await connections.close()
    return messages


def test_a_recorded_log_gives_the_same_again(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311
    texts = [EVENTS + FLOWS, EVENTS + FLOWS.replace("limit 3", "limit 4").replace("== 3", "== 2")]
    with Whenflow(tmp_path / "data") as whenflow:
        whenflow.apply(texts[0])
        senders = [Sender(f"page{number}", per_visitor=12, seed=SEED) for number in range(4)]
        senders.append(Sender("buyer", event="checkout", per_visitor=9, pace=0.1, seed=SEED))
        with Load(whenflow.port, senders) as load:
            for number in range(KILLS):
                until(load.advanced(60), 20, "items are accepted")
                time.sleep(random.uniform(0, 0.3))
                if random.random() < 0.3:
                    whenflow.kill()
                    whenflow.spawn()
                else:
                    os.kill(whenflow.server(), signal.SIGKILL)
                whenflow.wait_until_up()
                until(lambda: whenflow.health().status_code == 200, 20, "the store is there")
                whenflow.apply(texts[(number + 1) % 2])
            until(load.advanced(60), 20, "items are accepted")
        time.sleep(4)  # the last waits come to their end
        for number in range(4 * SHARDS):
            assert whenflow.collect({"visitor": f"last{number}", "ping": {}}, wait=True).json()["folded"]
        assert asyncio.run(compare(whenflow)) > 100
