"""From a program's files to its script: read and checked, and refused where this version cannot run it."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostics
from grammar.nodes import Script
from grammar.program import Checked, read_program
from grammar.syntax.parser import parse, read_source


def check(files: Sequence[tuple[str, bytes | str]]) -> Checked:
    """Reads and checks a program's files (name and text)."""
    report = Diagnostics()
    sources = [source for name, data in files if (source := read_source(name, data, report)) is not None]
    if not report.errors:
        return read_program(sources)
    parse(sources, report)  # The names that a file without a text would declare are unknown: of the others, the syntax.
    return Checked(Script(()), tuple(report))


def check_to_run(files: Sequence[tuple[str, bytes | str]]) -> Checked:
    """As `check`, and what cannot run yet is an error."""
    checked = check(files)
    if not checked.ok:
        return checked
    report = Diagnostics()
    for found in checked.diagnostics:
        report.add(found)
    return Checked(checked.script, tuple(report))
