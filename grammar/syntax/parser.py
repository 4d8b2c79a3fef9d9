"""From source text to the syntax tree: `read_source`, `parse`, `parse_expression`.

Lark's LALR parser is fed line by line. When a line does not fit, it is reported once, what the parser had taken of it
is dropped, and a stand-in of the same kind takes its place, so that the lines after it and below it are read as if it
were right.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.nodes import Declaration, Expression, Script, Template
from grammar.source import Source, Span
from grammar.suggest import Suggestions
from grammar.syntax import phrases, stand_ins
from grammar.syntax.continuation import goes_on, joined
from grammar.syntax.errors import explain
from grammar.syntax.fault import SyntaxFault
from grammar.syntax.layout import lay_out
from grammar.syntax.lexing import Lexer
from grammar.syntax.machine import Machine
from grammar.syntax.table import grammar
from grammar.syntax.templates import read_template
from grammar.syntax.tokens import Line, Token, apart
from grammar.syntax.tree import TreeBuilder

MAX_FILE_BYTES = 1024 * 1024
_SHOWN_OF_TOO_LARGE = 400
"""So much of a file that is not read is kept for showing its first line."""


def read_source(name: str, data: bytes | str, report: Diagnostics) -> Source | None:
    """The text of a file (UTF-8): no byte order mark, line breaks as LF. None, and reported, if it cannot be read."""
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > MAX_FILE_BYTES:
        begins = data[:_SHOWN_OF_TOO_LARGE]
        source = Source(name, _plain(begins.decode("utf-8", "replace") if isinstance(begins, bytes) else begins))
        report.add(wording.file_too_large(Span(source, 0, 0), size, MAX_FILE_BYTES))
        return None
    if isinstance(data, str):
        return Source(name, _plain(data))
    try:
        return Source(name, _plain(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        before = _plain(data[: error.start].decode("utf-8"))
        source = Source(name, _plain(data.decode("utf-8", "replace")))
        report.add(wording.not_utf8(Span(source, len(before), len(before) + 1)))
        return None


def _plain(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def file_bytes(text: str) -> bytes:
    """The bytes of a file that `read_source` reads as this text."""
    return text.replace("\r\n", "\r\r\n").encode()


def parse(sources: Sequence[Source | Span], report: Diagnostics) -> Script:
    """All declarations of some files, as one program. What could not be read is reported and left out.

    A Span is a stretch of whole lines of a file; its first line says how far declarations are indented.
    """
    declarations: list[Declaration] = []
    broken: set[str] = set()
    suggestions = Suggestions()
    for source in sources:
        parser = _Parser(source, report, suggestions)
        declarations += parser.script()
        broken |= parser.broken_names
    return Script(tuple(declarations), frozenset(broken))


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A file as the formatter needs it: its logical lines, and the places (start and end) of its comments.

    Where the grammar took a word for one of its own, the token has that type; a name is a NAME whatever its letters.
    `whole`: each line fitted into the grammar.
    """

    lines: tuple[Line, ...]
    comments: tuple[tuple[int, int], ...]
    whole: bool


def parse_layout(source: Source, report: Diagnostics) -> LaidOut:
    """Parses a file, reports what `parse` does, and gives back the lines rather than the tree."""
    parser = _Parser(source, report, Suggestions(), runs=False)
    parser.script()
    return parser.laid_out


def parse_expression(source: Source | Span, report: Diagnostics) -> Expression | None:
    """The one expression that a source, or a stretch of one, holds. None, and reported, if it holds none or more."""
    return _Parser(source, report, Suggestions()).only_expression()


_TELLING = ("FLOW", "SEND", "BUTTON", "SUBJECT", "INT", "ELSE", "TIMEOUT")
"""Terminals that tell by which lines may begin with them in what kind of block a line stands, and behind what."""
MAX_BLOCKS = 100
"""Levels of blocks in blocks; the steps of a flow are the first."""


