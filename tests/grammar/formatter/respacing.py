"""Writes a program again as a careless author might: with other spaces and line breaks, and comments anywhere."""

from collections.abc import Callable
from random import Random

from grammar.diagnostics import Diagnostics
from grammar.syntax.parser import parse_layout, read_source
from grammar.syntax.tokens import Line, Token

GAPS = (" ", "  ", "\n", "\n\n   ", "      ")
COMMENTS = ("#plain", '# if a, b (c]: "d', "#!x", "##", "#", "#  wide   ", "# 说明：", "#'", "# stop:")


def respaced(text: str, random: Random, *, comments: bool, blank_lines: bool) -> str:
    """The same tokens in the same blocks. Without comments and blank lines the canonical layout must be the same."""
    source = read_source("t.flow", text, Diagnostics())
    assert source is not None
    laid_out = parse_layout(source, Diagnostics())
    assert laid_out.whole
    comment: Callable[[], str] = (lambda: random.choice(COMMENTS)) if comments else (lambda: "")
    indents, written = [""], ""
    for line in laid_out.lines:
        if line.dedents:
            del indents[-line.dedents :]
        if line.indented:
            indents.append(indents[-1] + " " * random.randint(1, 6))
        while random.random() < 0.3:
            remark = comment() and " " * random.randint(0, len(indents[-1]) + 3) + comment()
            written += f"{remark}\n" if remark or blank_lines else ""
        written += indents[-1] + _respaced_line(line, random, comment)
        written += " " * random.randint(0, 2) + (comment() if random.random() < 0.2 else "") + "\n"
    return written + ("   \n" * random.randint(0, 2) if blank_lines else "") + comment()


def _respaced_line(line: Line, random: Random, comment: Callable[[], str]) -> str:
    depth, written = 0, ""
    for index, token in enumerate(line.tokens):
        if index:
            written += _gap(line.tokens[index - 1], token, depth, random, comment)
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        written += token.text
    return written


def _gap(left: Token, right: Token, depth: int, random: Random, comment: Callable[[], str]) -> str:
    if {left.text, right.text} & {"(", ")", "[", "]", ",", ":"} and random.random() < 0.5:
        return ""
    if depth == 0:
        return " " * random.randint(1, 3)
    if random.random() < 0.1 and (remark := comment()):
        return random.choice((" ", "\n   ")) + remark + random.choice(("\n", "\n    "))
    return random.choice(GAPS)
