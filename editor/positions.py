"""Places of the editor's protocol, and offsets in a source.

The protocol counts lines from 0 and, within a line, code units of an encoding agreed upon (UTF-16 unless the editor
prefers another); a line ends at LF, CR LF or CR. A source has LF for CR LF, which changes no line and no column.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from grammar.source import Source, Span

_BREAK = re.compile(r"[\n\r]")


def _utf16(text: str) -> int:
    return len(text) if text.isascii() else len(text) + sum(char > "\uffff" for char in text)


_LENGTHS: dict[str, Callable[[str], int]] = {
    "utf-8": lambda text: len(text.encode("utf-8", "surrogatepass")),
    "utf-16": _utf16,
    "utf-32": len,
}

Position = tuple[int, int]
"""Line and column, both from 0; the column in code units."""


class Positions:
    """Translates the places of one source. `lead`: code units before the text that the source does not have (a BOM)."""

    def __init__(self, source: Source, encoding: str = "utf-16", lead: int = 0) -> None:
        self._text, self._length, self._lead = source.text, _LENGTHS[encoding], lead
        self._starts = [0, *(match.end() for match in _BREAK.finditer(source.text))]

    def offset(self, line: int, column: int) -> int:
        """The offset of a place. What lies behind a line's end is the line's end, as the protocol has it."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self._text)
        start = self._starts[line]
        end = self._starts[line + 1] - 1 if line + 1 < len(self._starts) else len(self._text)
        column -= self._lead if line == 0 else 0
        if self._text.isascii():
            return min(max(start + column, start), end)
        for at in range(start, end):
            column -= self._length(self._text[at])
            if column < 0:
                return at
        return end

    def position(self, offset: int) -> Position:
        offset = min(max(offset, 0), len(self._text))
        line = bisect_right(self._starts, offset) - 1
        column = self._length(self._text[self._starts[line] : offset])
        return line, column + (self._lead if line == 0 else 0)

    def range(self, span: Span) -> tuple[Position, Position]:
        """Where a span of the source starts and ends."""
        return self.position(span.start), self.position(span.end)
