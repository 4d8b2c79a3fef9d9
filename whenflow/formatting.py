"""`whenflow fmt`: brings .flow files into the canonical layout (grammar.formatter), each by itself.

A file is replaced as a whole or not at all, and left alone if it is as it should be.
"""

import contextlib
import errno
import os
import sys
import tempfile
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

from rich.console import Console

from grammar.diagnostics import Diagnostics
from grammar.formatter import format_source
from grammar.syntax.parser import file_bytes, read_source
from whenflow import show

STANDARD_INPUT = "-"


class Outcome(IntEnum):
    """What came of a file; the command's exit code is the worst. `WOULD_CHANGE` is for `--check` alone."""

    DONE = 0
    WOULD_CHANGE = 1
    FAILED = 2


def format_files(paths: Iterable[str], out: Console, err: Console, *, check: bool) -> Outcome:
    """Formats files, and says which. `-` is standard input, written to standard output."""
    return max((_format_one(path, out, err, check=check) for path in paths), default=Outcome.DONE)


def _format_one(path: str, out: Console, err: Console, *, check: bool) -> Outcome:
    if path.endswith(".flowtest"):
        _complain(err, f"{path} is a flow test: `whenflow fmt` formats .flow files")
        return Outcome.FAILED
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        _complain(err, f"cannot read {path}: {error.strerror}")
        return Outcome.FAILED
    formatted = _formatted("standard input" if path == STANDARD_INPUT else path, data, err)
    if formatted is None:
        return Outcome.FAILED
    if path == STANDARD_INPUT and not check:
        sys.stdout.buffer.write(formatted)
        return Outcome.DONE
    if formatted == data:
        return Outcome.DONE
    if check:
        out.print(f"{path} would change", markup=False)
        return Outcome.WOULD_CHANGE
    try:
        replace(Path(path), formatted)
    except OSError as error:
        _complain(err, f"cannot write {path}: {error.strerror}")
        return Outcome.FAILED
    out.print(f"{path} formatted", markup=False)
    return Outcome.DONE


def _formatted(name: str, data: bytes, err: Console) -> bytes | None:
    """The canonical layout; None, and shown, if the file cannot be read as a program."""
    report = Diagnostics()
    source = read_source(name, data, report)
    text = None if source is None or report.errors else format_source(source, report)
    if text is None:
        show.diagnostics(err, report)
    return None if text is None else file_bytes(text)


def _complain(err: Console, message: str) -> None:
    err.print(message, style="red", markup=False)


def replace(path: Path, data: bytes) -> None:
    """Gives a file a new content at once: whoever looks, or a crash, finds the old or the new one, never a part.

    The file behind a symbolic link is replaced and the link stays; mode and, where allowed, owner stay too. Raises
    OSError; then the file is as it was.
    """
    target = path.resolve(strict=True)
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    before = target.stat()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".whenflow-", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, before.st_uid, before.st_gid)
            os.fchmod(descriptor, before.st_mode & 0o7777)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
