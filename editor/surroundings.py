"""In what a place of a text lies: code, comment, text literal, or the braces of a template.

Works on any text, however broken, and needs no tokens: an open quote or brace is just where an author is writing.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from grammar.syntax.lexing import TEXT_AFTER

_OPENING = re.compile(r'#|"""|["\']')
_LANDMARK = re.compile(r'^(event|field|segment|flow)\b|#|"""|["\']', re.MULTILINE)
_IN_BRACES = re.compile(r"""\}\}|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'|"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*\"""")


class Where(Enum):
    CODE = auto()
    COMMENT = auto()
    TEXT = auto()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`start`: where the text literal or comment begins, with its quote; of code, the place itself.

    `body`: behind the opening quote. `end`: of the literal's inside.
    """

    where: Where
    start: int
    body: int
    end: int


def surroundings(text: str, offset: int, begin: int = 0, end: int | None = None) -> Surroundings:
    """In what `offset` lies, if `begin` is code and nothing goes on behind `end`."""
    end = len(text) if end is None else end
    at = begin
    while (match := _OPENING.search(text, at, offset)) is not None:
        start, body = match.span()
        stop, at = _extent(text, match[0], body, end)
        if offset <= stop:
            return Surroundings(Where.COMMENT if match[0] == "#" else Where.TEXT, start, body, stop)
        if offset < at:  # between the characters of a closing quote
            break
    return Surroundings(Where.CODE, offset, offset, offset)


def _extent(text: str, opening: str, body: int, end: int) -> tuple[int, int]:
    """Where the inside of a comment or text ends, and where code goes on."""
    if opening != "#":
        closed = TEXT_AFTER[opening].match(text, body, end)
        if closed is not None:
            return closed.end() - len(opening), closed.end()
        if len(opening) == 3:
            return end, end
    line_end = text.find("\n", body, end)
    line_end = end if line_end < 0 else line_end
    return line_end, line_end


def declaration_around(text: str, offset: int) -> tuple[int, int]:
    """Where the declaration begins in which a place lies, and where the next one does."""
    begin = at = 0
    while (match := _LANDMARK.search(text, at)) is not None:
        if match[1] is None:
            _, at = _extent(text, match[0], match.end(), len(text))
        elif match.start() > offset:
            return begin, match.start()
        else:
            begin, at = match.span()
    return begin, len(text)


def braces_around(text: str, literal: Surroundings, offset: int) -> tuple[int, int] | None:
    """Where the expression starts and ends in whose `{{ }}` a place of a text literal lies; None if it is in none."""
    at = literal.body
    while (opening := text.find("{{", at, offset)) >= 0:
        start = opening + 2
        closing = next((m for m in _IN_BRACES.finditer(text, start, literal.end) if m[0] == "}}"), None)
        if offset < start:
            return None
        if closing is None:
            return start, literal.end
        if offset <= closing.start():
            return start, closing.start()
        at = closing.end()
    return None
