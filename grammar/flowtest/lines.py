"""Cuts a flow test into its commands: logical lines, and the indented block that stands below one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grammar.source import Source, Span
from grammar.syntax.lexing import TEXT_AFTER

COMMANDS = ("zone", "load", "flow", "at", "track", "visit", "set", "identify", "arm", "expect")

_TEXT = "|".join(quote + TEXT_AFTER[quote].pattern for quote in ('"""', '"', "'"))
_PIECE = re.compile(rf"{_TEXT}|#[^\n]*|[^\"'#\n()\[\]{{}}]+|[\s\S]")
_BEGINS_COMMAND = re.compile(
    rf"(?:(?:{'|'.join(COMMANDS)})[ ]+(?!(?:and|or|not|in|is|if|else|for)\b)[\w\"']|at[ ]+\+[0-9]|flow[ ]*:)"
)
"""A line that neither an expression nor JSON can contain: an open bracket ends before it."""
_NOT_IN_JSON = re.compile(rf"(?:{'|'.join(COMMANDS)})\b")
_EMPTY = re.compile(r"\s*(?:#|$)")


@dataclass(frozen=True, slots=True)
class Section:
    """A command, and the whole indented lines below it, if there are any."""

    command: Span
    block: Span | None


def sections(source: Source) -> Iterator[Section]:
    """The commands of a file. Lines that are empty or only comments belong to nobody, or to the block around them."""
    head: Span | None = None
    block: Span | None = None
    for line in _logical_lines(source):
        if head is not None and source.text[line.start : line.start + 1] in (" ", "\t"):
            block = line if block is None else block.to(line)
            continue
        if head is not None:
            yield Section(head, block)
        head, block = line, None
    if head is not None:
        yield Section(head, block)


def _logical_lines(source: Source) -> Iterator[Span]:
    """Lines that say something; brackets and long texts may spread one over several lines of the source."""
    text, start, depth, begins = source.text, 0, 0, _BEGINS_COMMAND
    for piece in _PIECE.finditer(text):
        match piece[0]:
            case "(" | "[" | "{" as bracket:
                if depth == 0:
                    begins = _NOT_IN_JSON if bracket == "{" else _BEGINS_COMMAND
                depth += 1
            case ")" | "]" | "}":
                depth = max(0, depth - 1)
            case "\n" if depth == 0 or begins.match(text, piece.end()):
                yield from _line(source, start, piece.start())
                start, depth = piece.end(), 0
    yield from _line(source, start, len(text))


def _line(source: Source, start: int, end: int) -> Iterator[Span]:
    if not _EMPTY.match(source.text[start:end]):
        yield Span(source, start, end)
