"""Reads the moments that a flow test writes: `YYYY-MM-DD HH:MM[:SS[.fff]][ ±HH:MM]`."""

import re
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ ]+([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?"
    r"(?:[ ]*([+-])([0-9]{2}):([0-9]{2}))?(?![\w.:-]|[ ]*\+)"
)
_LIKE_A_MOMENT = re.compile(r"[^\s#{]*(?:[ ]+[0-9][0-9:.]*)?(?:[ ]*[+-][0-9:]+)?")


def read_moment(text: str, start: int, end: int) -> tuple[datetime | None, int]:
    """The moment that is written at `start`, in UTC (None if there is none or no such day), and where it ends."""
    match = _MOMENT.match(text, start, end)
    if match is None:
        like = _LIKE_A_MOMENT.match(text, start, end)
        return None, like.end() if like else start
    *numbers, fraction, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    milliseconds = int((fraction or "0").ljust(3, "0"))
    try:
        zone = timezone(int(f"{sign or '+'}1") * timedelta(hours=int(hours or 0), minutes=_minutes(minutes)))
        local = datetime(year, month, day, hour, minute, second, milliseconds * 1000, zone)
        return local.astimezone(UTC), match.end()
    except (ValueError, OverflowError):
        return None, match.end()


def _minutes(text: str | None) -> int:
    """Minutes of an offset. Raises ValueError above 59."""
    minutes = int(text or 0)
    if minutes > 59:
        raise ValueError
    return minutes
