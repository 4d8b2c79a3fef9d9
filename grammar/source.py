"""A text an author wrote, and places in it."""

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Source:
    """One file (or one inline text). `text` is what the parser read: no BOM, line breaks as LF."""

    name: str
    text: str
    _known_starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def _line_starts(self) -> list[int]:
        """Where lines start. Worked out at the first question: a text without errors is asked for none."""
        if not self._known_starts:
            lines = self.text.split("\n")
            self._known_starts[:] = accumulate((len(line) + 1 for line in lines[:-1]), initial=0)
        return self._known_starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a code-point offset, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its line break."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: code-point offsets, `end` exclusive."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """What the author wrote there."""
        return self.source.text[self.start : self.end]

    def to(self, other: "Span") -> "Span":
        """From where this one starts to where the other ends (of one source)."""
        return Span(self.source, self.start, other.end)
