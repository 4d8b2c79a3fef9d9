"""Reads the parts of a flow test's commands, one after the other: words, texts, moments, JSON, expressions."""

import re
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest.moments import read_moment
from grammar.flowtest.nodes import Json, Time, Word
from grammar.nodes import Expression
from grammar.source import Span
from grammar.syntax import characters, numerals
from grammar.syntax.lexing import TEXT_AFTER, Lexer
from grammar.syntax.parser import parse_expression

LONGEST_IDENTIFIER = 128
RESERVED_VISITORS = frozenset({"message", "no", "segment", "run", "goal", "error"})
"""Words that mean something after `expect`: a visitor of that name is written as a text."""

WORD = re.compile(r"(?:[\w.\-]|[^\x00-\x7f])+")
NAME = re.compile(r"(?:\w|[^\x00-\x7f])+")
"""Words; beyond ASCII they end before the first character that is none of a word's (`_is_of_a_word`)."""
SCALAR = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?[0-9][0-9.eE+\-]*|true\b|false\b|null\b')
"""A JSON value that is no object and no list."""
_PATH = re.compile(r"[^\s#\"']\S*")
_SPACE = re.compile(r"(?:[ \n]|#[^\n]*)*")
_IN_JSON = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|[\[\]{}]|[^"#\[\]{}]+|[\s\S]')
_QUOTE = re.compile(r'"""|["\']')


class Unreadable(Exception):
    """The command cannot be read; what is wrong, unless it has been reported."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        self.diagnostic = diagnostic


class Scanner:
    """Stands at a place in one command. Every method raises Unreadable where the text is not what it reads."""

    def __init__(self, command: Span, report: Diagnostics) -> None:
        self._source, self._text = command.source, command.source.text
        self._start, self._at, self._end = command.start, command.start, command.end
        self._report = report
        self._form: str | None = None
        """How the command is written, for whoever wrote it differently."""

    def _visitor(self) -> Word:
        quoted = self._quoted()
        visitor = quoted or self._word(WORD)
        if visitor is None:
            raise self._missing(wording.A_VISITOR)
        if quoted is None and visitor.text in RESERVED_VISITORS:
            raise Unreadable(wording.visitor_needs_quotes(visitor.span, visitor.text))
        self._check_identifier(visitor)
        return visitor

    def _check_identifier(self, word: Word) -> None:
        if not 1 <= len(word.text) <= LONGEST_IDENTIFIER:
            raise Unreadable(wording.bad_identifier(word.span, LONGEST_IDENTIFIER))

    def _name(self, what: str, pattern: re.Pattern[str] = NAME) -> Word:
        """A name as the language has them: normalised."""
        word = self._need(lambda: self._word(pattern), what)
        return Word(unicodedata.normalize("NFKC", word.text), word.span)

    def _time(self, *, backwards: bool) -> Time:
        self._skip()
        start = self._at
        if self._text[start : start + 1] == "+" or (backwards and self._text[start : start + 1] == "-"):
            self._at += 1
            length = self._duration()
            return -length if self._text[start] == "-" else length
        moment, self._at = read_moment(self._text, start, self._end)
        if moment is None:
            here = Span(self._source, start, max(self._at, min(start + 1, self._end)))
            raise Unreadable(wording.bad_moment(here, backwards))
        return moment

    def _duration(self) -> timedelta:
        start = self._at
        if not self._text[start : start + 1].isdecimal() or start >= self._end:
            raise self._missing(wording.A_DURATION)
        numeral = numerals.read(self._text, start, self._end)
        self._at = numeral.end
        span = Span(self._source, start, numeral.end)
        complaint = numerals.complaint(numeral, self._text[start : numeral.end], span)
        if complaint is None and numeral.type != "DURATION":
            complaint = wording.missing_part(span, wording.A_DURATION, self._form)
        if complaint is not None:
            raise Unreadable(complaint)
        return cast(timedelta, numeral.value)

    def _json(self, scalar: re.Pattern[str] | None = None) -> Json | None:
        """An object; where data of any kind may stand, also a list or a value that `scalar` matches."""
        self._skip()
        start = self._at
        opening = self._text[start] if start < self._end else ""
        if opening == "{" or (opening == "[" and scalar is not None):
            return self._braces(start)
        match = scalar.match(self._text, start, self._end) if scalar is not None else None
        if match is None:
            return None
        self._at = match.end()
        return Json(match[0], Span(self._source, start, match.end()))

    def _braces(self, start: int) -> Json:
        """JSON from its first bracket to the one that closes it. A comment in it counts as space."""
        depth, pieces = 0, []
        for piece in _IN_JSON.finditer(self._text, start, self._end):
            is_comment = piece[0].startswith("#")
            pieces.append(" " * len(piece[0]) if is_comment else piece[0])
            depth += (piece[0] in ("{", "[")) - (piece[0] in ("}", "]"))
            if depth == 0:
                self._at = piece.end()
                return Json("".join(pieces), Span(self._source, start, self._at))
        bracket = self._text[start]
        raise Unreadable(
            wording.unclosed_bracket(Span(self._source, start, start + 1), bracket, "}" if bracket == "{" else "]")
        )

    def _expression(self) -> Expression:
        """The rest of the command."""
        self._skip()
        found = Diagnostics()
        expression = parse_expression(Span(self._source, self._at, self._end), found)
        for diagnostic in found:
            self._report.add(diagnostic)
        self._at = self._end
        if expression is None or not found.ok:
            raise Unreadable
        return expression

    def _quoted(self) -> Word | None:
        """A text literal, if one stands here."""
        self._skip()
        char = self._text[self._at] if self._at < self._end else ""
        if char not in ("'", '"') and characters.replacement(char or " ") not in ("'", '"'):
            return None
        found = Diagnostics()
        lines = Lexer(self._source, found, start=self._at, end=self._literal_end()).lines()
        for diagnostic in found:
            raise Unreadable(diagnostic)
        token = lines[0].tokens[0]
        self._at = token.end
        return Word(cast(str, token.value), Span(self._source, token.start, token.end))

    def _literal_end(self) -> int:
        """Where the text literal that begins here ends; the end of the command, if that cannot be seen."""
        quote = _QUOTE.match(self._text, self._at, self._end)
        body = TEXT_AFTER[quote[0]].match(self._text, quote.end(), self._end) if quote else None
        return body.end() if body else self._end

    # Words and signs

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at, self._end)
        self._at = match.end() if match else self._at
        if self._at < self._end and self._text[self._at] == "\t":
            raise Unreadable(wording.tab(Span(self._source, self._at, self._at + 1)))

    def _ended(self) -> bool:
        self._skip()
        return self._at >= self._end

    def _word(self, pattern: re.Pattern[str]) -> Word | None:
        self._skip()
        word, start = self._word_here(pattern), self._at
        self._at += len(word)
        return Word(word, Span(self._source, start, self._at)) if word else None

    def _path(self) -> Word | None:
        self._skip()
        match = _PATH.match(self._text, self._at, self._end)
        if match is None:
            return None
        self._at = match.end()
        return Word(match[0], Span(self._source, match.start(), match.end()))

    def _word_here(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at, self._end)
        found = match[0] if match else ""
        if found.isascii():
            return found
        return found[: next((index for index, char in enumerate(found) if not _is_of_a_word(char)), len(found))]

    def _keyword(self, word: str) -> bool:
        self._skip()
        if self._word_here(WORD) != word:
            return False
        self._at += len(word)
        return True

    def _symbol(self, symbol: str) -> bool:
        self._skip()
        if not self._text.startswith(symbol, self._at, self._end):
            return False
        self._at += len(symbol)
        return True

    def _colon(self) -> None:
        if not self._symbol(":"):
            raise self._missing(wording.A_COLON)

    def _need(self, read: Callable[[], Word | None], what: str) -> Word:
        word = read()
        if word is None:
            raise self._missing(what)
        return word

    def _finish(self) -> Span:
        """The whole command, which must end here."""
        end = self._at
        if not self._ended():
            raise self._left_over()
        return Span(self._source, self._start, max(end, self._start + 1)) if end < self._end else self._whole()

    def _whole(self) -> Span:
        text = self._text[self._start : self._end].rstrip()
        return Span(self._source, self._start, self._start + len(text))

    def _shown(self) -> str:
        """What a message calls by its text: a word, or another character."""
        return self._word_here(WORD) or self._text[self._at : self._end][:1].strip(" \n")

    def _missing(self, what: str) -> Unreadable:
        return self._typographic() or Unreadable(wording.missing_part(self._here(), what, self._form))

    def _left_over(self) -> Unreadable:
        return self._typographic() or Unreadable(wording.left_over(self._here(), self._shown(), self._form))

    def _typographic(self) -> Unreadable | None:
        """Of a character from a document that was meant for another."""
        self._skip()
        char = self._text[self._at] if self._at < self._end else ""
        use = characters.replacement(char) if char else None
        if use is None:
            return None
        return Unreadable(wording.typographic_character(Span(self._source, self._at, self._at + 1), char, use))

    def _here(self) -> Span:
        """What stands here; at the command's end, the place behind it."""
        self._skip()
        return Span(self._source, self._at, self._at + len(self._shown()))


def _is_of_a_word(char: str) -> bool:
    """Letters and digits of any script, and what names may have: the marks that many scripts write vowels with."""
    return char.isascii() or char.isalnum() or ("a" + char).isidentifier()
