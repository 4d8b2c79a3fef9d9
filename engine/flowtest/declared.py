"""Which declarations hold at each line of a flow test: every `load` and `flow:` adds to them or replaces some."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grammar import wording
from grammar.built_in import segments_of
from grammar.checker import check
from grammar.diagnostics import Diagnostics
from grammar.flowtest.nodes import Command, Declare, Load
from grammar.nodes import Declaration, Event, Script
from grammar.scope import Scope
from grammar.source import Span
from grammar.syntax.parser import parse, read_source
from variables.catalogue import EMPTY, Catalogue

ReadFile = Callable[[str], tuple[str, bytes]]
"""Reads a file that a flow test loads: the name to show, and its bytes. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Apply(Command):
    """From here on this program holds. `resets`: SEQ of events that have another UUID, and the version that did it."""

    script: Script
    version: int
    resets: Mapping[int, int]


class Declared:
    """The program at one line: its `script`, and what can be named of it. It changes with `apply` alone."""

    def __init__(self, read_file: ReadFile, report: Diagnostics) -> None:
        self._read_file, self._report = read_file, report
        self.is_complete = True
        """Whether all files could be loaded; otherwise nothing can be said about names."""
        self._merged = Script(())
        self._changed_at: Span | None = None
        self._version = 0
        self._uuids: dict[int, str] = {}
        self._resets: dict[int, int] = {}
        self._hold(self._merged, EMPTY)

    def _hold(self, script: Script, catalogue: Catalogue) -> None:
        self.script, self.catalogue = script, catalogue.with_open_visits()
        self.scope = Scope.of(script)
        self.flows = {flow.name: flow for flow in script.flows}
        self.segments = segments_of(script)

    def load(self, command: Load) -> None:
        path = command.path
        try:
            name, data = self._read_file(path.text)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            self._report.add(wording.cannot_load(path.span, path.text, (reason or str(error)).lower()))
            self.is_complete = False
            return
        source = read_source(name, data, self._report)
        if source is None:
            self.is_complete = False
        else:
            script = parse([source], self._report)
            self._merge(script.declarations, script.broken, command.span)

    def declare(self, command: Declare) -> None:
        self._merge(command.declarations, command.broken, command.span)

    def _merge(self, new: tuple[Declaration, ...], broken: frozenset[str], span: Span) -> None:
        """Adds declarations; one of the same kind and name (of an event: or number) takes the place of an earlier."""
        self._merged = Script(_replaced(self._merged.declarations, new), self._merged.broken | broken)
        self._changed_at = span

    def apply(self) -> Apply | None:
        """What was loaded since the last time becomes the program, together; None if there was nothing."""
        span, script = self._changed_at, self._merged
        if span is None:
            return None
        if self.is_complete:
            check(script, self._report)
        self._version += 1
        for event in script.events:
            if self._uuids.setdefault(event.seq, event.uuid) != event.uuid:
                self._uuids[event.seq] = event.uuid
                self._resets[event.seq] = self._version
        self._hold(script, Catalogue.of(script))
        self._changed_at = None
        return Apply(span, script, self._version, dict(self._resets))


def _replaced(old: tuple[Declaration, ...], new: tuple[Declaration, ...]) -> tuple[Declaration, ...]:
    """Old and new declarations; a new one stands where the one that it replaces stood."""
    places = {key: place for place, declaration in enumerate(old) for key in _keys(declaration)}
    merged: list[Declaration | None] = list(old)
    for declaration in new:
        found = sorted({places.pop(key) for key in _keys(declaration) if key in places})
        for place in found:
            merged[place] = None
        if found:
            merged[found[0]] = declaration
        else:
            merged.append(declaration)
    return tuple(declaration for declaration in merged if declaration is not None)


def _keys(declaration: Declaration) -> tuple[object, ...]:
    """What no two declarations of a program share: the kind and the name, and an event's number."""
    if isinstance(declaration, Event):
        return (Event, declaration.name), (Event, declaration.seq)
    return ((type(declaration), declaration.name),)
