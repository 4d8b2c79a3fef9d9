"""What each diagnostic says: a broken file for each code, and beside it what the author is shown.

`WHENFLOW_REWRITE=1 pytest tests/grammar/test_wording.py` writes what is shown now; a person reads the
difference.
"""

import os
import re
from pathlib import Path

import pytest

from grammar import wording
from grammar.diagnostics import Diagnostic, render
from tests.grammar.support import diagnostics, flow, not_yet

FOLDER = Path(__file__).parent / "diagnostics"
CODE = re.compile(r'_(?:error|warning)\(\s*"([EW][0-9]{3})"')
CODES = CODE.findall(Path(wording.__file__).read_text(encoding="utf-8"))
GENERATED = {
    "E105": b"#" * (1024 * 1024 + 1),
    "E112": flow(f'send web "{"x" * 65537}"').encode(),
}
"""Files too large to lie about."""


GOOD = sorted(FOLDER.glob("*.good.flow"))


def found_in(code: str) -> tuple[Diagnostic, ...]:
    """What is found in the broken file of a code."""
    file = broken_file(code)
    return not_yet(file.decode()) if code == "E401" else diagnostics(file)


def broken_file(code: str) -> bytes:
    return GENERATED.get(code) or (FOLDER / f"{code}.flow").read_bytes()


def test_no_two_diagnostics_share_a_code() -> None:
    assert len(CODES) == len(set(CODES))
    assert len(CODES) > 70


@pytest.mark.parametrize("code", CODES)
def test_a_broken_file_gives_its_code_alone(code: str) -> None:
    assert [found.code for found in found_in(code)] == [code]


@pytest.mark.parametrize("code", CODES)
def test_the_author_is_shown(code: str) -> None:
    shown = "\n".join(map(render, found_in(code))) + "\n"
    file = FOLDER / f"{code}.txt"
    if os.environ.get("WHENFLOW_REWRITE"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.name[:4])
def test_the_mended_file_is_fine_and_the_rule_is_told(file: Path) -> None:
    assert diagnostics(file.read_bytes()) == ()
    assert file.with_name(f"{file.name[:4]}.md").read_text(encoding="utf-8").endswith(".\n")


@pytest.mark.parametrize("code", CODES)
def test_no_message_names_a_token_of_the_grammar_or_an_exception(code: str) -> None:
    for found in found_in(code):
        said = f"{found.message} {found.help or ''}"
        prose = re.sub(r"`[^`]*`|\"[^\"]*\"|[A-Z]{2,}[0-9]*|%\S", "", said)
        assert not re.search(r"\b[A-Z]{3,}_[A-Z]+\b|Error\b|Exception|Token|__ANON", said), said
        assert not re.search(r"\b(?:terminal|lookahead|parser|token)\b", prose), said
