"""Lines that only go on with the line above: authors forget the brackets, and are told of that once.

They matter to lines with errors only: no whole line ends with an operator, and none begins with one.
"""

from grammar.names import CLAUSES, DECLARATIONS, MESSAGE_PARTS, STEPS
from grammar.syntax.tokens import Line, Token

_OPERATORS = frozenset({"+", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", ",", ".", "and", "or", "in", "is"})
_BEGIN = _OPERATORS | {"for", ")", "]"}
_END = _OPERATORS | {"=", "-", "not", "if", "else", "for"}
_STATEMENTS = frozenset({*DECLARATIONS, *CLAUSES, *STEPS, *MESSAGE_PARTS, "elif", "else", "timeout"})
_VALUES = frozenset({"NAME", "STRING", "INT", "FLOAT", "DURATION", "NONE", "BOOL"})


def joined(lines: list[Line]) -> list[Line]:
    """The lines, without those that can only be the rest of a line that ends with an operator or a comma.

    What is left of that line cannot be read, and is reported where it breaks off.
    """
    kept: list[Line] = []
    breaks_off = False
    for line in lines:
        if not (breaks_off and _may_go_on(line, kept)):
            kept.append(line)
        breaks_off = bool(line.tokens) and _is_sign(line.tokens[-1], _END)
    return kept


def goes_on(line: Line) -> bool:
    """Whether a line cannot begin anything, but would go on with a line above that could not be read."""
    if not line.tokens:
        return False
    first = line.tokens[0]
    is_value = first.type in ("STRING", "FLOAT", "DURATION") or (first.type == "INT" and not line.is_arm)
    return _is_sign(first, _BEGIN) or (line.indented and is_value)


def _may_go_on(line: Line, before: list[Line]) -> bool:
    """Whether a line can be the rest of the last line before it, which breaks off."""
    broken_off, header = before[-1], before[-2:-1]
    if not line.tokens or line.indent < broken_off.indent or line.is_arm:
        return False
    first, second = line.tokens[0], line.tokens[1:2]
    if first.type != "STRING" and first.text in _STATEMENTS:
        return False
    if not second:  # A name may as well be a mistyped `stop`.
        in_segment = bool(header) and header[0].head == "segment"
        return first.type != "NAME" or line.indent > broken_off.indent or in_segment
    return second[0].type not in _VALUES and second[0].text not in ("=", ":")


def _is_sign(token: Token, signs: frozenset[str]) -> bool:
    return token.type not in ("NAME", "STRING") and token.text in signs
