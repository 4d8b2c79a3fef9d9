"""The canonical layout of one logical line: the spaces between its tokens, and its breaks inside brackets.

A line is written in one piece if it fits and holds no comment inside its brackets. Brackets around its whole expression
are left out then, except around a choice (`A if C else B`).

Else that expression is put in brackets. The operands of its loosest operator stand one below the other, four columns
deeper, and the closing bracket in a line of its own. An operand that still does not fit is broken at its own loosest
operator, or its outermost brackets are, in the same way. Only these are broken where an expression has no operator, or
a tighter one than `and` whose operands would not fit into lines of their own. Texts are never broken.

The layout depends on the tokens and the comments alone, never on where the author broke a line. So writing it again
changes nothing.
"""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostics
from grammar.formatter.pieces import OPERAND_ENDS, TIGHTNESS, Pieces, Remark, Remarks, pieces_of, settled
from grammar.source import Source
from grammar.syntax.brackets import MAX_LEVELS
from grammar.syntax.parser import parse_expression
from grammar.syntax.tokens import Token

WIDTH = 100
"""Columns of a line, counted in code points; a deep line may use `LEAST_WIDTH` columns after its indentation."""
LEAST_WIDTH = 40
INDENT = 4

_TIGHTEST_LOGICAL = TIGHTNESS["and"]


def lay_out_line(tokens: Sequence[Token], remarks: Remarks, column: int) -> str:
    """The text of a logical line that begins at a column: from its first token to its last, and what lies between.

    Only the first of its lines is without indentation. The brackets must be matched.
    """
    limit = max(WIDTH, column + LEAST_WIDTH)
    start, end = _expression(tokens)
    outer = _outer_brackets(tokens, start, end)
    bare = [*tokens[:start], *tokens[start + outer : end - outer], *tokens[end:]]
    pieces = pieces_of(bare)
    writer = _Writer(pieces, {} if outer else remarks, column, limit)
    end -= 2 * outer
    if not remarks and writer.fits(0, len(bare)) and not (outer and writer.is_choice(start, end)):
        return pieces.flat(0, len(bare))
    if start < end and (writer.is_better_wrapped(start, end) or (remarks and outer)):
        wrapped = [*bare[:start], _OPENING, *bare[start:end], _CLOSING, *bare[end:]]
        if outer or _may_be_deeper(pieces.flat(start, end), end - start):
            moved = _moved(remarks, start, end, outer)
            pieces = pieces_of(wrapped)
            return _Writer(pieces, settled(moved, wrapped, pieces.operators), column, limit, start).written()
    return _Writer(pieces, settled(remarks, bare, pieces.operators), column, limit).written()


# The expression of a line ---------------------------------------------------------------------------------------------

_OPENING, _CLOSING = Token("OPEN_ROUND", "(", 0, 0), Token("CLOSE_ROUND", ")", 0, 0)
_AROUND = {
    "WHEN": (1, 0),
    "EXIT": (2, 0),
    "GOAL": (1, 2),
    "IF": (1, 1),
    "ELIF": (1, 1),
    "SET": (3, 0),
    "TO": (1, 0),
}
"""How many tokens stand before and behind the expression of a line, by its first one."""
_SEGMENT_BEGINNINGS = frozenset({*OPERAND_ENDS, "OPEN_ROUND", "OPEN_SQUARE", "MINUS", "NOT"})


def _expression(tokens: Sequence[Token]) -> tuple[int, int]:
    """Where the expression of a line begins and ends; an empty stretch if it has none."""
    head, size = tokens[0].type, len(tokens)
    has_colon = tokens[-1].text == ":"
    if head in _AROUND:
        before, behind = _AROUND[head]
        return before, size - behind
    if head == "WAIT" and size > 2 and tokens[1].type == "UNTIL":
        return 2, size - 2 - has_colon
    return (0, size) if head in _SEGMENT_BEGINNINGS and not has_colon else (0, 0)


