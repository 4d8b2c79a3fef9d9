"""`POST /collect`: what pages and servers report, answered once it is durable in the log (DESIGN.md section 9).

A plain ASGI application, for this is the path that every event takes: read, decide, append, answer. What is decided is
a pure function, `decide`; what refuses a request raises Refused with its status.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from ingest.appender import Overloaded
from ingest.door import Door
from variables.catalogue import Catalogue
from variables.items import BadBody, BadItem, Batch, Identify, SetFields, Track, Visit, read_batch
from variables.store import Entry, StoreUnavailable

LARGEST_BODY = 256 << 10
"""Bytes."""
MOST_ITEMS = 500
MOST_IN_FLIGHT = 200
"""Requests that one visitor may have waiting for an answer."""
FOLD_PATIENCE = 10.0
"""Seconds that `wait=1` waits for the items to be folded."""
RETRY_AFTER = 1
"""Seconds after which a sender that was refused for load should come again."""


class Refused(Exception):
    """The whole request is refused; `status` is HTTP's, the message says what to do."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rejected:
    """One item is not taken, and why."""

    index: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a request: the entry for the log (None if no item is taken), and what to answer."""

    visitor: str
    entry: Entry | None
    accepted: int
    rejected: Sequence[Rejected]


def decide(body: bytes, catalogue: Catalogue, *, from_server: bool) -> Decision:
    """Looks at every item by itself. Raises Refused where the body is no batch."""
    try:
        batch = read_batch(body)
    except BadBody as bad:
        raise Refused(400, "bad_body", str(bad)) from None
    if len(batch.items) > MOST_ITEMS:
        raise Refused(413, "too_many_items", f"{len(batch.items)} items; at most {MOST_ITEMS} go into one request")
    rejected = [
        r for r in (_look_at(batch, i, catalogue, from_server) for i in range(len(batch.items))) if r is not None
    ]
    accepted = len(batch.items) - len(rejected)
    indexes = tuple(r.index for r in rejected)
    entry = Entry(batch.body, indexes, from_server) if accepted else None
    return Decision(batch.visitor, entry, accepted, rejected)


def _look_at(batch: Batch, index: int, catalogue: Catalogue, from_server: bool) -> Rejected | None:
    """None if the item can be taken. The fold decides again, by the program that its shard then holds."""
    try:
        content = batch.item(index, 0, from_server=from_server).content
        if isinstance(content, Track):
            catalogue.event(content.name, content.uuid)
        elif isinstance(content, Visit | SetFields | Identify):
            catalogue.writes(content, from_server=from_server)
    except BadItem as bad:
        return Rejected(index, bad.code, bad.detail)
    return None


class Query(NamedTuple):
    key: str
    wait: bool


@lru_cache(1024)
def read_query(query: bytes) -> Query:
    """What stands behind the `?`; there are as many forms of it as apps have keys, so it is worth remembering."""
    values = parse_qs(query.decode("latin-1"))
    return Query(values.get("key", [""])[0], values.get("wait", ["0"])[0] == "1")


_HEADERS = [
    (b"content-type", b"application/json"),
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"no-store"),
]
_RETRY = [*_HEADERS, (b"retry-after", b"%d" % RETRY_AFTER), (b"access-control-expose-headers", b"retry-after")]
_MORE_HEADERS = {405: [*_HEADERS, (b"allow", b"POST, OPTIONS")], 429: _RETRY, 503: _RETRY}
_PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, authorization"),
    (b"access-control-max-age", b"86400"),
]


class Collect:
    """The endpoint. `door` finds the app of a write key; `admin_token` marks what a server of the app's own sends."""

    def __init__(self, door: Callable[[str], Door | None], admin_token: str) -> None:
        self._door = door
        self._admin = b"Bearer " + admin_token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _respond(send, 204, _PREFLIGHT, b"")
            return
        status, headers = 200, _HEADERS
        try:
            answer = await self._collect(scope, receive)
        except Refused as refused:
            status, headers = refused.status, _MORE_HEADERS.get(refused.status, _HEADERS)
            answer = to_json({"error": refused.code, "detail": refused.detail})
        await _respond(send, status, headers, answer)

    async def _collect(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise Refused(405, "method", "use POST")
        query = read_query(scope["query_string"])
        door = self._door(query.key)
        if door is None:
            raise Refused(401, "unknown_key", "the query has no write key of any app: /collect?key=…")
        decision = decide(await _read(receive), door.catalogue, from_server=self._is_a_server(scope))
        folded = await self._append(door, decision, query.wait)
        answer: dict[str, Any] = {"accepted": decision.accepted, "rejected": decision.rejected}
        if query.wait:
            answer["folded"] = folded
        return to_json(answer)

    def _is_a_server(self, scope: Scope) -> bool:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if given is None:
            return False
        if not compare_digest(given, self._admin):
            raise Refused(401, "bad_token", "the Authorization header does not carry this server's admin token")
        return True

    async def _append(self, door: Door, decision: Decision, wait: bool) -> bool:
        """Makes the entry durable; whether it was folded too, if that was to be waited for."""
        if decision.entry is None:
            return True
        in_flight = door.in_flight.get(decision.visitor, 0)
        if in_flight >= MOST_IN_FLIGHT:
            raise Refused(429, "too_many_requests", "this visitor has too many requests waiting for an answer")
        door.in_flight[decision.visitor] = in_flight + 1
        try:
            id = await door.appender(decision.visitor).append(decision.entry)
        except Overloaded:
            raise Refused(503, "overloaded", "there is no room for more items now; send them again later") from None
        except StoreUnavailable:
            raise Refused(503, "store_unavailable", "the store does not answer; send the items again later") from None
        finally:
            door.in_flight[decision.visitor] -= 1
            if not door.in_flight[decision.visitor]:
                del door.in_flight[decision.visitor]
        return wait and await door.news(decision.visitor).folded(id, FOLD_PATIENCE)


async def _read(receive: Receive) -> bytes:
    """The request's body. Raises Refused where it is too large."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        if len(body) > LARGEST_BODY:
            break
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "bad_body", "the request was cut off")
        body += message.get("body", b"")
    if len(body) > LARGEST_BODY:
        raise Refused(413, "body_too_large", f"a body has at most {LARGEST_BODY} bytes")
    return body


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
