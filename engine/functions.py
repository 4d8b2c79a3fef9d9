"""The language's functions (LANGUAGE.md section 5), each total.

A null or unlike operand gives null, or False where the answer is yes or no.

Zones, windows, days, formats and patterns are literals in the language; the generator hands them over already prepared.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from engine.operators import NUMBER, finite
from grammar import literals
from variables.values import EPOCH, Value, iso

# Texts and lists ------------------------------------------------------------------------------------------------------


def length(value: Value) -> int | None:
    return len(value) if isinstance(value, str | list | dict) else None


def lower(value: Value) -> str | None:
    return value.lower() if isinstance(value, str) else None


def upper(value: Value) -> str | None:
    return value.upper() if isinstance(value, str) else None


def strip(value: Value) -> str | None:
    return value.strip() if isinstance(value, str) else None


def starts_with(value: Value, prefix: Value) -> bool:
    return isinstance(value, str) and isinstance(prefix, str) and value.startswith(prefix)


def ends_with(value: Value, suffix: Value) -> bool:
    return isinstance(value, str) and isinstance(suffix, str) and value.endswith(suffix)


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def search(self, text: str) -> object | None: ...


def matches(value: Value, pattern: Pattern) -> bool:
    return isinstance(value, str) and pattern.search(value) is not None


# Numbers --------------------------------------------------------------------------------------------------------------


def absolute(value: Value) -> Value:
    if not isinstance(value, int | float | timedelta):
        return None
    try:
        return abs(value)
    except OverflowError:
        return None


def least(*values: Value) -> Value:
    return _extreme(min, values)


def greatest(*values: Value) -> Value:
    return _extreme(max, values)


def _extreme(choose: Any, values: tuple[Value, ...]) -> Value:
    members = values[0] if len(values) == 1 else values
    if not isinstance(members, list | tuple) or any(member is None for member in members):
        return None
    try:
        return choose(members)
    except (TypeError, ValueError):
        return None


def rounded(value: Value, digits: int | None = None) -> Value:
    if not isinstance(value, NUMBER):
        return None
    try:
        return finite(round(value, digits))
    except (OverflowError, ValueError):
        return None


def to_int(value: Value) -> int | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        return _long_int(value) if isinstance(value, str) and len(value) > 100 else int(value)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)  # the time it takes grows with the square of the length, and a condition may ask often
def _long_int(text: str) -> int:
    return int(text)


def to_float(value: Value) -> Value:
    if not isinstance(value, int | float | str):
        return None
    try:
        return finite(float(value))
    except (ValueError, OverflowError):
        return None


# Moments --------------------------------------------------------------------------------------------------------------


def to_datetime(value: Value, zone: ZoneInfo) -> datetime | None:
    """ISO text (in the zone where it names no offset), unix seconds, or a moment as it is."""
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return _from_iso(value, zone)
        if isinstance(value, NUMBER) and not isinstance(value, bool):
            return EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError):
        return None
    return None


def _from_iso(text: str, zone: ZoneInfo) -> datetime | None:
    found = literals.moment(text)
    if found is None:
        return None
    local, ahead = found
    return local.replace(tzinfo=zone).astimezone(UTC) if ahead is None else local.replace(tzinfo=UTC) - ahead


def _local(value: Value, zone: ZoneInfo) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    try:
        return value.astimezone(zone)
    except (OverflowError, ValueError):
        return None


def day_start(value: Value, zone: ZoneInfo) -> datetime | None:
    """The first instant, in the zone, of the day that a moment (or what `to_datetime` takes for one) lies on."""
    local = _local(to_datetime(value, zone), zone)
    if local is None:
        return None
    midnight = datetime.combine(local.date(), time(), zone)
    try:
        start = midnight.astimezone(UTC)
        skipped = start.astimezone(zone).replace(tzinfo=None) != midnight.replace(tzinfo=None)
        return _first_instant(midnight, zone) if skipped else start
    except OverflowError:
        return None


@lru_cache(maxsize=256)  # on such a day the search would be made again by every condition of every visitor
def _first_instant(midnight: datetime, zone: ZoneInfo) -> datetime:
    """Of a day whose midnight the clock skips: the instant of the skip, between the two readings of that midnight."""
    before, after = midnight.replace(fold=1).astimezone(UTC), midnight.astimezone(UTC)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).date() < midnight.date():
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def hour(value: Value, zone: ZoneInfo) -> int | None:
    local = _local(value, zone)
    return None if local is None else local.hour


def weekday(value: Value, zone: ZoneInfo) -> int | None:
    """1 = Monday."""
    local = _local(value, zone)
    return None if local is None else local.isoweekday()


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the local wall clock on some days (LANGUAGE.md section 5, "Windows"); minutes from midnight.

    `days`: 1 = Monday. Where `end` is not after `start`, the part after midnight belongs to the day it began on.
    """

    start: int
    end: int
    days: frozenset[int]

    @classmethod
    def parse(cls, hours: str, days: str = "mon-sun") -> "Window":
        """From the literals `"HH:MM-HH:MM"` and `"mon-fri"`, which the checker has seen."""
        window, weekdays = literals.window(hours), literals.days(days)
        assert window is not None
        assert weekdays is not None
        return cls(*window, weekdays)

    def holds(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        today = local.isoweekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        yesterday = (today - 2) % 7 + 1
        return (minute >= self.start and today in self.days) or (minute < self.end and yesterday in self.days)


def during(now: datetime, window: Window, zone: ZoneInfo) -> bool:
    local = _local(now, zone)
    return local is not None and window.holds(local)


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def format_time(value: Value, form: str, zone: ZoneInfo) -> str | None:
    """As strftime, in English whatever the machine's locale is."""
    local = _local(value, zone)
    if local is None:
        return None
    pattern, letters = _prepared(form)
    return pattern % {letter: _TIME_PARTS[letter](local) for letter in letters}


@lru_cache(maxsize=1024)
def _prepared(form: str) -> tuple[str, frozenset[str]]:
    """A format for Python's `%` with a mapping, and the letters that it wants in it."""
    letters = re.findall("%(.)", form)
    return re.sub("%(.)", r"%(\1)s", form), frozenset(letters)


def _offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    sign, ahead = ("-" if offset < timedelta() else "+"), f"{datetime.min + abs(offset):%H%M%S}"
    return sign + ahead.removesuffix("00") if ahead.endswith("00") else sign + ahead


_TIME_PARTS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda local: f"{local.year:04}",
    "y": lambda local: f"{local.year % 100:02}",
    "m": lambda local: f"{local.month:02}",
    "d": lambda local: f"{local.day:02}",
    "H": lambda local: f"{local.hour:02}",
    "I": lambda local: f"{(local.hour - 1) % 12 + 1:02}",
    "M": lambda local: f"{local.minute:02}",
    "S": lambda local: f"{local.second:02}",
    "p": lambda local: "AM" if local.hour < 12 else "PM",
    "j": lambda local: f"{local.timetuple().tm_yday:03}",
    "a": lambda local: _WEEKDAYS[local.weekday()][:3],
    "A": lambda local: _WEEKDAYS[local.weekday()],
    "b": lambda local: _MONTHS[local.month - 1][:3],
    "B": lambda local: _MONTHS[local.month - 1],
    "z": _offset,
    "%": lambda local: "%",
}


