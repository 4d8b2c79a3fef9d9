"""Load as DESIGN.md section 4 describes its senders, and a network between them and Whenflow that loses replies."""

import contextlib
import http.client
import json
import select
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Self

from tests.whenflow.process import KEY, track

PAUSE = 0.02
"""Seconds that a sender waits after a refusal or a lost connection."""
MOST_IN_A_BATCH = 8
ANSWER_LIMIT = 15.0
"""Seconds after which a sender gives a connection up for lost."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One request and what came of it; the instants are of the monotonic clock. Status 0: the connection was lost."""

    begun: float
    ended: float
    status: int
    retry_after: str | None = None
    body: bytes = b""

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


class Connection:
    """A kept-alive connection to `/collect`, opened again when it was lost."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def post(self, body: bytes, query: str = f"key={KEY}") -> Answer:
        """A request and its answer."""
        self.send(body, query)
        return self.answer()

    def send(self, body: bytes, query: str = f"key={KEY}") -> None:
        """A request, sent; `answer` is what comes of it."""
        self._begun = time.monotonic()
        self._sent = True
        try:
            self._http.request("POST", f"/collect?{query}", body)
        except (OSError, http.client.HTTPException):
            self._sent = False

    def answer(self) -> Answer:
        try:
            if not self._sent:
                raise ConnectionError
            response = self._http.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            return Answer(self._begun, time.monotonic(), 0)
        retry_after = response.getheader("Retry-After")
        return Answer(self._begun, time.monotonic(), response.status, retry_after, body)

    def close(self) -> None:
        self._http.close()


class Sender:
    """Sends events, one request in flight, each batch again and again until it is answered 200.

    Its items carry the client and a rising number as a page's do, or (`named`) an `id` as a server's. After
    `per_visitor` events it goes on as another visitor. The data of a visitor's k-th event are the text of k.
    """

    def __init__(
        self,
        name: str,
        *,
        event: str = "webclick",
        named: bool = False,
        per_visitor: int = 1_000_000,
        pace: float = 0.0,
        seed: object = 0,
    ) -> None:
        self.answered: Counter[str] = Counter()
        """Items answered 200, by visitor."""
        self.answers: list[Answer] = []
        self.event = event
        self._name = name
        self._named = named
        self._per_visitor = per_visitor
        self._pace = pace
        self._random = Random(f"{seed} {name}")  # noqa: S311
        self._next = 0

    def run(self, port: int, over: threading.Event, hopeless: threading.Event) -> None:
        """Sends until it is over; the batch in hand is still brought to its end, unless that is hopeless."""
        with Connection(port) as connection:
            while not over.is_set():
                self._deliver(connection, hopeless)
                if self._pace:
                    over.wait(self._pace)

    def _deliver(self, connection: Connection, hopeless: threading.Event) -> None:
        visitor = f"{self._name}.{self._next // self._per_visitor}"
        place = self._next % self._per_visitor
        size = min(self._random.randint(1, MOST_IN_A_BATCH), self._per_visitor - place)
        items = [self._item(visitor, place + k + 1) for k in range(size)]
        batch: dict[str, Any] = {"visitor": visitor, "sent_at": time.time(), "items": items}
        if not self._named:
            batch["client"] = f"client of {visitor}"
        body = json.dumps(batch).encode()
        while not hopeless.is_set():
            answer = connection.post(body)
            self.answers.append(answer)
            if answer.status == 200:
                assert json.loads(answer.body) == {"accepted": size, "rejected": []}
                self.answered[visitor] += size
                self._next += size
                return
            assert answer.status in (0, 429, 503), answer
            hopeless.wait(PAUSE)

    def _item(self, visitor: str, k: int) -> dict[str, Any]:
        mark: dict[str, Any] = {"id": f"{visitor}/{k}"} if self._named else {"n": k}
        return track(self.event, f"{k:04}", **mark)


class Load:
    """Senders at work, each in a thread; leaving the block waits until every batch in hand is answered."""

    def __init__(self, port: int, senders: Sequence[Sender]) -> None:
        self.senders = senders
        self._over = threading.Event()
        self._hopeless = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(sender, port)) for sender in senders]

    def _run(self, sender: Sender, port: int) -> None:
        try:
            sender.run(port, self._over, self._hopeless)
        except BaseException as failure:
            self._failures.append(failure)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if error is None:
            for thread in self._threads:
                thread.join(2 * ANSWER_LIMIT)
        in_vain = any(thread.is_alive() for thread in self._threads)
        self._hopeless.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        assert error is not None or not in_vain, "a sender waited for its 200 in vain"

    @property
    def total(self) -> int:
        """Items answered 200."""
        return sum(sender.answered.total() for sender in self.senders)

    def advanced(self, by: int = 20) -> Callable[[], bool]:
        """A condition: so many more items have been answered 200 since now."""
        goal = self.total + by
        return lambda: bool(self._failures) or self.total >= goal

    def everybody_was_answered_since(self, instant: float) -> bool:
        """Whether each sender has had a 200 to a request of after an instant."""
        return all(any(a.status == 200 and a.begun > instant for a in sender.answers[-50:]) for sender in self.senders)

    @property
    def answers(self) -> list[Answer]:
        return [answer for sender in self.senders for answer in sender.answers]

    @property
    def expected(self) -> dict[tuple[str, str], int]:
        """By visitor and event: how often it must have been counted."""
        return {(v, sender.event): count for sender in self.senders for v, count in sender.answered.items()}


@contextlib.contextmanager
def lossy_network(port: int, *, loss: float, seed: object = 0) -> Iterator["Network"]:
    """A proxy before a port that cuts connections: before an answer, or in the middle of a request."""
    with Network(("127.0.0.1", 0), port, loss, seed) as network:
        thread = threading.Thread(target=network.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield network
        finally:
            network.shutdown()
            thread.join()


class Network(socketserver.ThreadingTCPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], target: int, loss: float, seed: object) -> None:
        self.target = target
        self.lost_answers = 0
        self.lost_requests = 0
        self._loss = loss
        self._random = Random(f"{seed}")  # noqa: S311
        super().__init__(address, _Link)

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port

    def cuts(self) -> bool:
        return self._random.random() < self._loss


class _Link(socketserver.BaseRequestHandler):
    server: Network

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", self.server.target)) as there:
            here: socket.socket = self.request
            while True:
                for ready in select.select([here, there], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    if ready is there and self.server.cuts():
                        self.server.lost_answers += 1
                        return
                    if ready is here and self.server.cuts():
                        self.server.lost_requests += 1
                        there.sendall(data[: len(data) // 2])
                        return
                    (here if ready is there else there).sendall(data)
