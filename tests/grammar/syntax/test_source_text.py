"""LANGUAGE.md section 1: characters, lines, literals."""

from datetime import timedelta

import pytest

from grammar.nodes import Binary, Call, Constant, Member, Name
from tests.grammar.support import EVENT, codes, diagnostics, expression, expression_codes, flow, script


def value(text: str) -> object:
    node = expression(text)
    assert isinstance(node, Constant)
    return node.value


def test_a_byte_order_mark_and_crlf_change_nothing() -> None:
    text = 'segment a:\n    user_city == "x"\n'
    assert script("\ufeff" + text.replace("\n", "\r\n")) == script(text)


def test_bytes_that_are_not_utf8_are_reported_where_they_stand() -> None:
    (found,) = diagnostics(b"field a text\nfield \xff text\n")
    assert found.code == "E104"
    assert found.span.source.position(found.span.start) == (2, 7)


def test_a_file_above_a_mebibyte_is_refused() -> None:
    assert codes(b"#" * (1024 * 1024)) == []
    assert codes(b"#" * (1024 * 1024 + 1)) == ["E105"]


@pytest.mark.parametrize("text", ["\tfield a text\n", "field\ta text\n", "field a text\n\t\n"])
def test_a_tab_outside_text_and_comment_is_an_error(text: str) -> None:
    assert codes(text) == ["E103"]


def test_a_tab_in_a_text_or_a_comment_is_none() -> None:
    assert codes('field a text "x\ty" # \t\n') == []


def test_line_breaks_in_brackets_do_not_count() -> None:
    assert expression("len(\n[1,\n  2]  # two\n)") == expression("len([1, 2])")


@pytest.mark.parametrize(
    "condition",
    [
        "(true\n    if false else true)",
        "(true\n    if false  # so:\n    else true)",
        '(1 if user_city == "a" else\n    50 % event_count_1)',
        'user_city in ["b",\n    "a" if true else """if x:\n"""]',
    ],
)
def test_a_line_of_a_broken_condition_is_not_taken_for_a_step(condition: str) -> None:
    assert codes(flow(f"if {condition}:\n    stop")) == []


@pytest.mark.parametrize("text", ["field a text   ", "field a text\n   ", "field a text  # end"])
def test_a_file_may_end_without_a_line_break(text: str) -> None:
    assert codes(text) == []


def test_an_expression_may_end_in_spaces() -> None:
    assert expression("1 + 1  ") == expression("1 + 1")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (r"'a\'b'", "a'b"),
        (r'"\n\t\\\"\x41\u00e9\U0001F600\101\N{BULLET}"', '\n\t\\"Aé\U0001f600A•'),
        (r"'\d'", r"\d"),
        ('"""two\nlines "quoted" """', 'two\nlines "quoted" '),
        ('"""a\\\nb"""', "ab"),
        ("''", ""),
    ],
)
def test_text_literals_have_pythons_escapes(text: str, meaning: str) -> None:
    assert value(text) == meaning


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (r"'\x4'", "E110"),
        (r"'\u12'", "E110"),
        (r"'\U00110000'", "E110"),
        (r"'\N{no such character}'", "E110"),
        (r"'\0'", "E111"),
        (r"'\ud800'", "E111"),
        (r"'\ud83d\ude00'", "E111"),
        ("'a", "E109"),
        ("'a\nb'", "E109"),
        ('"""a', "E109"),
        ("'a' 'b'", "E124"),
        ("f'a'", "E147"),
    ],
)
def test_a_bad_text_literal_is_one_error(text: str, code: str) -> None:
    assert expression_codes(text)[:1] == [code]


def test_a_text_literal_holds_64_kib() -> None:
    assert len(str(value(f"'{'a' * 65536}'"))) == 65536
    assert expression_codes(f"'{'a' * 65537}'") == ["E112"]
    assert expression_codes(f"'{'é' * 32769}'") == ["E112"]


def test_in_a_pattern_the_backslash_is_no_escape_except_before_the_quote() -> None:
    node = expression(r'matches("\t\\", "\d\t\\\"\n")')
    assert isinstance(node, Call)
    assert [argument.value for argument in node.arguments if isinstance(argument, Constant)] == ["\t\\", r'\d\t\\"\n']


