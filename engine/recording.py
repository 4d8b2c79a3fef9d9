"""What becomes a trace: the moments that could concern flows, out of the step's hands into records."""

from collections.abc import Sequence
from typing import Any

import msgpack

from engine.decisions import Decision, Outcome
from engine.passage import Round
from engine.place import Place
from engine.program import Occurrence, Program
from engine.running import Effects
from engine.traces import Raw
from variables.profile import Fields
from variables.values import milliseconds

LARGEST = 2_048
"""Bytes of a record; of a larger one, long values are left out."""
_LONGEST = (256, 32)
"""Bytes of the longest value that is not left out, at the first try and at the last."""
_LIMIT = Outcome.LIMIT  # to look it up in the class would take longer than all the rest of a decision
_pack = msgpack.Packer(unicode_errors="surrogatepass").pack


def recorded(what: str, rounds: Sequence[Round], effects: Effects, program: Program) -> bytes | None:
    """The record of an instant that was worked through (`engine/traces.py` says how it looks).

    None if no flow is concerned. `what` happened, as records have it; `program`: that held.
    """
    trace = effects.trace
    if not (trace or any(_concerns(each, program) for each in rounds)):
        return None
    if len(rounds) == 1:
        packed = [_round(rounds[0], trace, program)]
    else:
        ends = [0, *(decided for _, _, decided in rounds[:-1]), len(trace)]
        packed = [
            _round(each, trace[start:end], program) for each, start, end in zip(rounds, ends, ends[1:], strict=False)
        ]
    return _written(what, effects.place, rounds[0][0], packed, program)


def recorded_event(
    place: Place, occurrence: Occurrence, fields: Fields, decisions: Sequence[Decision], program: Program
) -> bytes:
    """The record of an event that flows wait for, under a program that compares nothing with what was before it."""
    return _written("track", place, occurrence, [_alone(occurrence, fields, decisions, program)], program)


def _written(
    what: str, place: Place, occurrence: Occurrence, rounds: Sequence[tuple[Any, ...]], program: Program
) -> bytes:
    entry, item = place
    record = (program.layout.mark, program.version, (*entry, item), what, _event(occurrence), rounds)
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
    fields = passage.after.profile.fields
    seq, values, told, _ = alone = _alone(occurrence, fields, decisions, program)
    if seq is not None and not program.compares:
        return alone
    keys = program.layout.keys
    earlier = passage.before.profile.fields
    before = {place: earlier.get(key) for place, key in enumerate(keys) if earlier.get(key) != values[place]}
    since = passage.before.at if passage.takes_time else None
    crossed = map(sorted, (occurrence.entered, occurrence.left, occurrence.changed))
    return seq, values, told, (before, since, passage.is_birth, occurrence.identify, *crossed)


def _alone(
    occurrence: Occurrence, fields: Fields, decisions: Sequence[Decision], program: Program
) -> tuple[int | None, Sequence[Raw], Sequence[Decision | str], None]:
    """A round without what was before it."""
    event = occurrence.event
    seq = None if event is None else event.seq
    told = [each.flow if each.outcome is _LIMIT and each.until is None else each for each in decisions]
    return seq, list(map(fields.get, program.layout.keys)), told, None


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
