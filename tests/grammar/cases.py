"""The cases in `diagnostics/`: for each code what an author got wrong, what is said of it, and how it is mended.

E201.flow        a broken file that gives this code alone (of a flow test: E601.flowtest)
E201.txt         what the author is shown
E201.good.flow   the same file, mended
E201.md          `# ` and a short title, then what the rule is, why, and what to do
"""

import re
from dataclasses import dataclass
from pathlib import Path

from grammar import wording
from grammar.diagnostics import Diagnostic
from tests.grammar.support import diagnostics, flow_test_diagnostics

FOLDER = Path(__file__).parent / "diagnostics"
WORDING = Path(wording.__file__).parent
CODES = sorted(
    (
        code
        for family in WORDING.glob("*.py")
        for code in re.findall(r'\b(?:error|warning)\(\s*"([EW][0-9]{3})"', family.read_text(encoding="utf-8"))
    ),
    key=lambda code: code[1:],
)
"""The codes of all that can be said (`grammar/wording/`), by their numbers."""

_SHOP_FIELDS = "".join(f'field shop_field_{n} text "the shop\'s own field number {n}"\n' for n in range(1, 20_001))
_TERMS = "".join(
    f"{n}. The customer agrees to paragraph {n} of the general terms of business.\n" for n in range(1, 1001)
)
GENERATED = {
    "E105": _SHOP_FIELDS.encode(),
    "E112": f'event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"\n\n'
    f'flow new_terms:\n    on webclick\n    send web """Our terms have changed.\n{_TERMS}"""\n'.encode(),
}
"""Broken files too large to lie about."""


@dataclass(frozen=True, slots=True)
class Case:
    """A code's case. `language` is the ending of its files, `flow` or `flowtest`; `bad` may be no valid UTF-8."""

    code: str
    language: str
    title: str
    explanation: str
    bad: bytes
    shown: str
    good: bytes


def language(code: str) -> str:
    return "flowtest" if (FOLDER / f"{code}.flowtest").exists() else "flow"


def path(code: str, *, mended: bool = False) -> Path:
    return FOLDER / f"{code}{'.good' if mended else ''}.{language(code)}"


def broken_file(code: str) -> bytes:
    return GENERATED.get(code) or path(code).read_bytes()


def findings(code: str, *, mended: bool = False) -> tuple[Diagnostic, ...]:
    """All that is found in the broken or the mended file of a code."""
    if language(code) == "flowtest":
        return flow_test_diagnostics(path(code, mended=mended))
    file = path(code, mended=True).read_bytes() if mended else broken_file(code)
    return diagnostics(file)


def read_case(code: str) -> Case:
    title, _, explanation = (FOLDER / f"{code}.md").read_text(encoding="utf-8").partition("\n\n")
    assert title.startswith("# "), f"{code}.md begins with `# ` and a short title, then an empty line"
    return Case(
        code=code,
        language=language(code),
        title=title.removeprefix("# "),
        explanation=explanation.strip(),
        bad=broken_file(code),
        shown=(FOLDER / f"{code}.txt").read_text(encoding="utf-8"),
        good=path(code, mended=True).read_bytes(),
    )
