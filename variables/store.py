"""What Whenflow asks of the place where its state lies: the log, the profiles, their owner's commits, shard by shard.

Two homes keep this protocol and pass the same tests: `MemoryShard` (flow tests, backtests) and `RedisShard` (the
product). Times are milliseconds by the store's own clock; every value is a byte string that Python formatted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from variables.profile import Profile
from variables.runs import Run
from variables.tally import Tally


class EntryId(NamedTuple):
    """Where an entry lies in its shard's log: its stamp in milliseconds, and its place among those of that stamp."""

    stamp: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.stamp}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> "EntryId":
        stamp, _, sequence = text.partition("-")
        return cls(int(stamp), int(sequence or 0))


START = EntryId(0, 0)


@dataclass(slots=True)
class Entry:
    """One append: a visitor's batch as it came (`body`), or the word that a program holds from here on (`program`).

    `rejected`: indexes of the items that the sender was told are not taken. `meeting`: the owner's own word that the
    visitors from a number on meet the program now, if they have not yet; its version, and that number.
    """

    body: bytes = b""
    rejected: tuple[int, ...] = ()
    from_server: bool = False
    program: int | None = None
    meeting: tuple[int, int] | None = None

    @property
    def is_batch(self) -> bool:
        """Whether it is a visitor's batch, and no word about programs."""
        return self.program is None and self.meeting is None


@dataclass(slots=True)
class Logged:
    """An entry in the log."""

    id: EntryId
    entry: Entry


class Era(NamedTuple):
    """A version of the program, and the entry from which on it holds."""

    version: int
    since: EntryId


@dataclass(frozen=True, slots=True)
class Timer:
    """What falls due for a visitor by time alone."""

    due: int
    number: int
    visitor: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a shard's owner is to do next, up to the instant `now`.

    Nothing will ever be stamped at or before `now` again if there are timers: the log was pinned. `entries` and
    `timers` are each in order and each cut at the limit that was asked for; `more_entries` and `more_timers` say so.
    """

    now: int
    entries: Sequence[Logged]
    timers: Sequence[Timer]
    more_entries: bool = False
    more_timers: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """A shard, taken: what its owner must know to go on where the last one stopped.

    `epoch` rises with every taking, `commit` with every commit; `program` is the version that holds; `visitors` is how
    many numbers have been given out; `now` is the store's clock. `eras`: the versions that not all visitors may have
    met yet, oldest first; the one that holds is the last.
    """

    now: int
    epoch: int
    commit: int
    position: EntryId
    program: int
    visitors: int
    eras: Sequence[Era]
    next_timer: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """Another owner has the shard; whoever asked may have it in so many milliseconds."""

    free_in: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Who owns a shard now, and what keeps it from going on."""

    holder: str | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a visitor's inbox: JSON as the page gets it (DESIGN.md section 9), under its id."""

    visitor: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that leaves the house by a channel (`email`, `webhook`): JSON, in the outbox until it is delivered."""

    visitor: str
    id: str
    channel: str
    body: bytes


@dataclass(slots=True)
class Change:
    """What one commit does to one visitor. A None takes the field, the run or the timer away."""

    visitor: str
    fields: Mapping[bytes, bytes | None] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    runs: Mapping[str, Run | None] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    new_number: int | None = None
    timer: tuple[int, int | None] | None = None
    """The visitor's number and when its timer is due, if that changes."""


class Trace(NamedTuple):
    """What one moment of a visitor was to flows: the engine writes and reads it."""

    visitor: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not be folded: set aside, with all that is needed to see why."""

    where: str
    reason: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """All that a batch changes, in one piece. `number` is the one that the shard has after it."""

    epoch: int
    number: int
    position: EntryId
    program: int
    visitors: int
    changes: Sequence[Change] = ()
    messages: Sequence[Message] = ()
    outgoing: Sequence[Outgoing] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """What is added to the shard's counters, by name; one that comes to nought is dropped."""
    dead: Sequence[DeadLetter] = ()
    traces: Sequence[Trace] = ()
    entries: Sequence[Entry] = ()
    """What the owner itself adds to the log."""
    eras: Sequence[Era] = ()
    """The versions that not all visitors may have met yet, and the one that holds."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The ids that a flush's entries got, in order, and how long the log is now."""

    ids: Sequence[EntryId]
    log_length: int


