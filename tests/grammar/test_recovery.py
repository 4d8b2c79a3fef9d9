"""All errors at once: one for a line at most, none hidden by another line's, none that follows from another."""

import pytest

from tests.grammar.support import EVENT, codes, diagnostics, flow


def lines(text: str) -> list[tuple[int, str]]:
    """Line and code of each diagnostic."""
    return [(found.span.source.position(found.span.start)[0], found.code) for found in diagnostics(text)]


def test_each_bad_line_is_told_once() -> None:
    text = flow("sned web\nset user_city = = 3 + + \nwhen 5 5 5\nset user_city = nope\nlimit 1 per 7")
    assert lines(text) == [(4, "E135"), (5, "E122"), (6, "E124"), (7, "E201"), (8, "E120")]


def test_a_declaration_that_cannot_be_read_leaves_no_unknown_names() -> None:
    text = 'event 1 webclick "x" "y" "z"\nfield f txt\nflow f:\n    on webclick, event 1\n    set f = event_count_1\n'
    assert codes(text) == ["E120", "E138"]


def test_an_expression_that_cannot_be_read_brings_no_unknown_names() -> None:
    assert codes(flow('when nope1 nope2\nsend web "{{ nope3 nope4 }}"\nset user_city = nope5 + 1 +')) == [
        "E124",
        "E124",
        "E122",
    ]


BAD_HEADERS = ["if:", "if a b:", "if user_city == “a”:", "if (user_city:", "if user_city", "wait until true:", "iff x:"]


@pytest.mark.parametrize("header", BAD_HEADERS)
def test_what_stands_below_a_bad_header_is_still_read(header: str) -> None:
    found = codes(flow(f"{header}\n    set user_city = nope\n    convert 5\nstop"))
    assert len(found) == 3
    assert found[1:] == ["E201", "E120"]


def test_a_branch_below_a_bad_if_has_its_if() -> None:
    assert codes(flow("if a b:\n    stop\nelif nope:\n    stop\nelse:\n    convert 5")) == ["E124", "E201", "E120"]


@pytest.mark.parametrize("header", ["flow", "flow 5:", "flow g", "flwo g:", "flow g h:"])
def test_the_body_of_a_flow_with_a_bad_header_is_still_read(header: str) -> None:
    found = codes(f"{EVENT}{header}\n    on webclick\n    set user_city = nope\n")
    assert len(found) == 2
    assert found[1] == "E201"


@pytest.mark.parametrize("header", ["segment", "segment 5:", "segmnt s:"])
def test_the_body_of_a_segment_with_a_bad_header_is_still_read(header: str) -> None:
    assert codes(f"{header}\n    nope > 1\n")[1:] == ["E201"]


@pytest.mark.parametrize("opened", ["(", "[", "len(", "[1, (2, "])
def test_an_unclosed_bracket_ends_where_a_statement_begins(opened: str) -> None:
    text = flow(f"set user_city = {opened}\nset user_city = nope\nif true:\n    stop")
    assert lines(text) == [(4, "E118"), (5, "E201")]


def test_an_unclosed_bracket_does_not_hide_the_next_declaration() -> None:
    assert lines("segment a:\n    (1 > 2\nsegment b:\n    nope\n") == [(2, "E118"), (4, "E201")]


@pytest.mark.parametrize("text", ["'a", '"a', '"""a'])
def test_an_unclosed_text_hides_no_other_line(text: str) -> None:
    assert lines(flow(f"set user_city = len({text})\nset user_city = nope")) == [(4, "E109"), (5, "E201")]


def test_unexpected_indentation_is_told_and_looked_over() -> None:
    assert lines(flow("stop\n    set user_city = nope\nconvert 5")) == [(5, "E107"), (5, "E201"), (6, "E120")]


def test_indentation_that_fits_nothing_is_told() -> None:
    assert codes(flow("if true:\n        stop\n    stop\nstop")) == ["E106"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("wait 3d\nstop", ["E401"]),
        ('hours "08:00-22:00" "mon-sun"\nstop', ["E401"]),
        ("exit when true\nstop", ["E401"]),
        ("goal true within 3d\nstop", ["E401"]),
        ("wait until true for 3d:\n    stop\ntimeout:\n    stop", ["E401", "E401"]),
        ('split:\n    50%:\n        stop\n    50% "b":\n        stop', ["E401"]),
        ('send email:\n    subject "x"\n    text "y"\n    to user_email\nstop', ["E401"]),
        ('send webhook "https://x.example" with user_city', ["E401"]),
    ],
)
def test_what_the_next_version_brings_is_said_to_be_missing(body: str, found: list[str]) -> None:
    assert codes(flow(body)) == found


@pytest.mark.parametrize("trigger", ["visit", "identify", "enter active", "leave active", "change user_city"])
def test_triggers_of_the_next_version_are_said_to_be_missing(trigger: str) -> None:
    assert codes(f"flow f:\n    on {trigger}\n    stop\n") == ["E401"]


def test_a_flow_that_time_starts_is_said_to_be_missing() -> None:
    assert codes("flow f:\n    when true\n    stop\n") == ["E401"]
