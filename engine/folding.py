"""A batch of happenings, folded: from what was read of the log, and the visitors' profiles, to what a commit writes.

No I/O.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

import structlog
from pydantic_core import to_json

from engine.instant import Versions
from engine.order import Happening
from engine.place import Place
from engine.program import Program
from engine.step import Stepped, pass_time, step
from variables.items import BadItem, Batch, read_batch
from variables.profile import DUE, NUMBER, PROGRAM, Profile
from variables.runs import Run
from variables.store import Change, DeadLetter, EntryId, Logged, Message, Outgoing, Timer, Trace, Wanted

_Key = TypeVar("_Key")
_Thing = TypeVar("_Thing")
_NONE: Mapping[int, Program] = MappingProxyType({})
_NOTHING: Mapping[Any, Any] = MappingProxyType({})
_log = structlog.get_logger(__name__)


class Folding:
    """Give it happenings and the program that holds for them, load `wanted`, call `fold`, then take what came of it.

    `meeting`: the visitors who are to meet the program, if the one happening is an entry that says so.
    """

    def __init__(
        self, happenings: Sequence[Happening], versions: Versions, visitors: int, meeting: Sequence[str] = ()
    ) -> None:
        self.visitors = visitors
        """How many visitor numbers have been given out."""
        self.messages: list[Message] = []
        self.outgoing: list[Outgoing] = []
        self.counts: Counter[str] = Counter()
        self.traces: list[Trace] = []
        """What was decided about whom and why, in order, as it is recorded."""
        self.dead: list[DeadLetter] = []
        self.done = 0
        """How many of the happenings have been folded to their end."""
        self._versions = versions
        self._version = b"%d" % versions.program.version
        self._happenings = happenings
        self._meeting = meeting
        self._unreadable: dict[int, Exception] = {}
        self._batches: dict[int, Batch] = dict(self._read(happenings))
        self._loaded: dict[str, Profile] = {}
        self._profiles: dict[str, Profile] = {}
        self._fired: set[str] = set()
        """Visitors whose timer is among the happenings."""
        self._stuck: dict[str, bytes | None] = {}
        """Visitors with whom time could not go on, and when their timer was due."""
        self._astray: list[Change] = []
        """The ends of timers that are nobody's."""

    def _read(self, happenings: Sequence[Happening]) -> Iterator[tuple[int, Batch]]:
        for place, happening in enumerate(happenings):
            if isinstance(happening, Logged) and happening.entry.is_batch:
                try:
                    yield place, read_batch(happening.entry.body)
                except Exception as error:
                    self._unreadable[place] = error

    def wanted(self) -> Sequence[Wanted]:
        """The visitors concerned, each once, and the messages whose receipts are among the items."""
        wanted: dict[str, tuple[str, ...]] = dict.fromkeys(self._meeting, ())
        wanted.update((timer.visitor, ()) for timer in self._happenings if isinstance(timer, Timer))
        for batch in self._batches.values():
            wanted.setdefault(batch.visitor, ())
            receipts = batch.receipts()
            if receipts:
                wanted[batch.visitor] = tuple(dict.fromkeys((*wanted[batch.visitor], *receipts)))
        return [Wanted(visitor, messages) for visitor, messages in wanted.items()]

    def fold(self, profiles: Sequence[Profile], older: Mapping[int, Program] = _NONE) -> Iterator[None]:
        """Steps through the happenings in order; after each step the caller may do something else, or stop.

        Who stops commits what came of it so far, and folds what is not `done` after that: time has then gone on for
        some visitors already, as if their timers had been read by themselves.

        `older`: the programs of the profiles' runs, by version.
        """
        self._versions = replace(self._versions, older=older)
        self._loaded = {profile.visitor: profile for profile in profiles}
        self._profiles = dict(self._loaded)
        for place, happening in enumerate(self._happenings):
            if isinstance(happening, Timer):
                yield from self._fire(happening)
            elif (batch := self._batches.get(place)) is not None:
                if self._is_behind(batch.visitor):
                    yield from self._pass_time(batch.visitor, happening.id)
                self._fold_batch(happening, batch)
            elif place in self._unreadable:
                self._set_aside(str(happening.id), self._unreadable[place], happening.entry.body)
            else:
                for visitor in self._meeting:
                    yield from self._pass_time(visitor, happening.id)
            self.done = place + 1
            yield

    # What happens to a visitor

    def _fire(self, timer: Timer) -> Iterator[None]:
        """One of somebody whose profile is gone, or was begun anew, comes to its end; so does one that is nobody's.

        One that was set anew after it was read does nothing: not even a program is met at an instant that follows from
        no log.
        """
        fields = self._profiles[timer.visitor].fields
        if not timer.visitor:
            self._set_aside(f"timer of number {timer.number} at {timer.due}", ValueError("it is nobody's number"), b"")
        if fields.get(NUMBER) != b"%d" % timer.number:
            self._astray.append(Change(timer.visitor, timer=(timer.number, None)))
            return
        self._fired.add(timer.visitor)
        due = fields.get(DUE)
        if due == b"%d" % timer.due or not (due is None or due.isdigit()):
            yield from self._pass_time(timer.visitor, EntryId(timer.due, 0))

    def _pass_time(self, visitor: str, until: EntryId) -> Iterator[None]:
        """What time alone has brought a visitor before a place in the log. What fails is tried again with an item."""
        try:
            for stepped in pass_time(self._profiles[visitor], until, self._versions):
                self._keep(stepped)
                yield
        except Exception as error:
            profile = self._profiles[visitor]
            self._stuck[visitor] = profile.fields.get(DUE)
            self._set_aside(f"timer of {visitor} up to {until.stamp}", error, _shown(profile))

    def _is_behind(self, visitor: str) -> bool:
        """Whether time alone may have brought a visitor something, or a program is to be met."""
        fields = self._profiles[visitor].fields
        return DUE in fields or (PROGRAM in fields and fields[PROGRAM] != self._version)

    def _fold_batch(self, logged: Logged, batch: Batch) -> None:
        """Item by item. What goes wrong with one is set aside, and nobody else's items wait for it (promise 6)."""
        id, entry = logged.id, logged.entry
        for index in range(len(batch.items)):
            if index in entry.rejected:
                continue
            profile = self._profiles[batch.visitor]
            try:
                item = batch.item(index, id.stamp, entry.from_server)
                stepped = step(profile, item, Place(id, index + 1), self._versions)
                if stepped.profile is not profile:
                    self._keep(stepped)
            except BadItem as bad:
                _log.debug("item not taken", entry=str(id), index=index, code=bad.code)
            except Exception as error:
                self._set_aside(f"{id} item {index}", error, entry.body)

    def _keep(self, stepped: Stepped) -> None:
        """Takes up what a step gave. Who is new gets the next number, however the log was cut in batches."""
        profile = stepped.profile
        if NUMBER not in profile.fields:
            born = {NUMBER: b"%d" % self.visitors, PROGRAM: self._version}
            profile, self.visitors = profile.with_fields({**profile.fields, **born}), self.visitors + 1
        self._profiles[profile.visitor] = profile
        if stepped.messages:
            self.messages += stepped.messages
        if stepped.outgoing:
            self.outgoing += stepped.outgoing
        if stepped.conversions:
            self.counts.update(conversion_count(run) for run in stepped.conversions)
        if stepped.record is not None:
            self.traces.append(Trace(profile.visitor, stepped.record))

    def _set_aside(self, where: str, error: Exception, body: bytes) -> None:
        _log.error("set aside", where=where, exc_info=error)
        self.dead.append(DeadLetter(where, repr(error), body))

    # What is different now

    def changes(self) -> Sequence[Change]:
        """Visitor by visitor; those to whom nothing happened are left out."""
        changes = list(self._astray)
        for visitor, profile in self._profiles.items():
            loaded = self._loaded[visitor]
            if profile is not loaded or visitor in self._fired:
                change = self._change(profile, loaded)
                if change is not None:
                    changes.append(change)
        return changes

    def _change(self, profile: Profile, loaded: Profile) -> Change | None:
        """Nothing of a profile whose number somebody has spoilt: nobody could find its timer again."""
        raw = profile.fields[NUMBER]
        if not raw.isdigit():
            self._set_aside(profile.visitor, ValueError(f"{raw!r} is no visitor's number"), _shown(profile))
            return None
        return Change(
            profile.visitor,
            _difference(loaded.fields, profile.fields),
            _NOTHING if profile.tallies is loaded.tallies else profile.tallies.new,
            _NOTHING if profile.runs is loaded.runs else _difference(loaded.runs, profile.runs),
            _NOTHING if profile.inbox is loaded.inbox else _new_statuses(loaded.inbox, profile.inbox),
            int(raw) if NUMBER not in loaded.fields else None,
            self._timer(profile, loaded, raw),
        )

    def _timer(self, profile: Profile, loaded: Profile, number: bytes) -> tuple[int, int | None] | None:
        """A timer that fired is written in any case, so that none can fire for ever."""
        visitor, due = profile.visitor, profile.fields.get(DUE)
        if visitor in self._stuck and self._stuck[visitor] == due:
            return int(number), None
        if due != loaded.fields.get(DUE) or visitor in self._fired:
            return int(number), profile.due
        return None

    def added(self) -> Mapping[str, int]:
        """What to add to the shard's counters: conversions, and the runs that wait, by where they do."""
        waiting: Counter[tuple[str, int, int]] = Counter()
        for visitor, profile in self._profiles.items():
            before = self._loaded[visitor]
            if profile.runs is not before.runs:
                waiting.update(_places(profile.runs))
                waiting.subtract(_places(before.runs))
        more = {run_count(*place): number for place, number in waiting.items() if number}
        return {**self.counts, **more}


