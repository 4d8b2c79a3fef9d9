"""A visitor as people see them: variables, segments, runs and messages (DESIGN.md section 9, "Admin")."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from engine.program import Program
from variables.profile import Profile, without_reset_events
from variables.store import InboxMessage
from variables.values import Value, iso


def visitor_view(profile: Profile, inbox: Sequence[InboxMessage], program: Program, now: datetime) -> dict[str, Any]:
    """`{"visitor", "variables", "segments", "runs", "messages"}`: moments as ISO text, event data as JSON."""
    profile = without_reset_events(profile, program.resets)
    values = program.values(profile, now)
    return {
        "visitor": profile.visitor,
        "variables": {name: _shown(value) for name, value in values.items()},
        "segments": program.segments_of(profile, now),
        "runs": [],
        "messages": [{**from_json(message.body), "status": message.status} for message in inbox],
    }


def _shown(value: Value) -> Value:
    return iso(value) if isinstance(value, datetime) else value
