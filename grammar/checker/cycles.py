"""Finds segments that depend on themselves."""

from itertools import pairwise

from grammar import wording
from grammar.diagnostics import Diagnostics, Label
from grammar.nodes import Segment
from grammar.source import Span
from grammar.walk import segments_named


def check_cycles(segments: tuple[Segment, ...], report: Diagnostics) -> None:
    """Reports cycles of `in_segment`. Of cycles that meet only the first is told: mending it may mend the others."""
    needs = {segment.name: list(segments_named(segment.condition)) for segment in segments}
    declared = {segment.name: segment.name_span for segment in segments}
    finished: set[str] = set()
    reported: set[str] = set()
    for start in needs:
        way: dict[str, Span] = {}
        pending: list[tuple[str, Span] | None] = [(start, declared[start])]
        while pending:
            step = pending.pop()
            if step is None:
                finished.add(way.popitem()[0])
                continue
            name, span = step
            if name in way:
                if name not in reported:
                    cycle = _cycle(name, way)
                    reported.update(cycle)
                    _report(cycle, {**way, name: span}, declared[name], report)
            elif name in needs and name not in finished:
                way[name] = span
                pending.append(None)
                pending.extend(reversed(needs[name]))


def _cycle(name: str, way: dict[str, Span]) -> list[str]:
    names = list(way)
    return [*names[names.index(name) :], name]


def _report(cycle: list[str], places: dict[str, Span], declared: Span, report: Diagnostics) -> None:
    steps = tuple(Label(wording.depends_on(one, other), places[other]) for one, other in pairwise(cycle))
    report.add(wording.segment_cycle(declared, cycle, steps))
