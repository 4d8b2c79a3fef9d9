"""The canonical layout by examples: files as an author wrote them, and beside them as they are laid out.

`WHENFLOW_REWRITE=1 pytest tests/grammar/formatter` writes the second ones; a person reads the difference.
"""

import os
from pathlib import Path

import pytest

from grammar.diagnostics import Diagnostics
from grammar.formatter import format_source
from grammar.syntax.brackets import MAX_LEVELS
from grammar.syntax.parser import MAX_BLOCKS, read_source
from tests.grammar.support import flow

FOLDER = Path(__file__).parent / "formatting"
EXAMPLES = sorted(file for file in FOLDER.glob("*.flow") if not file.stem.endswith(".formatted"))


def formatted(text: str) -> str:
    """The canonical layout of a file without syntax errors."""
    written, codes = laid_out(text)
    assert written is not None, codes
    return written


def laid_out(text: str) -> tuple[str | None, list[str]]:
    report = Diagnostics()
    source = read_source("t.flow", text, report)
    assert source is not None
    return format_source(source, report), [found.code for found in report]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_file_is_laid_out_as_the_one_beside_it(file: Path) -> None:
    beside = file.with_suffix(".formatted.flow")
    written = formatted(file.read_text(encoding="utf-8"))
    if os.environ.get("WHENFLOW_REWRITE"):
        beside.write_text(written, encoding="utf-8")
    assert written == beside.read_text(encoding="utf-8")
    assert formatted(written) == written


@pytest.mark.parametrize("text", ["", "\n", "   \n\n  ", "\ufeff", "\r\n"])
def test_a_file_without_anything_becomes_empty(text: str) -> None:
    assert formatted(text) == ""


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n", "   "])
def test_a_file_ends_with_one_line_break(end: str) -> None:
    assert formatted("field a text" + end) == "field a text\n"
    assert formatted("# nothing but this" + end) == "# nothing but this\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("field a text text\n", "E120"),
        ("segment s:\n    a == “b”\n", "E102"),
        ("segment s:\n\ta\n", "E103"),
        (flow('send web "{{ a b }}"'), "E124"),
        (flow("sned web\nset nope = 1"), "E135"),
    ],
)
def test_a_file_with_a_syntax_error_is_not_laid_out(text: str, code: str) -> None:
    assert laid_out(text) == (None, [code])


@pytest.mark.parametrize("text", ["segment s:\n    nope > 7d + nope.x\n", "flow f:\n    limit 0\n"])
def test_a_file_with_other_errors_is_laid_out(text: str) -> None:
    assert laid_out(text) == (text, [])


def test_a_word_of_the_language_may_be_a_name() -> None:
    text = "segment s:\n    when - 5 > to - 1\n\nflow f:\n    on visit\n    when -5 > when - 5\n    set to = -1\n"
    assert formatted(text) == text


def test_a_line_fits_up_to_its_last_column() -> None:
    fitting = f"segment s:\n    a == {'b' * 41} and c == {'d' * 40}\n"
    assert max(map(len, fitting.splitlines())) == 100
    assert formatted(fitting) == fitting
    wrapped = formatted(fitting.replace("a ==", "aa =="))
    assert wrapped == f"segment s:\n    (\n        aa == {'b' * 41}\n        and c == {'d' * 40}\n    )\n"
    assert formatted(wrapped.replace("aa ==", "a ==")) == fitting


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_expression_gets_no_brackets_that_would_be_one_level_too_many(beyond: int) -> None:
    """`and`, a comparison and the brackets in the call come to `MAX_LEVELS` or one less."""
    calls = MAX_LEVELS - 3 + beyond
    text = f"segment s:\n    {'abs(' * calls}event_count_1{')' * calls} > 0 and user_city == 'Beijing'\n"
    written = formatted(text)
    assert formatted(written) == written
    assert written.startswith("segment s:\n    (\n" if not beyond else "segment s:\n    abs(")


def test_the_deepest_brackets_are_laid_out() -> None:
    most = MAX_LEVELS - 1  # the comparison is a level too
    text = f"segment s:\n    a == {'[b, ' * most}c{']' * most}\n"
    written = formatted(text)
    assert written.count("\n") > MAX_LEVELS
    assert formatted(written) == written


def test_the_deepest_blocks_are_laid_out() -> None:
    depth = MAX_BLOCKS - 1
    blocks = "".join(f"{' ' * (k + 1)}if a:\n" for k in range(depth))
    written = formatted(f"flow f:\n on visit\n{blocks}{' ' * (depth + 1)}stop\n")
    assert written.endswith(f"\n{' ' * 4 * (depth + 1)}stop\n")
