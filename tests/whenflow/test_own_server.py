"""Whenflow on a server that somebody else runs: it dies and comes back under load, and all is counted and sent once."""

import os
import time
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.variables.single import Single
from tests.whenflow.process import EVENTS, Whenflow, until
from tests.whenflow.senders import Load, Sender

pytestmark = pytest.mark.alone

KILLS = int(os.environ.get("WHENFLOW_KILLS", "4"))
SEED = os.environ.get("WHENFLOW_SEED", str(time.time_ns()))
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


def test_a_server_of_ones_own_that_is_killed_is_ridden_through(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311
    senders = [Sender(f"page{k}", per_visitor=100, pace=0.02, seed=SEED) for k in range(4)]
    senders.append(Sender("buyer", event="checkout", per_visitor=45, pace=0.1, seed=SEED))
    (tmp_path / "server").mkdir()
    with Single(tmp_path / "server") as server, Whenflow(tmp_path / "data", "--redis", server.url) as whenflow:
        whenflow.apply(PROGRAM)
        with Load(whenflow.port, senders) as load:
            for _ in range(KILLS):
                until(load.advanced(60), 20, "items are accepted")
                time.sleep(random.uniform(0, 0.5))
                server.kill()
                if random.random() < 0.5:
                    whenflow.kill()
                    whenflow.spawn()
                server.start()
            until(load.advanced(60), 20, "items are accepted")
        for (visitor, event), count in load.expected.items():
            until(lambda: is_folded(whenflow, visitor), 10, "all is folded")  # noqa: B023
            wanted = ["later"] if event == "webclick" else [f"{k:04}" for k in range(1, count + 1)]
            until(lambda: whenflow.messages(visitor) == wanted, 5, f"seed {SEED}: {visitor} has {wanted}")  # noqa: B023
            assert whenflow.count(visitor, 1 if event == "webclick" else 2) == count, f"seed {SEED}"
        assert whenflow.health().json()["apps"]["default"]["dead_letters"] == 0


def is_folded(whenflow: Whenflow, visitor: str) -> bool:
    try:
        answer = whenflow.collect({"visitor": visitor, "ping": {}}, wait=True)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and bool(answer.json()["folded"])
