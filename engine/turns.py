"""When readings of the local clock turn: the next instant at which an hour, a day or a window may begin or end."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.functions import Window

DAY = 86_400
SECOND = timedelta(seconds=1)

HOURS = tuple(range(0, DAY, 3600))
DAYS = (0,)


def bounds_of(window: Window) -> tuple[int, ...]:
    """The times of day, in seconds, at which a window may begin or end; midnight is one, for the days differ."""
    return tuple(sorted({0, window.start * 60 % DAY, window.end * 60 % DAY}))


def next_turn(instant: datetime, bounds: tuple[int, ...], zone: ZoneInfo) -> datetime | None:
    """The first instant after `instant` at which the local clock shows one of the times of day, or is moved.

    `bounds`: seconds from midnight, rising. None at the end of the calendar.
    """
    try:
        local = instant.astimezone(zone)
        passed = local.hour * 3600 + local.minute * 60 + local.second
        later = bisect_right(bounds, passed)
        seconds = bounds[later] if later < len(bounds) else DAY + bounds[0]
        turn = instant + timedelta(seconds=seconds - passed, microseconds=-local.microsecond)
        offset = local.utcoffset()
        if turn.astimezone(zone).utcoffset() == offset:
            return turn
        return _moved(instant.replace(microsecond=0), turn, zone)
    except OverflowError:
        return None


def _moved(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second after `before` with another offset, which `after` has."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = (before + (after - before) // 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.astimezone(UTC)
