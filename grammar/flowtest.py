"""Reads flow tests (LANGUAGE.md section 8): `read_flow_test` gives the commands of a `.flowtest` file.

The words of a command are read here, one after the other; expressions, texts and declarations by the language's own
lexer and parser, at their place in the file. Every command that cannot be read is reported, once.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

from grammar import characters, numerals, wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest_lines import COMMANDS, Section, sections
from grammar.flowtest_moments import read_moment
from grammar.flowtest_nodes import (
    At,
    ChooseArm,
    Command,
    Declare,
    ExpectError,
    ExpectGoal,
    ExpectMessage,
    ExpectNoMessages,
    ExpectRun,
    ExpectSegment,
    ExpectThat,
    FlowTest,
    Identify,
    Json,
    Load,
    SetField,
    Time,
    Track,
    Visit,
    Word,
    Zone,
)
from grammar.lexing import Lexer
from grammar.nodes import Expression
from grammar.parser import parse, parse_expression
from grammar.source import Source, Span
from grammar.suggest import Suggestions

MOST_TIMES = 100_000
LONGEST_VISITOR = 128
RESERVED_VISITORS = frozenset({"message", "no", "segment", "run", "goal", "error"})
"""Words that mean something after `expect`: a visitor of that name is written as a text."""

_SPACE = re.compile(r"(?:[ \n]|#[^\n]*)*")
_WORD = re.compile(r"[\w.\-]+")
_NAME = re.compile(r"\w+")
_PATH = re.compile(r"[^\s#\"']\S*")
_TIMES = re.compile(r"x([0-9]+)(?![\w.\-])")
_DURATION = re.compile(r"(?:[0-9]+[a-zA-Z]+)+")
_CODE = re.compile(r"[EW][0-9]{0,3}")
_IN_JSON = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|[\[\]{}]|[^"#\[\]{}]+|[\s\S]')
_SCALAR = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?[0-9][0-9.eE+\-]*|true\b|false\b|null\b')
_WORD_OR_TEXT = re.compile(r"[\w.\-]+|\S")

T = TypeVar("T")


def read_flow_test(source: Source, report: Diagnostics) -> FlowTest:
    """The commands of a flow test; those that cannot be read are reported and left out."""
    suggestions = Suggestions()
    commands = (_read(section, report, suggestions) for section in sections(source))
    return FlowTest(tuple(command for command in commands if command is not None))


class _Unreadable(Exception):
    """The command cannot be read; what is wrong, unless it has been reported."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        self.diagnostic = diagnostic


def _read(section: Section, report: Diagnostics, suggestions: Suggestions) -> Command | None:
    try:
        return _Reader(section, report, suggestions).command()
    except _Unreadable as unreadable:
        if unreadable.diagnostic is not None:
            report.add(unreadable.diagnostic)
        return None