class _Parser:
    """Parses one source, or a stretch of one. `runs`: whether brackets side by side are read as one token."""

    def __init__(
        self, text: Source | Span, report: Diagnostics, suggestions: Suggestions, *, runs: bool = True
    ) -> None:
        stretch = text if isinstance(text, Span) else Span(text, 0, len(text.text))
        source = stretch.source
        self._source, self._report, self._suggestions = source, report, suggestions
        lexer = Lexer(source, report, start=stretch.start, end=stretch.end, runs=runs)
        self._lines = joined(lexer.lines())
        self._comments = lexer.comments
        self._end = stretch.end
        self._margin = self._lines[0].indent if isinstance(text, Span) and self._lines else 0
        self._starts = [line.start for line in self._lines]
        self._builder = TreeBuilder(source, report, self._complain, self._template, suggestions)
        self._callbacks = grammar().callbacks(self._builder)
        self._terminals = grammar().terminals
        self._machine = Machine("script", self._callbacks)
        self._blocks: list[bool] = []
        """The blocks that are open, and whether the grammar has each: the lines of others are read as if outside."""
        self._skip_below: int | None = None
        """Lines in more blocks than this are left out, for the line above them could not be read."""
        self._whole = True
        self._told_depth = False

    @property
    def laid_out(self) -> LaidOut:
        """What was read, once `script` has run."""
        return LaidOut(tuple(self._lines), tuple(self._comments), self._whole)

    @property
    def broken_names(self) -> set[str]:
        return self._builder.broken_names

    # Scripts

    def script(self) -> tuple[Declaration, ...]:
        lay_out(self._lines, self._source, self._report, self._margin)
        unreadable = False
        for index, line in enumerate(self._lines):
            line.reported |= unreadable and goes_on(line)
            following = self._lines[index + 1] if index + 1 < len(self._lines) else None
            self._close_blocks(line.dedents)
            if line.indented:
                self._open_block(line)
            if self._skip_below is None:
                self._read(line, following)
            unreadable = line.reported
        self._close_blocks(len(self._blocks))
        return cast(tuple[Declaration, ...], self._machine.finish()[1])

    def _close_blocks(self, count: int) -> None:
        for _ in range(count):
            if self._blocks.pop():
                self._machine.feed(Token("_DEDENT", "", 0, 0))
            if self._skip_below is not None and len(self._blocks) <= self._skip_below:
                self._skip_below = None

    def _open_block(self, line: Line) -> None:
        """A block where the grammar has none is read as if its lines were not indented."""
        fits = self._skip_below is None and self._machine.accepts("_INDENT")
        self._blocks.append(fits)
        if fits:
            self._machine.feed(Token("_INDENT", "", 0, 0))
        elif self._skip_below is None:
            span = Span(self._source, line.start, line.start + line.indent)
            line.complain(wording.unexpected_indentation(span), self._report)

    def _read(self, line: Line, following: Line | None) -> None:
        """Reads a line; of one that does not fit, nothing is kept but a stand-in."""
        base = self._machine.height
        if line.opens and len(self._blocks) >= MAX_BLOCKS:
            self._skip_block(line)
            return
        if not line.broken:
            fault, base = self._feed(line)
            if fault is None:
                needs_block = self._machine.accepts("_INDENT")
                if needs_block and not line.opens:
                    self._report_missing_block(line)
                elif needs_block or not self._lacks_colon(line):
                    return
            elif not line.reported:
                line.complain(explain(fault, self._suggestions), self._report)
        self._machine.cut(base)
        self._builder.forget()
        self._note_names(line)
        self._stand_in(line, following)

    def _feed(self, line: Line) -> tuple[SyntaxFault | None, int]:
        """Gives a line to the parser. Also returns how high the parser's stack was before the line."""
        machine, words = self._machine, self._terminals
        base = 0
        for index, token in enumerate((*line.tokens, Token("_NEWLINE", "", line.end, line.end))):
            if token.type == "NAME" and token.text in words and machine.has(words[token.text]):
                token.type = words[token.text]
            if not machine.feed(token):
                return self._fault(line, index, self._possible(index)), base or machine.height
            base = base or machine.height - 1
        return None, base

    def _possible(self, index: int) -> frozenset[str]:
        """What could stand at a token of a line. For the first, what tells the kind of block is exact."""
        possible = self._machine.possible()
        if index > 0:
            return possible
        return possible - {terminal for terminal in _TELLING if not self._machine.accepts(terminal)}

    # Lines that do not fit

    def _fault(self, line: Line, index: int, possible: frozenset[str], *, alone: bool = False) -> SyntaxFault:
        """A line that cannot go on at a token. What is told of it is told of single brackets."""
        before = [*apart(line.tokens[:index])]
        line.tokens = [*before, *apart(line.tokens[index:])]
        return SyntaxFault(self._source, line, len(before), possible, alone)

    def _report_missing_block(self, line: Line) -> None:
        span = Span(self._source, line.tokens[0].start, line.tokens[-1].end)
        line.complain(wording.missing_block(span, phrases.header(line) or wording.THIS_LINE), self._report)

    def _lacks_colon(self, line: Line) -> bool:
        """Reports a `wait until` that has steps below it and no colon: only the block shows that it lacks one."""
        if not line.opens or line.reported or [token.text for token in line.tokens[:2]] != ["wait", "until"]:
            return False
        span = Span(self._source, line.end, line.end)
        line.complain(wording.missing_colon(span, wording.WAIT_WITH_STEPS), self._report)
        return True

    def _note_names(self, line: Line) -> None:
        """Whatever an unreadable declaration may have declared is not unknown."""
        if line.indent == self._margin:
            self._builder.broken_names.update(
                str(token.value) if token.type in ("STRING", "INT") else token.text for token in line.tokens
            )

    def _stand_in(self, line: Line, following: Line | None) -> None:
        """Puts something in place of a line that cannot be read; what has no place below it is skipped."""
        self._whole = False
        terminals = stand_ins.header(line, following, self._machine) if line.opens and following is not None else None
        if terminals is not None:
            self._feed_terminals(terminals, line)
            return
        if any(self._blocks):  # Blocks may not be left empty; between declarations nothing is missed.
            self._feed_terminals(stand_ins.LINE, line)
        if line.opens:
            self._skip_below = len(self._blocks)

    def _skip_block(self, line: Line) -> None:
        """Leaves out a block that lies too deep. A file is told so once."""
        if not self._told_depth and not line.reported:
            self._told_depth = True
            start = line.tokens[0].start if line.tokens else line.start
            self._report.add(wording.blocks_too_deep(Span(self._source, start, line.end), MAX_BLOCKS))
        self._feed_terminals(stand_ins.LINE, line)
        self._skip_below = len(self._blocks)

    def _feed_terminals(self, terminals: tuple[str, ...], line: Line) -> None:
        start = line.tokens[0].start if line.tokens else line.start
        end = max(line.tokens[-1].end if line.tokens else line.end, start)
        for terminal in terminals:
            if not self._machine.feed(Token(terminal, "", start, end)):
                return

    # Expressions and templates

    def only_expression(self) -> Expression | None:
        if not self._lines:
            nowhere = Span(self._source, self._end, self._end)
            self._report.add(wording.missing_value(nowhere, wording.NOTHING, wording.HERE))
            return None
        line = self._lines[0]
        expression = self._expression(line)
        if len(self._lines) > 1 and not line.reported:
            second = self._lines[1]
            span = Span(self._source, second.start + second.indent, second.end)
            line.complain(wording.one_expression(span), self._report)
        return None if line.reported else expression

    def _expression(self, line: Line) -> Expression | None:
        if line.broken:
            return None
        machine = Machine("expression", self._callbacks)
        index = next((index for index, token in enumerate(line.tokens) if not machine.feed(token)), None)
        fits, expression = machine.finish() if index is None else (False, None)
        self._builder.forget()
        if fits:
            return cast(Expression, expression)
        index = len(line.tokens) if index is None else index
        fault = self._fault(line, index, machine.possible(), alone=True)
        line.complain(explain(fault, self._suggestions), self._report)
        return None

    def _template(self, token: Token) -> Template:
        return read_template(token, self._line_at(token.start), self._source, self._report, self._expression)

    def _line_at(self, offset: int) -> Line:
        return self._lines[bisect_right(self._starts, offset) - 1]

    def _complain(self, diagnostic: Diagnostic) -> None:
        self._line_at(diagnostic.span.start).complain(diagnostic, self._report)
