"""Reads flow tests (LANGUAGE.md section 8): `read_flow_test` gives the commands of a `.flowtest` file.

Every command that cannot be read is reported, once. Expressions, texts and declarations are read by the language's own
lexer and parser, at their place in the file.
"""

import re
from collections.abc import Callable
from typing import cast

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest.lines import COMMANDS, Section, sections
from grammar.flowtest.nodes import (
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
from grammar.flowtest.scanner import NAME, RESERVED_VISITORS, SCALAR, WORD, Scanner, Unreadable
from grammar.source import Source, Span
from grammar.suggest import Suggestions
from grammar.syntax.parser import parse
from grammar.wording import forms, habits

MOST_TIMES = 100_000
_INDENT = re.compile(r"[ \t]*")
_LENGTH = re.compile(r"[ ]*\+?((?:[0-9]+[wdhms])+)\b")
_SPELLED_TIMES = re.compile(r"([0-9]+)[ ]*(?:times|x)\b|times[ ]+([0-9]+)")
_SPELLED_TIME = re.compile(r"(-[0-9][0-9wdhms]*[wdhms])\b|([0-9][0-9wdhms]*[wdhms])[ ]+ago\b")
_TIMES = re.compile(r"x([0-9]+)(?![\w.\-])")
_CODE = re.compile(r"[EW][0-9]{0,3}")


def read_flow_test(source: Source, report: Diagnostics) -> FlowTest:
    """The commands of a flow test; those that cannot be read are reported and left out."""
    suggestions = Suggestions()
    commands = (_read(section, report, suggestions) for section in sections(source))
    return FlowTest(tuple(command for command in commands if command is not None))


def _read(section: Section, report: Diagnostics, suggestions: Suggestions) -> Command | None:
    try:
        return _Reader(section, report, suggestions).command()
    except Unreadable as unreadable:
        if unreadable.diagnostic is not None:
            report.add(unreadable.diagnostic)
        return None


class _Reader(Scanner):
    """Reads one command from left to right. Every method raises Unreadable where the text is not what it reads."""

    def __init__(self, section: Section, report: Diagnostics, suggestions: Suggestions) -> None:
        super().__init__(section.command, report)
        self._block, self._suggestions = section.block, suggestions

    def command(self) -> Command:
        if self._text[self._start] in " \t":
            raise Unreadable(wording.unexpected_indentation(self._indentation(Span(self._source, self._start, 0))))
        typographic = self._typographic()
        if typographic is not None:
            raise typographic
        head = self._word(WORD) or Word(self._shown(), self._here())
        if head.text not in COMMANDS:
            raise Unreadable(self._unknown_command(head))
        self._form = forms.COMMANDS[head.text]
        command = _READERS[head.text](self)
        if self._block is not None and not isinstance(command, Declare):
            raise Unreadable(wording.unexpected_indentation(self._indentation(self._block)))
        return command

    def _unknown_command(self, head: Word) -> Diagnostic:
        if head.text in ("event", "field", "segment"):
            return wording.declaration_outside(head.span, head.text)
        return wording.unknown_command(head.span, head.text, COMMANDS, self._command_help(head.text))

    def _command_help(self, word: str) -> str | None:
        if word in ("wait", "sleep", "advance", "after", "pause", "+"):
            length = _LENGTH.match(self._text, self._at, self._end)
            return wording.did_you_mean(f"at +{length[1] if length else '30m'}")
        if word == "/":
            return wording.COMMENT
        return wording.did_you_mean(habits.TEST_COMMANDS.get(word) or self._suggestions.nearest(word, COMMANDS))

    def _indentation(self, line: Span) -> Span:
        match = _INDENT.match(self._text, line.start)
        return Span(self._source, line.start, match.end() if match else line.start)

    # Commands

    def zone(self) -> Zone:
        name = self._need(self._quoted, wording.A_TEXT)
        return Zone(self._finish(), name)

    def load(self) -> Load:
        path = self._need(lambda: self._quoted() or self._path(), wording.A_FILE)
        return Load(self._finish(), path)

    def flow(self) -> Declare:
        if not self._symbol(":"):
            raise Unreadable(wording.declaration_outside(Span(self._source, self._start, self._at), "flow"))
        span = self._finish()
        if self._block is None:
            raise Unreadable(wording.missing_block(span, wording.INLINE_DECLARATIONS))
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
        event = self._quoted() or self._name(wording.AN_EVENT, WORD)
        parts: dict[str, object] = {}
        places: dict[str, Span] = {}
        while not self._ended():
            start = self._at
            name, part = self._track_part()
            if name in parts:
                again = Span(self._source, start, self._at)
                raise Unreadable(wording.part_of_command_twice(again, wording.TRACK_PARTS[name], places[name]))
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
        self._check_spelling()
        data = self._json(SCALAR)
        if data is None:
            raise self._left_over()
        return "data", data

    def _check_spelling(self) -> None:
        """`5 times` and `10m ago`, of which the number could be taken for data."""
        times = _SPELLED_TIMES.match(self._text, self._at, self._end)
        if times is not None:
            help = wording.did_you_mean(f"x{times[1] or times[2]}")
            raise Unreadable(wording.left_over(Span(self._source, self._at, times.end()), times[0], help))
        time = _SPELLED_TIME.match(self._text, self._at, self._end)
        if time is not None:
            help = wording.did_you_mean(f"at {time[1] or '-' + time[2]}")
            raise Unreadable(wording.left_over(Span(self._source, self._at, time.end()), time[0], help))

    def _times(self, match: re.Match[str]) -> int:
        self._at = match.end()
        times = int(match[1]) if len(match[1]) < 10 else MOST_TIMES + 1
        if not 1 <= times <= MOST_TIMES:
            raise Unreadable(wording.times_out_of_range(Span(self._source, match.start(), match.end()), MOST_TIMES))
        return times

    def visit(self) -> Visit:
        visitor = self._visitor()
        values = self._json()
        return Visit(self._finish(), visitor, values)

    def set(self) -> SetField:
        visitor = self._visitor()
        name = self._name(wording.A_VARIABLE)
        if not self._symbol("="):
            raise self._missing("`=`")
        value = self._expression()
        return SetField(self._finish(), visitor, name, value)

    def identify(self) -> Identify:
        visitor = self._visitor()
        if not self._keyword("as"):
            raise self._missing("`as`")
        user = self._need(self._quoted, wording.A_TEXT)
        if not user.text:
            raise Unreadable(wording.bad_identifier(user.span, None))
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
        word = self._word(WORD)
        if word is None or word.text not in RESERVED_VISITORS:
            if word is not None and word.text == "messages" and not self._text.startswith(":", self._at):
                raise Unreadable(wording.left_over(word.span, word.text, forms.COMMANDS["expect messages"]))
            self._at = start
            return self._expect_that()
        if self._text[self._at : self._end].lstrip(" ")[:1] == ":":
            raise Unreadable(wording.visitor_needs_quotes(word.span, word.text))
        if word.text != "no":
            self._form = forms.COMMANDS[f"expect {word.text}"]
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
                self._form = forms.COMMANDS[f"expect {what}"]
                return self._expect_course(what, wanted=False)
        form = forms.COMMANDS["expect no message" if self._shown() == "message" else "expect no"]
        raise Unreadable(wording.missing_part(self._here(), wording.WHAT_IS_NOT, form))

    def _expect_message(self) -> ExpectMessage:
        visitor, flow = self._visitor(), self._name(wording.A_FLOW)
        if not self._ended() and self._text[self._at] in "\"'":
            raise self._missing(wording.A_CHANNEL)
        channel = self._word(NAME)
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
                raise self._missing(wording.A_VISITOR)
        return ExpectSegment(self._finish(), segment, tuple(visitors))

    def _expect_course(self, what: str, *, wanted: bool) -> ExpectRun | ExpectGoal:
        visitor, flow = self._visitor(), self._name(wording.A_FLOW)
        node = ExpectRun if what == "run" else ExpectGoal
        return node(self._finish(), visitor, flow, wanted)

    def _expect_error(self) -> ExpectError:
        code = self._need(lambda: self._word(WORD), wording.A_CODE)
        if not _CODE.fullmatch(code.text):
            raise Unreadable(wording.bad_code(code.span, code.text))
        self._colon()
        self._skip()
        expression = Span(self._source, self._at, self._end)
        self._at = self._end
        return ExpectError(self._finish(), code, expression)


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
