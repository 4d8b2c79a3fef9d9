"""What literals mean: text escapes, numbers, durations, and the small languages inside texts (windows, days, UUIDs)."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta

MAX_TEXT_BYTES = 64 * 1024
MAX_INT_DIGITS = 18
MAX_DURATION = timedelta(days=36500)

UNIT_SECONDS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
"""Units of a duration, from large to small, as a compound duration has to have them."""

_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>[0-9A-Fa-f]{8})"
    r"|N\{(?P<name>[^{}]*)\}|(?P<plain>[\s\S]))"
)
_PLAIN = {
    "\n": "", "\\": "\\", "'": "'", '"': '"',
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip
_NEEDS_DIGITS = {"x": "two hexadecimal digits", "u": "four hexadecimal digits", "U": "eight hexadecimal digits"}


class BadEscapeError(ValueError):
    """An escape that Python refuses. `start` and `end` are its place in the text; `needs` says what it lacks."""

    def __init__(self, start: int, end: int, needs: str) -> None:
        super().__init__(needs)
        self.start, self.end, self.needs = start, end, needs


def unescape(body: str) -> str:
    """The value of a text literal's inside.

    The escapes are Python's, so an unknown one such as `\\d` stays as it is. Raises BadEscapeError.
    """
    return _ESCAPE.sub(_escaped, body)


def unescape_with_places(body: str) -> tuple[str, list[int]]:
    """The same, and for each of its characters (and its end) the place it came from."""
    pieces: list[str] = []
    places: list[int] = []
    done = 0
    for match in _ESCAPE.finditer(body):
        start = match.start()
        pieces.append(body[done:start])
        places.extend(range(done, start))
        value = _escaped(match)
        pieces.append(value)
        places.extend([start] * len(value))
        done = match.end()
    pieces.append(body[done:])
    places.extend(range(done, len(body) + 1))
    return "".join(pieces), places


def _escaped(match: re.Match[str]) -> str:
    kind = match.lastgroup
    written = match[kind] if kind else ""
    if kind == "plain":
        if written in _NEEDS_DIGITS:
            raise BadEscapeError(match.start(), match.end(), _NEEDS_DIGITS[written])
        if written == "N":
            raise BadEscapeError(match.start(), match.end(), "the name of a character in braces")
        return _PLAIN.get(written, "\\" + written)
    if kind == "name":
        try:
            return unicodedata.lookup(written)
        except KeyError:
            raise BadEscapeError(match.start(), match.end(), "a character's name that Unicode knows") from None
    number = int(written, 8 if kind == "octal" else 16)
    if number > 0x10FFFF:
        raise BadEscapeError(match.start(), match.end(), "a code point of at most 10FFFF")
    return chr(number)


def unescape_pattern(body: str) -> str:
    """The value of a `matches` pattern: a backslash is itself, except before a quote."""
    return re.sub(r"\\([\s\S])", lambda match: match[1] if match[1] in "'\"" else match[0], body)


def is_text(value: str) -> bool:
    """Whether a text has neither NUL nor a lone surrogate, which no JSON, Redis or page could carry faithfully."""
    return "\0" not in value and (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value))


_PART = re.compile(r"([0-9]+)([wdhms])")


def duration(text: str) -> timedelta | None:
    """The value of `1h30m`; None if units repeat or rise. Raises OverflowError above 36500 days."""
    seconds, smallest = 0, None
    for amount, unit in _PART.findall(text):
        if smallest is not None and UNIT_SECONDS[unit] >= smallest:
            return None
        smallest = UNIT_SECONDS[unit]
        if len(amount.lstrip("0")) > MAX_INT_DIGITS:
            raise OverflowError
        seconds += int(amount) * smallest
    if seconds > MAX_DURATION.total_seconds():
        raise OverflowError
    return timedelta(seconds=seconds)


_WINDOW = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def window(text: str) -> tuple[int, int] | None:
    """Start and end of `HH:MM-HH:MM` in minutes from midnight (the end may be 24:00); None if it is no window."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        return None
    hours_from, minutes_from, hours_to, minutes_to = (int(group) for group in match.groups())
    start, end = hours_from * 60 + minutes_from, hours_to * 60 + minutes_to
    return (start, end) if start < 1440 and end <= 1440 and start != end else None


def days(text: str) -> frozenset[int] | None:
    """The weekdays (Monday is 1) of `mon`, `mon-fri`, `fri-mon` or a comma list; None if it is none of these."""
    found: set[int] = set()
    for item in text.split(","):
        first, dash, last = item.strip(" ").partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            return None
        start, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        found |= {(start + step) % 7 + 1 for step in range((end - start) % 7 + 1)}
    return frozenset(found)


def looks_like_zone(text: str) -> bool:
    """Whether a text that may be days or a zone is more like a zone, right or wrong: zones begin with a capital."""
    return days(text.lower()) is None and ("/" in text or text[:1].isupper())


_FORMAT = re.compile(r"(?:[^%]|%[YymdHIMSpjaAbBz%])*")


def is_format(text: str) -> bool:
    """Whether a `format_time` format has none but the directives of LANGUAGE.md section 5."""
    return _FORMAT.fullmatch(text) is not None


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether a text, already trimmed and in lower case, has the shape 8-4-4-4-12."""
    return _UUID.fullmatch(text) is not None


_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?(Z|[+-]\d{2}:\d{2})?",
    re.ASCII,
)


def moment(text: str) -> tuple[datetime, timedelta | None] | None:
    """What a text says to `datetime`: a local time, and how far it is ahead of UTC if it says so. None if nothing."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, clock, offset = found.groups()
    try:
        local = datetime.combine(date.fromisoformat(day), time.fromisoformat(_padded(clock or "00:00")))
    except ValueError:
        return None
    if offset is None:
        return local, None
    hours, minutes = (0, 0) if offset == "Z" else (int(offset[1:3]), int(offset[4:6]))
    if hours > 23 or minutes > 59:
        return None
    ahead = timedelta(hours=hours, minutes=minutes)
    return local, -ahead if offset.startswith("-") else ahead


def _padded(clock: str) -> str:
    """With all six places of a second's fraction: Python 3.11 takes three or six."""
    whole, dot, fraction = clock.partition(".")
    return f"{whole}.{fraction:0<6}" if dot else whole
