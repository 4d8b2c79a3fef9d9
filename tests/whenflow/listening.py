"""A page's stream of messages, read as it comes."""

import http.client
import json
import socket
import threading
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.whenflow.process import KEY, until


class Listener:
    """`GET /stream`, open inside of its `with` block. `messages`: what came so far; `events`: as they stood there."""

    def __init__(self, port: int, visitor: str, key: str = KEY) -> None:
        self.messages: list[dict[str, Any]] = []
        self.events: list[dict[str, str]] = []
        self.over = threading.Event()
        """Set when the server has ended the stream."""
        self.failure: Exception | None = None
        """How the stream broke off, if it did not end in order."""
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._path = f"/stream?key={quote(key)}&visitor={quote(visitor)}"
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._http.request("GET", self._path, headers={"Accept": "text/event-stream"})
        assert self._http.sock is not None
        self._socket: socket.socket = self._http.sock
        self._response = self._http.getresponse()
        self.status = self._response.status
        self.headers = dict(self._response.getheaders())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Goes away, as a page does that is left."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the server was faster
            self.over.set()
        self._thread.join()
        self._response.close()
        self._http.close()

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.messages]

    def heard(self, *texts: str, limit: float = 10.0) -> None:
        """Waits until exactly these texts have come, in this order."""
        until(lambda: len(self.messages) >= len(texts) or self.over.is_set(), limit, f"the stream brings {texts}")
        assert self.texts == list(texts)

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            while line := self._response.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event:
                    self._take(event)
                    event = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as failure:
            self.failure = failure
        self.over.set()

    def _take(self, event: dict[str, str]) -> None:
        if "data" in event:
            self.events.append(event)
            self.messages.append(json.loads(event["data"]))
