"""The language's operators as functions that never raise: called where types do not settle the matter.

The rules are LANGUAGE.md section 5, "No evaluation ever fails": where Python would raise, or the result would not be
finite, a comparison is False and arithmetic is null; everywhere else the result is Python's.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from variables.values import Value

LONGEST_TEXT = 65_536
"""UTF-8 bytes that joining two texts may give."""
LONGEST_LIST = 10_000
"""Members that joining two lists may give."""

LARGEST_PRODUCT = 16_384
"""Bits that a product of ints may have: more than any of an expression's own literals and of fields could need."""

NUMBER = (int, float)  # bool is an int, in Python as in the language


def finite(value: Value) -> Value:
    """Null in place of what is not finite."""
    return None if isinstance(value, float) and not isfinite(value) else value


# Comparisons ----------------------------------------------------------------------------------------------------------


def less(a: Value, b: Value) -> bool:
    try:
        return bool(a < b)
    except TypeError:
        return False


def less_equal(a: Value, b: Value) -> bool:
    try:
        return bool(a <= b)
    except TypeError:
        return False


def greater(a: Value, b: Value) -> bool:
    try:
        return bool(a > b)
    except TypeError:
        return False


def greater_equal(a: Value, b: Value) -> bool:
    try:
        return bool(a >= b)
    except TypeError:
        return False


def contains(a: Value, b: Value) -> bool:
    """`a in b`."""
    try:
        return bool(a in b)
    except TypeError:
        return False


# Arithmetic: the pairs that the language knows, all others are null ---------------------------------------------------


def add(a: Value, b: Value) -> Value:
    if isinstance(a, NUMBER) and isinstance(b, NUMBER):
        return _number(lambda: a + b)
    if isinstance(a, str) and isinstance(b, str):
        return join_texts(a, b)
    if isinstance(a, list) and isinstance(b, list):
        return a + b if len(a) + len(b) <= LONGEST_LIST else None
    if isinstance(b, timedelta) and isinstance(a, timedelta | datetime):
        return _in_range(lambda: a + b)
    if isinstance(a, timedelta) and isinstance(b, datetime):
        return _in_range(lambda: b + a)
    return None


def join_texts(a: str, b: str) -> str | None:
    if 4 * (len(a) + len(b)) > LONGEST_TEXT and len(a.encode()) + len(b.encode()) > LONGEST_TEXT:
        return None
    return a + b


def subtract(a: Value, b: Value) -> Value:
    if isinstance(a, NUMBER) and isinstance(b, NUMBER):
        return _number(lambda: a - b)
    if isinstance(a, datetime) and isinstance(b, datetime | timedelta):
        return _in_range(lambda: a - b)
    if isinstance(a, timedelta) and isinstance(b, timedelta):
        return _in_range(lambda: a - b)
    return None


def multiply(a: Value, b: Value) -> Value:
    if isinstance(a, int) and isinstance(b, int):
        return a * b if a.bit_length() + b.bit_length() <= LARGEST_PRODUCT else None
    if isinstance(a, NUMBER) and isinstance(b, NUMBER):
        return _number(lambda: a * b)
    if isinstance(a, timedelta) and isinstance(b, NUMBER):
        return _in_range(lambda: a * b)
    if isinstance(a, NUMBER) and isinstance(b, timedelta):
        return _in_range(lambda: a * b)
    return None


def divide(a: Value, b: Value) -> Value:
    if isinstance(a, NUMBER) and isinstance(b, NUMBER):
        return _number(lambda: a / b)
    if isinstance(a, timedelta) and isinstance(b, NUMBER):
        return _in_range(lambda: a / b)
    if isinstance(a, timedelta) and isinstance(b, timedelta):
        return _number(lambda: a / b)
    return None


def floor_divide(a: Value, b: Value) -> Value:
    if isinstance(a, NUMBER) and isinstance(b, NUMBER):
        return _number(lambda: a // b)
    if isinstance(a, timedelta) and isinstance(b, timedelta):
        return _number(lambda: a // b)
    return None


def remainder(a: Value, b: Value) -> Value:
    if isinstance(a, NUMBER) and isinstance(b, NUMBER):
        return _number(lambda: a % b)
    if isinstance(a, timedelta) and isinstance(b, timedelta):
        return _in_range(lambda: a % b)
    return None


def negate(a: Value) -> Value:
    if isinstance(a, NUMBER):
        return -a
    if isinstance(a, timedelta):
        return _in_range(lambda: -a)
    return None


def _number(operation: Callable[[], Any]) -> Value:
    try:
        return finite(operation())
    except (ZeroDivisionError, OverflowError):
        return None


def _in_range(operation: Callable[[], Any]) -> Value:
    """A moment or a duration; null where Python has no such moment or duration."""
    try:
        return operation()
    except (ZeroDivisionError, OverflowError, ValueError):
        return None


# Reading inside json --------------------------------------------------------------------------------------------------


def read(container: Value, key: Value) -> Value:
    """`container.key` and `container[key]`: only objects and lists are containers; what is not there is null."""
    if isinstance(container, dict):
        return container.get(key) if isinstance(key, str) else None
    if isinstance(container, list) and isinstance(key, int):
        try:
            return container[key]
        except IndexError:
            return None
    return None
