"""A batch of happenings, folded: from what was read of the log, and the visitors' profiles, to what a commit writes.

No I/O.
"""

from collections.abc import Iterator, Mapping, Sequence

import structlog

from engine.order import Happening
from engine.program import Program
from engine.step import Cause, Decision, Stepped, step
from variables.items import BadItem, Batch, read_batch
from variables.profile import NUMBER, Profile, without_reset_events
from variables.store import Change, DeadLetter, Logged, Message, Timer, Wanted

_log = structlog.get_logger(__name__)


class Folding:
    """Give it happenings and the program that holds for them, load `wanted`, call `fold`, then take what came of it."""

    def __init__(self, happenings: Sequence[Happening], program: Program, visitors: int) -> None:
        self.visitors = visitors
        """How many visitor numbers have been given out."""
        self.messages: list[Message] = []
        self.trace: list[tuple[str, Decision]] = []
        """What was decided about whom, in order."""
        self.dead: list[DeadLetter] = []
        self._program = program
        self._happenings = happenings
        self._batches: dict[int, Batch] = dict(self._read(happenings))
        self._loaded: dict[str, Profile] = {}
        self._profiles: dict[str, Profile] = {}
        self._changed: dict[str, None] = {}
        self._fired: dict[str, Timer] = {}

    def _read(self, happenings: Sequence[Happening]) -> Iterator[tuple[int, Batch]]:
        for place, happening in enumerate(happenings):
            if isinstance(happening, Logged) and happening.entry.program is None:
                try:
                    yield place, read_batch(happening.entry.body)
                except Exception as error:
                    self._set_aside(happening, str(happening.id), error)

    def wanted(self) -> Sequence[Wanted]:
        """The visitors concerned, each once, and the messages whose receipts are among the items."""
        wanted: dict[str, list[str]] = {t.visitor: [] for t in self._happenings if isinstance(t, Timer)}
        for batch in self._batches.values():
            wanted.setdefault(batch.visitor, []).extend(batch.receipts())
        return [Wanted(visitor, tuple(dict.fromkeys(messages))) for visitor, messages in wanted.items()]

    def fold(self, profiles: Sequence[Profile]) -> Iterator[None]:
        """Steps through the happenings in order; after each the caller may do something else for a while."""
        self._loaded = {profile.visitor: profile for profile in profiles}
        self._profiles = dict(self._loaded)
        for place, happening in enumerate(self._happenings):
            if isinstance(happening, Timer):
                self._fired[happening.visitor] = happening
            elif place in self._batches:
                self._fold_batch(happening, self._batches[place])
            yield

    def _fold_batch(self, logged: Logged, batch: Batch) -> None:
        for index in range(len(batch.items)):
            if index not in logged.entry.rejected:
                self._fold_item(logged, batch, index)

    def _fold_item(self, logged: Logged, batch: Batch, index: int) -> None:
        """One item. What goes wrong with it is set aside, and nobody else's items wait for it (promise 6)."""
        before = self._profiles[batch.visitor]
        profile = without_reset_events(before, self._program.resets)
        try:
            item = batch.item(index, logged.id.stamp, from_server=logged.entry.from_server)
            stepped = step(profile, item, Cause(logged.id, index), self._program)
        except BadItem as bad:
            _log.debug("item not taken", entry=str(logged.id), index=index, code=bad.code)
        except Exception as error:
            self._set_aside(logged, f"{logged.id} item {index}", error)
        else:
            self._keep(before, profile, stepped)

    def _keep(self, before: Profile, profile: Profile, stepped: Stepped) -> None:
        """Takes up what a step gave. Whoever changes first gets the next number, however the log was cut in batches."""
        nothing_taken = stepped.profile is profile and not before.fields
        if stepped.profile is before or nothing_taken:
            return
        self._profiles[before.visitor] = stepped.profile
        self._changed.setdefault(before.visitor)
        self.messages += stepped.messages
        self.trace += [(before.visitor, decision) for decision in stepped.trace]

    def _set_aside(self, logged: Logged, where: str, error: Exception) -> None:
        _log.error("set aside", where=where, exc_info=error)
        self.dead.append(DeadLetter(where, repr(error), logged.entry.body))

    def changes(self) -> Sequence[Change]:
        """What is different now, visitor by visitor. A visitor who is new gets the next number."""
        return [self._change(visitor) for visitor in {**self._changed, **dict.fromkeys(self._fired)}]

    def _change(self, visitor: str) -> Change:
        profile, loaded, fired = self._profiles[visitor], self._loaded[visitor], self._fired.get(visitor)
        fields = _difference(loaded.fields, profile.fields)
        number = None
        if visitor in self._changed and NUMBER not in profile.fields:
            number, self.visitors = self.visitors, self.visitors + 1
            fields[NUMBER] = b"%d" % number
        return Change(
            visitor,
            fields,
            {flow: starts for flow, starts in profile.starts.items() if loaded.starts.get(flow) != starts},
            {id: status for id, status in profile.inbox.items() if status not in ("sent", loaded.inbox.get(id))},
            number,
            None if fired is None else (fired.number, None),
        )


def _difference(before: Mapping[bytes, bytes], after: Mapping[bytes, bytes]) -> dict[bytes, bytes | None]:
    written: dict[bytes, bytes | None] = {key: raw for key, raw in after.items() if before.get(key) != raw}
    written.update((key, None) for key in before if key not in after)
    return written
