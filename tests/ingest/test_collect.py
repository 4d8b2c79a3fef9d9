"""`POST /collect` as DESIGN.md section 9 has it, asked of a real process."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from itertools import count

import httpx
import pytest

from tests.whenflow.process import CHECKOUT, EVENTS, KEY, TOKEN, WEBCLICK, Whenflow, track, until
from tests.whenflow.senders import Connection
from variables.redis_store import LOG_BOUND

pytestmark = pytest.mark.alone

PROGRAM = f"""{EVENTS}
field extra_field_TEXT_1 text
field level int

flow echo:
    on checkout
    send web "{{{{ event_last_data_2 }}}}"
"""
ADMIN = {"Authorization": f"Bearer {TOKEN}"}
_visitors = count(1)


@pytest.fixture(scope="module")
def whenflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("collect") / "data") as process:
        process.apply(PROGRAM)
        yield process


@pytest.fixture
def visitor() -> str:
    return f"v{next(_visitors)}"


def codes(answer: httpx.Response) -> dict[int, str]:
    """The rejected items: index to code."""
    assert answer.status_code == 200, answer.text
    assert all(set(rejected) == {"index", "code", "detail"} for rejected in answer.json()["rejected"])
    return {rejected["index"]: rejected["code"] for rejected in answer.json()["rejected"]}


# What is accepted


def test_the_batch_of_the_design_is_accepted_item_by_item(whenflow: Whenflow, visitor: str) -> None:
    batch = {
        "visitor": visitor,
        "client": "c1",
        "sent_at": time.time(),
        "items": [
            track(n=1, data={"page": "/p"}),
            {"n": 2, "visit": {"page_url": "/p", "browser_language": "zh-CN"}},
            {"n": 3, "set": {"extra_field_TEXT_1": "x"}},
            {"n": 4, "identify": {"ent_user_id": "u-17", "user_fullname": "Wei"}},
            {"n": 5, "receipt": {"message": "m1", "status": "shown"}},
            {"n": 6, "ping": {}},
        ],
    }
    answer = whenflow.collect(batch, wait=True)
    assert answer.json() == {"accepted": 6, "rejected": [], "folded": True}
    assert answer.headers["content-type"] == "application/json"
    variables = whenflow.visitor(visitor)["variables"]
    wanted = {
        "event_count_1": 1,
        "event_last_data_1": {"page": "/p"},
        "page_url": "/p",
        "browser_language": "zh-CN",
        "extra_field_TEXT_1": "x",
        "ent_user_id": "u-17",
        "user_fullname": "Wei",
        "is_anonymous_user": False,
    }
    assert {name: variables[name] for name in wanted} == wanted


def test_the_first_visit_opens_a_session_though_an_event_came_before_it(whenflow: Whenflow, visitor: str) -> None:
    """The order of arrival within one batch, or of two tabs, is not what makes somebody a visitor."""
    batch = {"visitor": visitor, "items": [track(), {"visit": {"page_url": "/"}}]}
    assert whenflow.collect(batch, wait=True).json()["accepted"] == 2
    assert whenflow.visitor(visitor)["variables"]["user_web_sessions"] == 1


def test_without_wait_the_answer_has_two_members(whenflow: Whenflow, visitor: str) -> None:
    assert whenflow.collect({"visitor": visitor, "items": [track()]}).json() == {"accepted": 1, "rejected": []}


def test_a_bare_item_is_a_batch_of_one(whenflow: Whenflow, visitor: str) -> None:
    assert whenflow.collect({"visitor": visitor, **track()}, wait=True).json()["accepted"] == 1
    assert whenflow.count(visitor) == 1


def test_an_empty_batch_is_accepted_and_is_nothing(whenflow: Whenflow, visitor: str) -> None:
    answer = whenflow.collect({"visitor": visitor, "items": []}, wait=True)
    assert answer.json() == {"accepted": 0, "rejected": [], "folded": True}


@pytest.mark.parametrize(
    "uuid", [f"{WEBCLICK} ", f"\t {WEBCLICK}\n", WEBCLICK.upper()], ids=["trailing space", "white space", "capitals"]
)
def test_a_uuid_is_known_whatever_its_case_and_the_space_around_it(whenflow: Whenflow, visitor: str, uuid: str) -> None:
    item = {"track_event": {"event_name": "webclick", "event_uuid": uuid}}
    assert codes(whenflow.collect({"visitor": visitor, "items": [item]}, wait=True)) == {}
    assert whenflow.count(visitor) == 1


@pytest.mark.parametrize("type_", [None, "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "image/png"])
def test_any_content_type_will_do(whenflow: Whenflow, visitor: str, type_: str | None) -> None:
    body = json.dumps({"visitor": visitor, **track()}).encode()
    headers = {} if type_ is None else {"Content-Type": type_}
    assert whenflow.collect(body, wait=True, headers=headers).json()["accepted"] == 1


def test_a_chunked_body_is_read_whole(whenflow: Whenflow, visitor: str) -> None:
    body = json.dumps({"visitor": visitor, "items": [track()] * 40}).encode()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    answer = httpx.post(f"{whenflow.url}/collect", params={"key": KEY, "wait": "1"}, content=pieces())
    assert answer.json() == {"accepted": 40, "rejected": [], "folded": True}
    assert whenflow.count(visitor) == 40


def test_with_wait_the_message_is_in_the_inbox_when_the_answer_comes(whenflow: Whenflow, visitor: str) -> None:
    for k in range(20):
        answer = whenflow.collect({"visitor": visitor, **track("checkout", f"{k}")}, wait=True)
        assert answer.json()["folded"] is True
        assert whenflow.messages(visitor)[-1] == f"{k}"


def test_many_who_wait_at_once_are_all_answered(whenflow: Whenflow, visitor: str) -> None:
    async def ask_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=20) as client:
            asks = (
                client.post(
                    f"{whenflow.url}/collect?key={KEY}&wait=1", json={"visitor": f"{visitor}.{k % 7}", **track()}
                )
                for k in range(150)
            )
            return await asyncio.gather(*asks)

    answers = asyncio.run(ask_all())
    assert all(answer.json() == {"accepted": 1, "rejected": [], "folded": True} for answer in answers)
    assert sum(whenflow.count(f"{visitor}.{k}") for k in range(7)) == 150


# What is rejected, item by item


@pytest.mark.parametrize(
    ("name", "uuid", "named"),
    [
        ("webclik", WEBCLICK, '"webclik"; did you mean "webclick"?'),
        ("webclick", CHECKOUT, CHECKOUT),
        ("webclick", "6b1d5b0c-0000-0000-0000-000000000000", "6b1d5b0c-0000-0000-0000-000000000000"),
        ("webclick", "", '""'),
        ("", WEBCLICK, '""'),
    ],
    ids=["unknown name", "another event's UUID", "unknown UUID", "no UUID", "no name"],
)
def test_name_and_uuid_must_both_match_and_the_wrong_one_is_named(
    whenflow: Whenflow, visitor: str, name: str, uuid: str, named: str
) -> None:
    item = {"track_event": {"event_name": name, "event_uuid": uuid}}
    answer = whenflow.collect({"visitor": visitor, "items": [item]}, wait=True)
    assert codes(answer) == {0: "unknown_event"}
    assert named in answer.json()["rejected"][0]["detail"]
    assert answer.json()["accepted"] == 0
    assert whenflow.count(visitor) == 0


def test_nine_bad_items_leave_the_tenth_counted(whenflow: Whenflow, visitor: str) -> None:
    bad: list[object] = [
        None,
        7,
        {},
        {"n": 1},
        {"track_event": {"event_name": "webclick"}},
        {"track_event": {"event_name": "webclick", "event_uuid": 5}},
        {**track(), "ping": {}},
        {"set": {"no_such_field": 1}},
        {"receipt": {"message": "m1", "status": "eaten"}},
    ]
    answer = whenflow.collect({"visitor": visitor, "items": [*bad, track()]}, wait=True)
    assert list(codes(answer)) == list(range(9))
    assert (answer.json()["accepted"], answer.json()["folded"]) == (1, True)
    assert whenflow.count(visitor) == 1


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ({"set": {"extra_field_TEXT_2": "x"}}, "unknown_field"),
        ({"set": {"level": "high"}}, "bad_value"),
        ({"set": {"event_count_1": 7}}, "not_writable"),
        ({"set": {"customer_user_type": "VIP"}}, "not_writable"),
        ({"set": {"page_url": "/p"}}, "not_writable"),
        ({"identify": {"user_fullname": "Wei"}}, "bad_item"),
        ({"track_event": {**track()["track_event"], "event_timestamp": "yesterday"}}, "bad_timestamp"),
        ({"n": -1, "ping": {}}, "bad_item"),
        ({"id": "", "ping": {}}, "bad_item"),
        ({"dance": {}}, "bad_item"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_bad_item_is_told_what_is_wrong_with_it(
    whenflow: Whenflow, visitor: str, item: dict[str, object], code: str
) -> None:
    answer = whenflow.collect({"visitor": visitor, "items": [track(), item, track()]}, wait=True)
    assert codes(answer) == {1: code}
    assert answer.json()["accepted"] == 2
    assert whenflow.count(visitor) == 2


def test_a_rejected_item_of_a_resent_batch_stays_uncounted_when_its_program_comes_later(
    whenflow: Whenflow, visitor: str
) -> None:
    later = "0d0e0f00-0000-4000-8000-000000000003"
    items = [{"n": 1, "track_event": {"event_name": "later", "event_uuid": later}}, track(n=2)]
    batch = {"visitor": visitor, "client": "c", "items": items}
    assert codes(whenflow.collect(batch, wait=True)) == {0: "unknown_event"}
    whenflow.apply(PROGRAM + f'\nevent 3 later "{later}"\n')
    assert whenflow.count(visitor, 3) == 0
    assert codes(whenflow.collect(batch, wait=True)) == {}
    assert (whenflow.count(visitor, 3), whenflow.count(visitor)) == (1, 1)
    whenflow.apply(PROGRAM)


# What is refused whole


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"items": []}',
        b'{"visitor": "", "items": []}',
        b'{"visitor": 7, "items": []}',
        b'{"visitor": "v", "items": {}}',
        b'{"visitor": "v", "client": 5, "items": []}',
        b'{"visitor": "v", "sent_at": "noon", "items": []}',
        b'{"visitor": "v", "items": [NaN]}',
        b'{"visitor": "' + b"v" * 129 + b'", "items": []}',
        b"[" * 100_000,
    ],
    ids=range(15),
)
def test_what_is_no_batch_is_a_bad_request_that_says_why(whenflow: Whenflow, body: bytes) -> None:
    answer = whenflow.collect(body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_body"
    assert answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("query", ["", "key=", "key=wrong", f"kee={KEY}", f"key={KEY}%00", "key=%ff%fe"])
def test_without_the_write_key_nothing_is_taken(whenflow: Whenflow, visitor: str, query: str) -> None:
    answer = httpx.post(f"{whenflow.url}/collect?{query}", json={"visitor": visitor, **track()})
    assert (answer.status_code, answer.json()["error"]) == (401, "unknown_key")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert whenflow.count(visitor) == 0


def test_256_kib_are_taken_and_a_byte_more_is_not(whenflow: Whenflow, visitor: str) -> None:
    def padded(size: int) -> bytes:
        body = json.dumps({"visitor": visitor, **track()}).encode()
        return body + b" " * (size - len(body))

    assert whenflow.collect(padded(256 << 10)).status_code == 200
    answer = whenflow.collect(padded((256 << 10) + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_body_without_end_is_refused_before_its_end(whenflow: Whenflow) -> None:
    with socket.create_connection(("127.0.0.1", whenflow.port), timeout=10) as connection:
        head = f"POST /collect?key={KEY} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(20):
            connection.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_500_items_are_taken_and_one_more_is_not(whenflow: Whenflow, visitor: str) -> None:
    ping: dict[str, object] = {"ping": {}}
    assert whenflow.collect({"visitor": visitor, "items": [ping] * 500}).json()["accepted"] == 500
    answer = whenflow.collect({"visitor": visitor, "items": [ping] * 501})
    assert (answer.status_code, answer.json()["error"]) == (413, "too_many_items")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused_and_the_right_one_named(whenflow: Whenflow, method: str) -> None:
    answer = httpx.request(method, f"{whenflow.url}/collect?key={KEY}")
    assert (answer.status_code, answer.json()["error"]) == (405, "method")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["allow"]  # RFC 9110, 15.5.6


def test_a_preflight_allows_what_a_page_sends(whenflow: Whenflow) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = httpx.options(f"{whenflow.url}/collect?key={KEY}", headers=asked)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


def test_any_origin_may_read_the_answer(whenflow: Whenflow, visitor: str) -> None:
    answer = whenflow.collect({"visitor": visitor, **track()}, headers={"Origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "*"


# A request cut off


def test_a_request_cut_off_in_the_middle_is_nothing_and_harms_nobody(whenflow: Whenflow, visitor: str) -> None:
    body = json.dumps({"visitor": visitor, "items": [track()] * 100}).encode()
    head = f"POST /collect?key={KEY} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (head[:10], head, head + body[:1], head + body[:-1]):
        with socket.create_connection(("127.0.0.1", whenflow.port)) as connection:
            connection.sendall(sent)
    assert whenflow.collect({"visitor": visitor, **track()}, wait=True).json()["folded"] is True
    assert whenflow.count(visitor) == 1
    assert "Traceback" not in whenflow.log.read_text()


def test_a_page_that_does_not_wait_for_the_answer_is_counted(whenflow: Whenflow, visitor: str) -> None:
    with Connection(whenflow.port) as page:
        page.send(json.dumps({"visitor": visitor, **track()}).encode())
    until(lambda: whenflow.count(visitor) == 1, what="the item is counted")
    assert "Traceback" not in whenflow.log.read_text()


# What an app's own server sends


def test_with_the_admin_token_a_server_may_write_what_a_page_may_not(whenflow: Whenflow, visitor: str) -> None:
    batch = {"visitor": visitor, "items": [{"set": {"customer_user_type": "VIP", "extra_field_TEXT_1": "y"}}]}
    assert codes(whenflow.collect(batch, wait=True)) == {0: "not_writable"}
    assert codes(whenflow.collect(batch, wait=True, headers=ADMIN)) == {}
    variables = whenflow.visitor(visitor)["variables"]
    assert (variables["customer_user_type"], variables["extra_field_TEXT_1"]) == ("VIP", "y")
    assert variables["last_seen_time"] is None, "a server's word is no sign of the visitor's life"


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", f"Basic {TOKEN}", TOKEN, f"Bearer  {TOKEN}", "Bearer é"])
def test_a_wrong_token_is_refused_though_the_write_key_is_right(whenflow: Whenflow, visitor: str, given: str) -> None:
    headers = {b"Authorization": given.encode("latin-1")}
    answer = httpx.post(f"{whenflow.url}/collect?key={KEY}", json={"visitor": visitor, "ping": {}}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_token")
    assert answer.headers["access-control-allow-origin"] == "*"


# Overload is said (promise 5)


def test_too_many_requests_of_one_visitor_are_told_to_come_later_and_nobody_else_is(whenflow: Whenflow) -> None:
    with contextlib.ExitStack() as open_, whenflow.stopped_server():
        crowd = [open_.enter_context(Connection(whenflow.port)) for _ in range(201)]
        for request in crowd:
            request.send(b'{"visitor": "greedy", "ping": {}}')
        other = open_.enter_context(Connection(whenflow.port))
        other.send(b'{"visitor": "modest", "ping": {}}')
        answers = [request.answer() for request in crowd]
        assert sorted(answer.status for answer in answers) == [429] + [503] * 200
        assert {answer.retry_after for answer in answers} == {"1"}
        assert other.answer().status == 503
        assert max(answer.seconds for answer in answers) < 3
    until(lambda: whenflow.collect({"visitor": "greedy", "ping": {}}).status_code == 200, 5, "it may come again")


def test_a_log_that_is_full_is_said_with_503_and_retry_after(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Whenflow(tmp_path_factory.mktemp("full") / "data", "--roles", "ingest") as process:
        assert process.collect({"visitor": "v", "ping": {}}).status_code == 200
        with process.store() as store:
            [log] = [key for key in store.keys("wf:*:log") if store.xlen(key)]
            store.config_set("appendonly", "no")  # for speed
            fill = store.register_script("for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'body', '') end")
            for _ in range(LOG_BOUND // 20_000):
                fill(keys=[log], args=[20_000])
        answer = process.collect({"visitor": "v", "ping": {}})
        assert (answer.status_code, answer.json()["error"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        with process.store() as store:
            store.xtrim(log, maxlen=0, approximate=False)
        assert process.collect({"visitor": "v", "ping": {}}).status_code == 200
