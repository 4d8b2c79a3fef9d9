"""Reads numbers and durations."""

import math
import re
from dataclasses import dataclass

from grammar import wording
from grammar.diagnostics import Diagnostic
from grammar.literals import MAX_DURATION, MAX_INT_DIGITS, duration
from grammar.nodes import ConstantValue
from grammar.source import Span

_DURATION = re.compile(r"(?:[0-9]+[wdhms])+")
_FLOAT = re.compile(r"(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")
_INT = re.compile(r"[0-9]+")
_KINDS = (("DURATION", _DURATION), ("FLOAT", _FLOAT), ("INT", _INT))
_TAIL = re.compile(r"\w*")

_UNIT_WORDS = {
    "w": ("week", "weeks", "wk", "wks"),
    "d": ("day", "days"),
    "h": ("hour", "hours", "hr", "hrs"),
    "m": ("min", "mins", "minute", "minutes"),
    "s": ("sec", "secs", "second", "seconds"),
}
_UNIT_OF = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}
_DAYS_OF = ((("month", "months"), 30), (("year", "years"), 365))
_UNITS = "the units are `w`, `d`, `h`, `m` and `s`: weeks, days, hours, minutes and seconds"
_WHOLE = "a duration is written in whole numbers, such as `1h30m`"


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it stands in a text, up to `end`. `type` is its terminal; without one it is wrong."""

    end: int
    type: str
    value: ConstantValue = None


def read(text: str, start: int, limit: int) -> Numeral:
    """The numeral at `start`, where a digit stands or a dot before one. Its type is empty if it is malformed."""
    kind, match = _first_match(text, start, limit)
    end = _end_of_word(text, match.end(), limit)
    if end != match.end():
        return Numeral(end, "")
    written = match[0]
    if kind == "FLOAT":
        return Numeral(end, kind, float(written))
    if any(len(part) > 1 and part[0] == "0" for part in _INT.findall(written)):
        return Numeral(end, "")
    if kind == "INT":
        return Numeral(end, kind, int(written) if len(written) <= MAX_INT_DIGITS else None)
    try:
        return Numeral(end, kind, duration(written))
    except OverflowError:
        return Numeral(end, kind, math.inf)


def _first_match(text: str, start: int, limit: int) -> tuple[str, re.Match[str]]:
    for kind, pattern in _KINDS:
        match = pattern.match(text, start, limit)
        if match is not None:
            return kind, match
    raise AssertionError("no numeral begins here")


def _end_of_word(text: str, start: int, limit: int) -> int:
    match = _TAIL.match(text, start, limit)
    return match.end() if match else start


def complaint(numeral: Numeral, written: str, span: Span) -> Diagnostic | None:
    """What is wrong with a numeral, or None."""
    match numeral:
        case Numeral(type=""):
            return wording.bad_number(span, written, _advice(written))
        case Numeral(type="INT", value=None):
            return wording.int_too_long(span, MAX_INT_DIGITS)
        case Numeral(type="DURATION", value=None):
            return wording.duration_order(span)
        case Numeral(type="DURATION", value=float()):
            return wording.duration_too_long(span, MAX_DURATION.days)
        case Numeral(type="FLOAT", value=float() as value) if math.isinf(value):
            return wording.number_too_large(span)
        case _:
            return None


def with_unit(number: str, word: str) -> str | None:
    """The duration for `14` and `days`, `14d`, or advice instead of it; None if the word is no unit."""
    unit = _UNIT_OF.get(word.lower()) or (word if word in _UNIT_WORDS else None)
    if unit is not None:
        return f"{number}{unit}" if number.isdecimal() else _WHOLE
    days = next((days for words, days in _DAYS_OF if word.lower() in words), None)
    if days is None:
        return None
    return f"{int(number) * days}d" if number.isdecimal() and len(number) < 4 else _UNITS


def _advice(written: str) -> str | None:
    """What the author of a malformed number most likely meant."""
    digits = re.match(r"[0-9]*", written)
    number = digits[0] if digits else ""
    tail = written[len(number) :]
    if tail.lower() in _UNIT_OF:
        return f"write `{number}{_UNIT_OF[tail.lower()]}`"
    if tail.lower() in ("ms", "millis", "month", "months", "y", "year", "years"):
        return _UNITS
    if tail.startswith("_") and tail.replace("_", "").isdecimal():
        return f"write the digits without `_`: `{written.replace('_', '')}`"
    if number == "0" and tail[:1] in tuple("xXbBoO"):
        return "numbers are written in decimal digits only"
    if number.startswith("0") and not tail:
        return f"leave out the leading zero: `{number.lstrip('0') or '0'}`"
    if "." in written and written[-1:] in tuple("wdhms"):
        return _WHOLE
    return "a name cannot begin with a digit, and nothing may follow a number directly"
