"""What stands at a place: which name of a program or word of the language, of what kind."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from editor.expressions import expression_of, wants_value
from editor.lines import Statement, Tokens, read_lines, read_tokens, statement
from editor.surroundings import Where, braces_around, declaration_around, surroundings
from grammar.names import FIELD_TYPES, FUNCTIONS
from grammar.source import Source, Span
from grammar.syntax.tokens import Token


class SymbolKind(Enum):
    VARIABLE = auto()
    FUNCTION = auto()
    EVENT_NAME = auto()
    EVENT_SEQ = auto()
    SEGMENT = auto()
    FIELD_TYPE = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name as it is declared (without quotes; the number of an event as its digits), and where it stands here.

    `context` of a word: the word that begins its line, and the words of the header of its block.
    """

    kind: SymbolKind
    name: str
    span: Span
    context: tuple[str, ...] = ()


def symbol_at(source: Source, offset: int) -> Symbol | None:
    """The name or word at an offset (the place right behind it counts); None where there is none."""
    lines = read_lines(source, *declaration_around(source.text, offset))
    index = bisect_right([line.start for line in lines], offset) - 1
    if index < 0:
        return None
    line = statement(lines, index)
    at = _token_at(line.tokens, offset)
    if at is None:
        return None
    if line.tokens[at].type == "STRING" and line.has_template:
        tokens = _in_braces(source, offset)
        inner = _token_at(tokens, offset)
        return None if inner is None else _in_expression(source, tokens, inner)
    return _in_line(source, line, at)


def _in_braces(source: Source, offset: int) -> Tokens:
    literal = surroundings(source.text, offset)
    braces = braces_around(source.text, literal, offset) if literal.where is Where.TEXT else None
    return () if braces is None else read_tokens(source, *braces)


def _token_at(tokens: Sequence[Token], offset: int) -> int | None:
    """The token at an offset; of two that meet there the one that is a name."""
    touching = [index for index, token in enumerate(tokens) if token.start <= offset <= token.end]
    return min(touching, key=lambda index: (tokens[index].type != "NAME", -index), default=None)


def _in_line(source: Source, line: Statement, at: int) -> Symbol | None:
    if line.in_segment:
        return _in_expression(source, line.tokens, at)
    token, before = line.tokens[at], line.tokens[at - 1].text if at else ""
    span = Span(source, token.start, token.end)
    declares = not line.headers and at > 0
    match line.head:
        case _ if at == 0:
            return Symbol(SymbolKind.WORD, token.text, span, line.header)
        case "event" if declares and at <= 2:
            return Symbol(SymbolKind.EVENT_SEQ, line.tokens[1].text, span)
        case "field" if declares and at == 2 and token.text in FIELD_TYPES:
            return Symbol(SymbolKind.FIELD_TYPE, token.text, span)
        case "field" if declares and at == 1:
            return Symbol(SymbolKind.VARIABLE, token.text, span)
        case "segment" if declares and at == 1:
            return Symbol(SymbolKind.SEGMENT, token.text, span)
        case "flow" | "event" | "field" | "segment" if declares:
            return None
        case "on":
            return _in_triggers(token, before, span)
        case "send" if at == 1:
            return Symbol(SymbolKind.WORD, token.text, span, ("send",))
        case "send" if at > 3 and token.type == "NAME":
            return Symbol(SymbolKind.VARIABLE, token.text, span)
        case "set" if at == 1:
            return Symbol(SymbolKind.VARIABLE, token.text, span)
    expression = expression_of(line) or ()
    first = len(line.tokens) - len(expression)
    return _in_expression(source, expression, at - first) if at >= first else None


def _in_triggers(token: Token, before: str, span: Span) -> Symbol | None:
    if before in ("enter", "leave") and token.type == "NAME":
        return Symbol(SymbolKind.SEGMENT, token.text, span)
    if before == "change" and token.type == "NAME":
        return Symbol(SymbolKind.VARIABLE, token.text, span)
    if token.type == "INT":
        return Symbol(SymbolKind.EVENT_SEQ, token.text, span)
    if before in ("on", ",") and isinstance(token.value, str):
        return Symbol(SymbolKind.EVENT_NAME, token.value, span)
    if token.type == "NAME":
        return Symbol(SymbolKind.EVENT_NAME, token.text, span, ("on",))
    return None


def _in_expression(source: Source, tokens: Tokens, at: int) -> Symbol | None:
    token = tokens[at]
    span = Span(source, token.start, token.end)
    before = [token.type for token in tokens[max(at - 2, 0) : at]]
    if token.type == "STRING" and before == ["NAME", "OPEN_ROUND"] and tokens[at - 2].text == "in_segment":
        return Symbol(SymbolKind.SEGMENT, str(token.value), span)
    if token.type != "NAME" or before[-1:] == ["DOT"] or not wants_value(tokens[:at]):
        return None
    following = tokens[at + 1].type if at + 1 < len(tokens) else ""
    is_function = token.text in FUNCTIONS and following in ("OPEN_ROUND", "")
    return Symbol(SymbolKind.FUNCTION if is_function else SymbolKind.VARIABLE, token.text, span)
