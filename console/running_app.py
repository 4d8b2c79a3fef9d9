"""One app in this process: its shards, its programs, and what people do to it: apply a program, look at a visitor."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from console.explanation import Explainer, Explanation
from console.runs_in_progress import Waiting, conversions, waiting
from console.view import visitor_view
from engine.library import ProgramLibrary
from engine.program import Program
from grammar.program import Checked, read_files
from variables.apps import App, AppStore, StoredProgram
from variables.catalogue import Catalogue
from variables.redis_store import RedisShard
from variables.shards import ListenedShard, Shards
from variables.store import DeadLetter, EntryId, NoSuchProgram, Standing, StoreUnavailable, Wanted, WrongKey
from variables.values import moment

FOLD_PATIENCE = 30.0
"""Seconds that applying a program waits for the shards to have it."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reassigned:
    """An event whose SEQ had another UUID in the program before: its variables would mix two events."""

    seq: int
    before: str
    after: str


class ReassignedEvents(Exception):
    """Applying was refused because SEQs would get other UUIDs; nothing was stored."""

    def __init__(self, events: Sequence[Reassigned]) -> None:
        self.events = events
        super().__init__("; ".join(f"event {e.seq} had the UUID {e.before}, and would get {e.after}" for e in events))


class InvalidProgram(Exception):
    """Applying was refused because the program has errors; nothing was stored."""

    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        super().__init__(f"{len(checked.diagnostics)} diagnostics")


@dataclass(frozen=True, slots=True)
class Applied:
    """`folded`: whether every shard runs the version now; if not (no processor is up) it will when one is."""

    version: int
    checked: Checked
    folded: bool
    runs: Sequence[Waiting]
    """Where runs were in progress, with their lines."""
    gone: Sequence[str]
    """Flows that had some, and that the program has no more."""


@dataclass(frozen=True, slots=True)
class ShardsStanding:
    """How many things were set aside, how many shards nobody has and each processor has, and what stops which shard."""

    dead_letters: int
    unowned: int
    owners: Mapping[str, int]
    trouble: Mapping[int, str]


async def _stands(shard: RedisShard) -> tuple[Standing, int]:
    try:
        return await shard.standing(), await shard.dead_letters()
    except WrongKey as broken:
        return Standing(None, str(broken)), 0


