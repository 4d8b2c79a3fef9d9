"""Templates: texts with `{{ … }}` (LANGUAGE.md section 6)."""

from collections.abc import Callable

from grammar import wording
from grammar.diagnostics import Diagnostics
from grammar.literals import unescape_with_places
from grammar.nodes import Expression, Template
from grammar.source import Source, Span
from grammar.syntax.lexing import Lexer
from grammar.syntax.tokens import Line, Token


def read_template(
    token: Token, line: Line, source: Source, report: Diagnostics, parse: Callable[[Line], Expression | None]
) -> Template:
    """The template in a text literal of a logical line; `parse` makes an expression of tokens.

    It stops at the first error, and reports it unless the line has one already. Places are those of the source, through
    the literal's escapes.
    """
    whole = Span(source, token.start, token.end)
    quote = 3 if token.text.startswith('"""') else 1
    text, start, end, places = source.text, token.start + quote, token.end - quote, None
    if "\\" in token.text:
        text, offsets = unescape_with_places(token.text[quote:-quote])
        places = [start + offset for offset in offsets]
        start, end = 0, len(text)
    parts: list[str | Expression] = []
    while True:
        opening = text.find("{{", start, end)
        if start < (opening if opening >= 0 else end):
            parts.append(text[start : opening if opening >= 0 else end])
        if opening < 0:
            return Template(whole, tuple(parts))
        inside, after = Lexer(source, report, text, opening + 2, end, places, runs=True).braces(reported=line.reported)
        ends = (opening, opening + 2) if places is None else (places[opening], places[opening + 2])
        braces = Span(source, *ends)
        line.reported = inside.reported
        expression = None
        if after is None:
            line.complain(wording.unclosed_braces(braces), report)
        elif not inside.tokens and not inside.broken:
            line.complain(wording.empty_braces(braces), report)
        else:
            expression = parse(inside)
            line.reported = line.reported or inside.reported
        if expression is None or after is None:
            return Template(whole, tuple(parts))
        parts.append(expression)
        start = after