# What a template prints (LANGUAGE.md section 6) -----------------------------------------------------------------------


def to_text(value: Value, zone: ZoneInfo) -> str | None:
    """A value as a template prints it; null of null, which a template prints as nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, datetime):
        local = _local(value, zone)
        return None if local is None else f"{local.year:04}-{local:%m-%d %H:%M}"
    if isinstance(value, timedelta):
        return _duration_text(value)
    return _json_text(value)


def _number_text(value: float) -> str | None:
    try:
        text = _long_text(value) if isinstance(value, int) and value.bit_length() > 300 else str(value)
    except ValueError:  # an int of more digits than Python prints
        return None
    return text.removesuffix(".0")


@lru_cache(maxsize=64)  # as with reading one
def _long_text(value: int) -> str:
    return str(value)


def _duration_text(value: timedelta) -> str:
    seconds = abs(value) // timedelta(seconds=1)
    parts = zip((seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60), "dhms", strict=True)
    text = "".join(f"{count}{unit}" for count, unit in parts if count)
    if not text:
        return "0s"
    return f"-{text}" if value < timedelta() else text


def _json_text(value: Value) -> str | None:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=json_default)
    except (ValueError, RecursionError):
        return None


def json_default(value: Value) -> Value:
    """Moments as ISO text, durations as seconds: in all JSON that leaves Whenflow."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"no JSON for {type(value).__name__}")
