"""The requests that the load consists of, as bytes: what a page's client sends, headers and all.

A visitor sends its requests in order, so each differs from the one before in its items' numbers alone: a template is
filled with those. They begin at a thousand million, which keeps all bodies of a template equally long.
"""

from collections.abc import Callable
from itertools import count
from uuid import uuid4

from pydantic_core import to_json

from bench.servers import WRITE_KEY

FIRST_NUMBER = 1_000_000_000
WEBCLICK = {"event_name": "webclick", "event_uuid": "0fc050ec-cb6f-11e8-b697-00163e0c79f6"}
DATA = {"button": "add to basket", "product": "tea-pot-17", "price": 42, "page": "/shop/tea-pots/17"}


def clicks(items: int) -> Callable[[], bytes]:
    """The next request of a new visitor, each time it is asked: so many clicks with data."""
    document = {
        "visitor": uuid4().hex,
        "client": uuid4().hex,
        "sent_at": 1767261600.25,
        "items": [{"n": FIRST_NUMBER, "track_event": {**WEBCLICK, "event_data": DATA}}] * items,
    }
    head, *rest = post(document).replace(b"%", b"%%").split(b"%d" % FIRST_NUMBER)
    template = b"%d".join((head, *rest))
    numbers = count(FIRST_NUMBER)
    return lambda: template % tuple(next(numbers) for _ in range(items))


def post(document: object) -> bytes:
    """A request that posts a document to `/collect`."""
    body = to_json(document)
    head = (
        f"POST /collect?key={WRITE_KEY} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n"
        f"Origin: https://shop.example\r\nUser-Agent: bench\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def stream(visitor: str) -> bytes:
    """A request that opens a visitor's stream of messages."""
    return f"GET /stream?key={WRITE_KEY}&visitor={visitor} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
