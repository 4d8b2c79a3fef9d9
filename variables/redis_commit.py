"""A commit as commit.lua takes it: its keys, its head, and all that it writes, packed."""

from collections.abc import Mapping
from typing import Any

from msgpack import packb
from pydantic_core import to_json

from variables.keys import ShardKeys
from variables.redis_entry import note_of
from variables.store import INBOX_LIFETIME, INBOX_SIZE, TRACES, Change, Commit, Entry, Outgoing

NUMBERS_IN_A_HASH = 128
"""Visitors whose ids one hash holds, by number."""
SLICE = 256
"""Fields that one HDEL takes away: a script's stack is not endless."""


def commit_call(commit: Commit, keys: ShardKeys) -> tuple[list[str], list[Any]]:
    """KEYS and ARGV of the script."""
    operations = _Operations(keys)
    for change in commit.changes:
        operations.change(change)
    for message in commit.messages:
        inbox = keys.inbox(message.visitor)
        operations.add("INBOX", inbox, message.id, message.body, INBOX_SIZE)
        operations.add("PEXPIRE", inbox, INBOX_LIFETIME)
    for outgoing in commit.outgoing:
        operations.add("XADD", keys.outbox, "*", *_outgoing_fields(outgoing))
    if commit.traces:
        traces = [part for visitor, body in commit.traces for part in (name_in_traces(visitor), body)]
        operations.add("TRACES", keys.trace, TRACES, traces)
    for name, more in commit.counts.items():
        operations.add("COUNT", keys.counts, name, more)
    for entry in commit.entries:
        operations.append(entry)
    for letter in commit.dead:
        fields = ("where", letter.where, "reason", letter.reason, "body", letter.body)
        operations.add("XADD", keys.dead, "MAXLEN", "~", 10_000, "*", *fields)
    head = [
        commit.epoch,
        commit.number,
        str(commit.position),
        commit.program,
        commit.visitors,
        to_json([(era.version, str(era.since)) for era in commit.eras]),
        str(commit.position),
        keys.news,
        _told(commit),
    ]
    return [keys.owner, keys.log, keys.timers, *operations.keys], [*head, operations.packed()]


def _told(commit: Commit) -> bytes:
    """What the news say of a commit (`variables/news.py`)."""
    messages = [(message.visitor, message.id, message.body) for message in commit.messages]
    packed: bytes = packb((str(commit.position), messages), unicode_errors="surrogatepass")
    return packed


def name_in_traces(visitor: str) -> bytes:
    return visitor.encode("utf-8", "surrogatepass")


def _outgoing_fields(outgoing: Outgoing) -> tuple[Any, ...]:
    return ("visitor", outgoing.visitor, "id", outgoing.id, "channel", outgoing.channel, "body", outgoing.body)


class _Operations:
    """A commit's writes as commit.lua takes them: command, index into KEYS, the arguments."""

    def __init__(self, keys: ShardKeys) -> None:
        self._names = keys
        self._index: dict[str, int] = {}
        self._all: list[tuple[Any, ...]] = []

    @property
    def keys(self) -> list[str]:
        return list(self._index)

    def packed(self) -> bytes:
        """The server reads MessagePack as it was before bytes had a type of their own."""
        packed: bytes = packb(self._all, use_bin_type=False, unicode_errors="surrogatepass")
        return packed

    def add(self, command: str, key: str, *args: Any) -> None:
        self._all.append((command, self._index.setdefault(key, len(self._index) + 4), *args))

    def change(self, change: Change) -> None:
        visitor, names = change.visitor, self._names
        if change.fields:
            self._hash(names.profile(visitor), change.fields)
        if change.tallies:
            self._hash(names.tallies(visitor), {flow.encode(): tally.write() for flow, tally in change.tallies.items()})
        if change.runs:
            written = {id.encode(): run.write() if run else None for id, run in change.runs.items()}
            self._hash(names.runs(visitor), written)
        if change.statuses:
            self._hash(names.inbox(visitor), {f"{id}.status".encode(): s.encode() for id, s in change.statuses.items()})
        if change.new_number is not None:
            block, place = divmod(change.new_number, NUMBERS_IN_A_HASH)
            self._hash(f"{names.names}{block}", {b"%d" % place: visitor.encode("utf-8", "surrogatepass")})
        if change.timer is not None:
            number, due = change.timer
            if due is None:
                self.add("ZREM", names.timers, number)
            else:
                self.add("ZADD", names.timers, due, number)

    def append(self, entry: Entry) -> None:
        """An entry of the owner's own, into the log, which is the second of the script's keys."""
        self._all.append(("XADD", 2, "*", "note", note_of(entry)))

    def _hash(self, key: str, writes: Mapping[bytes, bytes | None]) -> None:
        if None in writes.values():
            taken_away = [field for field, raw in writes.items() if raw is None]
            for start in range(0, len(taken_away), SLICE):
                self.add("HDEL", key, *taken_away[start : start + SLICE])
            writes = {field: raw for field, raw in writes.items() if raw is not None}
        if writes:
            self.add("HSET", key, writes)
