"""Why a flow did or did not start or send, gathered from the store: traces, the visitor, and the programs that held."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import from_json

from engine.explanation import wording
from engine.explanation.moments import Teller, Told
from engine.explanation.parts import Part, Reading
from engine.explanation.present import Present, present, runs_now, triggers
from engine.library import ProgramLibrary
from engine.program import Program
from engine.traces import Record
from grammar.suggest import Suggestions
from variables.store import Shard, Wanted
from variables.values import Value, iso, moment

SHOWN = 5
"""Moments that are told, the newest ones."""
LOOKED_AT = 500
"""Traces of the visitor that are looked through for them."""


class NoSuchFlow(Exception):
    """Neither the program has a flow of this name, nor an earlier version that is remembered."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`summary`: the answer in a sentence. `lines`: how it stands now. `moments`: newest first.

    `since`: how far back traces are remembered (milliseconds). `version`: of the newest program; `gone`: the last one
    that had the flow, if the newest has not.
    """

    visitor: str
    flow: str
    version: int
    zone: str
    now: int
    summary: str = ""
    lines: Sequence[str] = ()
    moments: Sequence[Told] = ()
    present: Present | None = None
    since: int | None = None
    gone: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As the admin API gives it (docs/http.md)."""
        now = self.present
        return {
            "visitor": self.visitor,
            "flow": self.flow,
            "version": self.version,
            "gone": self.gone,
            "zone": self.zone,
            "summary": self.summary,
            "now": {
                "time": iso(moment(self.now)),
                "text": list(self.lines),
                "until": None if now is None or now.until is None else iso(moment(now.until)),
                **_condition(None if now is None else now.condition),
            },
            "moments": [
                {
                    "time": iso(moment(told.at)),
                    "happened": told.happened,
                    "version": told.version,
                    "came": told.came.value,
                    "text": list(told.lines),
                    "messages": list(told.messages),
                    **_condition(told.condition),
                }
                for told in self.moments
            ],
            "remembered_since": None if self.since is None else iso(moment(self.since)),
        }


def _condition(reading: Reading | None) -> dict[str, Any]:
    if reading is None:
        return {"condition": None, "holds": None, "parts": []}
    return {"condition": reading.text, "holds": reading.holds, "parts": [_part(part) for part in reading.parts]}


def _part(part: Part) -> dict[str, Any]:
    return {
        "text": part.text,
        "holds": part.holds,
        "decides": part.decides,
        "values": {name: _shown(value) for name, value in part.values.items()},
        "inside": [_part(each) for each in part.inside],
    }


def _shown(value: Value) -> Value:
    if isinstance(value, datetime):
        return iso(value)
    return value.total_seconds() if isinstance(value, timedelta) else value


class Explainer:
    """Explains the flows of one app."""

    def __init__(self, library: ProgramLibrary) -> None:
        self._library = library

    async def explain(self, shard: Shard, visitor: str, flow: str, now: int) -> Explanation:
        """Raises NoSuchFlow, StoreUnavailable."""
        newest = await self._library.newest()
        last = newest if flow in newest.flows else await self._last_with(flow, newest)
        if last is None:
            nearest = Suggestions().nearest(flow, newest.flows)
            raise NoSuchFlow(wording.no_such_flow(flow, nearest))
        [profile] = await shard.load([Wanted(visitor)])
        gone = None if last is newest else last.version
        explanation = Explanation(visitor, flow, newest.version, last.zone.key, now, gone=gone)
        if not profile.fields:
            return replace(explanation, summary=wording.never_seen(visitor))
        moments = [told async for told in self._moments(shard, visitor, flow)]
        oldest = await shard.oldest_trace()
        record = None if oldest is None else Record.read(oldest)
        since = None if record is None else record.now
        versions = await self._library.those_of(run.version for run in profile.runs.values())
        if gone is None:
            here = present(flow, profile, newest, versions, now)
            lines: Sequence[str] = here.lines
        else:
            here = None
            runs = [run for _, run in sorted(profile.runs.items()) if run.flow == flow]
            lines = [wording.gone(flow, last.version), *runs_now(runs, versions, newest)]
        summary = " ".join(moments[0].lines) if moments else self._nothing(flow, last, since, is_gone=gone is not None)
        return replace(explanation, summary=summary, lines=lines, moments=moments, present=here, since=since)

    def _nothing(self, flow: str, program: Program, since: int | None, *, is_gone: bool) -> str:
        said = None if since is None else wording.clock(since, program.zone)
        if is_gone:  # what would start it may have happened since, and was nothing to it any more
            return wording.nothing_remembered_of_gone(flow, said)
        return wording.nothing_remembered(flow, triggers(program.script.flows[program.flows[flow].order]), said)

    async def _moments(self, shard: Shard, visitor: str, flow: str) -> AsyncIterator[Told]:
        """Newest first."""
        texts = {message.id: from_json(message.body).get("text") for message in await shard.inbox(visitor)}
        programs: dict[int, Program] = {}
        teller = Teller(flow, programs, texts)
        shown = 0
        for raw in await shard.traces(visitor, LOOKED_AT):
            record = Record.read(raw)
            if record is None:
                continue
            decided = {decision.version or 0 for seen in record.rounds for decision in seen.decisions}
            programs.update(await self._library.those_of({record.version, *decided} - programs.keys()))
            told = teller.tell(visitor, record)
            if told is not None:
                yield told
                shown += 1
                if shown == SHOWN:
                    return

    async def _last_with(self, flow: str, newest: Program) -> Program | None:
        """The last version before the newest that had a flow."""
        for version in range(newest.version - 1, max(0, newest.version - LOOKED_BACK), -1):
            if await self._library.mentions(version, flow):
                program = await self._library.program(version)
                if flow in program.flows:
                    return program
        return None


LOOKED_BACK = 100
"""Versions in which a flow that is gone is looked for."""
