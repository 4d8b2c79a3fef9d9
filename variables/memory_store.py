"""The store in memory: the twin of the Redis store for flow tests and backtests. Time comes from whoever makes it."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from variables.profile import Profile, write_all
from variables.store import (
    INBOX_SIZE,
    START,
    TRACES,
    Appended,
    Change,
    Commit,
    DeadLetter,
    Entry,
    EntryId,
    Fenced,
    Held,
    InboxMessage,
    LogFull,
    Logged,
    Outgoing,
    Ownership,
    Reading,
    StaleFlush,
    Standing,
    Timer,
    Trace,
    Wanted,
)

END_OF_MILLISECOND = 2**64 - 1


@dataclass(slots=True)
class _Owner:
    holder: str = ""
    lapses: int = 0
    announced: int = 0
    trouble: str | None = None
    state: Ownership = field(default_factory=lambda: Ownership(0, 0, 0, START, 0, 0, (), None))


class MemoryShard:
    """A shard whose every call is done at once; `clock` gives milliseconds.

    `alone`: whoever reads is the only one who appends, as in a flow test. Then nothing can come in before a timer that
    was read, and the log need not be pinned: an item of the timer's own instant may still follow it. Nobody else reads
    either, so what a commit has behind it is dropped.

    `recorded`: the log of another shard, to be folded again. It has what its owner added to it, so nothing is added
    here; an entry is there as soon as the clock shows its stamp.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        *,
        log_bound: int = 1_000_000,
        alone: bool = False,
        recorded: Sequence[Logged] | None = None,
    ) -> None:
        self._clock = clock
        self._alone = alone
        self._is_recorded = recorded is not None
        self._log_bound = log_bound
        self._log: list[Logged] = list(recorded or ())
        self._last_id = START
        self._appended = asyncio.Event()
        self._flushes: dict[str, tuple[int, list[EntryId]]] = {}
        self._owner = _Owner()
        self._profiles: dict[str, Profile] = {}
        self._timers: dict[int, tuple[int, str]] = {}
        self._inboxes: dict[str, dict[str, InboxMessage]] = {}
        self._names: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self._outbox: list[Outgoing] = []
        self._traces: deque[Trace] = deque(maxlen=TRACES)
        self.dead: list[DeadLetter] = []

    # The log

    async def append(self, sender: str, number: int, entries: Sequence[Entry]) -> Appended:
        last, ids = self._flushes.get(sender, (0, []))
        if number == last:
            return Appended(ids, len(self._log))
        if number < last:
            raise StaleFlush
        if len(self._log) + len(entries) > self._log_bound:
            raise LogFull
        ids = [self._add(entry) for entry in entries]
        self._flushes[sender] = number, ids
        return Appended(ids, len(self._log))

    async def append_program(self, version: int) -> EntryId | None:
        if self._owner.announced >= version:
            return None
        self._owner.announced = version
        return self._add(Entry(program=version))

    def _add(self, entry: Entry) -> EntryId:
        now = self._clock()
        stamp, sequence = self._last_id
        if now > stamp:
            self._last_id = EntryId(now, 0)
        elif sequence < END_OF_MILLISECOND:
            self._last_id = EntryId(stamp, sequence + 1)
        else:
            self._last_id = EntryId(stamp + 1, 0)
        self._log.append(Logged(self._last_id, entry))
        self._appended.set()
        return self._last_id

    def _after(self, after: EntryId, limit: int) -> list[Logged]:
        start = bisect_right(self._log, after, key=lambda logged: logged.id)
        end = start + limit
        if self._is_recorded:
            now = EntryId(self._clock(), END_OF_MILLISECOND)
            end = min(end, bisect_right(self._log, now, key=lambda logged: logged.id))
        return self._log[start:end]

    async def wait(self, after: EntryId, limit: int, patience: int | None) -> Sequence[Logged]:
        while not (entries := self._after(after, limit)):
            self._appended.clear()
            try:
                async with asyncio.timeout(None if patience is None else patience / 1000):
                    await self._appended.wait()
            except TimeoutError:
                return []
        return entries

    async def read(self, after: EntryId, limit: int) -> Reading:
        now = max(self._clock(), self._last_id.stamp)
        due = sorted((due, number, visitor) for number, (due, visitor) in self._timers.items() if due <= now)
        timers = [Timer(*timer) for timer in due[:limit]]
        if timers and not self._alone:
            self._last_id = EntryId(now, END_OF_MILLISECOND)
        entries = self._after(after, limit)
        return Reading(now, entries, timers, len(entries) == limit, len(timers) == limit)

    # The owner

    async def take(self, holder: str, lease: int, patience: int = 0) -> Ownership | Held:
        owner, now = self._owner, self._clock()
        free = owner.lapses + patience
        if owner.holder and (owner.holder != holder or patience) and free > now:
            return Held(free - now)
        owner.holder, owner.lapses = holder, now + lease
        owner.state = replace(owner.state, now=now, epoch=owner.state.epoch + 1, next_timer=self._next_timer())
        return owner.state

    async def renew(self, epoch: int, lease: int) -> int:
        if epoch != self._owner.state.epoch:
            raise Fenced("the shard has another owner")
        now = self._clock()
        self._owner.lapses = now + lease
        return now

    async def say_trouble(self, reason: str | None) -> None:
        self._owner.trouble = reason

    async def standing(self) -> Standing:
        owner = self._owner
        return Standing(owner.holder if owner.lapses > self._clock() else None, owner.trouble)

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Profile]:
        return [self._load(one) for one in wanted]

    def _load(self, wanted: Wanted) -> Profile:
        inbox = self._inboxes.get(wanted.visitor, {})
        statuses = {id: inbox[id].status for id in wanted.messages if id in inbox}
        return replace(self._profiles.get(wanted.visitor, Profile.new(wanted.visitor)), inbox=statuses)

    async def commit(self, commit: Commit) -> int | None:
        state = self._owner.state
        if commit.epoch != state.epoch or commit.number not in (state.commit, state.commit + 1):
            raise Fenced("the shard has another owner, or is at another commit")
        if commit.number == state.commit + 1:
            self._write(commit)
        return self._next_timer()

    def _write(self, commit: Commit) -> None:
        for message in commit.messages:
            inbox = self._inboxes.setdefault(message.visitor, {})
            inbox[message.id] = InboxMessage(message.id, message.body, "sent")
        for change in commit.changes:
            self._change(change)
        for message in commit.messages:
            inbox = self._inboxes[message.visitor]
            for oldest in sorted(inbox)[:-INBOX_SIZE]:
                del inbox[oldest]
        for name, more in commit.counts.items():
            self._count(name, more)
        self._outbox += commit.outgoing
        self._traces += commit.traces
        self.dead += commit.dead
        for entry in () if self._is_recorded else commit.entries:
            self._add(entry)
        if self._alone:
            del self._log[: bisect_right(self._log, commit.position, key=lambda logged: logged.id)]
        self._owner.state = replace(
            self._owner.state,
            commit=commit.number,
            position=commit.position,
            program=commit.program,
            visitors=commit.visitors,
            eras=commit.eras,
        )

    def _count(self, name: str, more: int) -> None:
        self._counts[name] = self._counts.get(name, 0) + more
        if not self._counts[name]:
            del self._counts[name]

    def _next_timer(self) -> int | None:
        return min((due for due, _ in self._timers.values()), default=None)

    def _change(self, change: Change) -> None:
        profile = self._profiles.get(change.visitor, Profile.new(change.visitor))
        fields = dict(profile.fields)
        write_all(fields, change.fields)
        runs = {id: run for id, run in {**profile.runs, **change.runs}.items() if run is not None}
        for flow, tally in change.tallies.items():
            profile = replace(profile, tallies=profile.tallies.having(flow, tally))
        self._profiles[change.visitor] = replace(profile, fields=fields, runs=runs)
        if change.new_number is not None:
            self._names[change.new_number] = change.visitor
        inbox = self._inboxes.get(change.visitor, {})
        for id, status in change.statuses.items():
            inbox[id] = replace(inbox[id], status=status)
        if change.timer is not None:
            number, due = change.timer
            if due is None:
                self._timers.pop(number, None)
            else:
                self._timers[number] = due, change.visitor

    # Reading

    async def position(self) -> EntryId:
        return self._owner.state.position

    async def visitors(self, first: int, count: int) -> Sequence[str]:
        return [self._names[number] for number in range(first, first + count) if number in self._names]

    async def counts(self) -> Mapping[str, int]:
        return dict(self._counts)

    async def outbox(self) -> Sequence[Outgoing]:
        return list(self._outbox)

    async def inbox(self, visitor: str) -> Sequence[InboxMessage]:
        return [message for _, message in sorted(self._inboxes.get(visitor, {}).items())]

    async def traces(self, visitor: str, count: int) -> Sequence[bytes]:
        return [trace.body for trace in reversed(self._traces) if trace.visitor == visitor][:count]

    async def oldest_trace(self) -> bytes | None:
        return self._traces[0].body if self._traces else None

    async def dead_letters(self) -> int:
        return len(self.dead)

    async def newest_dead_letters(self, count: int) -> Sequence[tuple[int, DeadLetter]]:
        return [(self._clock(), letter) for letter in reversed(self.dead[-count:])]
