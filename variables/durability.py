"""What an answered write survives: the two durabilities, the flush that keeps `second`, and what a server promises.

`always` is the server's own `appendfsync always`. `second` is `appendfsync no` and a flush of ours each second; the
server's `everysec` is not used, because it was seen to lose answered writes on SIGKILL when an fsync is slow.
"""

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

_log = structlog.get_logger(__name__)

_OLDEST_SERVER: Final = (7, 0, 0)
_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class Durability(StrEnum):
    """What an answered write survives, besides the kill of any process."""

    ALWAYS = "always"  # a power cut too: the file is synced before the answer
    SECOND = "second"  # a power cut loses the last second or two

    @property
    def appendfsync(self) -> str:
        """The server's setting that goes with it."""
        return "always" if self is Durability.ALWAYS else "no"


def parse_version(text: str) -> tuple[int, int, int] | None:
    """The first three numbers of `text` ("9.1" → (9, 1, 0)); None if it does not begin with a number."""
    found = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
    if found is None:
        return None
    major, minor, patch = (int(number or 0) for number in found.groups())
    return major, minor, patch


@dataclass(slots=True)
class _Followed:
    descriptor: int
    flushed_size: int = -1  # bytes; -1: never flushed by us


class AppendOnlyFlusher:
    """Calls fdatasync each second on the append-only files under `directory`, on a thread of its own.

    It keeps `second`'s half of promise 1: what was answered is on the disk a second later. When nothing was written
    it costs a listing and an fstat. After the server rewrote its file, the next round finds the new one.

    `failure` is None, or says when a flush first failed; it stays, as the kernel drops what it could not write and
    a later flush that succeeds does not bring it back.
    """

    def __init__(self, directory: Path, period: float = 1.0) -> None:
        self.failure: str | None = None
        self._directory = directory / "appendonlydir"
        self._period = period
        self._followed: dict[int, _Followed] = {}  # by inode
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="append-only-flusher", daemon=True)

    def start(self) -> None:
        """Start the thread. Once in an object's life."""
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Flush a last time and end the thread; a disk that hangs is waited for `timeout` seconds at most."""
        self._stopping.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            _log.error("append_only_flush_hangs", directory=str(self._directory), waited_seconds=timeout)

    def flush(self) -> int:
        """Flush what grew since the last call; gives how many files it flushed. Raises OSError."""
        self._follow()
        grown = 0
        for file in self._followed.values():
            size = os.fstat(file.descriptor).st_size  # before the sync: what comes during it is the next round's
            if size != file.flushed_size:
                _sync_data(file.descriptor)
                file.flushed_size = size
                grown += 1
        return grown

    def _follow(self) -> None:
        """Open the files that are new, close those that a rewrite made superfluous.

        Descriptors stay open between rounds: a write error is told only to those opened before it happened.
        """
        with os.scandir(self._directory) as entries:
            present = {entry.inode(): entry.path for entry in entries if entry.name.endswith(".incr.aof")}
        for inode in self._followed.keys() - present.keys():
            os.close(self._followed.pop(inode).descriptor)
        for inode in present.keys() - self._followed.keys():
            try:
                descriptor = os.open(present[inode], os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:  # a rewrite ended just now and its base file, synced, has what was in here
                continue
            self._followed[inode] = _Followed(descriptor)

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stopping.wait(self._period)
            try:
                self.flush()
            except OSError as error:
                self.failure = self.failure or f"flushing {self._directory} failed: {error}"
                _log.error("append_only_flush_failed", directory=str(self._directory), error=str(error))
        for file in self._followed.values():
            os.close(file.descriptor)
        self._followed.clear()


@dataclass(frozen=True, slots=True)
class Policy:
    """How a server keeps what it answers. None: it does not let us read that."""

    engine: str | None  # "valkey", "redis", …
    version: str | None
    append_only: bool | None
    appendfsync: str | None  # "always", "everysec", "no"
    eviction: str | None  # maxmemory-policy
    promise: str  # in plain words
    warnings: tuple[str, ...]


async def read_policy(client: Redis, *, flusher: AppendOnlyFlusher | None = None) -> Policy:
    """Ask a server for its policy. `flusher` is the embedded store's in `second`, none for a server not ours.

    Raises redis.exceptions.ConnectionError and TimeoutError; a command that is forbidden makes its facts unknown.
    """
    info: Mapping[str, object] = {}
    appendfsync = None
    try:
        info = await client.info()
    except ResponseError as error:
        _log.warning("store_policy_unreadable", command="INFO", error=str(error))
    try:
        appendfsync = (await client.config_get("appendfsync")).get("appendfsync")
    except ResponseError as error:  # most hosted servers forbid CONFIG; the rest is in INFO
        _log.warning("store_policy_unreadable", command="CONFIG GET", error=str(error))
    return judge(info, appendfsync, flusher=flusher)


def judge(info: Mapping[str, object], appendfsync: str | None, *, flusher: AppendOnlyFlusher | None = None) -> Policy:
    """The policy that a server's INFO fields and its `appendfsync` amount to. Pure."""
    enabled = _text(info, "aof_enabled")
    append_only = None if enabled is None else enabled == "1"
    eviction = _text(info, "maxmemory_policy")
    version = _text(info, "valkey_version") or _text(info, "redis_version")
    return Policy(
        engine=_text(info, "server_name") or ("redis" if version else None),
        version=version,
        append_only=append_only,
        appendfsync=appendfsync,
        eviction=eviction,
        promise=_promise(append_only, appendfsync, flusher),
        warnings=tuple(_warnings(append_only, eviction, _text(info, "redis_version"), flusher)),
    )


def _promise(append_only: bool | None, appendfsync: str | None, flusher: AppendOnlyFlusher | None) -> str:
    if append_only is False:
        return "None: what was accepted since the server's last snapshot is lost when it is killed or loses power."
    if append_only is None or appendfsync is None:
        return "Unknown: the server does not let its settings be read."
    if appendfsync == "always":
        return "What was accepted survives the kill of any process and a power cut."
    if appendfsync == "everysec":
        return "A kill of the server or a power cut may lose what was accepted in the last seconds."
    if flusher is not None:
        return "What was accepted survives the kill of any process; a power cut loses the last second or two."
    return "What was accepted survives the kill of any process; a power cut may lose the last half minute."


def _warnings(
    append_only: bool | None, eviction: str | None, version: str | None, flusher: AppendOnlyFlusher | None
) -> list[str]:
    found = []
    if append_only is False:
        found.append("The server has no append-only file: set `appendonly yes`.")
    if eviction not in (None, "noeviction"):
        found.append(f"The server may evict visitors' data ({eviction}): set `maxmemory-policy noeviction`.")
    if version is not None and (parse_version(version) or _OLDEST_SERVER) < _OLDEST_SERVER:
        found.append(f"The server speaks Redis {version}; Whenflow needs 7.0 or later.")
    if flusher is not None and flusher.failure is not None:
        found.append(f"The disk refused data: {flusher.failure}.")
    return found


def _text(facts: Mapping[str, object], name: str) -> str | None:
    """A fact of INFO as text (the client gives some as numbers); None if the server does not give it."""
    fact = facts.get(name)
    return None if fact is None else str(fact)