class RunningApp:
    """What this process has of one app. `look_by` has ingest look at items by a catalogue from now on."""

    def __init__(
        self, app: App, store: AppStore, shards: Shards, zone: str, look_by: Callable[[Catalogue], None]
    ) -> None:
        self.app = app
        self.shards = shards
        self.library = ProgramLibrary(store, app.name)
        self._store = store
        self._zone = zone
        self._look_by = look_by

    async def refresh(self) -> None:
        """Takes up the newest program, and sees to it that every shard has heard of it."""
        try:
            newest = await self.library.newest()
        except NoSuchProgram as error:  # somebody took it away: the next one that is applied mends it
            _log.error("no newest program", app=self.app.name, reason=str(error))
            return
        self._look_by(newest.catalogue)
        await self._announce(newest.version)

    async def _announce(self, version: int) -> list[tuple[ListenedShard, EntryId]]:
        """Says in each shard's log that a version holds from here on, where that was not said before."""
        if version == 0:
            return []
        ids = await asyncio.gather(*(shard.store.append_program(version) for shard in self.shards))
        return [(shard, id) for shard, id in zip(self.shards, ids, strict=True) if id is not None]

    async def apply(
        self,
        files: Sequence[tuple[str, bytes]],
        *,
        reset: bool = False,
        stop_runs: bool = False,
        say: Callable[[Sequence[Waiting], Sequence[str]], None] = lambda runs, gone: None,
    ) -> Applied:
        """Makes a program the app's newest; answers when every shard runs it.

        The runs of flows that it has no more go on, or end with its coming (`stop_runs`). Before anything is stored,
        `say` is told where runs are, and which flows that have some are gone.
        Raises InvalidProgram, ReassignedEvents (unless `reset`), StoreUnavailable.
        """
        checked = await asyncio.to_thread(read_files, files)
        if not checked.ok:
            raise InvalidProgram(checked)
        await asyncio.to_thread(Program.build, checked.script)  # should that fail, then here and not in the shards
        texts = tuple((name, data.decode("utf-8-sig")) for name, data in files)
        runs = await self._placed(await self.runs())
        gone = sorted({run.flow for run in runs} - {flow.name for flow in checked.script.flows})
        say(runs, gone)
        while True:
            newest = await self._store.newest(self.app.name)
            before = await self._stored(newest)
            if newest and before.files == texts and not (stop_runs and gone):
                version: int | None = newest
            else:
                stored = self._next(before, newest + 1, texts, checked, reset=reset)
                if stop_runs:
                    stops = {**before.stops, **dict.fromkeys(gone, newest + 1)}
                    stored = stored.model_copy(update={"stops": stops})
                version = await self._store.add_program(self.app.name, newest, stored)
            if version is not None:
                break
        await self._announce(version)
        self._look_by((await self.library.program(version)).catalogue)
        folded = await asyncio.gather(*(self._folds(shard, version) for shard in self.shards))
        return Applied(version, checked, all(folded), runs, gone)

    async def runs(self) -> Sequence[Waiting]:
        """Where the runs in progress are."""
        return waiting(await self._counts())

    async def _placed(self, runs: Sequence[Waiting]) -> Sequence[Waiting]:
        """The same, with the lines at which they wait, as far as the text of their versions can be had."""
        versions = await self.library.those_of(each.version for each in runs)
        return [
            replace(each, place=versions[each.version].place(each.flow, each.step))
            if each.version in versions
            else each
            for each in runs
        ]

    async def conversions(self) -> Sequence[tuple[str, str, int]]:
        """Flows, the arms that their runs went through, and how many of these reached the goal."""
        return conversions(await self._counts())

    async def _counts(self) -> Sequence[Mapping[str, int]]:
        return await asyncio.gather(*(shard.store.counts() for shard in self.shards))

    async def _folds(self, shard: ListenedShard, version: int) -> bool:
        """Waits until a shard runs this version or a later one; False after FOLD_PATIENCE seconds."""
        try:
            async with asyncio.timeout(FOLD_PATIENCE):
                with shard.news.commits() as committed:
                    while await shard.store.program() < version:
                        if shard.news.over:
                            return False
                        await committed.wait()
                        committed.clear()
        except (TimeoutError, StoreUnavailable):
            return False
        return True

    def _next(
        self, before: StoredProgram, version: int, files: tuple[tuple[str, str], ...], checked: Checked, *, reset: bool
    ) -> StoredProgram:
        had = before.uuids
        reassigned = [
            Reassigned(event.seq, had[event.seq], event.uuid)
            for event in checked.script.events
            if had.get(event.seq, event.uuid) != event.uuid
        ]
        if reassigned and not reset:
            raise ReassignedEvents(reassigned)
        resets = {**before.resets, **{event.seq: version for event in reassigned}}
        uuids = {**had, **{event.seq: event.uuid for event in checked.script.events}}
        return StoredProgram(files=files, zone=self._zone, resets=resets, stops=before.stops, uuids=uuids)

    async def program_text(self) -> tuple[int, str]:
        """The newest version and its text."""
        version = await self.newest()
        return version, (await self._stored(version)).text

    async def newest(self) -> int:
        """The newest version."""
        return await self._store.newest(self.app.name)

    async def _stored(self, version: int) -> StoredProgram:
        """A version; an empty one where somebody took it away, so that another can be applied."""
        try:
            return await self._store.program(self.app.name, version)
        except NoSuchProgram as error:
            _log.error("no such program", app=self.app.name, reason=str(error))
            return StoredProgram()

    async def standing(self) -> "ShardsStanding":
        """How the shards stand. A key that somebody spoilt is said with its shard."""
        found = await asyncio.gather(*(_stands(shard.store) for shard in self.shards))
        return ShardsStanding(
            sum(letters for _, letters in found),
            sum(standing.holder is None for standing, _ in found),
            dict(Counter(standing.holder for standing, _ in found if standing.holder is not None)),
            {number: standing.trouble for number, (standing, _) in enumerate(found) if standing.trouble is not None},
        )

    async def dead_letters(self, count: int) -> Sequence[tuple[int, DeadLetter]]:
        """The last things that were set aside, newest first, each with when (milliseconds)."""
        found = await asyncio.gather(*(shard.store.newest_dead_letters(count) for shard in self.shards))
        return sorted((letter for letters in found for letter in letters), key=lambda at: -at[0])[:count]

    async def explanation(self, visitor: str, flow: str) -> Explanation:
        """Why a flow did or did not start or send for a visitor. Raises NoSuchFlow, StoreUnavailable."""
        shard = self.shards.of(visitor).store
        return await Explainer(self.library).explain(shard, visitor, flow, int(time.time() * 1000))

    async def visitor(self, visitor: str) -> dict[str, Any]:
        """The visitor's view; one who was never there is an empty one. Raises StoreUnavailable."""
        shard = self.shards.of(visitor).store
        [profile] = await shard.load([Wanted(visitor)])
        inbox = await shard.inbox(visitor)
        versions = await self.library.those_of(run.version for run in profile.runs.values())
        newest = await self._program(await self.newest())
        return visitor_view(profile, inbox, newest, versions, moment(int(time.time() * 1000)))

    async def _program(self, version: int) -> Program:
        try:
            return await self.library.program(version)
        except NoSuchProgram:
            return await self.library.program(0)
