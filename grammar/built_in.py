"""Names that the language defines by its own expressions (LANGUAGE.md sections 3 and 4)."""

from grammar.diagnostics import Diagnostics
from grammar.nodes import Expression, Script
from grammar.source import Source
from grammar.syntax.parser import parse_expression


def _expression(text: str) -> Expression:
    parsed = parse_expression(Source("built in", text), Diagnostics())
    assert parsed is not None
    return parsed


DERIVED = {
    "is_online": _expression("now - last_seen_time < 2m"),
    "is_anonymous_user": _expression("ent_user_id is None"),
}
"""Names that stand for an expression over others (LANGUAGE.md section 4)."""
BUILT_IN_SEGMENTS = {
    "online": _expression("is_online"),
    "new": _expression("first_seen_time >= today()"),
    "active": _expression("now - last_seen_time < 30d"),
}


def segments_of(script: Script) -> dict[str, Expression]:
    """The condition of each segment that a program may name: those that are built in, and its own."""
    return {**BUILT_IN_SEGMENTS, **{segment.name: segment.condition for segment in script.segments}}
