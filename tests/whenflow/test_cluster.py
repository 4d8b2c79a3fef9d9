"""Whenflow on a cluster: all that it does on one server, and the death of a primary."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.variables.cluster import Cluster
from tests.whenflow.process import EVENTS, Whenflow, track, until
from tests.whenflow.senders import Connection, Load, Sender

pytestmark = pytest.mark.alone

FLOW = """
flow greet:
    on webclick
    wait 1s
    send web "{{ event_count_1 }}"
"""
LOG = "wf:{default:0}:log"
VISITORS = [f"v{number}" for number in range(12)]
"""Enough that every shard has some."""


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    directory = tmp_path / "cluster"
    directory.mkdir()
    with Cluster(directory) as running:
        yield running


class Clicks:
    """Clicks of every visitor, one after the other, each numbered and sent until it is accepted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.accepted: Counter[str] = Counter()

    def all_click(self, times: int) -> None:
        for _ in range(times):
            for visitor in VISITORS:
                self._click(visitor)

    def _click(self, visitor: str) -> None:
        items = [track(n=self.accepted[visitor] + 1)]
        body = json.dumps({"visitor": visitor, "client": "c", "items": items}).encode()
        until(lambda: self._connection.post(body).status == 200, 15, "a click is accepted")
        self.accepted[visitor] += 1


def counts(whenflow: Whenflow) -> Counter[str]:
    return Counter({visitor: whenflow.visitor(visitor)["variables"]["event_count_1"] for visitor in VISITORS})


def test_a_primary_that_hangs_is_left_for_its_replica(own_cluster: Cluster, tmp_path: Path) -> None:
    """It never refuses a connection, so nothing tells but that it does not answer."""
    with Whenflow(tmp_path / "data", "--redis", own_cluster.urls) as whenflow:
        whenflow.apply(EVENTS + FLOW)
        with Connection(whenflow.port) as connection:
            clicks = Clicks(connection)
            clicks.all_click(2)
            hung = own_cluster.primary_of(LOG)
            own_cluster.hang(hung)
            until(lambda: own_cluster.primary_of(LOG) != hung, 30, "the replica has taken over")
            clicks.all_click(1)
        for visitor in VISITORS:
            until(lambda: fully_folded(whenflow, visitor), 15, "items are folded again")  # noqa: B023


def fully_folded(whenflow: Whenflow, visitor: str) -> bool:
    answer = whenflow.collect({"visitor": visitor, "ping": {}}, wait=True)
    return answer.status_code == 200 and bool(answer.json()["folded"])


def test_a_primary_that_dies_under_load_holds_nothing_up_for_long(own_cluster: Cluster, tmp_path: Path) -> None:
    """With timers that fall due meanwhile. Each write is with a replica before it is answered, so nothing is lost."""
    senders = [Sender(f"page{k}", per_visitor=20, pace=0.02) for k in range(4)]
    with Whenflow(tmp_path / "data", "--redis", own_cluster.urls, WHENFLOW_REPLICAS="1") as whenflow:
        whenflow.apply(EVENTS + FLOW.replace("on webclick", "on webclick\n    limit once"))
        with Load(whenflow.port, senders) as load:
            until(load.advanced(100), 20, "items are accepted")
            gone = own_cluster.primary_of(LOG)
            own_cluster.kill(gone)
            until(lambda: own_cluster.primary_of(LOG) != gone, 15, "the replica has taken over")
            own_cluster.restart(gone)
            since = time.monotonic()
            until(lambda: load.everybody_was_answered_since(since), 20, "every sender has its 200 again")
            until(load.advanced(100), 20, "items are accepted again")
        for (visitor, _), count in load.expected.items():
            assert whenflow.collect({"visitor": visitor, "ping": {}}, wait=True).json()["folded"]
            until(lambda: len(whenflow.messages(visitor)) == 1, 10, "the wait has ended, once")  # noqa: B023
            assert whenflow.visitor(visitor)["variables"]["event_count_1"] == count
        assert max(answer.seconds for answer in load.answers) < 3
        assert whenflow.health().json()["apps"]["default"]["dead_letters"] == 0


@pytest.mark.parametrize("replicas", [0, 1], ids=["the primary answers", "its replica has it, too"])
def test_the_death_of_a_primary_is_ridden_through(own_cluster: Cluster, tmp_path: Path, replicas: int) -> None:
    """What the dead one had not told its replica may be lost (docs/operating.md); nothing is counted twice."""
    with Whenflow(tmp_path / "data", "--redis", own_cluster.url, WHENFLOW_REPLICAS=str(replicas)) as whenflow:
        whenflow.apply(EVENTS + FLOW)
        with Connection(whenflow.port) as connection:
            clicks = Clicks(connection)
            clicks.all_click(5)
            dead = own_cluster.primary_of(LOG)
            own_cluster.kill(dead)
            if replicas:  # whoever follows has none, until the dead one is back
                until(lambda: own_cluster.primary_of(LOG) != dead, 15, "the replica has taken over")
                own_cluster.restart(dead)
            clicks.all_click(5)
            for visitor in VISITORS:
                assert whenflow.collect({"visitor": visitor, "ping": {}}, wait=True).json()["folded"]
            before = counts(whenflow)
            assert all(before[visitor] <= clicks.accepted[visitor] for visitor in VISITORS)
            assert not replicas or before == clicks.accepted
            clicks.all_click(5)
        until(lambda: counts(whenflow) == Counter({visitor: before[visitor] + 5 for visitor in VISITORS}), 15)
        until(lambda: all(whenflow.visitor(visitor)["messages"] for visitor in VISITORS), 15, "the waits have ended")
