"""The tokens of one logical line as pieces of text: how each is written, whether a space stands before it, and where
the line can be broken; and the comments inside its brackets, each at a piece that a line can end with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grammar.formatter.spelling import spelled
from grammar.syntax.tokens import Token

_NUMERALS = frozenset({"INT", "FLOAT", "DURATION"})
OPERAND_ENDS = frozenset({"NAME", "STRING", "NONE", "BOOL", "CLOSE_ROUND", "CLOSE_SQUARE", *_NUMERALS})
TIGHTNESS = {
    **dict.fromkeys(("if", "else"), 0),
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in", "not", "is"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "//", "%"), 5),
}
"""The operators between two operands, and how tightly each binds."""


@dataclass(slots=True)
class Remark:
    """A comment inside brackets, with its `#`. `alone`: it has a line of its own."""

    text: str
    alone: bool


Remarks = dict[int, list[Remark]]
"""The comments inside the brackets of a line, by the index of the token that they follow."""


@dataclass(slots=True)
class Pieces:
    """A line as pieces of text, one for each token. `gaps`: whether a space stands before it.

    `closers` and `commas`: for each opening bracket, by index, that of the closing one and of the commas between.
    `operators`: how tightly each operator between operands binds, by its index.
    """

    texts: list[str] = field(default_factory=list)
    gaps: list[bool] = field(default_factory=list)
    closers: dict[int, int] = field(default_factory=dict)
    commas: dict[int, list[int]] = field(default_factory=dict)
    operators: dict[int, int] = field(default_factory=dict)

    def flat(self, start: int, end: int) -> str:
        """Some of them in one line."""
        stretch = zip(self.gaps[start:end], self.texts[start:end], strict=True)
        return "".join((" " if gap else "") + text for gap, text in stretch)


def pieces_of(tokens: Sequence[Token]) -> Pieces:
    pieces = Pieces()
    open_brackets: list[int] = []
    previous: Token | None = None
    after_operand = after_sign = False
    is_share = len(tokens) > 1 and tokens[0].type == "INT" and tokens[1].text == "%" and tokens[-1].text == ":"
    for index, token in enumerate(tokens):
        text = token.text
        is_tied = after_sign or (is_share and index == 1)
        pieces.texts.append(spelled(token))
        pieces.gaps.append(not is_tied and previous is not None and _are_apart(previous, token, after_operand))
        if text in ("(", "["):
            open_brackets.append(index)
            pieces.commas[index] = []
        elif text in (")", "]"):
            pieces.closers[open_brackets.pop()] = index
        elif text == "," and open_brackets:
            pieces.commas[open_brackets[-1]].append(index)
        elif after_operand and token.type not in OPERAND_ENDS and text in TIGHTNESS:
            pieces.operators[index] = TIGHTNESS[text]
        after_sign = text == "-" and not after_operand
        after_operand = token.type in OPERAND_ENDS
        previous = token
    return pieces


def _are_apart(left: Token, right: Token, after_operand: bool) -> bool:
    """Whether a space stands between two tokens. A bracket right behind an operand is a call's or an index's."""
    if left.text in ("(", "[", ".") or right.text in (")", "]", ",", ":"):
        return False
    if right.text == ".":
        return left.type in _NUMERALS
    return right.text not in ("(", "[") or not after_operand


def settled(remarks: Remarks, tokens: Sequence[Token], operators: dict[int, int]) -> Remarks:
    """Moves comments to where a line can end: behind a comma from before it, before an operator from behind it.

    Their order stays. Of several at one place only the first can stand behind the token.
    """
    moved: Remarks = {}
    for index, found in sorted(remarks.items()):
        place = index
        if tokens[index + 1].text == ",":
            place = index + 1
        elif index in operators:
            place = index - 1
        moved.setdefault(place, []).extend(found)
    for found in moved.values():
        for later in found[1:]:
            later.alone = True
    return moved
