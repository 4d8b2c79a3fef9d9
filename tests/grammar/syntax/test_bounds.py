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


def nested(depth: int, innermost: str = "stop") -> str:
    """A flow with blocks in blocks: its steps are the first level."""
    lines = ["flow f:", " on any event", *(f" {' ' * level}if true:" for level in range(depth - 1))]
    return "\n".join([*lines, f" {' ' * (depth - 1)}{innermost}\n"])


def test_blocks_are_nested_at_most_100_levels_deep() -> None:
    assert codes(nested(100)) == []
    assert codes(nested(100, "set user_city = nope")) == ["E201"]
    assert codes(nested(101)) == ["E153"]


def test_too_many_levels_are_told_once_and_hide_nothing_beside_them() -> None:
    assert codes(nested(1400) + " else:\n  stop\n stop stop\n" + nested(300).replace("flow f", "flow g")) == [
        "E153",
        "E120",
    ]


@pytest.mark.parametrize(
    "header", ["if true:", "wait until true for 1d:", "split:", "50%:", "send web:", "else:", "x:"]
)
def test_any_header_may_be_nested_without_end(header: str) -> None:
    lines = ["flow f:", *(f" {' ' * level}{header}" for level in range(1000))]
    assert codes("\n".join(lines)) != []


def test_a_header_without_its_block_is_told_at_any_depth() -> None:
    assert codes(nested(100, "if true:")) == ["E108"]


def test_the_largest_expression_parses_within_50_ms() -> None:
    text = " or ".join(["(event_count_1 + 1 > 2)"] * 80)
    spent = []
    for _ in range(5):
        start = time.process_time()
        expression(text)
        spent.append(time.process_time() - start)
    assert sorted(spent)[2] < 0.05
