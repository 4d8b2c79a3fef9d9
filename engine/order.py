"""Timers and items in one order: a timer due at t comes before an item stamped t (DESIGN.md section 4)."""

from collections.abc import Iterable, Sequence
from heapq import merge

from variables.store import Logged, Reading, Timer

Happening = Timer | Logged


def in_order(reading: Reading) -> Sequence[Happening]:
    """What of a reading may be taken now, in the one order that it will ever have.

    Where the reading was cut at its limit, what lies behind the cut could come in between: it waits for the next one.
    """
    entries: Iterable[Happening] = reading.entries
    timers: Iterable[Happening] = reading.timers
    if reading.more_timers:
        entries = [logged for logged in reading.entries if logged.id.stamp < reading.timers[-1].due]
    if reading.more_entries:
        timers = [timer for timer in reading.timers if timer.due <= reading.entries[-1].id.stamp]
    return list(merge(timers, entries, key=_place))


def _place(happening: Happening) -> tuple[int, int]:
    if isinstance(happening, Timer):
        return happening.due, 0
    return happening.id.stamp, 1