def _outer_brackets(tokens: Sequence[Token], start: int, end: int) -> int:
    """How many pairs of brackets stand around all of an expression."""
    opening: list[int] = []
    closers: dict[int, int] = {}
    for index in range(start, end):
        if tokens[index].text in ("(", "["):
            opening.append(index)
        elif tokens[index].text in (")", "]"):
            closers[opening.pop()] = index
    pairs = 0
    while tokens[start + pairs].text == "(" and closers.get(start + pairs) == end - 1 - pairs:
        pairs += 1
    return pairs


def _may_be_deeper(expression: str, size: int) -> bool:
    """Whether an expression in brackets keeps within the bound of levels. One of few tokens cannot have many."""
    return size < MAX_LEVELS or parse_expression(Source("", f"({expression})"), Diagnostics()) is not None


def _moved(remarks: Remarks, start: int, end: int, outer: int) -> Remarks:
    """The comments of a line once its expression, then from `start` to `end`, has one pair of brackets for `outer`."""
    moved: Remarks = {}
    for index, found in sorted(remarks.items()):
        place = min(max(index - outer + 1, start), end)
        moved.setdefault(index if index < start else place, []).extend(found)
    return moved


# Several lines -------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes one logical line as several. `wrapping` is the index of the bracket around its whole expression."""

    def __init__(self, pieces: Pieces, remarks: Remarks, column: int, limit: int, wrapping: int = -1) -> None:
        self._pieces, self._remarks, self._limit, self._wrapping = pieces, remarks, limit, wrapping
        self._margin = self._column = column
        self._text: list[str] = []
        self._waiting: list[Remark] = []
        self._at_start, self._must_break = True, False

    def written(self) -> str:
        self._write(0, len(self._pieces.texts), self._column)
        return "".join(self._text)

    def is_better_wrapped(self, start: int, end: int) -> bool:
        """Whether an expression that does not fit should have brackets around it, to be broken at its operators."""
        return bool(self._breaks(start, end, self._margin + INDENT, self._margin + INDENT))

    def is_choice(self, start: int, end: int) -> bool:
        """Whether an expression is `A if C else B`, which an author may like to see in brackets behind an `if`."""
        return any(self._pieces.operators[index] == 0 for index in self._loosest(start, end))

    # Stretches of tokens: from `start` to before `end`

    def _write(self, start: int, end: int, indent: int) -> None:
        """Writes tokens where the line stands. Of their outermost brackets it breaks those that must be broken."""
        index = start
        while index < end:
            self._put(index, indent)
            closer = self._pieces.closers.get(index)
            if closer is None:
                index += 1
            elif self._fits_brackets(index, closer, end):
                self._put_all(index + 1, closer, indent)
                index = closer
            else:
                self._write_broken(index, closer, indent)
                index = closer

    def _write_broken(self, opening: int, closer: int, indent: int) -> None:
        """Writes what stands between two brackets: each element in lines of its own, or each operand of the value."""
        inner = indent + INDENT
        commas = self._pieces.commas[opening]
        start = opening + 1
        for comma in commas:
            self._new_line(inner)
            self._write_operands(start, comma + 1, inner, inner + INDENT)
            start = comma + 1
        if start < closer:
            self._new_line(inner)
            may_stay = opening != self._wrapping
            self._write_operands(start, closer, inner, inner + INDENT * bool(commas), may_stay=may_stay)
        self._write_waiting(inner)
        self._new_line(indent)

    def _write_operands(self, start: int, end: int, indent: int, deeper: int, *, may_stay: bool = True) -> None:
        """Writes a value that stands at the beginning of a line, and its operands one below the other if it is broken.

        The first stands at `indent`, the others at `deeper`. `may_stay`: in one piece if it fits.
        """
        if may_stay and self.fits(start, end):
            self._put_all(start, end, indent)
            return
        breaks = self._breaks(start, end, indent, deeper)
        if not breaks:
            self._write(start, end, indent)
            return
        self._write_operand(start, breaks[0], indent)
        for operator, following in zip(breaks, [*breaks[1:], end], strict=True):
            self._new_line(deeper)
            self._write_operand(operator, following, deeper)

    def _write_operand(self, start: int, end: int, indent: int) -> None:
        if start in self._pieces.operators:
            self._put(start, indent)
            start += 1
        self._write_operands(start, end, indent, indent + INDENT)

    def _breaks(self, start: int, end: int, indent: int, deeper: int) -> list[int]:
        """The operators to break an expression at. None if it is better to break brackets.

        `a == f(…)` is broken at its operator only if that spares its brackets, `a and f(…)` always.
        """
        found = self._loosest(start, end)
        if not found or self._pieces.operators[found[0]] <= _TIGHTEST_LOGICAL:
            return found
        if not any(self._pieces.closers.get(index, index) > index + 1 for index in range(start, end)):
            return found
        columns = [indent] + [deeper] * len(found)
        parts = zip(columns, [start, *found], [*found, end], strict=True)
        return found if all(self._fits_at(column, first, last) for column, first, last in parts) else []

    def _loosest(self, start: int, end: int) -> list[int]:
        """The operators outside brackets that bind loosest."""
        found: list[int] = []
        least, index = len(TIGHTNESS), start
        while index < end:
            tightness = self._pieces.operators.get(index, least + 1)
            if tightness < least:
                least, found = tightness, []
            if tightness == least:
                found.append(index)
            index = self._pieces.closers.get(index, index) + 1
        return found

    # Measuring

    def _fits_brackets(self, opening: int, closer: int, end: int) -> bool:
        """Whether brackets can stay in the line, with all that follows them up to the next place to break."""
        if any(index in self._remarks for index in range(opening, closer)):
            return False
        if self._column > self._limit or closer == opening + 1:
            return True
        last = closer + 1
        while last < end and last - 1 not in self._pieces.closers and last - 1 not in self._remarks:
            last += 1
        return self.fits(opening + 1, last)

    def fits(self, start: int, end: int) -> bool:
        """Whether some tokens fit into the line where it stands."""
        return self._fits_at(self._column, start, end, self._at_start)

    def _fits_at(self, column: int, start: int, end: int, at_start: bool = True) -> bool:
        if any(index in self._remarks for index in range(start, end - 1)):
            return False
        for index in range(start, end):
            piece = self._pieces.texts[index]
            column += self._pieces.gaps[index] and not (at_start and index == start)
            if column + len(piece.partition("\n")[0]) > self._limit:
                return False
            column = _column_after(piece, column)
        return True

    # Writing

    def _put_all(self, start: int, end: int, indent: int) -> None:
        for index in range(start, end):
            self._put(index, indent)

    def _put(self, index: int, indent: int) -> None:
        """Writes a token, and the comment that follows it in its line."""
        if self._must_break:
            self._new_line(indent)
        piece = self._pieces.texts[index]
        if self._pieces.gaps[index] and not self._at_start:
            piece = " " + piece
        self._text.append(piece)
        self._column = _column_after(piece, self._column)
        self._at_start = False
        for remark in self._remarks.get(index, ()):
            self._must_break = True
            if remark.alone:
                self._waiting.append(remark)
            else:
                self._text.append("  " + remark.text)

    def _write_waiting(self, indent: int) -> None:
        for remark in self._waiting:
            self._text.append("\n" + " " * indent + remark.text)
        self._waiting.clear()

    def _new_line(self, indent: int) -> None:
        """Begins a line, below the comments that wait for lines of their own."""
        self._write_waiting(indent)
        self._text.append("\n" + " " * indent)
        self._column, self._at_start, self._must_break = indent, True, False


def _column_after(text: str, column: int) -> int:
    """The column behind a text, which a long text literal may spread over several lines."""
    _, line_break, last = text.rpartition("\n")
    return len(last) if line_break else column + len(text)
