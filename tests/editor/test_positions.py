"""Places of the protocol and offsets: the same place said in two ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editor.positions import Positions
from grammar.source import Source, Span

TEXTS = st.text(st.sampled_from("ab \n\r您好😋\u2028\x0c\x85"), max_size=40)


def test_a_column_counts_utf16_units() -> None:
    positions = Positions(Source("t", 'a\n"您好😋" x'))
    assert positions.range(Span(Source("t", ""), 8, 9)) == ((1, 7), (1, 8))
    assert positions.offset(1, 7) == 8


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 13), ("utf-16", 7), ("utf-32", 6)])
def test_a_column_counts_the_units_agreed_upon(encoding: str, column: int) -> None:
    positions = Positions(Source("t", '"您好😋" x'), encoding)
    assert positions.position(6) == (0, column)
    assert positions.offset(0, column) == 6


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.integers(0, 40))
def test_a_place_leads_back_to_its_offset(text: str, encoding: str, offset: int) -> None:
    positions = Positions(Source("t", text), encoding)
    offset = min(offset, len(text))
    assert positions.offset(*positions.position(offset)) == offset


@given(TEXTS, st.integers(-2, 50), st.integers(-2, 50))
def test_any_place_has_an_offset(text: str, line: int, column: int) -> None:
    assert 0 <= Positions(Source("t", text)).offset(line, column) <= len(text)


def test_a_line_ends_where_the_protocol_says() -> None:
    positions = Positions(Source("t", "a\u2028b\x0cc\rd\ne"))
    assert [positions.position(at) for at in (4, 6, 8)] == [(0, 4), (1, 0), (2, 0)]


def test_what_lies_behind_a_line_is_its_end() -> None:
    assert Positions(Source("t", "ab\ncd")).offset(0, 99) == 2
    assert Positions(Source("t", "ab\ncd")).offset(99, 0) == 5


def test_the_middle_of_a_character_is_its_beginning() -> None:
    assert Positions(Source("t", "a😋b")).offset(0, 2) == 1


def test_a_byte_order_mark_counts_in_the_first_line_only() -> None:
    positions = Positions(Source("t", "ab\ncd"), lead=1)
    assert positions.position(1) == (0, 2)
    assert positions.position(4) == (1, 1)
    assert positions.offset(0, 2) == 1
