"""Diagnostics as text and as JSON."""

from grammar.diagnostics import Diagnostic, Diagnostics, Label, render, to_json
from grammar.source import Source, Span


def at(text: str, marked: str, help: str | None = None) -> Diagnostic:
    start = text.index(marked)
    return Diagnostic("E999", "error", "wrong", Span(Source("a.flow", text), start, start + len(marked)), help)


def test_the_caret_stands_below_what_is_meant() -> None:
    assert render(at("one\ntwo three\n", "three")) == "a.flow:2:5: error E999: wrong\n    two three\n        ^^^^^"


def test_help_and_further_places_follow() -> None:
    source = Source("a.flow", "one\ntwo\n")
    found = Diagnostic("E1", "error", "m", Span(source, 4, 7), "do", (Label("first", Span(source, 0, 3)),))
    assert render(found).splitlines()[3:] == ["  a.flow:1:1: first", "    one", "    ^^^", "  help: do"]


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert render(at("您好 x", "x")).splitlines()[2] == "    " + " " * 5 + "^"
    assert render(at("您好 x", "您好")).splitlines()[2] == "    ^^^^"
    assert render(at("e\u0301 x", "x")).splitlines()[2] == "      ^"


def test_a_tab_before_the_caret_stays_a_tab() -> None:
    assert render(at("\tx y", "y")).splitlines()[2] == "    \t  ^"


def test_a_span_over_several_lines_is_marked_in_its_first() -> None:
    assert render(at("ab\ncd", "b\nc")).splitlines()[1:] == ["    ab", "     ^"]


def test_a_long_line_is_shown_around_the_caret() -> None:
    shown, carets = render(at("a" * 1000 + "b" + "a" * 1000, "b")).splitlines()[1:]
    assert len(shown) < 140
    assert shown[carets.index("^")] == "b"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in render(at("x \x1b[31m y", "y"))


def test_json_counts_lines_and_columns_from_one() -> None:
    assert to_json(at("one\ntwo three\n", "three", help="do")) == {
        "code": "E999",
        "severity": "error",
        "message": "wrong",
        "help": "do",
        "file": "a.flow",
        "line": 2,
        "column": 5,
        "end_line": 2,
        "end_column": 10,
    }


def test_findings_come_in_the_order_of_the_text_and_once() -> None:
    report = Diagnostics()
    late, early = at("one two", "two"), at("one two", "one")
    for found in (late, early, late):
        report.add(found)
    assert list(report) == [early, late]
    assert not report.ok


def test_warnings_leave_a_report_ok() -> None:
    report = Diagnostics()
    report.add(Diagnostic("W1", "warning", "m", Span(Source("a", "x"), 0, 1)))
    assert report.ok
    assert report.errors == ()
