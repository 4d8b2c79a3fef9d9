"""A shard in its owner's hands: happenings go in, one commit for each handful comes out.

Load the visitors → fold → one commit. Nothing about a visitor is kept between commits, so nothing is ever stale. The
processor drives it by the store's clock, a flow test by a clock of its own.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from engine.folding import Folding
from engine.order import Happening
from engine.program import Program
from variables.store import (
    Change,
    Commit,
    DeadLetter,
    Logged,
    Ownership,
    Recover,
    Shard,
    StoreUnavailable,
    Timer,
    WrongKey,
    until_recovered,
)

PER_COMMIT = 100
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
        self._shard = shard
        self._programs = programs
        self._recover = recover

    async def fold(self, happenings: Sequence[Happening]) -> Sequence[Folding]:
        """Folds and commits happenings in their order; gives back what came of them."""
        return [folding for chunk in _chunks(happenings) for folding in await self._fold(chunk)]

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
            self.program = await self._programs.program(first.entry.program)
            return Folding((), self.program, self.state.visitors), self._commit_of(happenings)
        folding = Folding(happenings, self.program, self.state.visitors)
        profiles = await self._shard.load(folding.wanted())
        started = time.monotonic()
        for _ in folding.fold(profiles):
            if time.monotonic() - started > SLICE:
                await asyncio.sleep(0)
                started = time.monotonic()
        commit = self._commit_of(happenings, messages=folding.messages, dead=folding.dead, changes=folding.changes())
        return folding, replace(commit, visitors=folding.visitors)

    def _commit_of(self, happenings: Sequence[Happening], **contents: Any) -> Commit:
        position = max((h.id for h in happenings if isinstance(h, Logged)), default=self.state.position)
        state = self.state
        return Commit(state.epoch, state.commit + 1, position, self.program.version, state.visitors, **contents)

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
