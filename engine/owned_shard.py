"""A shard in its owner's hands: happenings go in, one commit for each handful comes out.

Load the visitors → fold → one commit. Nothing about a visitor is kept between commits, so nothing is ever stale. The
processor drives it by the store's clock, a flow test by a clock of its own.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeGuard

import structlog

from engine.folding import Folding
from engine.instant import Versions
from engine.order import Happening
from engine.program import Program
from variables.profile import Profile
from variables.store import (
    Change,
    Commit,
    DeadLetter,
    Entry,
    Logged,
    Ownership,
    Recover,
    Shard,
    StoreUnavailable,
    Timer,
    WrongKey,
    until_recovered,
)

PER_COMMIT = 128
"""Happenings, and so visitors, that one commit is made of at the most: no script holds the server up for long."""
SLICE = 0.005
"""Seconds of work after which the event loop gets its turn."""
_log = structlog.get_logger(__name__)


class Programs(Protocol):
    """Where a version's program comes from."""

    async def program(self, version: int) -> Program:
        """The program of a version; version 0 is the empty one. Raises StoreUnavailable."""


class OwnedShard:
    """What a shard's owner holds in memory; it can be dropped at any moment. `state` is as the last commit left it."""

    def __init__(self, shard: Shard, programs: Programs, recover: Recover, taken: Ownership, program: Program) -> None:
        self.state = taken
        self.program = program
        self.arms: dict[tuple[str, str], str] = {}
        """Which arm a visitor gets at the splits of a flow, where a flow test chose it."""
        self._since = taken.since
        self._shard = shard
        self._programs = programs
        self._recover = recover

    async def fold(self, happenings: Sequence[Happening]) -> Sequence[Folding]:
        """Folds and commits happenings in their order; gives back what came of them.

        Stops before a program if a timer has become due before it: that one fires under the program that held.
        """
        foldings: list[Folding] = []
        for chunk in _chunks(happenings):
            due = self.state.next_timer
            if _is_about_programs(chunk[0]) and due is not None and due <= chunk[0].id.stamp:
                break
            foldings += await self._fold(chunk)
        return foldings

    async def _fold(self, happenings: Sequence[Happening]) -> Sequence[Folding]:
        """Folds a handful; if a visitor's key is broken, each by itself, to set the broken one aside."""
        try:
            folding, commit = await self._work(happenings)
            await self._commit(commit)
        except WrongKey as broken:
            if len(happenings) > 1:
                return [folding for happening in happenings for folding in await self._fold([happening])]
            await self._commit(self._commit_of(happenings, **_set_aside(happenings[0], broken)))
            return []
        return [folding]

    async def _work(self, happenings: Sequence[Happening]) -> tuple[Folding, Commit]:
        first = happenings[0]
        if isinstance(first, Logged) and first.entry.program is not None:
            return await self._change_program(first, first.entry.program)
        meeting: Sequence[str] = ()
        entries: list[Entry] = []
        if isinstance(first, Logged) and first.entry.meeting is not None:
            meeting, entries = await self._meet(*first.entry.meeting)
        folding = Folding(happenings, self._versions, self.state.visitors, meeting)
        profiles = await self._shard.load(folding.wanted())
        older = await self._older_programs(profiles)
        started = time.monotonic()
        for _ in folding.fold(profiles, older):
            if time.monotonic() - started > SLICE:
                await asyncio.sleep(0)
                started = time.monotonic()
        commit = self._commit_of(
            happenings,
            messages=folding.messages,
            outgoing=folding.outgoing,
            counts=folding.added(),
            dead=folding.dead,
            changes=folding.changes(),
            entries=entries,
        )
        return folding, replace(commit, visitors=folding.visitors)

    async def _change_program(self, logged: Logged, version: int) -> tuple[Folding, Commit]:
        """The program holds from here on; then the visitors meet it, some at a time."""
        self.program = await self._programs.program(version)
        self._since = logged.id.stamp
        entries = [Entry(meeting=(version, 0))] if self.state.visitors else []
        return Folding((), self._versions, self.state.visitors), self._commit_of([logged], entries=entries)

    async def _meet(self, version: int, first: int) -> tuple[Sequence[str], list[Entry]]:
        """Who meets the program, and the entry with which it goes on; nobody where a later one has come."""
        if version != self.program.version:
            return (), []
        visitors = await self._shard.visitors(first, PER_COMMIT)
        after = first + PER_COMMIT
        return visitors, [Entry(meeting=(version, after))] if after < self.state.visitors else []

    async def _older_programs(self, profiles: Sequence[Profile]) -> Mapping[int, Program]:
        """The programs that the visitors' runs started with."""
        older = {run.version for profile in profiles for run in profile.runs.values()} - {self.program.version}
        return {version: await self._programs.program(version) for version in sorted(older)}

    @property
    def _versions(self) -> Versions:
        return Versions(self.program, since=self._since, arms=self.arms)

    def _commit_of(self, happenings: Sequence[Happening], **contents: Any) -> Commit:
        position = max((h.id for h in happenings if isinstance(h, Logged)), default=self.state.position)
        state = self.state
        number, version = state.commit + 1, self.program.version
        return Commit(state.epoch, number, position, version, state.visitors, since=self._since, **contents)

    async def _commit(self, commit: Commit) -> None:
        """Sends a commit until it is answered: its number keeps it from being done twice."""
        while True:
            try:
                next_timer = await self._shard.commit(commit)
                break
            except StoreUnavailable as error:
                _log.warning("commit not answered", commit=commit.number, reason=str(error))
                await until_recovered(self._recover)
        self.state = replace(
            self.state,
            commit=commit.number,
            position=commit.position,
            program=commit.program,
            visitors=commit.visitors,
            since=commit.since,
            next_timer=next_timer,
        )


def _chunks(happenings: Sequence[Happening]) -> Iterator[Sequence[Happening]]:
    """Cuts at most PER_COMMIT at a time; an entry about programs stands alone: what follows runs under it."""
    chunk: list[Happening] = []
    for happening in happenings:
        alone = _is_about_programs(happening)
        if chunk and (alone or len(chunk) == PER_COMMIT):
            yield chunk
            chunk = []
        chunk.append(happening)
        if alone:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _is_about_programs(happening: Happening) -> TypeGuard[Logged]:
    return isinstance(happening, Logged) and not happening.entry.is_batch


def _set_aside(happening: Happening, broken: WrongKey) -> dict[str, Any]:
    """What of a commit sets a happening aside: its letter, and the end of its timer, which would fire for ever."""
    if isinstance(happening, Timer):
        letter = DeadLetter(f"timer of {happening.visitor} at {happening.due}", str(broken), b"")
        return {"dead": [letter], "changes": [Change(happening.visitor, timer=(happening.number, None))]}
    return {"dead": [DeadLetter(str(happening.id), str(broken), happening.entry.body)]}
