"""Writes docs/diagnostics.md, the page that explains each code, from the cases in `diagnostics/`: `make docs`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.grammar.cases import CODES, Case, read_case

PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"

INTRODUCTION = """\
# Diagnostics

<!-- Written by `make docs` from the cases in tests/grammar/diagnostics: change those, not this page. -->

`whenflow check` reports all that is wrong with a file at once: the place (file, line, column), a code, the line itself
with a mark below what is meant, and where there is one a line of help. An `error` must be mended; a `warning` points to
what can run but is hardly meant. A code never changes its meaning; its first two characters are its family.
"""

FAMILIES = {
    "E1": "Characters, syntax, bounds and literals",
    "E2": "Names",
    "E3": "Types, arguments and exact time",
    "E4": "Clauses and steps",
    "W5": "Lint",
    "E6": "Flow tests",
}

MOST_LINES, FIRST_LINES, LAST_LINES = 24, 12, 4
MOST_CHARACTERS = 120
"""What the page shows of a file: longer ones are cut, with a word on how much is left out."""


def page(cases: Iterable[Case]) -> str:
    """The whole page, family by family."""
    families: dict[str, list[Case]] = {family: [] for family in FAMILIES}
    for case in sorted(cases, key=lambda case: case.code):
        families[case.code[:2]].append(case)
    there = {family: members for family, members in families.items() if members}
    return "\n".join([INTRODUCTION, *_contents(there), *_sections(there)])


def excerpt(text: str) -> str:
    """A file as the page shows it: of a long one its beginning and its end, of a long line its beginning."""
    lines = text.removesuffix("\n").split("\n")
    lines = [line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…" for line in lines]
    if len(lines) > MOST_LINES:
        left_out = len(lines) - FIRST_LINES - LAST_LINES
        lines[FIRST_LINES:-LAST_LINES] = [f"… ({left_out:,} lines more)"]
    return "\n".join(lines)


def _contents(families: dict[str, list[Case]]) -> Iterator[str]:
    yield "| code | |\n|---|---|"
    for family, cases in families.items():
        yield f"| **{family}** | **[{FAMILIES[family]}](#{family.lower()})** |"
        yield from (f"| [{case.code}](#{case.code.lower()}) | {case.title} |" for case in cases)
    yield ""


def _sections(families: dict[str, list[Case]]) -> Iterator[str]:
    for family, cases in families.items():
        yield f'## <a id="{family.lower()}"></a>{family}: {FAMILIES[family]}\n'
        yield from map(_section, cases)


def _section(case: Case) -> str:
    command = "test" if case.language == "flowtest" else "check"
    bad, good = (excerpt(file.decode("utf-8", errors="replace")) for file in (case.bad, case.good))
    return "\n\n".join(
        [
            f'### <a id="{case.code.lower()}"></a>{case.code}: {case.title}',
            case.explanation,
            _block(bad),
            f"`whenflow {command}` shows:",
            _block(case.shown.rstrip("\n")),
            "Mended:",
            _block(good) + "\n",
        ]
    )


def _block(text: str) -> str:
    return f"```\n{text}\n```"


if __name__ == "__main__":
    PAGE.write_text(page(map(read_case, CODES)), encoding="utf-8")
