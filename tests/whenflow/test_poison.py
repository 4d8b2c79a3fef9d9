"""Promise 6, with a real process: what is poison is set aside and shown, and what stops a shard is said."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.whenflow.process import EVENTS, TOKEN, Whenflow, run, track, until
from variables.apps import SHARDS
from variables.shards import shard_number

pytestmark = pytest.mark.alone

LATER = f"""{EVENTS}
flow later:
    on webclick
    wait 2s
    send web "later"
"""


@pytest.fixture(scope="module")
def whenflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("poison") / "data") as process:
        yield process


def stand(whenflow: Whenflow) -> dict[str, Any]:
    app: dict[str, Any] = whenflow.health().json()["apps"]["default"]
    return app


def figure(whenflow: Whenflow, name: str) -> float:
    answer = httpx.get(f"{whenflow.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    [line] = [line for line in answer.text.splitlines() if line.startswith(f'{name}{{app="default"}}')]
    return float(line.split()[-1])


def shown_as_dead(data: Path) -> str:
    answer = run("dead", "--data", data)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_run_of_a_program_that_is_gone_is_set_aside_with_all_that_is_known_of_it(whenflow: Whenflow) -> None:
    whenflow.apply(LATER)
    visitors = [f"v{k}" for k in range(8)]
    for visitor in visitors[:2]:
        assert whenflow.collect({"visitor": visitor, **track()}, wait=True).json()["folded"]
    whenflow.apply(LATER.replace('"later"', '"later, again"'))
    for visitor in visitors[2:]:
        assert whenflow.collect({"visitor": visitor, **track()}, wait=True).json()["folded"]
    with whenflow.store() as store:
        assert store.hdel("wf:{default}:programs", "1") == 1
    whenflow.kill()
    whenflow.start()
    until(lambda: stand(whenflow)["dead_letters"] == 2, 15, "two runs are set aside")
    until(lambda: all(whenflow.messages(visitor) == ["later, again"] for visitor in visitors[2:]), 15)
    assert stand(whenflow)["trouble"] == {}
    assert figure(whenflow, "whenflow_dead_letters") == 2
    shown = shown_as_dead(whenflow.data)
    assert all(part in shown for part in ("timer of v0", "timer of v1", '"flow\\":\\"later', '"event_count_1":"1"'))
    assert whenflow.collect({"visitor": "v0", "ping": {}}, wait=True).json()["folded"]
    whenflow.apply(EVENTS)
    assert [whenflow.count(visitor) for visitor in visitors] == [1] * 8


def test_a_flood_of_poison_holds_nobody_up(whenflow: Whenflow) -> None:
    """Each is logged, and that must not take long either."""
    whenflow.apply(EVENTS)
    before = stand(whenflow)["dead_letters"]
    with whenflow.store() as store:
        for number in range(SHARDS):
            for _ in range(200):
                store.xadd(f"wf:{{default:{number}}}:log", {"body": "no batch"})
    begun = time.monotonic()
    for k in range(8):
        assert whenflow.collect({"visitor": f"patient{k}", **track()}, wait=True).json()["folded"]
    assert time.monotonic() - begun < 10
    assert stand(whenflow)["dead_letters"] == before + 200 * SHARDS
    assert "no batch" not in whenflow.log.read_text(), "what was sent is in the dead letters, not in the log"


def test_what_stops_a_shard_is_said_until_it_is_mended_and_the_others_go_on(whenflow: Whenflow) -> None:
    whenflow.apply(EVENTS)
    key, probes = "wf:{default:0}:timers", [f"probe{k}" for k in range(8)]
    with whenflow.store() as store:
        store.delete(key)
        store.set(key, "no sorted set")
        for probe in probes:
            assert whenflow.collect({"visitor": probe, **track()}).status_code == 200
        until(lambda: "timers" in stand(whenflow)["trouble"].get("0", ""), 10, "the trouble is said")
        assert figure(whenflow, "whenflow_shards_in_trouble") == 1
        others = [probe for probe in probes if shard_number(probe, SHARDS) != 0]
        until(lambda: [whenflow.count(probe) for probe in others] == [1] * len(others), 5, "the others are folded")
        store.delete(key)
    until(lambda: [whenflow.count(probe) for probe in probes] == [1] * 8, 10, "all are folded")
    until(lambda: stand(whenflow)["trouble"] == {}, 5, "nothing is said any more")


def test_a_program_that_is_not_to_be_had_stops_no_shard(whenflow: Whenflow) -> None:
    """Somebody took the newest one away before a shard had it: it is set aside, and the next one holds."""
    before = stand(whenflow)
    with whenflow.store() as store:
        for number in range(SHARDS):
            store.xadd(f"wf:{{default:{number}}}:log", {"body": "", "note": '{"program": 99}'})
    until(lambda: stand(whenflow)["dead_letters"] == before["dead_letters"] + SHARDS, 10, "it is set aside")
    whenflow.apply(LATER)
    assert whenflow.collect({"visitor": "after", **track()}, wait=True).json()["folded"]
    assert stand(whenflow)["trouble"] == {}
