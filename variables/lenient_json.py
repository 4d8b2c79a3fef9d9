"""A body that a strict JSON reader refuses whole, read once more and mended.

Browsers write half a surrogate pair as an escape, a number may have more digits than anybody reads, and a page may nest
an object as deep as it likes: one such item must not cost its neighbours (promise 6).
"""

import json
import math
import re
from typing import Any, NoReturn

DEEPEST = 201
"""Levels of nesting that the strict reader takes: whether an item is taken does not hang on its neighbours."""

_LONGEST_INT = 4300
"""Digits that Python and the strict reader make an int of."""
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def read_leniently(body: bytes) -> Any:
    """What a JSON text says, but: an item, or another value of the body, that is nested too deeply is null.

    Half a surrogate pair becomes U+FFFD, and a number that is out of all range becomes infinite, which no field takes.
    Raises ValueError where it is no JSON all the same.
    """
    try:
        return _mended(json.loads(_without_depths(body), parse_int=_read_int, parse_constant=_refuse_constant))
    except RecursionError:  # brackets that are never closed
        raise ValueError("it is nested too deeply") from None


def _without_depths(body: bytes) -> bytes:
    """The text with `null` in place of what goes too deep: of a whole item, or of another value of the body."""
    kept: list[bytes] = []
    done = depth = deepest = start = 0
    unit = 2
    for token in _TOKENS.finditer(body):
        sign = token.group()
        if sign in (b"[", b"{"):
            depth += 1
            if depth == 2:
                unit = 3 if sign == b"[" else 2
            if depth == unit:
                start, deepest = token.start(), depth
            deepest = max(deepest, depth)
        elif sign in (b"]", b"}"):
            if depth == unit and deepest > DEEPEST:
                kept += (body[done:start], b"null")
                done = token.end()
            depth -= 1
    return b"".join(kept) + body[done:]


def _read_int(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INT else math.inf


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_mended(member) for member in value]
    return value
