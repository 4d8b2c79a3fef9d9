"""What the lexer gives: tokens in logical lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.nodes import ConstantValue


@dataclass(slots=True)
class Token:
    """A word, symbol or literal. `type` is its terminal; `value` what a literal means; places are in the source.

    Round brackets that stand side by side, and only group, may be one token: `(((`, and later `)))`.
    """

    type: str
    text: str
    start: int
    end: int
    value: ConstantValue = None

    @property
    def opens_braces(self) -> bool:
        """Whether it is a text that ends within its last `{{`."""
        is_short = self.type == "STRING" and not self.text.startswith('"""')
        return is_short and self.text.rfind("{{") > self.text.rfind("}}")


def apart(tokens: Iterable[Token]) -> Iterator[Token]:
    """The same tokens, each bracket by itself."""
    for token in tokens:
        if len(token.text) > 1 and token.type in ("OPEN_ROUND", "CLOSE_ROUND"):
            for place, bracket in enumerate(token.text, token.start):
                yield Token(token.type, bracket, place, place + 1)
        else:
            yield token


@dataclass(slots=True)
class Line:
    """A logical line: brackets and long texts may spread it over several lines of the source.

    `reported`: a syntax error of it has been told, and no second one will be. `broken`: it has tokens that could not be
    read, so it cannot be parsed. The last three are the layout's: how many blocks end before it, whether it begins one,
    and whether a block stands below it.
    """

    start: int
    indent: int
    end: int = 0
    tokens: list[Token] = field(default_factory=list)
    reported: bool = False
    broken: bool = False
    dedents: int = 0
    indented: bool = False
    opens: bool = False

    @property
    def head(self) -> str:
        """Its first word or symbol."""
        return self.tokens[0].text if self.tokens else ""

    @property
    def is_arm(self) -> bool:
        """Whether it begins like an arm of a `split`, its percents perhaps no whole number."""
        first, second = self.tokens[:1], self.tokens[1:2]
        return bool(first and first[0].type in ("INT", "FLOAT") and second and second[0].type in ("PERCENT", "COLON"))

    def complain(self, diagnostic: Diagnostic, report: Diagnostics) -> None:
        """Reports a syntax error, unless the line has one already."""
        if not self.reported:
            self.reported = True
            report.add(diagnostic)
