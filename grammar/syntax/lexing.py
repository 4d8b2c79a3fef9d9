"""From text to tokens in logical lines (LANGUAGE.md section 1).

A hand-written scanner rather than Lark's, since it goes on after an error: it reports at most one error for a logical
line, takes a mistyped character for the one that was meant where it can, and finds where a line with an unclosed
bracket must have ended. Its work is linear in the length of the text.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.literals import (
    MAX_INT_DIGITS,
    MAX_TEXT_BYTES,
    BadEscapeError,
    is_text,
    unescape,
    unescape_pattern,
)
from grammar.names import CONSTANTS, RESERVED_WORDS
from grammar.source import Source, Span
from grammar.syntax import characters, numerals
from grammar.syntax.brackets import CLOSING, MAX_LEVELS, Brackets
from grammar.syntax.continuation import begins_line, may_begin_line
from grammar.syntax.table import grammar
from grammar.syntax.tokens import Line, Token
from grammar.wording import habits

_WORD, _INT, _NUMBER, _QUOTE, _COMMENT, _NEWLINE, _SYMBOL, _OTHER = range(1, 9)

_PLAIN_SYMBOLS = ("==", "!=", "<=", ">=", "//", *"-+*/%<>=().,[]:")
_RUNS = rf"\({{2,{MAX_LEVELS}}}|\){{2,{MAX_LEVELS}}}"
_SYMBOLS = "|".join(
    [_RUNS, *(re.escape(text) for text in sorted((*_PLAIN_SYMBOLS, *habits.SIGNS), key=len, reverse=True))]
)
_TOKEN = re.compile(
    r"[ ]*+(?:"
    r"([A-Za-z_][A-Za-z0-9_]*+(?![^\x00-\x7f]))"
    r"|([0-9]+(?![A-Za-z0-9_.]|[^\x00-\x7f]))"
    r"|(?=(\.?[0-9]))"
    r'|("""|["\'])'
    r"|(\#[^\n]*)"
    r"|(\n(?:[ ]*+\n)*+)"
    rf"|({_SYMBOLS})"
    r"|([\s\S]))"
)
TEXT_AFTER = {
    '"': re.compile(r'[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"'),
    "'": re.compile(r"[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'"),
    '"""': re.compile(r'[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""'),
}
"""What follows an opening quote, up to the closing one."""
_INDENT = re.compile(rf"[ {characters.BLANK}]*")
_NO_SPACE = re.compile(rf"[{characters.BLANK}]")
_WORD_CHARACTERS = re.compile(r"(?:[A-Za-z0-9_]|[^\x00-\x7f])+")
_WORD_AHEAD = re.compile(r"[ ]*(\w*)")
_DAY_AHEAD = re.compile(r"/[0-9]{1,2}/[0-9]{2}")
_NUMBER_BEFORE = (
    (re.compile(r"[0-9],$"), wording.THOUSANDS),
    (re.compile(r"[0-9]{4}-(?:[0-9]{1,2}-)?$|[0-9]/$"), wording.DAY),
    (re.compile(r"-[0-9]{1,2} [0-9]{1,2}:$"), wording.DAY),
    (re.compile(r"[0-9]:$"), wording.CLOCK),
)
"""What stands before a number that is only a part: `1,000`, `2026-01-31`, `9:00`."""
_REST_OF_LINE = re.compile(r"[^\n]*")
_LINE_BREAK = re.compile(r"[ ]*\n")


