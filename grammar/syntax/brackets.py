"""The brackets that are open while a line is read, and the tokens that they become.

Round brackets that stand side by side and only group are taken as one run, `(((`. Where not all of a run are closed
side by side, its token is divided: the parser is to see one token for the brackets that are closed together.
"""

from grammar.syntax.tokens import Token

MAX_LEVELS = 50
"""Levels of nesting in an expression (LANGUAGE.md section 5). The tree builder counts what is not a bracket."""

CLOSING = {"(": ")", "[": "]"}
_TYPES = {"(": "OPEN_ROUND", ")": "CLOSE_ROUND", "[": "OPEN_SQUARE", "]": "CLOSE_SQUARE"}
_OPERAND_ENDS = frozenset({"NAME", "CLOSE_ROUND", "CLOSE_SQUARE"})


class _Bracket:
    """An open bracket, or a run of `count` round ones that only group, whose token has this `index` in the line.

    `outside`: the levels of brackets around it. A text in it is a pattern if it is of a call of `matches` and past the
    first comma.
    """

    __slots__ = ("commas", "count", "index", "of_matches", "outside", "start", "text")

    def __init__(self, text: str, start: int, count: int, index: int, outside: int) -> None:
        self.text, self.start, self.count, self.index, self.outside = text, start, count, index, outside
        self.of_matches, self.commas = False, 0


class Brackets:
    """The open brackets of one line, true if there are any. `runs`: whether brackets are taken in runs."""

    def __init__(self, runs: bool) -> None:
        self._runs = runs
        self._open: list[_Bracket] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def clear(self) -> None:
        self._open.clear()

    @property
    def innermost(self) -> tuple[str, int]:
        """The bracket that was opened last, and where."""
        bracket = self._open[-1]
        return bracket.text, bracket.start + bracket.count - 1

    @property
    def hold_a_pattern(self) -> bool:
        """Whether a text that stands here is the pattern of a call of `matches`."""
        return bool(self._open) and self._open[-1].of_matches and self._open[-1].commas > 0

    def count_comma(self) -> None:
        if self._open:
            self._open[-1].commas += 1

    def open(self, text: str, start: int, tokens: list[Token]) -> int | None:
        """Takes one bracket, or all of a run if they only group; returns where the levels become too many, if so."""
        outer = self._open[-1] if self._open else None
        follows_operand = bool(tokens) and tokens[-1].type in _OPERAND_ENDS
        count = 1 if follows_operand or not self._runs else len(text)
        outside = outer.outside + outer.count if outer is not None else 0
        bracket = _Bracket(text[0], start, count, len(tokens), outside)
        if follows_operand:
            bracket.of_matches = text != "[" and tokens[-1].text == "matches"
        elif outer is not None and text != "[":  # What stands in brackets that only group stands where they stand.
            bracket.of_matches, bracket.commas = outer.of_matches, outer.commas
        self._open.append(bracket)
        tokens.append(Token(_TYPES[text[0]], text[:count], start, start + count))
        return max(start, start + MAX_LEVELS - outside) if outside + count > MAX_LEVELS else None

    def are_closed_by(self, bracket: str) -> bool:
        """Whether it is the other one of the bracket that was opened last."""
        return bool(self._open) and CLOSING[self._open[-1].text] == bracket

    def close(self, text: str, start: int, tokens: list[Token]) -> None:
        """Takes one bracket, or all of a run that close brackets of one run; one that does not fit closes too."""
        opening = self._open[-1] if self._open else None
        count = min(len(text), opening.count) if opening is not None and self.are_closed_by(text[0]) else 1
        tokens.append(Token(_TYPES[text[0]], text[:count], start, start + count))
        if opening is None:
            return
        if opening.count > count:
            _divide(opening, count, tokens)
        else:
            self._open.pop()


def _divide(run: _Bracket, count: int, tokens: list[Token]) -> None:
    """So many brackets of an open run are closed: they become a token of their own."""
    outer = tokens[run.index]
    run.count -= count
    outer.text, outer.end = outer.text[: run.count], outer.end - count
    tokens.insert(run.index + 1, Token(outer.type, "(" * count, outer.end, outer.end + count))
