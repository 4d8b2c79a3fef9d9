"""The processor: owns a shard, reads its log in order, and commits what comes of it (DESIGN.md sections 2 and 4).

One loop per shard: take the shard → wait for entries → load the visitors → fold → one commit. Nothing about a visitor
is kept between batches, so nothing is ever stale.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from engine.folding import Folding
from engine.order import Happening, in_order
from engine.program import Program
from variables.store import (
    Change,
    Commit,
    DeadLetter,
    Fenced,
    Held,
    Logged,
    Ownership,
    Recover,
    Shard,
    StoreUnavailable,
    Timer,
    WrongKey,
    until_recovered,
)

LEASE = 3_000
"""Milliseconds that a shard stays an owner's without a word from it."""
STANDBY = 200
"""Milliseconds after which a shard that another has is asked for again: it may be given up before its lease lapses."""
BATCH = 256
"""Entries read at once."""
PER_COMMIT = 100
"""Happenings, and so visitors, that one commit is made of at the most: no script holds the server up for long."""
SLICE = 0.005
"""Seconds of work after which the event loop gets its turn."""
_log = structlog.get_logger(__name__)


class Programs(Protocol):
    """Where a version's program comes from."""

    async def program(self, version: int) -> Program:
        """The program of a version; version 0 is the empty one. Raises StoreUnavailable."""


class Processor:
    """Runs one shard, whenever it is free to take, for as long as `run` is not cancelled."""

    def __init__(self, shard: Shard, programs: Programs, holder: str, recover: Recover, *, lease: int = LEASE) -> None:
        self._shard = shard
        self._programs = programs
        self._holder = holder
        self._recover = recover
        self._lease = lease

    async def run(self) -> None:
        """Takes the shard as often as it must. Cancelling gives the shard up in order."""
        while True:
            try:
                taken = await self._shard.take(self._holder, self._lease)
                if isinstance(taken, Held):
                    await asyncio.sleep(min(taken.lapses_in, STANDBY) / 1000)
                else:
                    await self._own(taken)
            except Fenced as fenced:
                _log.warning("shard lost", holder=self._holder, reason=str(fenced))
            except StoreUnavailable as error:
                _log.warning("store unavailable", reason=str(error))
                await until_recovered(self._recover)

    async def _own(self, taken: Ownership) -> None:
        try:
            program = await self._programs.program(taken.program)
            owner = _Owner(self._shard, self._programs, self._recover, self._lease, taken, program)
            while True:
                await owner.turn()
        finally:
            await self._give_up(taken)

    async def _give_up(self, taken: Ownership) -> None:
        """Lets the next owner take the shard at once."""
        try:
            await self._shard.renew(taken.epoch, 0)
        except (Fenced, StoreUnavailable) as error:
            _log.debug("shard not given up", reason=str(error))


class _Owner:
    """A shard's owner, from its taking to its loss. What it holds in memory can be dropped at any moment."""

    def __init__(
        self, shard: Shard, programs: Programs, recover: Recover, lease: int, taken: Ownership, program: Program
    ) -> None:
        self._shard = shard
        self._programs = programs
        self._recover = recover
        self._lease = lease
        self._state = taken
        self._program = program
        self._renewed = time.monotonic()
        self._clock_set(taken.now)

    async def turn(self) -> None:
        """Waits for what comes next, be it an entry, a timer or the lease's end, and folds it."""
        await self._renew()
        for happenings in _chunks(await self._next()):
            await self._fold(happenings)

    async def _renew(self) -> None:
        if time.monotonic() - self._renewed > self._lease / 3000:
            await self._shard.renew(self._state.epoch, self._lease)
            self._renewed = time.monotonic()

    # What comes next

    async def _next(self) -> Sequence[Happening]:
        """What is to be folded next, in order; nothing if it is time to renew the lease."""
        timer, wait = self._state.next_timer, self._lease // 3
        if timer is not None:
            wait = min(wait, timer - self._now())
        if wait > 0:
            entries = await self._shard.wait(self._state.position, BATCH, wait)
            if timer is None or (entries and entries[-1].id.stamp < timer) or (not entries and self._now() < timer):
                return entries
        reading = await self._shard.read(self._state.position, BATCH)
        self._clock_set(reading.now)
        return in_order(reading)

    def _clock_set(self, now: int) -> None:
        self._ahead = now - time.monotonic() * 1000

    def _now(self) -> int:
        """The store's clock as well as we know it; whether a timer is due the store decides when it is read."""
        return int(time.monotonic() * 1000 + self._ahead)

    # One commit

    async def _fold(self, happenings: Sequence[Happening]) -> None:
        """Folds some happenings; if a visitor's key is broken, each by itself, to set the broken one aside."""
        try:
            await self._commit(await self._work(happenings))
        except WrongKey as broken:
            if len(happenings) > 1:
                for happening in happenings:
                    await self._fold([happening])
            else:
                await self._commit(self._commit_of(happenings, **_set_aside(happenings[0], broken)))

    async def _work(self, happenings: Sequence[Happening]) -> Commit:
        first = happenings[0]
        if isinstance(first, Logged) and first.entry.program is not None:
            self._program = await self._programs.program(first.entry.program)
            return self._commit_of(happenings)
        folding = Folding(happenings, self._program, self._state.visitors)
        profiles = await self._shard.load(folding.wanted())
        started = time.monotonic()
        for _ in folding.fold(profiles):
            if time.monotonic() - started > SLICE:
                await asyncio.sleep(0)
                started = time.monotonic()
        commit = self._commit_of(happenings, messages=folding.messages, dead=folding.dead, changes=folding.changes())
        return replace(commit, visitors=folding.visitors)

    def _commit_of(self, happenings: Sequence[Happening], **contents: Any) -> Commit:
        position = max((h.id for h in happenings if isinstance(h, Logged)), default=self._state.position)
        state = self._state
        return Commit(state.epoch, state.commit + 1, position, self._program.version, state.visitors, **contents)

    async def _commit(self, commit: Commit) -> None:
        """Sends a commit until it is answered: its number keeps it from being done twice."""
        while True:
            try:
                next_timer = await self._shard.commit(commit)
                break
            except StoreUnavailable as error:
                _log.warning("commit not answered", commit=commit.number, reason=str(error))
                await until_recovered(self._recover)
        self._state = replace(
            self._state,
            commit=commit.number,
            position=commit.position,
            program=commit.program,
            visitors=commit.visitors,
            next_timer=next_timer,
        )


def _chunks(happenings: Sequence[Happening]) -> Iterator[Sequence[Happening]]:
    """Cuts at most PER_COMMIT at a time; a program's entry stands alone: what follows runs under it."""
    chunk: list[Happening] = []
    for happening in happenings:
        alone = isinstance(happening, Logged) and happening.entry.program is not None
        if chunk and (alone or len(chunk) == PER_COMMIT):
            yield chunk
            chunk = []
        chunk.append(happening)
        if alone:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _set_aside(happening: Happening, broken: WrongKey) -> dict[str, Any]:
    """What of a commit sets a happening aside: its letter, and the end of its timer, which would fire for ever."""
    if isinstance(happening, Timer):
        letter = DeadLetter(f"timer of {happening.visitor} at {happening.due}", str(broken), b"")
        return {"dead": [letter], "changes": [Change(happening.visitor, timer=(happening.number, None))]}
    return {"dead": [DeadLetter(str(happening.id), str(broken), happening.entry.body)]}
