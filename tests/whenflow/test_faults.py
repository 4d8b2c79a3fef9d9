"""Promises 1 and 2, with real processes, real kills and a real network: counted once, sent once, whoever dies when.

`WHENFLOW_KILLS=100` kills more often; `WHENFLOW_STOP_SECONDS=30` stops the store's server for longer;
`WHENFLOW_SEED=7` chooses other moments.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.whenflow.listening import Listener
from tests.whenflow.process import EVENTS, KEY, Whenflow, servers, track, until
from tests.whenflow.senders import Connection, Load, Sender, lossy_network
from variables.apps import SHARDS
from variables.shards import shard_number

pytestmark = pytest.mark.alone

KILLS = int(os.environ.get("WHENFLOW_KILLS", "20"))
STOP_SECONDS = float(os.environ.get("WHENFLOW_STOP_SECONDS", "6"))
SEED = os.environ.get("WHENFLOW_SEED", str(time.time_ns()))

PROGRAM = f"""{EVENTS}
flow eager:
    on webclick
    when event_count_1 > 5
    limit once
    send web "the {{{{ event_count_1 }}}}th"

flow echo:
    on checkout
    send web "{{{{ event_last_data_2 }}}}"
"""


ONE_A_SHARD = tuple(
    next(visitor for k in count() if shard_number(visitor := f"probe-{k}", SHARDS) == shard) for shard in range(SHARDS)
)
"""Visitors, one of each shard."""
_tests = count(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("faults") / "data") as process:
        process.apply(PROGRAM)
        yield process


@pytest.fixture
def whenflow(shared: Whenflow) -> Whenflow:
    """One process, and whoever takes its place, for all tests here; each has visitors of its own."""
    shared.start()
    return shared


def some_senders(pages: int = 3, servers: int = 2) -> list[Sender]:
    """Pages and servers; those that check out get a message for each event, and an inbox holds fifty."""
    test = next(_tests)
    return [
        *(Sender(f"page{test}{k}", per_visitor=40, seed=SEED) for k in range(pages)),
        *(Sender(f"server{test}{k}", named=True, per_visitor=40, seed=SEED) for k in range(servers)),
        *([Sender(f"buyer{test}", event="checkout", per_visitor=45, pace=0.1, seed=SEED)] if pages else []),
        *(
            [Sender(f"shop{test}", event="checkout", named=True, per_visitor=45, pace=0.1, seed=SEED)]
            if servers
            else []
        ),
    ]


def folding(whenflow: Whenflow) -> bool:
    """Whether every shard is folded now, up to this moment."""
    try:
        answers = [whenflow.collect({"visitor": probe, "ping": {}}, wait=True) for probe in ONE_A_SHARD]
    except httpx.TransportError:
        return False
    return all(answer.status_code == 200 and answer.json()["folded"] for answer in answers)


def accepting(whenflow: Whenflow, load: Load, by: int = 20, limit: float = 15) -> None:
    """Waits until so many more items were answered 200."""
    advanced = load.advanced(by)
    until(lambda: advanced() or whenflow.process.poll() is not None, limit, "items are accepted")
    code = whenflow.process.poll()
    assert code is None, f"whenflow ended with code {code}"


def assert_counted_once_and_sent_once(whenflow: Whenflow, load: Load) -> None:
    """Every item answered 200 is in its count, and every message called for in its inbox: once, and no other."""
    until(lambda: folding(whenflow), 20, "all that was accepted is folded")
    counts, messages, wanted = {}, {}, {}
    for (visitor, event), expected in load.expected.items():
        view = whenflow.visitor(visitor)
        counts[visitor, event] = view["variables"][f"event_count_{1 if event == 'webclick' else 2}"]
        messages[visitor] = [message["text"] for message in view["messages"]]
        if event == "checkout":
            wanted[visitor] = [f"{k:04}" for k in range(1, expected + 1)]
        else:
            wanted[visitor] = ["the 6th"] if expected > 5 else []
    assert counts == load.expected, f"seed {SEED}"
    assert messages == wanted, f"seed {SEED}"
    assert whenflow.health().json()["apps"]["default"]["dead_letters"] == 0


def test_each_item_counts_once_and_each_message_comes_once_whoever_is_killed(whenflow: Whenflow) -> None:
    random = Random(SEED)  # noqa: S311
    victims = ["process"] * (KILLS // 4)
    victims += ["server"] * (KILLS - len(victims))
    random.shuffle(victims)
    with Load(whenflow.port, some_senders()) as load:
        for victim in victims:
            if random.random() < 0.8:  # else at once: while the last one's place is still being taken
                accepting(whenflow, load)
                if victim == "process" or random.random() < 0.5:
                    until(lambda: folding(whenflow), 15, "items are folded again")
            time.sleep(random.uniform(0, 0.2))  # so that the kill comes at any moment of the work
            if victim == "process":
                whenflow.kill()
                whenflow.spawn()
            else:
                os.kill(whenflow.server(), signal.SIGKILL)
        accepting(whenflow, load)
    assert_counted_once_and_sent_once(whenflow, load)
    assert {answer.status for answer in load.answers} >= {0, 200}


def test_killing_the_store_s_server_costs_a_page_no_more_than_a_pause(whenflow: Whenflow) -> None:
    with Load(whenflow.port, some_senders()) as load:
        accepting(whenflow, load)
        for _ in range(3):
            os.kill(whenflow.server(), signal.SIGKILL)
            accepting(whenflow, load, by=100, limit=3)
    assert max(answer.seconds for answer in load.answers) < 3
    assert_counted_once_and_sent_once(whenflow, load)


def test_a_start_survives_the_kill_of_the_server_that_it_has_just_started(whenflow: Whenflow) -> None:
    for wait in (0.0, 0.05, 0.1, 0.2, 0.3):
        whenflow.kill()
        until(lambda: not servers(whenflow.data), what="the server has gone with it")
        whenflow.spawn()
        pid = whenflow.server()
        time.sleep(wait)
        os.kill(pid, signal.SIGKILL)
        whenflow.wait_until_up()
    assert whenflow.collect({"visitor": "v", **track()}).status_code == 200


@pytest.mark.parametrize("named", [False, True], ids=["client and n", "id"])
def test_a_resend_after_a_lost_reply_does_not_count_twice(whenflow: Whenflow, named: bool) -> None:
    senders = some_senders(pages=0, servers=5) if named else some_senders(pages=5, servers=0)
    with lossy_network(whenflow.port, loss=0.2, seed=SEED) as network:
        with Load(network.port, senders) as load:
            until(lambda: network.lost_answers >= 100 and network.lost_requests >= 50, 30, "enough was lost")
        assert_counted_once_and_sent_once(whenflow, load)


def test_items_that_come_again_much_later_and_in_other_company_count_once(whenflow: Whenflow) -> None:
    old = [track(n=n) for n in range(1, 33)]
    assert whenflow.collect({"visitor": "late", "client": "c", "items": old}).json()["accepted"] == 32
    whenflow.kill()
    whenflow.start()
    again = {"visitor": "late", "client": "c", "items": [*old, track(n=33)]}
    assert whenflow.collect(again, wait=True).json() == {"accepted": 33, "rejected": [], "folded": True}
    assert whenflow.count("late") == 33


# A server that is there and does not answer


def test_a_stopped_server_is_said_to_every_sender_and_costs_nothing(whenflow: Whenflow) -> None:
    with Load(whenflow.port, some_senders()) as load:
        accepting(whenflow, load)
        with whenflow.stopped_server():
            stopped = time.monotonic()
            looks = look_at_everything(whenflow)
            until(lambda: time.monotonic() > stopped + STOP_SECONDS, STOP_SECONDS + 1)
            continued = time.monotonic()
        until(lambda: load.everybody_was_answered_since(continued), 5, "every sender has its 200 again")
        until(lambda: folding(whenflow), 5, "items are folded again")
        assert time.monotonic() - continued < 5
    meanwhile = [answer for answer in load.answers if stopped < answer.begun and answer.ended < continued]
    false = [answer for answer in meanwhile if answer.status == 200]
    assert not false, "what cannot be durable was accepted"
    assert {(answer.status, answer.retry_after) for answer in meanwhile} == {(503, "1")}
    assert {status for status, _ in looks.values()} == {503}
    slow = sorted(answer.seconds for answer in load.answers if answer.ended > stopped and answer.seconds >= 3)
    assert not slow, f"answers that took 3 s and more: {slow}"
    assert all(seconds < 3 for _, seconds in looks.values()), looks
    assert_counted_once_and_sent_once(whenflow, load)


def look_at_everything(whenflow: Whenflow) -> dict[str, tuple[int, float]]:
    """What the admin API says, and after how many seconds."""
    looks = {}
    for name, look in {
        "visitor": lambda: whenflow.admin("GET", "visitors/v"),
        "program": lambda: whenflow.admin("GET", "program"),
        "health": whenflow.health,
    }.items():
        begun = time.monotonic()
        looks[name] = (look().status_code, time.monotonic() - begun)
    return looks


def test_a_stream_opened_while_the_server_was_stopped_gets_what_it_missed(whenflow: Whenflow) -> None:
    whenflow.collect({"visitor": "v", **track("checkout", "hello")}, wait=True)
    with whenflow.stopped_server() as server, Listener(whenflow.port, "v") as listener:
        with Connection(whenflow.port) as connection:
            for _ in range(2):  # by the time that a sender is refused twice, the stream has given its first look up
                assert connection.post(b'{"visitor": "w", "ping": {}}').status == 503
        assert not listener.messages
        os.kill(server, signal.SIGCONT)
        listener.heard("hello", limit=5)


def test_an_accepted_item_is_answered_200_though_nobody_can_tell_whether_it_is_folded(tmp_path: Path) -> None:
    """`wait=1` with no processor: `"folded": false` after 10 s, also when the store stopped answering meanwhile."""
    with Whenflow(tmp_path / "data", "--roles", "ingest") as process, Connection(process.port) as connection:
        connection.send(b'{"visitor": "v", "ping": {}}', f"key={KEY}&wait=1")
        with process.store() as store:
            until(lambda: any(store.xlen(key) for key in store.keys("wf:*:log")), what="the item is in the log")
        with process.stopped_server():
            answer = connection.answer()
    assert (answer.status, json.loads(answer.body)) == (200, {"accepted": 1, "rejected": [], "folded": False})
    assert 9 < answer.seconds < 14
