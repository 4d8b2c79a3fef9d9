"""Brackets in brackets cost little, and change nothing but what they group."""

import re
import time
from statistics import median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grammar.diagnostics import Diagnostics
from grammar.source import Source
from grammar.syntax.lexing import Lexer
from grammar.syntax.tokens import apart
from tests.grammar.support import diagnostics, expression, read_expression

PIECES = st.sampled_from(
    ["(", "((", "(((", ")", "))", ")))", "[", "]", "a", "1", " + ", " and ", "-", ",", "abs", "matches", "'\\d'", "\n"]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)


@given(TEXTS)
@example("((a + 1) * (((b))))")
@example("matches((a), ((('\\d'))))")
@example("(((a)\n+ (b)) * c)")
@example("((a]))")
def test_a_run_of_brackets_stands_for_the_single_brackets(text: str) -> None:
    found = []
    for runs in (False, True):
        report = Diagnostics()
        lines = Lexer(Source("t", text), report, runs=runs).lines()
        found.append(
            ([[*apart(line.tokens)] for line in lines], [(line.end, line.broken) for line in lines], [*report])
        )
    assert found[0] == found[1]


@given(TEXTS)
@example("((a b))")
@example("abs(((a)), 1)")
@example("((a)(b))")
@example("-((a, b))")
@example("(())")
def test_spaces_between_brackets_change_nothing(text: str) -> None:
    one, told = read_expression(text)
    other, also_told = read_expression(re.sub(r"(?<=[()])(?=[()])", " ", text))
    assert one == other
    assert [(found.message, found.help) for found in told] == [(found.message, found.help) for found in also_told]


@pytest.mark.parametrize(
    ("written", "found"),
    [("((1 2))", "2"), ("(((1 + )))", ")"), ("abs(((1), 2", "("), ("((1]", "]"), ("((1 + (2))) or ))", ")")],
)
def test_an_error_among_brackets_shows_one_of_them(written: str, found: str) -> None:
    (error,) = read_expression(written)[1]
    assert error.span.text == found


def test_an_error_among_the_brackets_of_a_template_has_its_place_in_the_source() -> None:
    text = 'flow f:\n    on any event\n    send web "\\x41{{ ((1 + )) }}"\n'
    (error,) = diagnostics(text)
    assert (error.span.text, error.span.start) == (")", text.index("))"))


def test_brackets_belong_to_the_place_of_what_they_hold() -> None:
    assert expression(" ((((1)) + 2)) ").span.text == "((((1)) + 2))"


@pytest.mark.parametrize(
    "text",
    [
        " + ".join(["(" * 49 + "event_count_1" + ")" * 49] * 250),
        "[" + ", ".join(["(" * 48 + "event_count_1" + ")" * 48] * 499) + "]",
        " and ".join(["(" * 48 + "x != y" + ")" * 48] * 125),
        "[" + "(" * 48 + (")" * 16 + ", " + "(" * 16).join(["1"] * 400) + ")" * 48 + "]",
        "[" + ", ".join(["'" + "\\n" * 20 + "'"] * 400) + "]",
        "[" + "\n" * 900_000 + "1]",
        "[" + "é" * 300_000 + "]",
    ],
)
def test_large_expressions_parse_within_50_ms(text: str) -> None:
    spent = []
    for _ in range(5):
        start = time.process_time()
        read_expression(text)
        spent.append(time.process_time() - start)
    assert median(spent) < 0.05
