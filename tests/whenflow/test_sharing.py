"""Several processors share an app's shards: fairly, in order, and with nothing done twice, whoever comes and goes.

`WHENFLOW_KILLS=100` goes on until so many processes were killed; `WHENFLOW_SEED=7` chooses other moments.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
from redis import RedisError

from tests.whenflow.process import EVENTS, Whenflow, stopped, until
from tests.whenflow.senders import Load, Sender, lossy_network
from variables.apps import SHARDS

pytestmark = pytest.mark.alone

SEED = os.environ.get("WHENFLOW_SEED", str(time.time_ns()))
KILLS = int(os.environ.get("WHENFLOW_KILLS", "3"))
KILLED = ("server", "front", "processor")
"""Who is killed, by SIGKILL; others join, end in order, or hang."""
LEASE = 3.0
"""Seconds, as `engine.processor` has it."""
PROGRAM = f"""{EVENTS}
flow echo:
    on checkout
    send web "{{{{ event_last_data_2 }}}}"

flow later:
    on webclick
    limit once
    wait 1s
    send web "later"
"""


class Crew:
    """A process that takes what pages send, and processors that come and go."""

    def __init__(self, data: Path, running: ExitStack) -> None:
        self._data = data
        self._running = running
        self.front = running.enter_context(Whenflow(data, "--roles", "ingest,console"))
        self.processors: list[Whenflow] = []

    def join(self) -> Whenflow:
        processor = Whenflow(self._data, "--roles", "processor")
        self._running.callback(processor.kill)
        processor.start()
        self.processors.append(processor)
        return processor

    def leave(self, processor: Whenflow) -> float:
        """In order; gives the seconds that it took."""
        self.processors.remove(processor)
        code, seconds = processor.end()
        assert code == 0
        return seconds

    def die(self, processor: Whenflow) -> None:
        self.processors.remove(processor)
        processor.kill()

    def records(self) -> list[dict[bytes, bytes]]:
        """Nothing while the store's server is not there."""
        try:
            with self.front.store() as store:
                return [store.hgetall(f"wf:{{default:{number}}}:owner") for number in range(SHARDS)]
        except RedisError:
            return []

    def owned(self) -> dict[int, int]:
        """How many shards each processor owns, by pid."""
        now = time.time() * 1000
        held = Counter(
            int(record[b"holder"].split(b":")[1]) for record in self.records() if int(record[b"lapses"]) > now
        )
        return {processor.process.pid: held.pop(processor.process.pid, 0) for processor in self.processors} | held

    def is_fair(self) -> bool:
        """Whether all shards are owned, by those who are there, each as many as the others."""
        owned = self.owned()
        return (
            len(owned) == len(self.processors)
            and sum(owned.values()) == SHARDS
            and max(owned.values()) - min(owned.values()) <= 1
        )

    def takings(self) -> int:
        """How often shards were taken so far."""
        return sum(int(record[b"epoch"]) for record in self.records())


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One front and at least one processor, for all tests here; they begin with whoever is left."""
    with ExitStack() as running:
        crew = Crew(tmp_path_factory.mktemp("sharing") / "data", running)
        crew.join()
        crew.front.apply(PROGRAM)
        yield crew


def hang(processor: Whenflow) -> None:
    os.kill(processor.process.pid, signal.SIGSTOP)
    until(lambda: stopped(processor.process.pid))


def test_whoever_joins_gets_its_share_and_then_nothing_moves(crew: Crew) -> None:
    for processors in (2, 3):
        crew.join()
        assert len(crew.processors) == processors
        until(crew.is_fair, 3, f"{SHARDS} shards are shared by {processors}")
    takings = crew.takings()
    assert takings <= SHARDS + 2 + 1, "shards moved that need not have"
    end = time.monotonic() + 3
    until(lambda: time.monotonic() > end, 4)
    assert crew.is_fair()
    assert crew.takings() == takings


def test_the_others_share_what_one_had_that_is_gone(crew: Crew) -> None:
    while len(crew.processors) < 3:
        crew.join()
    until(crew.is_fair, 3, "the shards are shared by three")

    hung = crew.processors.pop(0)
    hang(hung)
    until(crew.is_fair, 2 * LEASE, "the others have the shards of the one that hangs")
    os.kill(hung.process.pid, signal.SIGCONT)
    crew.processors.append(hung)
    until(crew.is_fair, 3, "one that goes on after it hung gets its share again")

    crew.die(crew.processors[0])
    until(crew.is_fair, 2 * LEASE, "the others have the shards of the one that was killed")
    assert crew.leave(crew.processors[0]) < 5
    until(crew.is_fair, 2, "the last one has the shards of the one that ended")


def test_under_load_nothing_is_lost_or_done_twice_whoever_comes_and_goes(crew: Crew) -> None:
    """Nor if the server is killed or what takes items in, and replies and requests get lost on the way."""
    random, changes = Random(SEED), Counter[str]()  # noqa: S311
    pages = [Sender(f"page{k}", per_visitor=100, pace=0.05, seed=SEED) for k in range(4)]
    buyers = [Sender(f"buyer{k}", event="checkout", per_visitor=45, pace=0.1, seed=SEED) for k in range(2)]
    with (
        lossy_network(crew.front.port, loss=0.02, seed=SEED) as network,
        Load(network.port, [*pages, *buyers]) as load,
    ):
        while sum(changes[who] for who in KILLED) < KILLS:
            until(load.advanced(40), 30, "items are accepted")
            time.sleep(random.uniform(0, 0.5))  # so that it comes at any moment of the work
            changes[change(crew, random)] += 1
        until(load.advanced(40), 30, "items are accepted")
    assert network.lost_answers
    until(crew.is_fair, 2 * LEASE, "the shards are shared in the end")
    for (visitor, event), count in load.expected.items():
        assert crew.front.collect({"visitor": visitor, "ping": {}}, wait=True).json()["folded"]
        wanted = ["later"] if event == "webclick" else [f"{k:04}" for k in range(1, count + 1)]
        until(lambda: crew.front.messages(visitor) == wanted, 5, f"seed {SEED}: {visitor} has {wanted}")  # noqa: B023
        assert crew.front.count(visitor, 1 if event == "webclick" else 2) == count, f"seed {SEED}"
    assert crew.front.health().json()["apps"]["default"]["dead_letters"] == 0
    print(dict(changes), f"{sum(load.expected.values())} items, {network.lost_answers} lost answers")  # noqa: T201


def change(crew: Crew, random: Random) -> str:
    """What it was. One joins, ends, is killed, or hangs and goes on later, before the others have its shards or after.

    Or the store's server dies, or whoever takes items in, and often the server with it.
    """
    processor = random.choice(crew.processors)
    if random.random() < 0.4:
        if random.random() < 0.6:
            os.kill(crew.front.server(), signal.SIGKILL)
            return "server"
        crew.front.kill()
        crew.front.spawn()
        return "front"
    if len(crew.processors) < 2 or (len(crew.processors) < 4 and random.random() < 0.4):
        crew.join()
        return "joined"
    how = random.choice(["ended", "processor", "hung", "hung for long"])
    if how == "ended":
        assert crew.leave(processor) < 5
    elif how == "processor":
        crew.die(processor)
    else:
        hang(processor)
        if how == "hung for long":
            until(lambda: not crew.owned()[processor.process.pid], 2 * LEASE + 1, "the others have its shards")
        else:
            time.sleep(random.uniform(0, 1))
        os.kill(processor.process.pid, signal.SIGCONT)
    return how
