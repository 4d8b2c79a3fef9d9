"""The indenter: from the indentation of lines to the blocks that begin and end between them."""

from grammar import wording
from grammar.diagnostics import Diagnostics
from grammar.source import Source, Span
from grammar.tokens import Line


def lay_out(lines: list[Line], source: Source, report: Diagnostics, margin: int = 0) -> int:
    """Notes on each line the blocks that begin and end before it; returns how many are open at the end.

    A line that is indented like no line above it counts to the nearest block it can belong to, and is reported.
    `margin`: the indentation of a line that is in no block.
    """
    levels = [margin]
    previous: Line | None = None
    for line in lines:
        while line.indent < levels[-1] and len(levels) > 1:
            levels.pop()
            line.dedents += 1
        if line.indent != levels[-1]:
            if line.dedents or line.indent < margin:
                _report_unmatched(line, source, report)
            else:
                levels.append(line.indent)
                line.indented = True
                if previous is not None:
                    previous.opens = True
        previous = line
    return len(levels) - 1


def _report_unmatched(line: Line, source: Source, report: Diagnostics) -> None:
    if not line.reported:
        line.reported = True
        report.add(wording.unmatched_indentation(Span(source, line.start, line.start + max(line.indent, 1))))
