"""The one canonical layout of a file (`whenflow fmt`). It never changes what a file means, and keeps every comment.

- **Blocks**: four spaces a level. No white space at the end of a line; one line break at the end of the file; no byte
  order mark; line breaks are LF. An empty file stays empty.
- **Blank lines**: one above and one below each segment and flow (above the comments that stand directly above it), and
  one between declarations of different kinds. Elsewhere the author's, at most one at a place; none at the beginning of
  a block, and none before `elif`, `else` and `timeout`.
- **Inside a line**: `grammar.formatter.lines` for breaks, `.pieces` for spaces, `.spelling` for constants,
  numbers and texts. A long expression gets brackets around it, and a short one loses them; all others stay as the
  author wrote them, and so do templates, texts in three quotes, and durations.
- **Comments**: `#comment` becomes `# comment` (not `#!`, `#:` and `##`). One behind code stands two spaces after it.
  One in a line of its own is indented as the line that it precedes; at the end of a block its own column says to which
  of the blocks that end there it belongs. One inside brackets stays at its element.

The layout depends only on the tokens, the comments and where blank lines are. So formatting twice changes nothing.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from grammar import wording
from grammar.diagnostics import Diagnostics
from grammar.formatter.lines import INDENT, lay_out_line
from grammar.formatter.pieces import Remark, Remarks
from grammar.source import Source, Span
from grammar.syntax.parser import MAX_FILE_BYTES, LaidOut, file_bytes, parse_layout
from grammar.syntax.tokens import Line

_BLOCKS = ("segment", "flow")
_CONTINUATIONS = ("elif", "else", "timeout")
_UNSPACED = (" ", "!", ":", "#")
"""What may follow the `#` of a comment directly."""


def format_source(source: Source, report: Diagnostics) -> str | None:
    """The text of a file in the canonical layout. None, and reported, if its syntax is wrong.

    Whether names and types are right does not matter. A file that would pass the largest size by its new layout is
    reported too.
    """
    found = Diagnostics()
    laid_out = parse_layout(source, found)
    if not laid_out.whole or any(diagnostic.code.startswith("E1") for diagnostic in found):
        for diagnostic in found:
            report.add(diagnostic)
        return None
    text = _joined(list(_items(source.text, laid_out)))
    size = len(file_bytes(text))
    if size > MAX_FILE_BYTES:
        report.add(wording.file_too_large(Span(source, 0, 0), size, MAX_FILE_BYTES, wording.FORMATTED_FILE))
        return None
    return text


@dataclass(frozen=True, slots=True)
class _Item:
    """A logical line with the comment behind it, or a comment in a line of its own (`line` is None).

    `level`: in how many blocks it stands. `apart`: the author left a blank line above it.
    """

    level: int
    text: str
    apart: bool
    line: Line | None = None


# Lines and comments ---------------------------------------------------------------------------------------------------


def _items(text: str, laid_out: LaidOut) -> Iterator[_Item]:
    """The logical lines and the comments between them, in order, each in its canonical layout."""
    comments = laid_out.comments
    starts = [start for start, _ in comments]
    indents = [0]
    done = used = 0
    for line in laid_out.lines:
        first, last = bisect_left(starts, line.start), bisect_left(starts, line.end)
        level = len(indents) - 1 - line.dedents + line.indented
        yield from _own_lines(text, comments[used:first], indents, level, done)
        if line.dedents:
            del indents[-line.dedents :]
        if line.indented:
            indents.append(line.indent)
        above = comments[first - 1][1] if used < first else done
        written = _written(text, line, comments[first:last], level)
        yield _Item(level, written, _is_apart(text, above, line.start), line)
        done, used = line.end, last
    yield from _own_lines(text, comments[used:], indents, 0, done)


def _own_lines(
    text: str, comments: tuple[tuple[int, int], ...], indents: list[int], level: int, done: int
) -> Iterator[_Item]:
    """Comments in lines of their own. `indents` are the blocks open above them, `level` that of the line below them.

    Where blocks end between the two, a comment belongs to the deepest that it is indented for; after a comment of an
    outer block none can belong to an inner one.
    """
    deepest = max(len(indents) - 1, level)
    for start, end in comments:
        column = start - (text.rfind("\n", 0, start) + 1)
        while deepest > level and indents[deepest] > column:
            deepest -= 1
        yield _Item(deepest, _comment(text[start:end]), _is_apart(text, done, start))
        done = end


def _is_apart(text: str, end: int, start: int) -> bool:
    """Whether there is a blank line between the end of an item and the start of the next one."""
    return text.count("\n", end, start) > 1


def _written(text: str, line: Line, comments: tuple[tuple[int, int], ...], level: int) -> str:
    """A logical line, with the comments in it and behind it."""
    starts = [token.start for token in line.tokens] if comments else []
    remarks: Remarks = {}
    behind = ""
    for start, end in comments:
        index = bisect_left(starts, start) - 1
        comment = _comment(text[start:end])
        if index == len(starts) - 1:
            behind = "  " + comment
        else:
            alone = not text[text.rfind("\n", 0, start) + 1 : start].strip(" ")
            remarks.setdefault(index, []).append(Remark(comment, alone))
    return lay_out_line(line.tokens, remarks, level * INDENT) + behind


def _comment(written: str) -> str:
    words = written[1:].rstrip()
    return f"# {words}" if words and not words[0].isspace() and not words.startswith(_UNSPACED) else f"#{words}"


# Blank lines ----------------------------------------------------------------------------------------------------------


def _joined(items: list[_Item]) -> str:
    parts: list[str] = []
    leading = _led_declarations(items)
    declared = ""
    previous: _Item | None = None
    for item, led in zip(items, leading, strict=True):
        if previous is not None and _has_blank_above(item, previous, led, declared):
            parts.append("\n")
        parts.append(" " * (item.level * INDENT) + item.text + "\n")
        if item.level == 0 and item.line is not None:
            declared = item.line.head
        previous = item
    return "".join(parts)


def _led_declarations(items: list[_Item]) -> list[str]:
    """For each item the kind of the declaration that it begins, or whose comments it belongs to; else nothing."""
    led: list[str] = []
    below = ""
    for index in range(len(items) - 1, -1, -1):
        item = items[index]
        if item.level > 0:
            below = ""
        elif item.line is not None:
            below = item.line.head
        elif index + 1 == len(items) or items[index + 1].apart:
            below = ""
        led.append(below)
    led.reverse()
    return led


def _has_blank_above(item: _Item, previous: _Item, led: str, declared: str) -> bool:
    """Whether a blank line stands between two items. `declared`: the kind of the last declaration above them."""
    if previous.line is not None and previous.line.opens:
        return False
    if item.level > 0:
        return item.apart and not (item.line is not None and item.line.head in _CONTINUATIONS and _is_header(item.line))
    if previous.level > 0:
        return True
    if not led or (previous.line is None and not item.apart):
        return item.apart
    return item.apart or led in _BLOCKS or led != declared


def _is_header(line: Line) -> bool:
    return line.tokens[-1].text == ":"
