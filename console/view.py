"""A visitor as people see them: variables, segments, runs and messages (DESIGN.md section 9, "Admin")."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from engine.program import Program
from variables.profile import Profile, without_reset_events
from variables.runs import Run
from variables.store import InboxMessage
from variables.values import Value, iso, moment


def visitor_view(
    profile: Profile, inbox: Sequence[InboxMessage], program: Program, versions: Mapping[int, Program], now: datetime
) -> dict[str, Any]:
    """`{"visitor", "variables", "segments", "runs", "messages"}`: moments as ISO text, event data as JSON.

    `program` is the newest; `versions` are those of the visitor's runs that can be had.
    """
    profile = without_reset_events(profile, program.resets)
    values = program.values(profile, now)
    return {
        "visitor": profile.visitor,
        "variables": {name: _shown(value) for name, value in values.items()},
        "segments": program.segments_of(profile, now),
        "runs": [_run(run, versions.get(run.version)) for _, run in sorted(profile.runs.items())],
        "messages": [{**from_json(message.body), "status": message.status} for message in inbox],
    }


def _run(run: Run, program: Program | None) -> dict[str, Any]:
    """A run: at which step it waits, since when and until when. Without a step it has ended, and its goal may come."""
    step = None if run.at is None or program is None else program.place(run.flow, run.at)
    return {
        "flow": run.flow,
        "version": run.version,
        "started": _instant(run.started),
        "step": None if step is None else asdict(step),
        "since": _instant(run.since),
        "due": _instant(run.due),
        "goal_until": _instant(run.goal),
        "arms": list(run.arms),
    }


def _instant(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(moment(milliseconds))


def _shown(value: Value) -> Value:
    return iso(value) if isinstance(value, datetime) else value
