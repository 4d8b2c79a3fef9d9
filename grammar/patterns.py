"""The patterns of `matches`: RE2's, whose time is linear in the text whatever the pattern (github.com/google/re2)."""

from functools import lru_cache
from typing import Any

import re2

MAX_PROGRAM = 50_000
"""Instructions that RE2 may make of a pattern: room for any that a person writes, not for repeated repetitions."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True  # only whether it is found matters
_OPTIONS.max_mem = 64 << 20  # with less, RE2 forgets what it has learnt of an intricate pattern at every search


class BadPattern(ValueError):
    """RE2 does not take a pattern; the message says why, in its own words."""


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Any:
    """A compiled pattern, which has `search(text)`. Raises BadPattern."""
    try:
        compiled = re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise BadPattern(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)) from None
    if compiled._regexp.ProgramSize() > MAX_PROGRAM:
        raise BadPattern("it repeats too much")
    return compiled
