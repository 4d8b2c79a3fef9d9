"""The store in Redis or Valkey: each method is one script of `variables/scripts`, or one command."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from msgpack import unpackb
from pydantic_core import from_json

from variables.keys import ShardKeys
from variables.profile import Profile
from variables.redis_commit import NUMBERS_IN_A_HASH, commit_call, name_in_traces
from variables.redis_connection import COMMAND_TIMEOUT, Connections, translated_errors
from variables.redis_entry import logged, note_of
from variables.redis_line import Line
from variables.runs import Run
from variables.store import (
    START,
    Appended,
    Commit,
    DeadLetter,
    Entry,
    EntryId,
    Era,
    Held,
    InboxMessage,
    Logged,
    Outgoing,
    Ownership,
    Reading,
    Standing,
    Timer,
    Wanted,
    WrongKey,
)
from variables.tally import NO_TALLIES, Tallies

LOG_BOUND = 1_000_000
"""Entries a shard's log may hold, folded late or not at all, before appends are refused."""
FLUSH_MEMORY = 600_000
"""Milliseconds that a sender's last flush is remembered: far longer than anybody goes on sending it."""
_TRACES_AT_ONCE = 1_000


class RedisShard:
    """One shard of one app. A lost connection is StoreUnavailable; whoever calls asks `recover` and tries again."""

    def __init__(self, connections: Connections, app: str, shard: int, *, log_bound: int = LOG_BOUND) -> None:
        self._connections = connections
        self._keys = ShardKeys.of(app, shard)
        self._log_bound = log_bound
        self._waiting: Line | None = None
        self.channel = self._keys.news

    # The log

    async def append(self, sender: str, number: int, entries: Sequence[Entry]) -> Appended:
        args: list[Any] = [number, self._log_bound, FLUSH_MEMORY]
        for entry in entries:
            args += (entry.body, note_of(entry))
        keys = [self._keys.log, self._keys.flush(sender)]
        length, stamp, sequence = await self._connections.script("append", keys, args)
        first = EntryId(int(stamp), int(sequence))
        return Appended([EntryId(first.stamp, first.sequence + k) for k in range(len(entries))], length)

    async def append_program(self, version: int) -> EntryId | None:
        args = [version, note_of(Entry(program=version))]
        added = await self._connections.script("append_program", [self._keys.log, self._keys.owner], args)
        return None if added is None else EntryId.parse(added.decode())

    async def wait(self, after: EntryId, limit: int, patience: int | None) -> Sequence[Logged]:
        """Has a connection of its own, dropped if the call is cancelled: the server should not wait for nobody."""
        block = 0 if patience is None else max(1, patience)
        words = ("XREAD", "COUNT", limit, "BLOCK", block, "STREAMS", self._keys.log, str(after))
        within = inf if patience is None else block / 1000 + COMMAND_TIMEOUT
        waiting = self._waiting = self._waiting or self._connections.line(self._keys.log)
        try:
            with translated_errors():
                answer = await waiting.call(*words, within=within)
        except BaseException:
            self._waiting = None
            await waiting.close()
            raise
        return [logged(*raw) for _, entries in answer or () for raw in entries]

    async def read(self, after: EntryId, limit: int) -> Reading:
        keys = [self._keys.log, self._keys.timers, self._keys.names]
        now, entries, timers = await self._connections.script("read", keys, [str(after), limit])
        due = [
            Timer(_instant(due), int(number), _name(visitor or b""))
            for number, due, visitor in zip(timers[::3], timers[1::3], timers[2::3], strict=True)
            if number.isdigit() or await self._cast_out(number)
        ]
        return Reading(
            int(now),
            [logged(id, fields) for id, fields in entries],
            due,
            more_entries=len(entries) == limit,
            more_timers=len(due) == limit,
        )

    async def _cast_out(self, member: bytes) -> bool:
        """Somebody wrote among the timers what is no visitor's number: it would be read for ever."""
        letter = {"where": "timers", "reason": "it is no visitor's number", "body": member}
        await self._connections.call(self._connections.commands.xadd(self._keys.dead, letter))
        await self._connections.call(self._connections.commands.zrem(self._keys.timers, member))
        return False

    # The owner

    async def take(self, holder: str, lease: int, patience: int = 0) -> Ownership | Held:
        keys = [self._keys.owner, self._keys.log, self._keys.timers]
        taken, *state = await self._connections.script("take", keys, [holder, lease, patience])
        if not taken:
            return Held(int(state[0]))
        now, epoch, commit, position, program, visitors, eras, next_timer = state
        return Ownership(
            int(now),
            int(epoch),
            int(commit or 0),
            EntryId.parse(position.decode()) if position else START,
            int(program or 0),
            int(visitors or 0),
            _eras(eras),
            _instant(next_timer) if next_timer else None,
        )

    async def renew(self, epoch: int, lease: int) -> int:
        return int(await self._connections.script("renew", [self._keys.owner], [epoch, lease]))

    async def say_trouble(self, reason: str | None) -> None:
        commands, key = self._connections.commands, self._keys.owner
        told = commands.hdel(key, "trouble") if reason is None else commands.hset(key, "trouble", reason)
        await self._connections.call(told)

    async def standing(self) -> Standing:
        holder, trouble = await self._connections.script("standing", [self._keys.owner], [])
        return Standing(holder and holder.decode(), trouble and trouble.decode(errors="replace"))

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Profile]:
        keys: list[str] = []
        for one in wanted:
            keys += self._keys.of_visitor(one.visitor)
        asked = [(one.visitor, message) for one in wanted if one.messages for message in one.messages]
        keys += [self._keys.inbox(visitor) for visitor, _ in asked]
        args = [len(wanted), *(message for _, message in asked)]
        visitors, found = unpackb(await self._connections.script("load", keys, args), raw=True)
        statuses = iter(found)
        try:
            return [_profile(one, statuses, *kept) for one, kept in zip(wanted, visitors, strict=True)]
        except (ValueError, TypeError, AttributeError) as error:
            raise WrongKey(f"runs cannot be read: {error}") from error

    async def commit(self, commit: Commit) -> int | None:
        keys, args = commit_call(commit, self._keys)
        next_timer = await self._connections.script("commit", keys, args)
        return None if next_timer is None else _instant(next_timer)

    # Reading

    async def position(self) -> EntryId:
        raw = await self._connections.call(self._connections.commands.hget(self._keys.owner, "position"))
        return EntryId.parse(raw.decode()) if raw else START

    async def program(self) -> int:
        """The version of the program that the shard runs."""
        raw = await self._connections.call(self._connections.commands.hget(self._keys.owner, "program"))
        return int(raw or 0)

    async def visitors(self, first: int, count: int) -> Sequence[str]:
        found: list[str] = []
        while len(found) < count:
            block, place = divmod(first + len(found), NUMBERS_IN_A_HASH)
            wanted = range(place, min(NUMBERS_IN_A_HASH, place + count - len(found)))
            names = await self._connections.call(
                self._connections.commands.hmget(f"{self._keys.names}{block}", [str(each) for each in wanted])
            )
            known = [_name(name) for name in names if name is not None]
            found += known
            if len(known) < len(wanted):
                break
        return found

    async def counts(self) -> Mapping[str, int]:
        raw = await self._connections.call(self._connections.commands.hgetall(self._keys.counts))
        return {name.decode(): int(count) for name, count in raw.items()}

    async def outbox(self) -> Sequence[Outgoing]:
        raw = await self._connections.call(self._connections.commands.xrange(self._keys.outbox))
        return [
            Outgoing(fields[b"visitor"].decode(), fields[b"id"].decode(), fields[b"channel"].decode(), fields[b"body"])
            for _, fields in raw
        ]

    async def inbox(self, visitor: str) -> Sequence[InboxMessage]:
        raw = await self._connections.call(self._connections.commands.hgetall(self._keys.inbox(visitor)))
        return [
            InboxMessage(id.decode(), body, raw.get(id + b".status", b"sent").decode())
            for id, body in sorted(raw.items())
            if not id.endswith(b".status")
        ]

    async def traces(self, visitor: str, count: int) -> Sequence[bytes]:
        found: list[bytes] = []
        before, wanted = "+", name_in_traces(visitor)
        while len(found) < count:
            call = self._connections.commands.xrevrange(self._keys.trace, before, "-", _TRACES_AT_ONCE)
            raw = await self._connections.call(call)
            found += (fields[b"t"] for _, fields in raw if fields[b"v"] == wanted)
            if len(raw) < _TRACES_AT_ONCE:
                break
            before = f"({raw[-1][0].decode()}"
        return found[:count]

    async def oldest_trace(self) -> bytes | None:
        raw = await self._connections.call(self._connections.commands.xrange(self._keys.trace, count=1))
        return raw[0][1][b"t"] if raw else None

    async def dead_letters(self) -> int:
        length: int = await self._connections.call(self._connections.commands.xlen(self._keys.dead))
        return length

    async def newest_dead_letters(self, count: int) -> Sequence[tuple[int, DeadLetter]]:
        raw = await self._connections.call(self._connections.commands.xrevrange(self._keys.dead, count=count))
        return [
            (
                EntryId.parse(id.decode()).stamp,
                DeadLetter(fields[b"where"].decode(), fields[b"reason"].decode(), fields[b"body"]),
            )
            for id, fields in raw
        ]

    async def close(self) -> None:
        if self._waiting is not None:
            await self._waiting.close()


def _eras(raw: bytes | None) -> Sequence[Era]:
    return tuple(Era(version, EntryId.parse(since)) for version, since in from_json(raw or b"[]"))


def _instant(score: bytes) -> int:
    """A timer's score as milliseconds, also one that somebody else wrote."""
    return int(score) if score.isdigit() else int(max(-(2.0**53), min(float(score), 2.0**53)))


def _name(raw: bytes) -> str:
    """A visitor's id; empty, and so nobody's, where somebody spoilt it."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return ""


def _profile(
    wanted: Wanted,
    statuses: Iterator[bytes],
    fields: Mapping[bytes, bytes],
    tallies: Mapping[bytes, bytes],
    runs: Mapping[bytes, bytes],
) -> Profile:
    """Out of what load.lua gives, where an empty hash is nothing at all."""
    return Profile(
        wanted.visitor,
        fields or {},
        Tallies(tallies) if tallies else NO_TALLIES,
        {id.decode(): Run.read(id.decode(), raw) for id, raw in runs.items()} if runs else {},
        {id: status.decode() for id in wanted.messages if (status := next(statuses))} if wanted.messages else {},
    )