class Lexer:
    """Reads `text[start:end]`. `places` gives the place in the source of each character, where that is another one.

    `runs`: whether round brackets side by side that are closed side by side are one token. (The parser is given them
    so, lest brackets in brackets around each operand cost more than all the rest of an expression.)
    `comments` are the places (start and end) of the comments read so far; they hold for a text without syntax errors.
    """

    def __init__(
        self,
        source: Source,
        report: Diagnostics,
        text: str | None = None,
        start: int = 0,
        end: int | None = None,
        places: Sequence[int] | None = None,
        *,
        runs: bool = False,
    ) -> None:
        self._source, self._report, self._places = source, report, places
        self._text = source.text if text is None else text
        self._at = start
        self._end = len(self._text) if end is None else end
        self.comments: list[tuple[int, int]] = []
        self._terminals = grammar().terminals
        self._line = Line(start, 0)
        self._brackets = Brackets(runs and places is None)
        self._strict = False
        self._in_braces = False

    # Lines

    def lines(self) -> list[Line]:
        """All logical lines that are not empty."""
        found = []
        while self._at < self._end:
            line = self._read_line()
            if line.tokens or line.broken:
                found.append(line)
        return found

    def _read_line(self) -> Line:
        start = self._at
        line = self._begin_line()
        if self._scan() or not self._brackets:
            return line
        if self._strict:
            self._unclosed()
            return line
        # The text ended inside a bracket. Look again, taking more for the beginning of a line; and from now on,
        # so that a text full of open brackets is not read again for each of them.
        self._strict = True
        self._at = start
        line = self._begin_line(line.reported)
        if not self._scan():
            self._unclosed()
        return line

    def _begin_line(self, reported: bool = False) -> Line:
        self._brackets.clear()
        match = _INDENT.match(self._text, self._at, self._end)
        space = match[0] if match else ""
        self._line = line = Line(self._place(self._at), characters.width(space), reported=reported)
        wrong = _NO_SPACE.search(space)
        if wrong is not None:
            place = self._span(self._at + wrong.start(), self._at + wrong.end())
            replacement = characters.replacement(wrong[0])
            if wrong[0] == "\t":
                self._complain(wording.tab(place))
            elif replacement is not None:
                self._complain(wording.typographic_character(place, wrong[0], replacement))
            else:
                self._complain(wording.unknown_character(place, characters.shown(wrong[0]), None))
        self._at += len(space)
        return line

    def braces(self, *, reported: bool) -> tuple[Line, int | None]:
        """The expression up to `}}`, as one line, and where it goes on behind these; None if they are missing."""
        self._in_braces = True
        self._line = Line(self._place(self._at), 0, reported=reported)
        closed = self._scan()
        if closed and self._brackets:
            self._unclosed()
        return self._line, self._at if closed else None

    # Tokens

    def _scan(self) -> bool:
        """Reads tokens to the end of the line (or of the braces); False if the text ends inside brackets or braces."""
        text, end, append = self._text, self._end, self._line.tokens.append
        match_token = _TOKEN.match
        while True:
            match = match_token(text, self._at, end)
            if match is None:
                self._at = end
                self._line.end = self._place(end)
                return not (self._brackets or self._in_braces)
            kind = match.lastindex or 0
            start, self._at = match.span(kind)
            if kind == _WORD:
                word = match[kind]
                if word not in RESERVED_WORDS:
                    append(Token("NAME", word, start, self._at))
                else:
                    self._reserved(word, start)
            elif kind == _SYMBOL:
                if self._in_braces and text[start] == "}":
                    if not text.startswith("}}", start, end):
                        return False
                    self._at = start + 2
                    self._line.end = self._place(start)
                    self._move_to_source()
                    return True
                self._symbol(match[kind], start)
            elif kind == _NEWLINE:
                if self._ends_line(start):
                    return True
            elif kind == _COMMENT:
                self.comments.append((start, self._at))
            else:
                self._rest(kind, match[kind], start)

    def _rest(self, kind: int, text: str, start: int) -> None:
        if kind == _INT and len(text) <= MAX_INT_DIGITS and (text[0] != "0" or text == "0"):
            self._add("INT", start, int(text))
        elif kind in (_INT, _NUMBER):
            self._number(start)
        elif kind == _QUOTE:
            self._quoted(text, start)
        else:
            self._other(text, start)

    def _ends_line(self, start: int) -> bool:
        if self._in_braces:
            return False
        if self._brackets:
            begins = may_begin_line if self._strict else begins_line
            if not begins(self._text, self._at, self._end):
                return False
            self._unclosed()
        self._line.end = self._place(start)
        return True

    def _add(self, type_: str, start: int, value: str | int | float | bool | None = None) -> None:
        self._line.tokens.append(Token(type_, self._text[start : self._at], start, self._at, value))

    def _reserved(self, word: str, start: int) -> None:
        if self._after_dot():
            self._line.tokens.append(Token("NAME", word, start, self._at))
        elif word in CONSTANTS:
            value = CONSTANTS[word]
            self._line.tokens.append(Token("NONE" if value is None else "BOOL", word, start, self._at, value))
        else:
            self._line.tokens.append(Token(self._terminals.get(word, "FOR"), word, start, self._at))

    def _after_dot(self) -> bool:
        tokens = self._line.tokens
        return bool(tokens) and tokens[-1].type == "DOT"

    def _symbol(self, text: str, start: int) -> None:
        if text[0] in "([":
            self._open(text, start)
            return
        if text[0] in ")]":
            self._close(text, start)
            return
        type_ = self._terminals.get(text)
        if type_ is None:
            self._fail(wording.not_in_the_language(self._span(start, self._at), text, self._foreign_help(text)))
            if text == "\\":
                self._go_on_below()
            return
        if text == ",":
            self._brackets.count_comma()
        self._line.tokens.append(Token(type_, text, start, self._at))

    def _go_on_below(self) -> None:
        """Takes the line below for the rest of this one, as an author meant who ended it with a backslash."""
        match = _LINE_BREAK.match(self._text, self._at, self._end)
        if match is not None and not may_begin_line(self._text, match.end(), self._end):
            self._at = match.end()

    def _foreign_help(self, text: str) -> str:
        following = _WORD_AHEAD.match(self._text, self._at, self._end)
        word = following[1] if following else ""
        if text == "|" and self._in_braces:
            return wording.no_filters(word)
        return wording.AMOUNT if text == "$" and word[:1].isdecimal() else habits.SIGNS[text]

    def _open(self, text: str, start: int) -> None:
        tokens = self._line.tokens
        too_deep = self._brackets.open(text, start, tokens)
        self._at = tokens[-1].end
        if too_deep is not None:
            self._fail(wording.expression_too_deep(self._span(too_deep, too_deep + 1), MAX_LEVELS))

    def _close(self, text: str, start: int) -> None:
        tokens = self._line.tokens
        if not self._brackets.are_closed_by(text[0]):
            opening = self._brackets.innermost[1] if self._brackets else None
            place = None if opening is None else self._span(opening, opening + 1)
            self._fail(wording.unmatched_bracket(self._span(start, start + 1), text[0], place))
        self._brackets.close(text, start, tokens)
        self._at = tokens[-1].end

    def _unclosed(self) -> None:
        bracket, place = self._brackets.innermost
        self._fail(wording.unclosed_bracket(self._span(place, place + 1), bracket, CLOSING[bracket]))
        self._brackets.clear()

    def _number(self, start: int) -> None:
        numeral = numerals.read(self._text, start, self._end)
        self._at = numeral.end
        written = self._text[start : self._at]
        complaint = numerals.complaint(numeral, written, self._span(start, self._at))
        if complaint is not None:
            is_of_hours = self._line.head == "hours" and self._line.tokens[-1].text in ("hours", ":")
            self._fail(
                wording.unquoted_window(self._span(start, self._at)) if is_of_hours else self._part(complaint, start)
            )
        else:
            self._line.tokens.append(Token(numeral.type, written, start, self._at, numeral.value))

    def _part(self, complaint: Diagnostic, start: int) -> Diagnostic:
        """What is wrong with a number that is a part of a longer one, of a day or of a time."""
        before = self._text[max(0, start - 8) : start]
        help = next((help for pattern, help in _NUMBER_BEFORE if pattern.search(before)), None)
        if _DAY_AHEAD.match(self._text, self._at, self._end):
            help = wording.DAY
        if self._line.head == "event" and len(self._line.tokens) > 1:
            help = wording.UUID_IN_QUOTES
        return complaint if help is None else replace(complaint, help=help)

    # Texts

    def _quoted(self, quote: str, start: int) -> None:
        match = TEXT_AFTER[quote].match(self._text, self._at, self._end)
        if match is None:
            self._give_up_line(start)
            self._fail(wording.unclosed_text(self._span(start, self._at), quote))
            return
        body_start = self._at
        self._at = match.end()
        value = self._value_of(self._text[body_start : self._at - len(quote)], body_start)
        if value is not None:
            self._add("STRING", start, value)

    def _give_up_line(self, start: int) -> None:
        """Goes on with the next line of the source, whatever brackets are open."""
        match = _REST_OF_LINE.match(self._text, start, self._end)
        self._at = match.end() if match else self._end
        self._brackets.clear()

    def _value_of(self, body: str, start: int) -> str | None:
        """What a text literal means; None, and reported, if it is wrong."""
        value = body
        if "\\" in body:
            try:
                value = unescape_pattern(body) if self._brackets.hold_a_pattern else unescape(body)
            except BadEscapeError as error:
                span = self._span(start + error.start, start + error.end)
                self._fail(wording.bad_escape(span, body[error.start : error.end], error.needs))
                return None
        whole = self._span(start, start + len(body))
        if not is_text(value):
            self._fail(wording.forbidden_in_text(whole))
            return None
        if len(value.encode()) > MAX_TEXT_BYTES:
            self._fail(wording.text_too_long(whole, MAX_TEXT_BYTES))
            return None
        return value

    # Characters beyond the ordinary

    def _other(self, char: str, start: int) -> None:
        replacement = characters.replacement(char)
        span = self._span(start, start + 1)
        if char == "\t":
            self._complain(wording.tab(span))
        elif char.isidentifier():
            self._word_of_any_script(start)
        elif replacement is None:
            help = wording.AMOUNT if char in habits.CURRENCIES else None
            self._fail(wording.unknown_character(span, characters.shown(char), help))
        elif replacement in ('"', "'"):
            self._complain(wording.typographic_character(span, char, replacement))
            self._typographic_text(char, start)
        else:
            self._complain(wording.typographic_character(span, char, replacement))
            if replacement in _PLAIN_SYMBOLS:
                self._symbol(replacement, start)
            elif replacement != " ":
                self._line.broken = True

    def _word_of_any_script(self, start: int) -> None:
        """A name: Python's identifiers, normalised (PEP 3131)."""
        match = _WORD_CHARACTERS.match(self._text, start, self._end)
        run = match[0] if match else ""
        is_whole = ("a" + run).isidentifier()
        length = len(run) if is_whole else next(at for at, char in enumerate(run) if not ("a" + char).isidentifier())
        self._at = start + length
        word = unicodedata.normalize("NFKC", run[:length])
        if not word.isidentifier():
            self._fail(wording.unknown_character(self._span(start, self._at), characters.shown(run[0]), None))
        elif word in RESERVED_WORDS:
            self._reserved(word, start)
        else:
            self._line.tokens.append(Token("NAME", word, start, self._at))

    def _typographic_text(self, opening: str, start: int) -> None:
        """Takes a text in typographic quotes for one in plain quotes, if it ends in its line."""
        closing = characters.CLOSING_QUOTES.get(opening, opening)
        rest = _REST_OF_LINE.match(self._text, self._at, self._end)
        body = rest[0] if rest else ""
        length = next((index for index, char in enumerate(body) if char in closing), None)
        if length is None:
            self._line.broken = True
            self._give_up_line(start)
            return
        value = self._value_of(body[:length], self._at)
        self._at += length + 1
        if value is not None:
            self._add("STRING", start, value)

    # Places and reports

    def _place(self, at: int) -> int:
        return at if self._places is None else self._places[at]

    def _span(self, start: int, end: int) -> Span:
        return Span(self._source, self._place(start), max(self._place(end), self._place(start) + 1))

    def _move_to_source(self) -> None:
        if self._places is not None:
            for token in self._line.tokens:
                token.start, token.end = self._places[token.start], self._places[token.end]

    def _nested_quotes(self) -> Diagnostic | None:
        """`"{{ user_fullname or "my friend!" }}"`: what stands between the texts may be no token at all."""
        if self._in_braces or self._line.reported:
            return None
        opening = next((token for token in self._line.tokens if token.opens_braces), None)
        if opening is None or "}}" not in self._text[opening.end : self._end].partition("\n")[0]:
            return None
        return wording.nested_quotes(self._span(opening.end - 1, opening.end), opening.text[0])

    def _complain(self, diagnostic: Diagnostic) -> None:
        """Reports an error after which the line can still be read."""
        self._line.complain(diagnostic, self._report)

    def _fail(self, diagnostic: Diagnostic) -> None:
        """Reports an error that leaves the line unreadable."""
        self._complain(self._nested_quotes() or diagnostic)
        self._line.broken = True
