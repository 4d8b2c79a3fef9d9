"""What becomes a trace: the moments that could concern flows, out of the step's hands into records."""

from collections.abc import Sequence
from typing import Any

import msgpack

from engine.decisions import Decision
from engine.instant import Round
from engine.program import Occurrence, Program
from engine.running import Effects
from engine.traces import Raw
from variables.values import milliseconds

LARGEST = 2_048
"""Bytes of a record; of a larger one, long values are left out."""
_LONGEST = (256, 32)
"""Bytes of the longest value that is not left out, at the first try and at the last."""
_pack = msgpack.Packer(unicode_errors="surrogatepass").pack

Moment = tuple[str, Sequence[Round], Effects, Program]
"""An instant of a visitor that was worked through: what happened, as records have it, what came of it, and the program
that held.
"""


def recorded(moment: Moment) -> bytes | None:
    """The record of a moment (`engine/traces.py` says how it looks); None if no flow is concerned."""
    what, rounds, effects, program = moment
    trace = effects.trace
    if not (trace or any(_concerns(each, program) for each in rounds)):
        return None
    layout = program.layout
    if len(rounds) == 1:
        packed = [_round(rounds[0], trace, program)]
    else:
        ends = [0, *(decided for _, _, decided in rounds[:-1]), len(trace)]
        packed = [
            _round(each, trace[start:end], program) for each, start, end in zip(rounds, ends, ends[1:], strict=False)
        ]
    place = effects.place
    record = (layout.mark, program.version, (*place.entry, place.index), what, _event(rounds[0][0]), packed)
    written: bytes = _pack(record)
    if len(written) > LARGEST:
        written = _shortened(record)
    return written


def _concerns(each: Round, program: Program) -> bool:
    """Whether it could concern a flow, though nothing came of it. Of time alone nothing can be told but what came."""
    occurrence, passage, _ = each
    if occurrence.event is not None and program.plan(occurrence.event).flows:
        return True
    if program.triggered(occurrence):
        return True
    if not program.edges.all or passage.takes_time:
        return False
    return passage.is_birth or not passage.changed.isdisjoint(program.layout.watched)


def _event(occurrence: Occurrence) -> tuple[bytes, int, int] | None:
    """What flows read of the event."""
    track = occurrence.track
    if not track:
        return None
    return occurrence.data, milliseconds(track["track_event_time"]), track["track_event_count"]


def _round(each: Round, decisions: Sequence[Decision], program: Program) -> tuple[Any, ...]:
    occurrence, passage, _ = each
    keys, fields, event = program.layout.keys, passage.after.profile.fields, occurrence.event
    values = list(map(fields.get, keys))
    seq = None if event is None else event.seq
    if seq is not None and not (program.edges.all or program.borders or program.listens_to_changes):
        return seq, values, decisions, None
    earlier = passage.before.profile.fields
    before = {place: earlier.get(key) for place, key in enumerate(keys) if earlier.get(key) != values[place]}
    since = passage.before.at if passage.takes_time else None
    crossed = map(sorted, (occurrence.entered, occurrence.left, occurrence.changed))
    return seq, values, decisions, (before, since, passage.is_birth, occurrence.identify, *crossed)


def _shortened(record: tuple[Any, ...]) -> bytes:
    """The record with the lengths of long values in place of these."""
    *head, event, rounds = record
    written = b""
    for longest in _LONGEST:
        shorter = [_short_round(each, longest) for each in rounds]
        written = _pack((*head, event and (_short(event[0], longest), *event[1:]), shorter))
        if len(written) <= LARGEST:
            break
    return written


def _short_round(each: tuple[Any, ...], longest: int) -> tuple[Any, ...]:
    seq, values, decisions, more = each
    if more is not None:
        before, *rest = more
        more = ({place: _short(value, longest) for place, value in before.items()}, *rest)
    return seq, [_short(value, longest) for value in values], decisions, more


def _short(value: bytes | None, longest: int) -> Raw:
    return len(value) if value is not None and len(value) > longest else value
