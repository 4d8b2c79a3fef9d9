"""Where a line stopped fitting: what the rules that explain a syntax error look at."""

from dataclasses import dataclass

from grammar.source import Source, Span
from grammar.syntax.tokens import Line, Token


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """The token at which a line cannot go on, and the terminals that could have stood in its place."""

    source: Source
    line: Line
    index: int
    accepted: frozenset[str]
    alone: bool = False
    """Whether the line is an expression by itself, as in a template."""

    @property
    def token(self) -> Token:
        return self.at(self.index)

    @property
    def previous(self) -> Token | None:
        return self.at(self.index - 1) if self.index else None

    @property
    def span(self) -> Span:
        return Span(self.source, self.token.start, self.token.end)

    @property
    def wants_value(self) -> bool:
        return {"NAME", "OPEN_ROUND", "MINUS"} <= self.accepted

    @property
    def wants_operator(self) -> bool:
        return "PLUS" in self.accepted and not self.wants_value

    def at(self, index: int) -> Token:
        tokens = self.line.tokens
        if index < len(tokens):
            return tokens[index]
        end = tokens[-1].end if tokens else self.line.start
        return Token("$END" if self.alone else "_NEWLINE", "", end, end)

    def bracket(self) -> int | None:
        """The index of the innermost bracket that is open at the token."""
        depth = 0
        for index in range(self.index - 1, -1, -1):
            text = self.line.tokens[index].text
            if text in (")", "]"):
                depth += 1
            elif text in ("(", "["):
                if depth == 0:
                    return index
                depth -= 1
        return None
