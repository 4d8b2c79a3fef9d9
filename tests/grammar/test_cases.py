"""Each code is explained: a broken file, what is shown of it, the file mended, and a word to authors."""

import pytest

from tests.grammar.cases import CODES, FOLDER, findings, read_case
from tests.grammar.diagnostics_page import MOST_LINES, excerpt


@pytest.mark.parametrize("code", CODES)
def test_a_case_is_whole(code: str) -> None:
    case = read_case(code)
    assert case.bad != case.good
    assert case.shown
    assert case.explanation.endswith(".")


@pytest.mark.parametrize("code", CODES)
def test_nothing_is_wrong_with_the_mended_file(code: str) -> None:
    assert findings(code, mended=True) == ()


def test_each_file_belongs_to_a_code() -> None:
    assert {file.name.partition(".")[0] for file in FOLDER.iterdir()} == set(CODES)


def test_no_two_codes_have_one_title() -> None:
    titles = [read_case(code).title for code in CODES]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("code", CODES)
def test_a_title_is_a_short_phrase(code: str) -> None:
    case = read_case(code)
    assert len(case.title) <= 60
    assert not case.title.endswith(".")


def test_the_page_shows_a_long_file_by_its_beginning_and_its_end() -> None:
    shown = excerpt("".join(f"line {n}\n" for n in range(1000))).splitlines()
    assert (shown[0], shown[-1]) == ("line 0", "line 999")
    assert "… (984 lines more)" in shown
    assert len(shown) <= MOST_LINES


def test_the_page_shows_a_short_file_as_it_is() -> None:
    assert excerpt("segment s:\n    is_online\n") == "segment s:\n    is_online"
