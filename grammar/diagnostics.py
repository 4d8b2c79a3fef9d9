"""What is wrong with a text: one `Diagnostic`, the one collector that every stage shares, and how it is shown."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from grammar.source import Span

Severity = OneOf["error", "warning"]

Part = OneOf["place", "error", "warning", "message", "text", "label", "help", "good"]
"""What a stretch of a text for people is, so that a terminal can give it a colour."""
Stretch = tuple[Part, str]

_SHOWN_WIDTH = 120
"""Of a longer source line only a stretch around the caret is shown."""


@dataclass(frozen=True, slots=True)
class Label:
    """A further place that a diagnostic speaks of, and what stands there."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is stable (LANGUAGE.md section 7); `help` says what to do, where that can be said."""

    code: str
    severity: Severity
    message: str
    span: Span
    help: str | None = None
    labels: tuple[Label, ...] = ()

    def stretches(self) -> Iterator[Stretch]:
        """The text of `render`, piece by piece, and what each is."""
        yield "place", f"{place(self.span)}: "
        yield self.severity, f"{self.severity} {self.code}"
        yield "message", f": {self.message}"
        yield from excerpt(self.span, self.severity)
        for label in self.labels:
            yield "place", f"\n  {place(label.span)}: "
            yield "label", label.message
            yield from excerpt(label.span, "label")
        if self.help is not None:
            yield "help", "\n  help:"
            yield "text", f" {self.help}"


class Diagnostics:
    """Collects what all stages find; gives it back in the order of the text, each finding once."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int, str], Diagnostic] = {}
        self._files: dict[str, int] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """The first finding of a code at a place counts; a repetition adds nothing."""
        span = diagnostic.span
        file = self._files.setdefault(span.source.name, len(self._files))
        self._found.setdefault((file, span.start, span.end, diagnostic.code), diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter([self._found[key] for key in sorted(self._found)])

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(diagnostic for diagnostic in self if diagnostic.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return all(diagnostic.severity != "error" for diagnostic in self._found.values())


def render(diagnostic: Diagnostic) -> str:
    """Plain text for people: place, message, the source line with a caret span, further places, help."""
    return "".join(text for _, text in diagnostic.stretches())


def to_json(diagnostic: Diagnostic) -> dict[str, str | int | None]:
    """The shape of `whenflow check --json` (LANGUAGE.md section 9); lines and columns from 1."""
    span = diagnostic.span
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


def place(span: Span) -> str:
    """`file:line:column`, lines and columns from 1."""
    line, column = span.source.position(span.start)
    return f"{span.source.name}:{line}:{column}"


def excerpt(span: Span, carets: Part) -> Iterator[Stretch]:
    """The line in which a span starts, and below it a row of carets that is as wide on a screen as the span is."""
    number, column = span.source.position(span.start)
    text = span.source.line(number)
    start = column - 1
    end = min(max(start + span.end - span.start, start + 1), max(len(text), start + 1))
    first = _window_start(text, start)
    shown, marked = text[first : first + _SHOWN_WIDTH], text[start : min(end, first + _SHOWN_WIDTH)]
    lead = "…" if first else ""
    tail = "…" if first + _SHOWN_WIDTH < len(text) else ""
    indent = " " * len(lead) + "".join(_blank(char) for char in text[first:start])
    yield "text", f"\n    {lead}{printable(shown)}{tail}\n    {indent}"
    yield carets, "^" * max(1, sum(_width(char) for char in marked))


def _window_start(text: str, start: int) -> int:
    if len(text) <= _SHOWN_WIDTH or start < _SHOWN_WIDTH * 2 // 3:
        return 0
    return start - _SHOWN_WIDTH // 3


def _width(char: str) -> int:
    """Columns on a screen: two for wide East Asian characters, none for combining marks (Unicode TR 11)."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _blank(char: str) -> str:
    return "\t" if char == "\t" else " " * _width(char)


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Control characters would act on the reader's terminal or turn the line round; they are shown as a box."""
    return _UNPRINTABLE.sub("\ufffd", text)
