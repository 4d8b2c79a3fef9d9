"""Formatting in an editor: one edit, as small as lines allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from editor.formatting import Edit, difference, format_source
from grammar.source import Source

TEXTS = st.text(st.sampled_from("ab\n\r\u2028"), max_size=12)


@given(TEXTS, TEXTS)
def test_an_edit_makes_the_one_text_of_the_other(old: str, new: str) -> None:
    edit = difference(old, new)
    assert old[: edit.start] + edit.text + old[edit.end :] == new


def test_an_edit_keeps_the_lines_that_stay() -> None:
    assert difference("a\nb\nc\n", "a\nB\nc\n") == Edit(2, 4, "B\n")
    assert difference("a\nc\n", "a\nb\nc\n") == Edit(2, 2, "b\n")
    assert difference("a\nb\nc\n", "a\nc\n") == Edit(2, 4, "")


def test_a_text_takes_its_canonical_layout() -> None:
    pytest.importorskip("grammar.formatter")
    text = "segment s:\n  user_email==null\n"
    (edit,) = format_source(Source("t.flow", text))
    assert text[: edit.start] + edit.text + text[edit.end :] == "segment s:\n    user_email == None\n"


def test_a_text_with_a_syntax_error_stays_as_it_is() -> None:
    assert format_source(Source("t.flow", "segment s:\n  user_email==(\n")) == ()
