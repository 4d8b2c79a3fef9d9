"""A batch of happenings, folded: from what was read of the log, and the visitors' profiles, to what a commit writes.

No I/O.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

import structlog
from pydantic_core import to_json

from engine.decisions import Decision
from engine.instant import Versions
from engine.order import Happening
from engine.program import Program
from engine.step import Cause, Stepped, pass_time, step
from variables.items import BadItem, Batch, read_batch
from variables.profile import DUE, NUMBER, PROGRAM, Profile
from variables.runs import Run
from variables.store import Change, DeadLetter, EntryId, Logged, Message, Outgoing, Timer, Wanted

_Key = TypeVar("_Key")
_Thing = TypeVar("_Thing")
_NONE: Mapping[int, Program] = MappingProxyType({})
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
        self.trace: list[tuple[str, Decision]] = []
        """What was decided about whom, in order."""
        self.dead: list[DeadLetter] = []
        self._versions = versions
        self._happenings = happenings
        self._meeting = meeting
        self._batches: dict[int, Batch] = dict(self._read(happenings))
        self._loaded: dict[str, Profile] = {}
        self._profiles: dict[str, Profile] = {}

    def _read(self, happenings: Sequence[Happening]) -> Iterator[tuple[int, Batch]]:
        for place, happening in enumerate(happenings):
            if isinstance(happening, Logged) and happening.entry.is_batch:
                try:
                    yield place, read_batch(happening.entry.body)
                except Exception as error:
                    self._set_aside(str(happening.id), error, happening.entry.body)

    def wanted(self) -> Sequence[Wanted]:
        """The visitors concerned, each once, and the messages whose receipts are among the items."""
        wanted: dict[str, list[str]] = {visitor: [] for visitor in self._meeting}
        wanted.update((timer.visitor, []) for timer in self._happenings if isinstance(timer, Timer))
        for batch in self._batches.values():
            wanted.setdefault(batch.visitor, []).extend(batch.receipts())
        return [Wanted(visitor, tuple(dict.fromkeys(messages))) for visitor, messages in wanted.items()]

    def fold(self, profiles: Sequence[Profile], older: Mapping[int, Program] = _NONE) -> Iterator[None]:
        """Steps through the happenings in order; after each the caller may do something else for a while.

        `older`: the programs of the profiles' runs, by version.
        """
        self._versions = replace(self._versions, older=older)
        self._loaded = {profile.visitor: profile for profile in profiles}
        self._profiles = dict(self._loaded)
        for place, happening in enumerate(self._happenings):
            if isinstance(happening, Timer):
                self._pass_time(happening.visitor, EntryId(happening.due, 0))
            elif place in self._batches:
                self._fold_batch(happening, self._batches[place])
            else:
                for visitor in self._meeting:
                    self._pass_time(visitor, happening.id)
            yield

    # What happens to a visitor

    def _pass_time(self, visitor: str, until: EntryId) -> None:
        """What time alone has brought a visitor before a place in the log. What goes wrong does not come again."""
        try:
            for stepped in pass_time(self._profiles[visitor], until, self._versions):
                self._keep(stepped)
        except Exception as error:
            self._set_aside(f"{visitor} at {until.stamp}", error, b"")
            self._profiles[visitor] = self._profiles[visitor].armed(None)

    def _fold_batch(self, logged: Logged, batch: Batch) -> None:
        self._pass_time(batch.visitor, logged.id)
        for index in range(len(batch.items)):
            if index not in logged.entry.rejected:
                self._fold_item(logged, batch, index)

    def _fold_item(self, logged: Logged, batch: Batch, index: int) -> None:
        """One item. What goes wrong with it is set aside, and nobody else's items wait for it (promise 6)."""
        profile = self._profiles[batch.visitor]
        try:
            item = batch.item(index, logged.id.stamp, from_server=logged.entry.from_server)
            stepped = step(profile, item, Cause(logged.id, index), self._versions)
        except BadItem as bad:
            _log.debug("item not taken", entry=str(logged.id), index=index, code=bad.code)
        except Exception as error:
            self._set_aside(f"{logged.id} item {index}", error, logged.entry.body)
        else:
            if stepped.profile is not profile:
                self._keep(stepped)

    def _keep(self, stepped: Stepped) -> None:
        """Takes up what a step gave. Who is new gets the next number, however the log was cut in batches."""
        profile = stepped.profile
        if NUMBER not in profile.fields:
            born = {NUMBER: b"%d" % self.visitors, PROGRAM: b"%d" % self._versions.program.version}
            profile, self.visitors = profile.with_fields({**profile.fields, **born}), self.visitors + 1
        self._profiles[profile.visitor] = profile
        self.messages += stepped.messages
        self.outgoing += stepped.outgoing
        self.counts.update(conversion_count(run) for run in stepped.conversions)
        self.trace += [(profile.visitor, decision) for decision in stepped.trace]

    def _set_aside(self, where: str, error: Exception, body: bytes) -> None:
        _log.error("set aside", where=where, exc_info=error)
        self.dead.append(DeadLetter(where, repr(error), body))

    # What is different now

    def changes(self) -> Sequence[Change]:
        """Visitor by visitor; those to whom nothing happened are left out.

        A timer that fired is always written anew, also where the profile knows nothing of it: it would fire for ever.
        """
        loaded, fired = self._loaded, {one.visitor: one.number for one in self._happenings if isinstance(one, Timer)}
        return [
            _change(loaded[visitor], profile, fired.get(visitor))
            for visitor, profile in self._profiles.items()
            if profile is not loaded[visitor] or visitor in fired
        ]

    def added(self) -> Mapping[str, int]:
        """What to add to the shard's counters: conversions, and the runs that wait, by where they do."""
        added = Counter(self.counts)
        for visitor, profile in self._profiles.items():
            if profile.runs or self._loaded[visitor].runs:
                added.update(run_count(run) for run in profile.runs.values() if run.in_progress)
                added.subtract(run_count(run) for run in self._loaded[visitor].runs.values() if run.in_progress)
        return {name: more for name, more in added.items() if more}


def conversion_count(run: Run) -> str:
    """The name of the counter of a flow's conversions, arm by arm."""
    return to_json(["goal", run.flow, *run.arms]).decode()


def run_count(run: Run) -> str:
    """The name of the counter of the runs that wait at a step."""
    return to_json(["run", run.flow, run.version, run.at]).decode()


def _change(loaded: Profile, profile: Profile, fired: int | None) -> Change:
    """`fired`: the visitor's number, as the timer that fell due has it."""
    fields = _difference(loaded.fields, profile.fields)
    number = int(profile.fields[NUMBER]) if fired is None else fired
    return Change(
        profile.visitor,
        fields,
        {flow: tally for flow, tally in profile.tallies.items() if loaded.tallies.get(flow) != tally},
        _difference(loaded.runs, profile.runs),
        {id: status for id, status in profile.inbox.items() if status not in ("sent", loaded.inbox.get(id))},
        number if NUMBER not in loaded.fields else None,
        (number, profile.due) if DUE in fields or fired is not None else None,
    )


def _difference(before: Mapping[_Key, _Thing], after: Mapping[_Key, _Thing]) -> dict[_Key, _Thing | None]:
    written: dict[_Key, _Thing | None] = {key: thing for key, thing in after.items() if before.get(key) != thing}
    written.update((key, None) for key in before if key not in after)
    return written
