"""The logical lines of a text as an author is writing it: what stands before a place, and in which block it stands.

Only the declaration around the place is read, so that an answer does not wait for a megabyte around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from editor.surroundings import declaration_around
from grammar.diagnostics import Diagnostics
from grammar.scope import Place
from grammar.source import Source
from grammar.syntax.lexing import Lexer
from grammar.syntax.tokens import Line, Token

Tokens = tuple[Token, ...]

_TEMPLATE_HEADS = frozenset({"text", "subject", "html", "sender", "button", "send"})
_ITEMS = frozenset({"visit", "identify"})
_EVENT_WORDS = frozenset({"event", "any"})


def read_lines(source: Source, start: int, end: int) -> list[Line]:
    """The logical lines of a stretch. What cannot be read has no tokens, and nothing is reported."""
    return Lexer(source, Diagnostics(), start=start, end=end).lines()


def read_tokens(source: Source, start: int, end: int) -> Tokens:
    """The tokens of an expression in braces."""
    lines = Lexer(source, Diagnostics(), source.text, start, end).lines()
    return tuple(token for line in lines for token in line.tokens)


@dataclass(frozen=True, slots=True)
class Statement:
    """A logical line and the lines whose blocks it stands in, from the nearest to the declaration.

    `before`: the nearest line above of the same block, if there is one.
    """

    tokens: Tokens
    indent: int
    headers: tuple[Tokens, ...]
    before: Tokens = ()

    @property
    def head(self) -> str:
        return self.tokens[0].text if self.tokens else ""

    @property
    def header(self) -> tuple[str, ...]:
        """The words of the nearest header."""
        return tuple(token.text for token in self.headers[0]) if self.headers else ()

    @property
    def in_segment(self) -> bool:
        """Whether it is the condition of a segment."""
        return self.header[:1] == ("segment",)

    @property
    def has_template(self) -> bool:
        """Whether the texts of this line may hold `{{ }}`."""
        is_webhook = self.head == "send" and len(self.tokens) > 1 and self.tokens[1].text == "webhook"
        return self.head in _TEMPLATE_HEADS and bool(self.headers) and not is_webhook


def statement(lines: Sequence[Line], index: int) -> Statement:
    """One of the lines of a text, with what it stands in."""
    return _within(lines[:index], tuple(lines[index].tokens), lines[index].indent)


def statement_before(source: Source, offset: int) -> Statement:
    """The logical line that goes on at a place of the code, as far as it stands before it."""
    lines = read_lines(source, declaration_around(source.text, offset)[0], offset)
    if lines and lines[-1].end >= offset:
        return statement(lines, len(lines) - 1)
    line_start = source.text.rfind("\n", 0, offset) + 1
    return _within(lines, (), offset - line_start)


def _within(above: Sequence[Line], tokens: Tokens, indent: int) -> Statement:
    headers: list[Tokens] = []
    before: Tokens = ()
    least = indent
    for line in reversed(above):
        if not headers and not before and line.indent == indent:
            before = tuple(line.tokens)
        if line.indent < least:
            headers.append(tuple(line.tokens))
            least = line.indent
            if not least:
                break
    return Statement(tokens, indent, tuple(headers), before)


def place_of(source: Source, at: Statement) -> Place:
    """What can be read there beyond the visitor's variables."""
    declaration = at.headers[-1] if at.headers else ()
    if not declaration or declaration[0].text != "flow":
        return Place.ANYWHERE
    place = Place.EVENT if _events_start(source, declaration[0].start) else Place.ANYWHERE
    top = at.tokens if len(at.headers) == 1 else at.headers[-2]
    is_when = bool(top) and top[0].text == "when"
    return place if is_when else place | Place.RUN


def _events_start(source: Source, flow: int) -> bool:
    """Whether all triggers of the flow that begins there are events."""
    triggers: list[list[Token]] = []
    inside = False
    for line in read_lines(source, flow, declaration_around(source.text, flow)[1]):
        if line.tokens and line.indent == 0:
            inside = line.tokens[0].start == flow
        elif inside and line.head == "on":
            triggers.append([])
            for token in line.tokens[1:]:
                if token.text == ",":
                    triggers.append([])
                else:
                    triggers[-1].append(token)
    return bool(triggers) and all(_is_event(trigger) for trigger in triggers)


def _is_event(trigger: Sequence[Token]) -> bool:
    if not trigger:  # still being written
        return True
    first = trigger[0]
    return first.text in _EVENT_WORDS or (len(trigger) == 1 and first.text not in _ITEMS)
