"""A program from its files: read, parsed, checked, and looked over by lint."""

from collections.abc import Sequence
from dataclasses import dataclass

from grammar.checker import MAX_EVENTS, check
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.lint import lint
from grammar.nodes import Script
from grammar.source import Source
from grammar.syntax.parser import parse, read_source


@dataclass(frozen=True, slots=True)
class Checked:
    """A program, the sources that it was read from, and all that was found in them, in the order of the text."""

    sources: tuple[Source, ...]
    script: Script
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)


def read_files(files: Sequence[tuple[str, bytes | str]]) -> Checked:
    """Reads and checks some files (name and content) as one program.

    What a file that has no text would declare is unknown: then only the syntax of the others is looked at.
    """
    report = Diagnostics()
    sources = [source for name, data in files if (source := read_source(name, data, report)) is not None]
    if report.ok:
        return read_program(sources)
    script = parse(sources, report)
    return Checked(tuple(sources), script, tuple(report))


def read_program(sources: Sequence[Source], *, max_events: int = MAX_EVENTS) -> Checked:
    """Parses and checks some sources as one program."""
    report = Diagnostics()
    script = parse(sources, report)
    check(script, report, max_events=max_events)
    if report.ok:
        lint(script, report)
    return Checked(tuple(sources), script, tuple(report))
