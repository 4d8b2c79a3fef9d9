"""An entry of the log as its stream has it: the body, and a note of what there is to say beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from variables.store import Entry, EntryId, Logged


def note_of(entry: Entry) -> bytes:
    """What ingest adds to a body: JSON, or nothing where there is nothing to say."""
    note: dict[str, Any] = {}
    if entry.rejected:
        note["rejected"] = entry.rejected
    if entry.from_server:
        note["from_server"] = True
    if entry.program is not None:
        note["program"] = entry.program
    if entry.meeting is not None:
        note["meeting"] = entry.meeting
    return to_json(note) if note else b""


@dataclass(frozen=True, slots=True)
class _Note:
    rejected: tuple[int, ...] = ()
    from_server: bool = False
    program: int | None = None
    meeting: tuple[int, int] | None = None


_NOTE = TypeAdapter(_Note)


def logged(id: bytes, fields: Sequence[bytes]) -> Logged:
    """An entry as the store has it: its id, and names and values by turns."""
    stamp, _, sequence = id.partition(b"-")
    at = EntryId(int(stamp), int(sequence))
    if len(fields) == 2 and fields[0] == b"body":
        return Logged(at, Entry(fields[1]))
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    body, note = found.get(b"body", b""), found.get(b"note", b"{}")
    try:
        read = _NOTE.validate_json(note)
        return Logged(at, Entry(body, read.rejected, read.from_server, read.program, read.meeting))
    except ValueError:  # no batch either, so it will be set aside as it is
        return Logged(at, Entry(b"no note: %b, with the body %b" % (note, body)))