class StoreUnavailable(Exception):
    """The store did not answer; whether it did what it was asked is not known. Asking again is safe."""


class Fenced(Exception):
    """The shard has another owner, or its state is not what this owner holds: drop everything in memory."""


class LogFull(Exception):
    """The log has reached its bound; nothing was appended."""


class WrongKey(Exception):
    """A key of Whenflow's holds something of another type; nothing was written."""


class StaleFlush(Exception):
    """A later flush of this sender came first; nothing was appended."""


class NoSuchProgram(Exception):
    """The store has no program of this version."""


class Wanted(NamedTuple):
    """A visitor to load, and the messages whose status is of interest."""

    visitor: str
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InboxMessage:
    id: str
    body: bytes
    status: str


TRACES = 50_000
"""Traces that a shard remembers, the newest ones: enough for some time, and bounded for any number of visitors."""
INBOX_SIZE = 50
"""Messages that a visitor's inbox holds; the oldest give way."""
INBOX_LIFETIME = 30 * 86_400_000
"""Milliseconds that a message is kept."""


class Shard(Protocol):
    """One shard of one app."""

    async def append(self, sender: str, number: int, entries: Sequence[Entry]) -> Appended:
        """Adds all entries to the log, or none. `number` rises with every flush of a sender.

        A flush sent again under its number adds nothing and answers with the ids it got the first time.
        Raises LogFull, StaleFlush, StoreUnavailable.
        """

    async def append_program(self, version: int) -> EntryId | None:
        """Says in the log that a program holds from here on; None if this or a later one was said before."""

    async def take(self, holder: str, lease: int, patience: int = 0) -> Ownership | Held:
        """Makes the holder the shard's owner for `lease` milliseconds, unless another one's lease still runs.

        `patience`: only if nobody, nor the holder itself, has had it for so many milliseconds.
        """

    async def renew(self, epoch: int, lease: int) -> int:
        """The lease runs from now, which is given back. A lease of 0 gives the shard up. Raises Fenced."""

    async def say_trouble(self, reason: str | None) -> None:
        """Keeps, for whoever looks, why the shard cannot go on; None: it goes on."""

    async def standing(self) -> Standing:
        """Who owns the shard, and whether it goes on."""

    async def wait(self, after: EntryId, limit: int, patience: int | None) -> Sequence[Logged]:
        """Entries after a place in the log, as soon as there is one; none after `patience` milliseconds."""

    async def read(self, after: EntryId, limit: int) -> Reading:
        """Entries after a place in the log together with the timers that are due, the log pinned between them."""

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Profile]:
        """The visitors' profiles, in the order asked for; one who was never there is an empty profile."""

    async def commit(self, commit: Commit) -> int | None:
        """Writes all of a commit or nothing of it; tells when the next timer is due.

        Sent again after no answer, it is not done twice.

        Raises Fenced, WrongKey, StoreUnavailable.
        """

    async def position(self) -> EntryId:
        """Up to where the log has been folded."""

    async def visitors(self, first: int, count: int) -> Sequence[str]:
        """The ids of visitors by number, from `first` on; fewer than `count` where no more have been given out."""

    async def counts(self) -> Mapping[str, int]:
        """The shard's counters."""

    async def outbox(self) -> Sequence[Outgoing]:
        """What waits to leave the house, oldest first."""

    async def inbox(self, visitor: str) -> Sequence[InboxMessage]:
        """The visitor's messages, oldest first, with their status: sent, shown, closed or clicked."""

    async def traces(self, visitor: str, count: int) -> Sequence[bytes]:
        """The traces of a visitor, newest first, as far as they are remembered."""

    async def oldest_trace(self) -> bytes | None:
        """The oldest trace that the shard remembers, of whomever; None if it has none."""

    async def dead_letters(self) -> int:
        """How many things have been set aside."""

    async def newest_dead_letters(self, count: int) -> Sequence[tuple[int, DeadLetter]]:
        """The last things that were set aside, newest first, each with when (milliseconds)."""


Recover = Callable[[], Awaitable[None]]
"""Does what can be done about a store that does not answer; raises StoreUnavailable if that was not enough."""


async def until_recovered(recover: Recover) -> None:
    """Calls `recover` until the store is there again."""
    delay = 0.02
    while True:
        try:
            return await recover()
        except StoreUnavailable:
            await asyncio.sleep(delay)
            delay = min(1.0, 2 * delay)
