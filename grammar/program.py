"""A program from its files: parsed, checked, and looked over by lint."""

from collections.abc import Sequence
from dataclasses import dataclass

from grammar.checker import MAX_EVENTS, check
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.lint import lint
from grammar.nodes import Script
from grammar.source import Source
from grammar.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class Checked:
    """A program and all that was found in it, in the order of the text."""

    script: Script
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)


def read_program(sources: Sequence[Source], *, max_events: int = MAX_EVENTS) -> Checked:
    """Parses and checks some files as one program."""
    report = Diagnostics()
    script = parse(sources, report)
    check(script, report, max_events=max_events)
    if report.ok:
        lint(script, report)
    return Checked(script, tuple(report))
