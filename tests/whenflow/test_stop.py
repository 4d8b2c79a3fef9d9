"""An orderly stop: within 5 s, with code 0, and neither an item nor a process nor a lease left behind."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whenflow.listening import Listener
from tests.whenflow.process import EVENTS, KEY, Whenflow, free_port, servers, track, until
from tests.whenflow.senders import Connection, Load, Sender
from variables.apps import SHARDS
from variables.embedded import EmbeddedStore
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import Held, Ownership

pytestmark = pytest.mark.alone

LIMIT = 5.0
PROGRAM = f"""{EVENTS}
flow echo:
    on checkout
    send web "{{{{ event_last_data_2 }}}}"
"""
SIGNALS = pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=lambda by: by.name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("stop") / "data") as process:
        process.apply(PROGRAM)
        yield process


@pytest.fixture
def whenflow(shared: Whenflow) -> Whenflow:
    shared.start()
    return shared


def takings(data: Path) -> list[Ownership | Held]:
    """What another process gets that wants to own the shards now."""

    async def take() -> list[Ownership | Held]:
        with EmbeddedStore(data) as store:
            connections = Connections(embedded=store)
            shards = [RedisShard(connections, "default", number) for number in range(SHARDS)]
            taken = [await shard.take("another", 1) for shard in shards]
            await connections.close()
            return taken

    return asyncio.run(take())


@SIGNALS
def test_a_stop_under_load_is_quick_and_leaves_nothing_behind(whenflow: Whenflow, by: signal.Signals) -> None:
    senders = [Sender(f"{by.name}{k}", per_visitor=40) for k in range(6)]
    with contextlib.ExitStack() as streams, Load(whenflow.port, senders) as load:
        listeners = [streams.enter_context(Listener(whenflow.port, f"v{k}")) for k in range(20)]
        until(load.advanced(200), what="items are accepted")
        code, seconds = whenflow.end(by)
        assert code == 0
        assert seconds < LIMIT
        assert not servers(whenflow.data)
        for listener in listeners:
            until(listener.over.is_set, 2, "the stream has ended")
            assert listener.failure is None, "the stream was torn"
        assert all(isinstance(taken, Ownership) for taken in takings(whenflow.data)), "a lease was not given up"
        whenflow.start()
    for (visitor, _), count in load.expected.items():
        assert whenflow.collect({"visitor": visitor, "ping": {}}, wait=True).json()["folded"]
        assert whenflow.count(visitor) == count


def test_what_was_accepted_before_a_stop_is_folded_by_the_next_process_at_once(whenflow: Whenflow) -> None:
    assert whenflow.collect({"visitor": "v", **track("checkout", "before")}).status_code == 200
    whenflow.end()
    whenflow.start()
    until(lambda: whenflow.messages("v") == ["before"], 1, "the message is in the inbox")


@SIGNALS
def test_an_idle_process_stops_at_once(whenflow: Whenflow, by: signal.Signals) -> None:
    code, seconds = whenflow.end(by)
    assert code == 0
    assert seconds < 2
    assert not servers(whenflow.data)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with streams and requests"])
def test_a_stop_with_a_server_that_does_not_answer_is_quick_too(whenflow: Whenflow, busy: bool) -> None:
    with contextlib.ExitStack() as open_, whenflow.stopped_server():
        requests = [open_.enter_context(Connection(whenflow.port)) for _ in range(8 if busy else 0)]
        for k, request in enumerate(requests):
            open_.enter_context(Listener(whenflow.port, f"v{k}"))
            request.send(b'{"visitor": "v", "ping": {}}')
        code, seconds = whenflow.end()
        answers = [request.answer() for request in requests]
    assert code == 0
    assert seconds < LIMIT
    assert not servers(whenflow.data)
    assert {answer.status for answer in answers} <= {0, 503}


def test_requests_that_wait_for_the_fold_are_answered_before_a_stop(tmp_path: Path) -> None:
    """Nobody folds here; the item is durable, and that is what a 200 says."""
    with Whenflow(tmp_path / "data", "--roles", "ingest") as process, Connection(process.port) as connection:
        connection.send(b'{"visitor": "v", "ping": {}}', f"key={KEY}&wait=1")
        with process.store() as store:
            until(lambda: any(store.xlen(key) for key in store.keys("wf:*:log")), what="the item is in the log")
        code, seconds = process.end()
        answer = connection.answer()
    assert code == 0
    assert seconds < LIMIT
    assert not servers(process.data)
    assert (answer.status, json.loads(answer.body)) == (200, {"accepted": 1, "rejected": [], "folded": False})


@SIGNALS
def test_a_stop_in_the_middle_of_a_start_leaves_nothing_behind(tmp_path: Path, by: signal.Signals) -> None:
    process = Whenflow(tmp_path / "data")
    process.spawn()
    process.server()
    _, seconds = process.end(by)
    assert seconds < LIMIT
    until(lambda: not servers(process.data), 2, "the server is gone")
    assert "Traceback" not in process.log.read_text()


def test_a_second_ctrl_c_does_no_harm(whenflow: Whenflow) -> None:
    with Listener(whenflow.port, "v"):
        os.killpg(whenflow.process.pid, signal.SIGINT)
        code, seconds = whenflow.end(signal.SIGINT)
    assert code == 0
    assert seconds < LIMIT
    assert not servers(whenflow.data)
    assert "Traceback" not in whenflow.log.read_text()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL], ids=lambda by: by.name)
def test_a_second_process_goes_on_when_the_one_that_started_the_server_ends(
    whenflow: Whenflow, by: signal.Signals
) -> None:
    second = Whenflow(whenflow.data, port=free_port())
    second.spawn()
    try:
        second.wait_until_up()
        assert len(servers(whenflow.data)) == 1
        with Load(second.port, [Sender(f"second{by.name}{k}", per_visitor=40) for k in range(3)]) as load:
            until(load.advanced(100), what="items are accepted")
            whenflow.end(by)
            until(load.advanced(100), what="items are accepted again")
            assert second.process.poll() is None
        assert len(servers(whenflow.data)) == 1
        for (visitor, _), count in load.expected.items():
            assert second.collect({"visitor": visitor, "ping": {}}, wait=True).json()["folded"]
            assert second.count(visitor) == count
        code, _ = second.end()
        assert code == 0
    finally:
        second.kill()


def test_the_demo_stops_in_order_too(tmp_path: Path) -> None:
    with Whenflow(tmp_path / "data", command="demo") as demo:
        with Listener(demo.port, "v"), Connection(demo.port) as connection:
            assert connection.post(b'{"visitor": "v", "ping": {}}', f"key={KEY}&wait=1").status == 200
            code, seconds = demo.end(signal.SIGINT)
        assert code == 0
        assert seconds < LIMIT
        assert not servers(demo.data)