def test_a_bracketed_pattern_is_a_pattern_and_a_text_inside_a_call_in_it_is_none() -> None:
    node = expression(r'matches(x, ("\b") + lower("\t"))')
    assert isinstance(node, Call)
    joined = node.arguments[1]
    assert isinstance(joined, Binary)
    assert joined.left == Constant(joined.span, r"\b")
    assert isinstance(joined.right, Call)
    assert joined.right.arguments == (Constant(joined.span, "\t"),)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("0", 0),
        ("42", 42),
        ("9" * 18, 10**18 - 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e5", 1e5),
        ("1.E-3", 1e-3),
    ],
)
def test_numbers(text: str, meaning: float) -> None:
    assert value(text) == meaning
    assert type(value(text)) is type(meaning)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("2w1d", timedelta(days=15)),
        ("0s", timedelta(0)),
        ("36500d", timedelta(days=36500)),
    ],
)
def test_durations(text: str, meaning: timedelta) -> None:
    assert value(text) == meaning


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("007", "E113"),
        ("00", "E113"),
        ("0x1F", "E113"),
        ("1_000", "E113"),
        ("30min", "E113"),
        ("1h30", "E113"),
        ("1.5h", "E113"),
        ("5if", "E113"),
        ("5五", "E113"),
        ("9" * 19, "E114"),
        ("30m1h", "E115"),
        ("1h1h", "E115"),
        ("36500d1s", "E116"),
        (f"{'9' * 400}s", "E116"),
        ("1e999", "E117"),
    ],
)
def test_bad_numbers_and_durations(text: str, code: str) -> None:
    assert expression_codes(text) == [code]


def test_a_wrong_unit_is_helped() -> None:
    (found,) = diagnostics("segment a:\n    now - first_seen_time > 30min\n")
    assert found.help == "write `30m`"


def test_names_of_any_script_are_normalised() -> None:
    assert expression("ｎａｍｅ") == expression("name")
    assert expression("城市") == Name(expression("a").span, "城市")
    assert expression("हिन्दी") == Name(expression("a").span, "हिन्दी")


@pytest.mark.parametrize("word", ["event", "flow", "on", "when", "limit", "send", "set", "stop", "text", "any", "once"])
def test_words_of_clauses_and_steps_may_be_names(word: str) -> None:
    name = Name(expression("x").span, word)
    assert expression(word) == name
    if word != "text":
        script(f"field {word} int\n" + flow(f"when {word} > 1\nset {word} = {word} + 1"))


@pytest.mark.parametrize("word", ["event", "any", "once", "visit_", "on"])
def test_words_of_clauses_may_name_events(word: str) -> None:
    script(EVENT.replace("webclick", word) + f"flow {word}:\n    on {word}\n    stop\n")


@pytest.mark.parametrize("word", ["if", "for", "None", "true", "NULL", "and"])
def test_after_a_dot_any_word_is_a_member(word: str) -> None:
    node = expression(f"event_last_data_1.{word}")
    assert isinstance(node, Member)
    assert node.name == word


@pytest.mark.parametrize("word", ["if", "elif", "else", "and", "or", "not", "in", "is", "for", "None", "true", "NULL"])
def test_reserved_words_are_no_names(word: str) -> None:
    assert codes(f"field {word} text\n") == ["E125"]


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("segment a：\n    true\n", "`:`"),
        ("segment a:\n    user_city == “x”\n", '`"`'),
        ("segment a:\n    user_city == ‘x’\n", "`'`"),
        ("segment a:\n    max（1, 2) > 1\n", "`(`"),
        ("segment a:\n    max(1， 2) > 1\n", "`,`"),
        ("segment a:\n    1 ≥ 2\n", "`>=`"),
        ("segment a:\n    1\u00a0> 2\n", "an ordinary space"),
    ],
)
def test_a_typographic_character_is_one_error_that_names_the_character_to_use(text: str, use: str) -> None:
    (found,) = diagnostics(text)
    assert found.code == "E102"
    assert found.help == f"use {use} instead"
