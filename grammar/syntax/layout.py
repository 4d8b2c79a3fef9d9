"""The indenter: from the indentation of lines to the blocks that begin and end between them."""

from grammar import wording
from grammar.diagnostics import Diagnostics
from grammar.names import DECLARATIONS
from grammar.source import Source, Span
from grammar.syntax.tokens import Line


def lay_out(lines: list[Line], source: Source, report: Diagnostics, margin: int = 0) -> None:
    """Notes on each line the blocks that begin and end before it.

    A line that is indented like no line above it counts to the nearest block it can belong to, and is reported, and
    so is only the first of several that are indented like it. `margin`: the indentation of a line that is in no block.
    """
    levels = [margin]
    previous: Line | None = None
    unmatched: int | None = None
    for line in lines:
        left = None
        while line.indent < levels[-1] and len(levels) > 1:
            left = levels.pop()
            line.dedents += 1
        if line.indent == levels[-1]:
            unmatched = None if line.dedents else unmatched
        elif line.dedents or line.indent < margin or line.indent == unmatched:
            if line.indent != unmatched:
                span = Span(source, line.start, line.start + max(line.indent, 1))
                line.complain(wording.unmatched_indentation(span), report)
            unmatched = line.indent
            if left is not None and len(levels) == 1 and line.head not in DECLARATIONS:
                levels.append(left)
                line.dedents -= 1
        else:
            levels.append(line.indent)
            line.indented = True
            if previous is not None:
                previous.opens = True
        previous = line
