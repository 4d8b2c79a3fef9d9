"""What each diagnostic says: a broken file for each code, and beside it what the author is shown.

`WHENFLOW_REWRITE=1 pytest tests/grammar/test_wording.py` writes what is shown now, and the page for
authors; a person reads the difference.
"""

import os
import re

import pytest

from grammar.diagnostics import render
from tests.grammar.cases import CODES, FOLDER, WORDING, findings, read_case
from tests.grammar.diagnostics_page import PAGE, page


def test_no_two_diagnostics_share_a_code() -> None:
    assert len(CODES) == len(set(CODES))
    assert len(CODES) > 70


def test_no_two_families_of_wording_share_a_name() -> None:
    families = [file for file in WORDING.glob("*.py") if file.stem not in ("forms", "habits")]
    texts = [file.read_text(encoding="utf-8") for file in families]
    defined = [line for text in texts for line in re.findall(r"^(?:def )?(\w[\w, ]*)(?:\(| = )", text, re.MULTILINE)]
    names = [name for line in defined for name in line.split(", ")]
    assert sorted(names) == sorted(set(names))
    assert {"tab", "unknown_variable", "A_FLOW", "A_TEXT"} <= set(names)


@pytest.mark.parametrize("code", CODES)
def test_a_broken_file_gives_its_code_alone(code: str) -> None:
    assert [found.code for found in findings(code)] == [code]


@pytest.mark.parametrize("code", CODES)
def test_the_author_is_shown(code: str) -> None:
    shown = "\n".join(map(render, findings(code))) + "\n"
    file = FOLDER / f"{code}.txt"
    if os.environ.get("WHENFLOW_REWRITE"):
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_no_message_names_a_token_of_the_grammar_or_an_exception(code: str) -> None:
    for found in findings(code):
        said = f"{found.message} {found.help or ''}"
        prose = re.sub(r"`[^`]*`|\"[^\"]*\"|[A-Z]{2,}[0-9]*|%\S", "", said)
        assert not re.search(r"\b[A-Z]{3,}_[A-Z]+\b|Error\b|Exception|Token|__ANON", said), said
        assert not re.search(r"\b(?:terminal|lookahead|parser|token)\b", prose), said


def test_the_page_for_authors_shows_what_the_cases_do() -> None:
    written = page(map(read_case, CODES))
    if os.environ.get("WHENFLOW_REWRITE"):
        PAGE.write_text(written, encoding="utf-8")
    assert written == PAGE.read_text(encoding="utf-8")
