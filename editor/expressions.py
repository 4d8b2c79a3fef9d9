"""Where a line holds an expression, and what may come next in one."""

from collections.abc import Sequence

from editor.lines import Statement, Tokens
from grammar.names import FUNCTIONS, Sort
from grammar.syntax.tokens import Token

_OPERANDS = frozenset(
    {"NAME", "INT", "FLOAT", "DURATION", "STRING", "NONE", "BOOL", "CLOSE_ROUND", "CLOSE_SQUARE", "BROKEN"}
)
_BEFORE = {("when",), ("if",), ("elif",), ("to",), ("goal",), ("exit", "when"), ("wait", "until")}
"""The words before an expression at the beginning of a line."""


def expression_of(line: Statement) -> Tokens | None:
    """The tokens of the expression that a line holds, as far as it is written; None if it holds none."""
    if line.in_segment:
        return line.tokens
    words = tuple(token.text for token in line.tokens[:3])
    if words[:1] == ("set",) and words[2:] == ("=",):
        return line.tokens[3:]
    length = next((length for length in (1, 2) if words[:length] in _BEFORE), None)
    return None if length is None or not line.headers else line.tokens[length:]


def wants_value(tokens: Sequence[Token]) -> bool:
    """Whether a value may come next; otherwise an operator may."""
    return not tokens or tokens[-1].type not in _OPERANDS


def literal_sort(tokens: Sequence[Token]) -> Sort | None:
    """What literal the text that comes next has to be: of which sort the argument is that begins there."""
    depth = commas = 0
    for index in range(len(tokens) - 1, 0, -1):
        token = tokens[index]
        if token.type in ("CLOSE_ROUND", "CLOSE_SQUARE"):
            depth += 1
        elif depth and token.type in ("OPEN_ROUND", "OPEN_SQUARE"):
            depth -= 1
        elif not depth and token.type == "OPEN_SQUARE":
            return None
        elif not depth and token.type == "OPEN_ROUND":
            function = FUNCTIONS.get(tokens[index - 1].text)
            return None if function is None else function.sort(commas, commas + 1)
        elif not depth and token.type == "COMMA":
            commas += 1
    return None
