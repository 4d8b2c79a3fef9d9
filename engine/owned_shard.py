"""A shard in its owner's hands: happenings go in, one commit for each handful comes out.

Load the visitors → fold → one commit. Nothing about a visitor is kept between commits, so nothing is ever stale. The
processor drives it by the store's clock, a flow test by a clock of its own.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeGuard

import structlog

from engine.folding import Folding
from engine.instant import Versions
from engine.order import Happening
from engine.program import Program
from variables.profile import PROGRAM, Profile
from variables.store import (
    Change,
    Commit,
    DeadLetter,
    Entry,
    Era,
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
LONGEST = 0.2
"""Seconds of work after which what was folded so far is committed: after a long stop one visitor may have thousands of
instants to go through, and the lease has to be renewed in between."""
_log = structlog.get_logger(__name__)


class Programs(Protocol):
    """Where a version's program comes from."""

    async def program(self, version: int) -> Program:
        """The program of a version; version 0 is the empty one. Raises StoreUnavailable."""


class OwnedShard:
    """What a shard's owner holds in memory; it can be dropped at any moment. `state` is as the last commit left it."""

    def __init__(
        self,
        shard: Shard,
        programs: Programs,
        recover: Recover,
        taken: Ownership,
        program: Program,
        *,
        longest: float = LONGEST,
    ) -> None:
        self.state = taken
        self.program = program
        self.arms: dict[tuple[str, str], str] = {}
        """Which arm a visitor gets at the splits of a flow, where a flow test chose it."""
        self._shard = shard
        self._programs = programs
        self._recover = recover
        self._longest = longest

    async def fold(self, happenings: Sequence[Happening]) -> Sequence[Folding]:
        """Folds and commits happenings in their order; gives back what came of them.

        Stops before a program if a timer has become due before it: that one fires under the program that held. Stops,
        too, where it has taken long. What is left is read again, behind `state.position`.
        """
        foldings: list[Folding] = []
        for chunk in _chunks(happenings):
            due = self.state.next_timer
            if _is_about_programs(chunk[0]) and due is not None and due <= chunk[0].id.stamp:
                break
            if not await self._fold(chunk, foldings):
                break
        return foldings

    async def look_for_timers(self) -> None:
        """Asks for the next timer anew, by a commit of nothing."""
        await self._commit(self._commit_of(()))

    async def _fold(self, happenings: Sequence[Happening], foldings: list[Folding]) -> bool:
        """Folds a handful, and tells whether to its end; if a visitor's key is broken, each happening by itself."""
        first = happenings[0]
        if isinstance(first, Logged) and first.entry.program is not None:
            await self._change_program(first, first.entry.program)
            return True
        if isinstance(first, Logged) and first.entry.meeting is not None:
            return await self._meet(first, *first.entry.meeting, foldings)
        try:
            return await self._work(happenings, foldings)
        except WrongKey as broken:
            if len(happenings) == 1:
                await self._commit(self._commit_of(happenings, **_set_aside(first, broken)))
                return True
        for happening in happenings:
            if not await self._fold([happening], foldings):
                return False
        return True

    async def _work(
        self,
        happenings: Sequence[Happening],
        foldings: list[Folding],
        meeting: Sequence[str] = (),
        then: Sequence[Entry] | None = None,
        *,
        stays: bool = False,
    ) -> bool:
        """Folds and commits; tells whether to the end.

        `then`: of an entry that makes visitors meet the program, what comes after it; nothing: that was the last of
        them, and who has not met an older version has none to meet. `stays`: the log's position is left where it is.
        """
        folding = Folding(happenings, self._versions, self.state.visitors, meeting)
        profiles = await self._shard.load(folding.wanted())
        older = await self._older_programs(profiles)
        began = started = time.monotonic()
        for _ in folding.fold(profiles, older):
            now = time.monotonic()
            if now - began > self._longest:
                break
            if now - started > SLICE:
                await asyncio.sleep(0)
                started = time.monotonic()
        is_whole = folding.done == len(happenings)
        commit = self._commit_of(
            () if stays else happenings[: folding.done],
            messages=folding.messages,
            outgoing=folding.outgoing,
            counts=folding.added(),
            changes=folding.changes(),
            dead=folding.dead,
            traces=folding.traces,
        )
        if then is not None and is_whole:
            commit = replace(commit, entries=then, eras=commit.eras if then else commit.eras[-1:])
        await self._commit(replace(commit, visitors=folding.visitors))
        foldings.append(folding)
        return is_whole

    async def _change_program(self, logged: Logged, version: int) -> None:
        """The program holds from here on; then the visitors meet it, some at a time. One not to be had is set aside."""
        try:
            self.program = await self._programs.program(version)
        except StoreUnavailable:
            raise
        except Exception as error:
            _log.error("no such program", version=version, exc_info=error)
            letter = DeadLetter(str(logged.id), repr(error), b"program %d" % version)
            await self._commit(self._commit_of([logged], dead=[letter]))
            return
        anybody, era = self.state.visitors > 0, Era(version, logged.id)
        eras = (*self.state.eras, era) if anybody else (era,)
        await self._commit(
            self._commit_of([logged], entries=[Entry(meeting=(version, 0))] if anybody else [], eras=eras)
        )

    async def _meet(self, logged: Logged, version: int, first: int, foldings: list[Folding]) -> bool:
        """Some visitors meet the program, and an entry says who does next; nobody where a later program has come."""
        if version != self.program.version:
            return await self._work([logged], foldings)
        visitors = await self._shard.visitors(first, PER_COMMIT)
        after = first + PER_COMMIT
        then = [Entry(meeting=(version, after))] if after < self.state.visitors else []
        try:
            return await self._work([logged], foldings, visitors, then)
        except WrongKey:
            pass
        for visitor in visitors:
            try:
                if not await self._work([logged], foldings, [visitor], stays=True):
                    return False
            except WrongKey as broken:
                letter = DeadLetter(f"{visitor} at {logged.id}", str(broken), b"")
                await self._commit(self._commit_of((), dead=[letter]))
        return await self._work([logged], foldings, then=then)

    async def _older_programs(self, profiles: Sequence[Profile]) -> Mapping[int, Program]:
        """The programs that the visitors' runs started with, and those that they have met or missed so far.

        Runs of one that is not to be had are set aside later.
        """
        older = {self.program.version: self.program}
        versions = {run.version for p in profiles for run in p.runs.values()}
        if len(self.state.eras) > 1:
            versions |= {version for p in profiles for version in self._missed(p)}
        for version in versions - older.keys():
            try:
                older[version] = await self._programs.program(version)
            except StoreUnavailable:
                raise
            except Exception as error:
                _log.error("no such program", version=version, exc_info=error)
        return older

    def _missed(self, profile: Profile) -> Iterable[int]:
        """The version that a visitor has met last, and those after it, if the one that holds is yet to be met."""
        raw = profile.fields.get(PROGRAM, b"0")
        met = int(raw) if profile.fields and raw.isdigit() else self.program.version
        return (
            () if met == self.program.version else (met, *(era.version for era in self.state.eras if era.version > met))
        )

    @property
    def _versions(self) -> Versions:
        return Versions(self.program, eras=self.state.eras, arms=self.arms)

    def _commit_of(self, happenings: Sequence[Happening], **contents: Any) -> Commit:
        position = max((h.id for h in happenings if isinstance(h, Logged)), default=self.state.position)
        state = self.state
        number, version = state.commit + 1, self.program.version
        return Commit(state.epoch, number, position, version, state.visitors, **{"eras": state.eras, **contents})

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
            eras=commit.eras,
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
