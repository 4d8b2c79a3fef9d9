"""The bounds of LANGUAGE.md section 5, and hostile input."""

import time

import pytest

from tests.grammar.support import codes, expression, expression_codes


def test_an_expression_has_at_most_500_nodes() -> None:
    expression("+".join(["1"] * 250))
    assert expression_codes("+".join(["1"] * 251)) == ["E151"]


def test_a_chain_of_one_precedence_is_one_level_in_all() -> None:
    expression(" or ".join(["a"] * 100))
    expression("+".join(["a"] * 100))
    expression("<".join(["a"] * 100))


@pytest.mark.parametrize(
    ("before", "inside", "after"),
    [
        ("(", "a", ")"),
        ("[", "a", "]"),
        ("abs(", "a", ")"),
        ("-", "a", ""),
        ("not ", "a", ""),
        ("1 if 1 else ", "a", ""),
        ("", "a", "[0]"),
        ("", "a", ".b"),
        ("a[", "0", "]"),
    ],
)
def test_an_expression_has_at_most_50_levels(before: str, inside: str, after: str) -> None:
    expression(before * 50 + inside + after * 50)
    assert expression_codes(before * 51 + inside + after * 51) == ["E152"]


HOSTILE = [
    "(",
    "[",
    ")",
    "-",
    "not ",
    "a.",
    "a(",
    "1 if 1 else ",
    "{{",
    "if ",
    "[a,",
    "(\n",
    '"""x"""',
    "x\n",
    "\\",
    "’",
]


@pytest.mark.parametrize("repeated", HOSTILE)
def test_hostile_input_gives_a_diagnostic(repeated: str) -> None:
    assert codes(f"segment a:\n    {repeated * 100_000}\n") != []
    assert expression_codes(repeated * 1000) != []


def test_deep_blocks_give_a_diagnostic_or_a_program() -> None:
    lines = ["flow f:", "    on any event", *(f"    {' ' * depth}if true:" for depth in range(400))]
    assert codes("\n".join([*lines, f"    {' ' * 400}stop"])) == []
    assert codes("\n".join(lines)) == ["E108"]


def test_the_largest_expression_parses_within_50_ms() -> None:
    text = " or ".join(["(event_count_1 + 1 > 2)"] * 80)
    spent = []
    for _ in range(5):
        start = time.process_time()
        expression(text)
        spent.append(time.process_time() - start)
    assert sorted(spent)[2] < 0.05