def conversion_count(run: Run) -> str:
    """The name of the counter of a flow's conversions, arm by arm."""
    return to_json(["goal", run.flow, *run.arms]).decode()


def run_count(flow: str, version: int, step: int) -> str:
    """The name of the counter of the runs that wait at a step."""
    return to_json(["run", flow, version, step]).decode()


def _places(runs: Mapping[str, Run]) -> list[tuple[str, int, int]]:
    """Where those wait that are in progress."""
    return [(run.flow, run.version, run.at) for run in runs.values() if run.at is not None]


def _shown(profile: Profile) -> bytes:
    """A profile as whoever looks into what went wrong wants to see it: JSON."""
    fields = {key.decode(errors="replace"): raw.decode(errors="replace") for key, raw in profile.fields.items()}
    runs = {id: run.write().decode(errors="replace") for id, run in profile.runs.items()}
    return to_json({"visitor": profile.visitor, "fields": fields, "runs": runs})


def _new_statuses(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Those that are to be written; of a message that was sent nothing is, and it may have been read since."""
    return {id: status for id, status in after.items() if status not in ("sent", before.get(id))}


def _difference(before: Mapping[_Key, _Thing], after: Mapping[_Key, _Thing]) -> Mapping[_Key, _Thing | None]:
    if before is after:
        return _NOTHING
    known = before.get
    written: dict[_Key, _Thing | None] = {key: thing for key, thing in after.items() if known(key) != thing}
    if not before.keys() <= after.keys():
        written.update((key, None) for key in before if key not in after)
    return written
