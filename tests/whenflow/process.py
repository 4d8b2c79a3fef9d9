"""Whenflow from outside: `whenflow …` in processes of its own, on a directory and a port of the test's own.

Whatever a test does to them, nothing of it is left when its `with` block ends.
"""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

COMMAND = Path(sys.executable).with_name("whenflow")
KEY = "wk_test"
TOKEN = "wa_test"  # noqa: S105
START_LIMIT = 30.0
"""Seconds that a start may take on a busy machine."""
_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here is encrypted; without it every request would read the machine's certificates first."""

WEBCLICK = "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
CHECKOUT = "a4016a56-2109-4f5e-842f-6e89e28ff1eb"
EVENTS = f'event 1 webclick "{WEBCLICK}"\nevent 2 checkout "{CHECKOUT}"\n'


def until(condition: Callable[[], object], limit: float = 10.0, what: str = "the condition came true") -> None:
    """Waits until the condition is true; the test fails after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"not within {limit:g} s: {what}"
        time.sleep(0.005)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def servers(directory: Path) -> set[int]:
    """The Valkey servers of a data directory: they are told by where they work."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended while we looked
                if (entry / "cwd").readlink() == directory and (entry / "exe").readlink().name == "valkey-server":
                    found.add(int(entry.name))
    return found


def stopped(pid: int) -> bool:
    """Whether a process was stopped by SIGSTOP."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def environment(more: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """What a process of a test sees: nothing of the developer's own settings. A None takes one away."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("WHENFLOW_")}
    ours = {"WHENFLOW_WRITE_KEY": KEY, "WHENFLOW_ADMIN_TOKEN": TOKEN}
    given = {**own, **ours, **(more or {})}
    return {name: value for name, value in given.items() if value is not None}


def run(
    *args: object, env: Mapping[str, str] | None = None, limit: float = 60.0, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """A command, run to its end; `given` is its standard input."""
    return subprocess.run(  # noqa: S603
        [COMMAND, *map(str, args)],
        env=environment(env),
        input=given,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )


def track(event: str = "webclick", data: object = None, **more: object) -> dict[str, Any]:
    """An item that reports an event."""
    uuid = {"webclick": WEBCLICK, "checkout": CHECKOUT}[event]
    return {"track_event": {"event_name": event, "event_uuid": uuid, "event_data": data}, **more}


class Whenflow:
    """A serving process. Use as a context manager; it may be killed and started again in between."""

    def __init__(
        self, data: Path, *args: str, command: str = "serve", port: int | None = None, **env: str | None
    ) -> None:
        self.data = data.resolve()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.data.with_name(f"{self.data.name}.{self.port}.log")
        self._args = [command, "--port", str(self.port), "--data", str(self.data), *args]
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean_up()
        if error is not None and self.log.exists():
            error.add_note(f"{self.log}:\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-60:]))

    # The process

    def start(self) -> None:
        """Starts it, if it does not run yet, and returns when it answers."""
        if self._process is None or self._process.poll() is not None:
            self.spawn()
        self.wait_until_up()

    def spawn(self) -> None:
        """Starts it, in a process group of its own, as a job of a terminal is."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [COMMAND, *self._args], env=environment(self._env), stdout=log, stderr=log, process_group=0
            )

    def wait_until_up(self, limit: float = START_LIMIT) -> None:
        until(self.is_up, limit, "the process serves")

    def is_up(self) -> bool:
        """Whether it answers, well or not. Fails if the process has ended."""
        code = self.process.poll()
        assert code is None, f"whenflow ended with code {code}:\n{self.log.read_text()}"
        try:
            httpx.get(f"{self.url}/health", timeout=1, verify=_PLAIN)
        except httpx.TransportError:
            return False
        return True

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was never started"
        return self._process

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def end(self, by: signal.Signals = signal.SIGTERM, limit: float = 20.0) -> tuple[int, float]:
        """Tells the process to end, as a terminal or a supervisor does: its exit code, and the seconds that it took."""
        begun = time.monotonic()
        os.killpg(self.process.pid, by)
        code = self.process.wait(limit)
        return code, time.monotonic() - begun

    def _clean_up(self) -> None:
        if self._process is not None:
            self.kill()
        until(self._is_gone, what="the store is gone")

    def _is_gone(self) -> bool:
        """Whether its store is; another process that still needs it starts it again."""
        for pid in servers(self.data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not servers(self.data)

    # Its store

    def server(self) -> int:
        """The pid of its Valkey server, as soon as there is one; one that was killed may take a moment to be gone."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = servers(self.data)
            return len(found) == 1

        until(is_there, START_LIMIT, "there is a Valkey server, and but one")
        return found[0]

    def store(self) -> Redis:
        """A client of its own to the store; whoever asks closes it."""
        socket = self.data / "store.sock"
        return Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0), socket_timeout=10)

    @contextlib.contextmanager
    def stopped_server(self) -> Iterator[int]:
        """The Valkey server does not answer inside of the block, though its connections stand."""
        pid = self.server()
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: stopped(pid), what="the server is stopped")
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # What a page and an admin say to it

    def collect(self, body: object, *, wait: bool = False, key: str = KEY, **options: Any) -> httpx.Response:
        """`POST /collect`; `body` is sent as JSON unless it is bytes."""
        sent = {"content": body} if isinstance(body, bytes) else {"json": body}
        query = {"key": key, **({"wait": "1"} if wait else {})}
        return httpx.post(f"{self.url}/collect", params=query, timeout=30, verify=_PLAIN, **sent, **options)

    def admin(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request to `/api/apps/default/…` with the admin token."""
        options = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": 60, "verify": _PLAIN, **options}
        return httpx.request(method, f"{self.url}/api/apps/default/{path}", **options)

    def apply(self, program: str) -> None:
        """Makes a program the app's."""
        answer = self.admin("PUT", "program", content=program.encode())
        assert answer.status_code == 200, answer.text
        assert answer.json()["folded"] is True

    def health(self) -> httpx.Response:
        return httpx.get(f"{self.url}/health", timeout=30, verify=_PLAIN)

    def visitor(self, visitor: str) -> dict[str, Any]:
        """The visitor's view."""
        answer = self.admin("GET", f"visitors/{visitor}")
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    def count(self, visitor: str, event: int = 1) -> int:
        """How often an event of the visitor was counted."""
        counted: int = self.visitor(visitor)["variables"][f"event_count_{event}"]
        return counted

    def messages(self, visitor: str) -> list[str]:
        """The texts of the visitor's messages, oldest first."""
        return [message["text"] for message in self.visitor(visitor)["messages"]]
