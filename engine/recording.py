"""What becomes a trace: the moments that could concern flows, out of the step's hands into records."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgpack

from engine.decisions import Decision
from engine.instant import Round
from engine.program import Program
from variables.values import milliseconds

LARGEST = 2_048
"""Bytes of a record; of a larger one, long values are left out."""
_LONGEST = (256, 32)
"""Bytes of the longest value that is not left out, at the first try and at the last."""
_pack = msgpack.Packer(unicode_errors="surrogatepass").pack


class Moment(NamedTuple):
    """An instant of a visitor that was worked through. `what` and `data` (of an event, as JSON) are as records have them."""

    what: str
    place: str
    rounds: Sequence[Round]
    decisions: Sequence[Decision]
    data: bytes = b""


def recorded(moment: Moment, program: Program) -> bytes | None:
    """The record of a moment under a program (`engine/traces.py` says how it looks); None if no flow is concerned."""
    rounds = moment.rounds
    if not (moment.decisions or any(_concerns(each, program) for each in rounds)):
        return None
    track = rounds[0].occurrence.track
    event = None
    if track:
        event = (moment.data, milliseconds(track["track_event_time"]), track["track_event_count"])
    layout = program.layout
    if len(rounds) == 1:
        packed = [_round(rounds[0], moment.decisions, program)]
    else:
        packed, first = [], 0
        for each in rounds[:-1]:
            packed.append(_round(each, moment.decisions[first : each.decided], program))
            first = each.decided
        packed.append(_round(rounds[-1], moment.decisions[first:], program))
    record = (layout.mark, program.version, moment.place, moment.what, event, packed)
    written: bytes = _pack(record)
    for longest in _LONGEST:
        if len(written) <= LARGEST:
            break
        written = _pack(_shortened(record, longest))
    return written


def _concerns(each: Round, program: Program) -> bool:
    """Whether it could concern a flow, though nothing came of it. Time alone could not: it brings what it brings."""
    occurrence, passage = each.occurrence, each.passage
    if occurrence.event is not None and program.plan(occurrence.event).flows:
        return True
    if program.triggered(occurrence):
        return True
    if not program.edges.all or passage.takes_time:
        return False
    return passage.is_birth or not passage.changed.isdisjoint(program.layout.watched)


def _round(each: Round, decisions: Sequence[Decision], program: Program) -> tuple[Any, ...]:
    occurrence, passage = each.occurrence, each.passage
    keys, fields = program.layout.keys, passage.after.profile.fields
    values = list(map(fields.get, keys))
    seq = None if occurrence.event is None else occurrence.event.seq
    if occurrence.is_plain and not (program.edges.all or passage.takes_time):
        return seq, values, decisions, None
    earlier = passage.before.profile.fields
    before = {place: earlier.get(key) for place, key in enumerate(keys) if earlier.get(key) != values[place]}
    since = passage.before.at if passage.takes_time else None
    crossed = map(sorted, (occurrence.entered, occurrence.left, occurrence.changed))
    return seq, values, decisions, (before, since, passage.is_birth, occurrence.identify, *crossed)


def _shortened(record: tuple[Any, ...], longest: int) -> tuple[Any, ...]:
    """The record with the lengths of longer values in place of these."""

    def short(value: Any) -> Any:
        return len(value) if isinstance(value, bytes) and len(value) > longest else value

    *head, event, rounds = record
    shorter = []
    for seq, values, decisions, more in rounds:
        if more is not None:
            before, *rest = more
            more = ({place: short(value) for place, value in before.items()}, *rest)
        shorter.append((seq, list(map(short, values)), decisions, more))
    return *head, event and (short(event[0]), *event[1:]), shorter
