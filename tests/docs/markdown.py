"""The parts of a page that can be wrong: its fenced blocks and its tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(?P<info>\S.*)\n(?P<text>(?:(?!```).*\n)*)```$", re.MULTILINE)
_CELLS = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words after the backquotes, the lines between them, and its first line's number."""

    words: tuple[str, ...]
    text: str
    line: int

    @property
    def language(self) -> str:
        return self.words[0]

    def __str__(self) -> str:
        return f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of Markdown. Whatever is looked for must be there."""

    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        return cls(path.read_text("utf-8"))

    def blocks(self, language: str | None = None) -> Sequence[Block]:
        """The fenced blocks, all or those of one language, in order."""
        found = [
            Block(tuple(match["info"].split()), match["text"], self.text.count("\n", 0, match.start("text")) + 1)
            for match in _BLOCK.finditer(self.text)
        ]
        return [block for block in found if language in (None, block.language)]

    def section(self, title: str) -> "Page":
        """What stands under a heading, down to the next one of its level or above."""
        heading = re.search(rf"^(#+) {re.escape(title)}$", self.text, re.MULTILINE)
        assert heading is not None, f"there is no section {title!r}"
        rest = self.text[heading.end() :]
        end = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
        return Page(rest[: end.start()] if end else rest)

    def headings(self, level: int) -> Sequence[str]:
        return re.findall(rf"^{'#' * level} (.+)$", self.text, re.MULTILINE)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The cells of the tables' rows, without their heads."""
        lines = self.text.splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            if line.startswith("| ") and before.startswith("|"):
                yield tuple(cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip())[1:-1])


def code(text: str) -> list[str]:
    """What stands in backquotes."""
    return _CODE.findall(text)
