"""`GET /stream`: messages reach the page as they are sent, and again until they are done with."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count

import httpx
import pytest

from tests.whenflow.listening import Listener
from tests.whenflow.process import EVENTS, KEY, Whenflow, track, until

pytestmark = pytest.mark.alone

PROGRAM = f"""{EVENTS}
flow echo:
    on checkout
    send web:
        text "{{{{ event_last_data_2 }}}}"
        sender "Mei"
        button "Go on" link "/next"

flow plain:
    on webclick
    send web "a click"
"""
MOST_STREAMS = 20
_visitors = count(1)


@pytest.fixture(scope="module")
def whenflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("stream") / "data") as process:
        process.apply(PROGRAM)
        yield process


@pytest.fixture
def visitor() -> str:
    return f"v{next(_visitors)}"


def say(whenflow: Whenflow, visitor: str, text: str) -> None:
    answer = whenflow.collect({"visitor": visitor, **track("checkout", text)}, wait=True)
    assert answer.json()["folded"] is True


def receive(whenflow: Whenflow, visitor: str, message: str, status: str) -> None:
    item = {"receipt": {"message": message, "status": status}}
    assert whenflow.collect({"visitor": visitor, **item}, wait=True).json()["folded"] is True


def test_a_message_arrives_live_as_the_design_shapes_it(whenflow: Whenflow, visitor: str) -> None:
    with Listener(whenflow.port, visitor) as page:
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/event-stream")
        assert page.headers["access-control-allow-origin"] == "*"
        say(whenflow, visitor, "welcome, 访客")
        page.heard("welcome, 访客")
        [message], [event] = page.messages, page.events
    assert set(message) == {"id", "flow", "text", "sender", "button", "time"}
    assert (message["flow"], message["sender"]) == ("echo", "Mei")
    assert message["button"] == {"label": "Go on", "link": "/next"}
    assert message["time"].endswith("Z")
    assert (event["event"], event["id"]) == ("message", message["id"])


def test_what_a_message_does_not_have_is_null(whenflow: Whenflow, visitor: str) -> None:
    with Listener(whenflow.port, visitor) as page:
        whenflow.collect({"visitor": visitor, **track()})
        page.heard("a click")
        assert (page.messages[0]["sender"], page.messages[0]["button"]) == (None, None)


def test_a_text_of_several_lines_arrives_as_one_message(whenflow: Whenflow, visitor: str) -> None:
    text = "one\ntwo\r\nthree\r\u2028four\ndata: five\n\nevent: six"
    with Listener(whenflow.port, visitor) as page:
        say(whenflow, visitor, text)
        page.heard(text)


def test_what_was_sent_while_nobody_listened_comes_first_and_in_order(whenflow: Whenflow, visitor: str) -> None:
    say(whenflow, visitor, "one")
    say(whenflow, visitor, "two")
    with Listener(whenflow.port, visitor) as page:
        page.heard("one", "two")
        say(whenflow, visitor, "three")
        page.heard("one", "two", "three")


def test_a_message_comes_again_on_reconnecting_until_it_is_closed_or_clicked(whenflow: Whenflow, visitor: str) -> None:
    for text in ("to be closed", "to be clicked", "to be kept"):
        say(whenflow, visitor, text)
    with Listener(whenflow.port, visitor) as page:
        page.heard("to be closed", "to be clicked", "to be kept")
        closed, clicked, kept = (message["id"] for message in page.messages)
    receive(whenflow, visitor, closed, "closed")
    receive(whenflow, visitor, clicked, "clicked")
    receive(whenflow, visitor, kept, "shown")
    with Listener(whenflow.port, visitor) as page:
        page.heard("to be kept")
        say(whenflow, visitor, "the last")
        page.heard("to be kept", "the last")
    statuses = [message["status"] for message in whenflow.visitor(visitor)["messages"]]
    assert statuses == ["closed", "clicked", "shown", "sent"]


def test_a_receipt_takes_no_message_back_and_none_of_another_visitor(whenflow: Whenflow, visitor: str) -> None:
    say(whenflow, visitor, "mine")
    [message] = whenflow.visitor(visitor)["messages"]
    receive(whenflow, f"{visitor}.other", message["id"], "closed")
    assert whenflow.visitor(visitor)["messages"][0]["status"] == "sent"
    for status, known in (("closed", "closed"), ("shown", "closed"), ("clicked", "clicked"), ("closed", "clicked")):
        receive(whenflow, visitor, message["id"], status)
        assert whenflow.visitor(visitor)["messages"][0]["status"] == known


def test_a_message_comes_once_on_a_stream_however_often_the_visitor_is_looked_up(
    whenflow: Whenflow, visitor: str
) -> None:
    with Listener(whenflow.port, visitor) as page:
        for k in range(10):
            say(whenflow, visitor, f"{k}")
        page.heard(*(f"{k}" for k in range(10)))


def test_two_streams_of_one_visitor_both_get_every_message(whenflow: Whenflow, visitor: str) -> None:
    with Listener(whenflow.port, visitor) as here, Listener(whenflow.port, visitor) as there:
        say(whenflow, visitor, "hello")
        here.heard("hello")
        there.heard("hello")


def test_another_visitor_s_stream_gets_nothing(whenflow: Whenflow, visitor: str) -> None:
    others = [visitor.upper(), f"{visitor} ", f"{visitor}.other", f"{visitor}*"]
    with ExitStack() as streams:
        heard = [streams.enter_context(Listener(whenflow.port, other)) for other in others]
        say(whenflow, visitor, "for one alone")
        for other in others:
            say(whenflow, other, f"for {other}")
        for other, page in zip(others, heard, strict=True):
            page.heard(f"for {other}")


@pytest.mark.parametrize("name", ["访客", "a b/c?d&e=f", "{v}:*", "%41", "v" * 128])
def test_a_visitor_may_have_any_name(whenflow: Whenflow, name: str) -> None:
    with Listener(whenflow.port, name) as page:
        say(whenflow, name, "hello")
        page.heard("hello")


@pytest.mark.parametrize("query", ["visitor=v", "key=&visitor=v", "key=wrong&visitor=v"])
def test_without_the_write_key_there_is_no_stream(whenflow: Whenflow, query: str) -> None:
    answer = httpx.get(f"{whenflow.url}/stream?{query}")
    assert (answer.status_code, answer.json()["error"]) == (401, "unknown_key")
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("query", ["", "visitor=", "visitor=" + "v" * 129])
def test_a_stream_is_a_visitor_s(whenflow: Whenflow, query: str) -> None:
    answer = httpx.get(f"{whenflow.url}/stream?key={KEY}&{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_visitor")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_stream_that_its_page_left_frees_its_place(whenflow: Whenflow, visitor: str) -> None:
    for _ in range(2):
        with ExitStack() as streams:
            for _ in range(MOST_STREAMS):
                until(partial(opened, streams, whenflow, visitor), what="there is a place for the stream")
            refused = httpx.get(f"{whenflow.url}/stream", params={"key": KEY, "visitor": visitor})
            assert (refused.status_code, refused.json()["error"]) == (429, "too_many_streams")
            assert refused.headers["retry-after"] == "1"
            with Listener(whenflow.port, f"{visitor}.other") as other:
                assert other.status == 200


def accepted(whenflow: Whenflow, item: object) -> bool:
    return whenflow.collect(item).status_code == 200


def opened(streams: ExitStack, whenflow: Whenflow, visitor: str) -> bool:
    """Whether one more stream was opened."""
    page = Listener(whenflow.port, visitor).__enter__()
    if page.status == 200:
        streams.push(page)
        return True
    page.close()
    return False


def test_streams_go_on_when_the_store_s_server_is_killed(whenflow: Whenflow, visitor: str) -> None:
    with ExitStack() as streams:
        pages = [streams.enter_context(Listener(whenflow.port, f"{visitor}.{k}")) for k in range(8)]
        for k, page in enumerate(pages):
            say(whenflow, f"{visitor}.{k}", "before")
            page.heard("before")
        os.kill(whenflow.server(), signal.SIGKILL)
        for k in range(8):
            item = {"visitor": f"{visitor}.{k}", **track("checkout", "after", id="again")}
            until(partial(accepted, whenflow, item), what="items are accepted again")
        for page in pages:
            page.heard("before", "after")
            assert not page.over.is_set()
