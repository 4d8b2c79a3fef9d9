"""Where a line ends that an author did not end: whether the one below it goes on with it, or begins something.

Both matter to lines with errors only. A whole line closes its brackets, and neither begins nor ends with an operator.
`begins_line` and `may_begin_line` look at text below an open bracket, `joined` and `goes_on` at lines that were read.
"""

import re

from grammar.names import CLAUSES, DECLARATIONS, MESSAGE_PARTS, STEPS
from grammar.syntax.tokens import Line, Token

_FIRST_WORDS = "|".join(word for word in (*DECLARATIONS, *CLAUSES, *STEPS, *MESSAGE_PARTS) if word != "if")
_ARM = r"""[0-9]+[ ]*%[ ]*(?:"[^"\n]*"|'[^'\n]*')?[ ]*:"""
_BEGINS_LINE = re.compile(
    rf"[ ]*(?:(?:{_FIRST_WORDS})[ ]+(?!(?:and|or|not|in|is|if|else|for)\b)[\w\"']"
    r"|(?:else|timeout|split)[ ]*:|(?P<header>(?:el)?if\b.*:[ ]*$)"
    rf"|{_ARM})",
    re.MULTILINE,
)
_MAY_BEGIN_LINE = re.compile(rf"[ ]*(?!text[ ]*\()(?:(?:{_FIRST_WORDS}|if|elif|else|timeout)\b|{_ARM})")
_TEXT = re.compile("\"[^\"]*\"|'[^']*'")

_OPERATORS = frozenset({"+", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", ",", ".", "and", "or", "in", "is"})
_BEGIN = _OPERATORS | {"for", ")", "]"}
_END = _OPERATORS | {"=", "-", "not", "if", "else", "for"}
_STATEMENTS = frozenset({*DECLARATIONS, *CLAUSES, *STEPS, *MESSAGE_PARTS, "elif", "else", "timeout"})
_VALUES = frozenset({"NAME", "STRING", "INT", "FLOAT", "DURATION", "NONE", "BOOL"})


def begins_line(text: str, at: int, end: int) -> bool:
    """Whether there is a line that no expression can contain, since two values would stand side by side in it."""
    match = _BEGINS_LINE.match(text, at, end)
    return match is not None and (match.lastgroup != "header" or _is_header(match[0]))


def may_begin_line(text: str, at: int, end: int) -> bool:
    """Whether there is a line that probably begins a statement: the measure once an unclosed bracket was found."""
    return _MAY_BEGIN_LINE.match(text, at, end) is not None


def _is_header(written: str) -> bool:
    """Whether a line that ends with a colon has it outside text and comment, and closes no bracket from above.

    `if b else c):` can be the last line of a longer one.
    """
    plain = _TEXT.sub("", written).partition("#")[0].rstrip(" ")
    closes = plain.count(")") + plain.count("]") > plain.count("(") + plain.count("[")
    return plain.endswith(":") and '"' not in plain and not closes


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
