"""How a variable's value is written in a profile, and read back.

A profile keeps byte strings that mean something to a person and to any Redis client:

| kind     | bytes                                     | value in Python            |
|----------|-------------------------------------------|----------------------------|
| text     | UTF-8                                     | str                        |
| int      | decimal                                   | int, within ±(2^53 − 1)    |
| float    | the shortest decimal that reads back      | float, finite              |
| bool     | `true` or `false`                         | bool                       |
| datetime | milliseconds since 1970, UTC              | datetime, UTC, whole ms    |
| json     | compact JSON                              | what the JSON says         |

What is not there is null. A value that does not fit its kind reads as null: a field may have had another type before.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from pydantic_core import from_json, to_json

Kind = Literal["text", "int", "float", "bool", "datetime", "json"]
Value = Any
"""None, bool, int, float, str, datetime, timedelta, list or dict: what the language's expressions work on."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LARGEST_INT = 2**53 - 1
LONGEST_TEXT = 65_536
"""Of a text field, in UTF-8 bytes: as long as the language lets a text literal be."""


class Misfit(ValueError):
    """A value does not fit the kind it was to be written as; the message says what would."""


@lru_cache(maxsize=1024)  # conditions ask for one instant again and again
def moment(milliseconds: int) -> datetime:
    """The instant so many milliseconds after 1970 (exact, where `fromtimestamp` would round)."""
    return EPOCH + milliseconds * MILLISECOND


def milliseconds(instant: datetime) -> int:
    """The reverse of `moment`; a part of a millisecond is dropped towards the past."""
    return (instant - EPOCH) // MILLISECOND


def iso(instant: datetime) -> str:
    """`2026-01-01T10:00:00Z`, with `.mmm` where there are milliseconds: moments in every JSON that leaves the house."""
    timespec = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


# Reading --------------------------------------------------------------------------------------------------------------


def _read_text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _read_int(raw: bytes) -> int | None:
    try:
        number = int(raw)
    except ValueError:
        return None
    return number if abs(number) <= LARGEST_INT else None


def _read_float(raw: bytes) -> float | None:
    try:
        number = float(raw)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read_bool(raw: bytes) -> bool | None:
    return {b"true": True, b"false": False}.get(raw)


def _read_datetime(raw: bytes) -> datetime | None:
    try:
        return moment(int(raw))
    except (ValueError, OverflowError):
        return None


def _read_json(raw: bytes) -> Value:
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError:
        return None


READERS: dict[Kind, Callable[[bytes], Value]] = {
    "text": _read_text,
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "datetime": _read_datetime,
    "json": _read_json,
}


# Writing --------------------------------------------------------------------------------------------------------------


def write_json(value: Value) -> bytes:
    """Compact JSON. A number out of a float's range has become infinite when it was parsed: it is written as null."""
    return to_json(value, inf_nan_mode="null")


def write(value: Value, kind: Kind) -> bytes | None:
    """The bytes for a value; None for null, which unsets.

    Raises Misfit where the value is not of the kind. A whole float fits an int field, an int a float field, and a
    datetime field takes a datetime, ISO text, or a number: unix seconds, or milliseconds if it is that large.
    """
    if value is None:
        return None
    return _WRITERS[kind](value)


def _write_text(value: Value) -> bytes:
    if not isinstance(value, str):
        raise Misfit("needs a text")
    raw = value.encode("utf-8", "replace")
    if len(raw) > LONGEST_TEXT:
        raise Misfit(f"needs a text of at most {LONGEST_TEXT} bytes")
    return raw


def _write_int(value: Value) -> bytes:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_INT:
        raise Misfit(f"needs a whole number of at most {LARGEST_INT} either way")
    return b"%d" % value


def _write_float(value: Value) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misfit("needs a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Misfit("needs a finite number")
    return repr(number).encode()


def _write_bool(value: Value) -> bytes:
    if not isinstance(value, bool):
        raise Misfit("needs true or false")
    return b"true" if value else b"false"


def _write_datetime(value: Value) -> bytes:
    if isinstance(value, datetime):
        return b"%d" % milliseconds(value)
    return b"%d" % (_parse_iso(value) if isinstance(value, str) else timestamp(value))


def _parse_iso(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Misfit("needs a moment such as 2026-01-01T10:00:00Z") from None
    return _in_range(milliseconds(instant.replace(tzinfo=instant.tzinfo or UTC)))


MILLISECONDS_FROM = 100_000_000_000
"""A timestamp at or above this is in milliseconds: as seconds it would lie beyond the year 5138."""
_FIRST, _LAST = milliseconds(datetime.min.replace(tzinfo=UTC)), milliseconds(datetime.max.replace(tzinfo=UTC))


def timestamp(value: Value) -> int:
    """Milliseconds of a unix time as pages send it: seconds, or milliseconds if it is that large. Raises Misfit."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _FIRST <= value <= _LAST:
        raise Misfit("needs a unix time in seconds, within the years 1 to 9999")
    return _in_range(round(value if abs(value) >= MILLISECONDS_FROM else value * 1000))


def _in_range(milliseconds: int) -> int:
    """An instant that a datetime can hold."""
    if not _FIRST <= milliseconds <= _LAST:
        raise Misfit("needs a moment within the years 1 to 9999, in UTC")
    return milliseconds


_WRITERS: dict[Kind, Callable[[Value], bytes]] = {
    "text": _write_text,
    "int": _write_int,
    "float": _write_float,
    "bool": _write_bool,
    "datetime": _write_datetime,
    "json": write_json,
}
