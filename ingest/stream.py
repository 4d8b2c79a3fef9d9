"""`GET /stream`: a visitor's messages as server-sent events, each as soon as it is in the inbox."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.collect import RETRY_AFTER
from ingest.door import Door
from variables.news import ShardNews
from variables.store import INBOX_LIFETIME, InboxMessage, StoreUnavailable

MOST_STREAMS = 20
"""Streams that one visitor may have open in one process."""
LOOK_AGAIN = 0.5
"""Seconds after which a store that did not answer is asked again."""
DONE = ("closed", "clicked")
"""A message with such a status does not come again."""
_HEADERS = {"Access-Control-Allow-Origin": "*"}


class Stream:
    """The endpoint. `door` finds the app of a write key."""

    def __init__(self, door: Callable[[str], Door | None]) -> None:
        self._door = door

    async def __call__(self, request: Request) -> Response:
        door = self._door(request.query_params.get("key", ""))
        visitor = request.query_params.get("visitor", "")
        if door is None:
            return _refuse(401, "unknown_key", "the query has no write key of any app: /stream?key=…&visitor=…")
        if not 0 < len(visitor) <= 128:
            return _refuse(400, "bad_visitor", "the query must have the visitor: /stream?key=…&visitor=…")
        news = door.news(visitor)
        if news.listeners(visitor) >= MOST_STREAMS:
            return _refuse(429, "too_many_streams", f"this visitor has {MOST_STREAMS} streams open")
        return EventSourceResponse(_messages(news, visitor), headers=_HEADERS, sep="\n")


def _refuse(status: int, code: str, detail: str) -> Response:
    headers = {**_HEADERS, "Retry-After": str(RETRY_AFTER)} if status == 429 else _HEADERS
    return JSONResponse({"error": code, "detail": detail}, status, headers)


async def _messages(news: ShardNews, visitor: str) -> AsyncIterator[ServerSentEvent]:
    """What is in the inbox and not done with, then what comes in, until the reader goes away."""
    given: set[str] = set()
    with news.messages(visitor) as heard:
        while True:
            came = await heard.take()
            if news.over:
                return
            try:
                messages = await _unread(news, visitor) if came is None else came
            except StoreUnavailable:  # a stopped server that goes on need not wake us
                heard.miss()
                await asyncio.sleep(LOOK_AGAIN)
                continue
            for message in messages:
                if message.id not in given:
                    given.add(message.id)
                    yield ServerSentEvent(message.body.decode(), event="message", id=message.id, sep="\n")


async def _unread(news: ShardNews, visitor: str) -> list[InboxMessage]:
    """What a visitor's inbox has that is not done with."""
    oldest = f"{int(time.time() * 1000) - INBOX_LIFETIME:013}"
    inbox = await news.shard.inbox(visitor)
    return [message for message in inbox if message.status not in DONE and message.id >= oldest]