class _Reader:
    """Reads one command from left to right. Every method raises _Unreadable where the text is not what it reads."""

    def __init__(self, section: Section, report: Diagnostics, suggestions: Suggestions) -> None:
        self._source, self._text = section.command.source, section.command.source.text
        self._start, self._at, self._end = section.command.start, section.command.start, section.command.end
        self._block, self._report, self._suggestions = section.block, report, suggestions
        self._form = ""

    def command(self) -> Command:
        if self._text[self._start] in " \t":
            raise _Unreadable(wording.unexpected_indentation(self._indentation(Span(self._source, self._start, 0))))
        head = self._word(_WORD_OR_TEXT)
        if head is None or head.text not in COMMANDS:
            raise _Unreadable(self._unknown_command(head))
        self._form = wording.COMMAND_FORMS[head.text]
        command = _READERS[head.text](self)
        if self._block is not None and not isinstance(command, Declare):
            raise _Unreadable(wording.unexpected_indentation(self._indentation(self._block)))
        return command

    def _unknown_command(self, head: Word | None) -> Diagnostic:
        if head is None:
            return wording.unknown_command(self._here(), self._shown(), COMMANDS, None)
        if head.text in ("event", "field", "segment"):
            return wording.declaration_outside(head.span, head.text)
        return wording.unknown_command(head.span, head.text, COMMANDS, self._suggestions.nearest(head.text, COMMANDS))

    def _indentation(self, line: Span) -> Span:
        spaces = len(self._text[line.start :]) - len(self._text[line.start :].lstrip(" \t"))
        return Span(self._source, line.start, line.start + spaces)

    # Commands

    def zone(self) -> Zone:
        name = self._need(self._quoted, wording.A_TEXT)
        return Zone(self._finish(), name)

    def load(self) -> Load:
        path = self._need(lambda: self._quoted() or self._word(_PATH), wording.A_FILE)
        return Load(self._finish(), path)

    def flow(self) -> Declare:
        if not self._symbol(":"):
            raise _Unreadable(wording.declaration_outside(Span(self._source, self._start, self._at), "flow"))
        span = self._finish()
        if self._block is None:
            raise _Unreadable(wording.missing_block(span, wording.INLINE_DECLARATIONS))
        script = parse([self._block], self._report)
        return Declare(span, script.declarations, script.broken)

    def at(self) -> At:
        self._skip()
        start = self._at
        time = self._time(backwards=False)
        time_span = Span(self._source, start, self._at)
        return At(self._finish(), time, time_span)

    def track(self) -> Track:
        visitor = self._visitor()
        event = self._quoted() or self._name(wording.AN_EVENT, _WORD)
        parts: dict[str, object] = {}
        places: dict[str, Span] = {}
        while not self._ended():
            start = self._at
            name, part = self._track_part()
            if name in parts:
                again = Span(self._source, start, self._at)
                raise _Unreadable(wording.part_of_command_twice(again, wording.TRACK_PARTS[name], places[name]))
            parts[name], places[name] = part, Span(self._source, start, self._at)
        return Track(
            self._finish(),
            visitor,
            event,
            cast(int, parts.get("times", 1)),
            cast(Time | None, parts.get("time")),
            cast(Word | None, parts.get("id")),
            cast(Json | None, parts.get("data")),
        )

    def _track_part(self) -> tuple[str, object]:
        """One of the parts that may follow an event, in any order."""
        times = _TIMES.match(self._text, self._at, self._end)
        if times is not None:
            return "times", self._times(times)
        if self._keyword("at"):
            return "time", self._time(backwards=True)
        if self._keyword("id"):
            identifier = self._need(self._quoted, wording.A_TEXT)
            self._check_identifier(identifier)
            return "id", identifier
        data = self._json(_SCALAR)
        if data is None:
            raise _Unreadable(wording.left_over(self._here(), self._shown(), self._form))
        return "data", data

    def _times(self, match: re.Match[str]) -> int:
        self._at = match.end()
        times = int(match[1]) if len(match[1]) < 10 else MOST_TIMES + 1
        if not 1 <= times <= MOST_TIMES:
            raise _Unreadable(wording.times_out_of_range(Span(self._source, match.start(), match.end()), MOST_TIMES))
        return times

    def visit(self) -> Visit:
        visitor = self._visitor()
        values = self._json()
        return Visit(self._finish(), visitor, values)

    def set(self) -> SetField:
        visitor = self._visitor()
        name = self._name(wording.A_VARIABLE)
        if not self._symbol("="):
            raise _Unreadable(wording.missing_part(self._here(), "`=`", self._form))
        value = self._expression()
        return SetField(self._finish(), visitor, name, value)

    def identify(self) -> Identify:
        visitor = self._visitor()
        if not self._keyword("as"):
            raise _Unreadable(wording.missing_part(self._here(), "`as`", self._form))
        user = self._need(self._quoted, wording.A_TEXT)
        if not user.text:
            raise _Unreadable(wording.bad_identifier(user.span, None))
        values = self._json()
        return Identify(self._finish(), visitor, user, values)

    def arm(self) -> ChooseArm:
        visitor = self._visitor()
        flow = self._name(wording.A_FLOW)
        arm = self._need(self._quoted, wording.A_TEXT)
        return ChooseArm(self._finish(), visitor, flow, arm)

    # Claims

    def expect(self) -> Command:
        self._skip()
        start = self._at
        word = self._word(_WORD)
        if word is None or word.text not in RESERVED_VISITORS:
            self._at = start
            return self._expect_that()
        if self._text[self._at : self._end].lstrip(" ")[:1] == ":":
            raise _Unreadable(wording.visitor_needs_quotes(word.span, word.text))
        if word.text != "no":
            self._form = wording.COMMAND_FORMS[f"expect {word.text}"]
        match word.text:
            case "message":
                return self._expect_message()
            case "segment":
                return self._expect_segment()
            case "error":
                return self._expect_error()
            case "run" | "goal":
                return self._expect_course(word.text, wanted=True)
        if self._keyword("messages"):
            return ExpectNoMessages(self._finish())
        for what in ("run", "goal"):
            if self._keyword(what):
                self._form = wording.COMMAND_FORMS[f"expect {what}"]
                return self._expect_course(what, wanted=False)
        raise _Unreadable(wording.missing_part(self._here(), wording.WHAT_IS_NOT, wording.COMMAND_FORMS["expect no"]))

    def _expect_message(self) -> ExpectMessage:
        visitor, flow = self._visitor(), self._name(wording.A_FLOW)
        if not self._ended() and self._text[self._at] in "\"'":
            raise _Unreadable(wording.missing_part(self._here(), wording.A_CHANNEL, self._form))
        channel = self._word(_NAME)
        text = None if channel is None else self._quoted()
        return ExpectMessage(self._finish(), visitor, flow, channel, text)

    def _expect_that(self) -> ExpectThat:
        visitor = self._visitor()
        self._colon()
        condition = self._expression()
        return ExpectThat(self._finish(), visitor, condition)

    def _expect_segment(self) -> ExpectSegment:
        segment = self._name(wording.A_SEGMENT)
        self._colon()
        visitors: list[Word] = []
        while not self._ended():
            visitors.append(self._visitor())
            if not self._symbol(","):
                break
            if self._ended():
                raise _Unreadable(wording.missing_part(self._here(), wording.A_VISITOR, self._form))
        return ExpectSegment(self._finish(), segment, tuple(visitors))

    def _expect_course(self, what: str, *, wanted: bool) -> ExpectRun | ExpectGoal:
        visitor, flow = self._visitor(), self._name(wording.A_FLOW)
        node = ExpectRun if what == "run" else ExpectGoal
        return node(self._finish(), visitor, flow, wanted)

    def _expect_error(self) -> ExpectError:
        code = self._need(lambda: self._word(_WORD), wording.A_CODE)
        if not _CODE.fullmatch(code.text):
            raise _Unreadable(wording.bad_code(code.span, code.text))
        self._colon()
        self._skip()
        expression = Span(self._source, self._at, self._end)
        self._at = self._end
        return ExpectError(self._finish(), code, expression)

    # Parts of commands

    def _visitor(self) -> Word:
        quoted = self._quoted()
        visitor = quoted or self._word(_WORD)
        if visitor is None:
            raise _Unreadable(wording.missing_part(self._here(), wording.A_VISITOR, self._form))
        if quoted is None and visitor.text in RESERVED_VISITORS:
            raise _Unreadable(wording.visitor_needs_quotes(visitor.span, visitor.text))
        self._check_identifier(visitor)
        return visitor

    def _check_identifier(self, word: Word) -> None:
        if not 1 <= len(word.text) <= LONGEST_VISITOR:
            raise _Unreadable(wording.bad_identifier(word.span, LONGEST_VISITOR))

    def _name(self, what: str, pattern: re.Pattern[str] = _NAME) -> Word:
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
            raise _Unreadable(wording.bad_moment(Span(self._source, start, max(self._at, start + 1)), backwards))
        return moment

    def _duration(self) -> timedelta:
        start = self._at
        if not self._text[start : start + 1].isdecimal() or start >= self._end:
            raise _Unreadable(wording.missing_part(self._here(), wording.A_DURATION, self._form))
        numeral = numerals.read(self._text, start, self._end)
        self._at = numeral.end
        span = Span(self._source, start, numeral.end)
        complaint = numerals.complaint(numeral, self._text[start : numeral.end], span)
        if complaint is None and numeral.type != "DURATION":
            complaint = wording.missing_part(span, wording.A_DURATION, self._form)
        if complaint is not None:
            raise _Unreadable(complaint)
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
        raise _Unreadable(
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
            raise _Unreadable
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
            raise _Unreadable(diagnostic)
        token = lines[0].tokens[0]
        self._at = token.end
        return Word(cast(str, token.value), Span(self._source, token.start, token.end))

    def _literal_end(self) -> int:
        """Where the text literal that begins here ends; the end of the command, if that cannot be seen."""
        match = _LITERAL.match(self._text, self._at, self._end)
        return match.end() if match else self._end

    # Words and signs

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at, self._end)
        self._at = match.end() if match else self._at
        if self._at < self._end and self._text[self._at] == "\t":
            raise _Unreadable(wording.tab(Span(self._source, self._at, self._at + 1)))

    def _ended(self) -> bool:
        self._skip()
        return self._at >= self._end

    def _word(self, pattern: re.Pattern[str]) -> Word | None:
        self._skip()
        match = pattern.match(self._text, self._at, self._end)
        if match is None:
            return None
        self._at = match.end()
        return Word(match[0], Span(self._source, match.start(), match.end()))

    def _keyword(self, word: str) -> bool:
        self._skip()
        match = _WORD.match(self._text, self._at, self._end)
        if match is None or match[0] != word:
            return False
        self._at = match.end()
        return True

    def _symbol(self, symbol: str) -> bool:
        self._skip()
        if not self._text.startswith(symbol, self._at, self._end):
            return False
        self._at += len(symbol)
        return True

    def _colon(self) -> None:
        if not self._symbol(":"):
            raise _Unreadable(wording.missing_part(self._here(), wording.A_COLON, self._form))

    def _need(self, read: Callable[[], Word | None], what: str) -> Word:
        word = read()
        if word is None:
            raise _Unreadable(wording.missing_part(self._here(), what, self._form))
        return word

    def _finish(self) -> Span:
        """The whole command, which must end here."""
        end = self._at
        if not self._ended():
            char = self._text[self._at]
            use = characters.replacement(char)
            if use is not None:
                raise _Unreadable(wording.typographic_character(self._here(), char, use))
            raise _Unreadable(wording.left_over(self._here(), self._shown(), self._form))
        return Span(self._source, self._start, max(end, self._start + 1)) if end < self._end else self._whole()

    def _whole(self) -> Span:
        text = self._text[self._start : self._end].rstrip()
        return Span(self._source, self._start, self._start + len(text))

    def _shown(self) -> str:
        match = _WORD_OR_TEXT.match(self._text, self._at, self._end)
        return match[0] if match else ""

    def _here(self) -> Span:
        """What stands here; at the command's end, the place behind it."""
        self._skip()
        return Span(self._source, self._at, self._at + len(self._shown()))


_LITERAL = re.compile(
    r'"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""'
    r'|(?!""")"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'"
)
_READERS: dict[str, Callable[[_Reader], Command]] = {
    "zone": _Reader.zone,
    "load": _Reader.load,
    "flow": _Reader.flow,
    "at": _Reader.at,
    "track": _Reader.track,
    "visit": _Reader.visit,
    "set": _Reader.set,
    "identify": _Reader.identify,
    "arm": _Reader.arm,
    "expect": _Reader.expect,
}
