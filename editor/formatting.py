"""The canonical layout, as the one stretch of lines that has to be replaced."""

import importlib
from dataclasses import dataclass

from grammar.diagnostics import Diagnostics
from grammar.source import Source


@dataclass(frozen=True, slots=True)
class Edit:
    """The text from offset `start` to offset `end` becomes `text`."""

    start: int
    end: int
    text: str


def format_source(source: Source) -> tuple[Edit, ...]:
    """What turns a source into its canonical layout; nothing if it has it already, or has syntax errors."""
    formatted = _canonical(source)
    return () if formatted is None or formatted == source.text else (difference(source.text, formatted),)


def _canonical(source: Source) -> str | None:
    try:
        formatter = importlib.import_module("grammar.formatter")
    except ModuleNotFoundError:
        return None
    text: str | None = formatter.format_source(source, Diagnostics())
    return text


def difference(old: str, new: str) -> Edit:
    """What is left between the lines that both texts begin with and those that both end with."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    most = min(len(before), len(after))
    first = next((n for n in range(most) if before[n] != after[n]), most)
    last = next((n for n in range(most - first) if before[-1 - n] != after[-1 - n]), most - first)
    end = len(before) - last
    return Edit(sum(map(len, before[:first])), sum(map(len, before[:end])), "".join(after[first : len(after) - last]))
