"""What a benchmark says: rows of one table, each a figure beside a peer's or a limit, and whether its goal is met."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

WIDTH = 168
"""Columns where nobody looks on at a terminal."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The bound of a ratio."""

    bound: float
    at_most: bool

    def met_by(self, ratio: float) -> bool:
        return ratio <= self.bound if self.at_most else ratio >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


def at_most(bound: float) -> Goal:
    return Goal(bound, at_most=True)


def at_least(bound: float) -> Goal:
    return Goal(bound, at_most=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One line. A row without a goal is there to be read beside the others."""

    what: str
    measured: str
    against: str = ""
    ratio: float | None = None
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None or self.ratio is None:
            return ""
        return "met" if self.goal.met_by(self.ratio) else "not met"


def print_table(title: str, rows: Iterable[Row]) -> None:
    """The rows of one benchmark."""
    table = Table("what", "measured", "peer or limit", "ratio", "goal", "", title=title, title_justify="left", box=None)
    table.columns[3].justify = "right"
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        goal = "" if row.goal is None else str(row.goal)
        colour = {"met": "green", "not met": "red"}.get(row.verdict)
        table.add_row(row.what, row.measured, row.against, ratio, goal, row.verdict, style=colour)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)
    console.print()


def duration(seconds: float) -> str:
    """In the unit that leaves one to three digits before the point."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.0f} ns"
