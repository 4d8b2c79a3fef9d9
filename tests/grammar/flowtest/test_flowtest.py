"""What a flow test's lines say, however they are written."""

import re
from datetime import UTC, datetime, timedelta
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest import read_flow_test
from grammar.flowtest.lines import sections
from grammar.flowtest.nodes import At, Command, ExpectMessage, ExpectSegment, ExpectThat, Load, SetField, Track, Visit
from grammar.source import Source
from grammar.syntax.parser import read_source


def read(text: str) -> tuple[tuple[Command, ...], list[str]]:
    report = Diagnostics()
    source = read_source("t.flowtest", text, report)
    assert source is not None
    commands = read_flow_test(source, report).commands
    return commands, [found.code for found in report]


def told(text: str) -> list[Diagnostic]:
    report = Diagnostics()
    read_flow_test(Source("t.flowtest", text), report)
    return list(report)


def command(text: str) -> Command:
    commands, codes = read(text)
    assert codes == []
    (one,) = commands
    return one


def codes(text: str) -> list[str]:
    return read(text)[1]


# Lines


def test_a_command_goes_on_inside_brackets_and_long_texts() -> None:
    one = command('visit v1 {  # begins\n  "a": "# no comment",\n\n  "b": 1  # ends\n}  # all\n')
    assert isinstance(one, Visit)
    assert one.values is not None
    assert "# no comment" in one.values.text
    assert "ends" not in one.values.text
    one = command('expect message v1 f web """Hello\n# World"""\n')
    assert isinstance(one, ExpectMessage)
    assert one.text is not None
    assert one.text.text == "Hello\n# World"


def test_an_open_bracket_hides_no_command() -> None:
    commands, found = read("expect v1: (1 + 2\ntrack v1 webclick\nvisit v1 {\nat +1s\n")
    assert found == ["E118", "E118"]
    assert [type(one) for one in commands] == [Track, At]


def test_a_block_ends_where_a_line_is_not_indented() -> None:
    text = (
        'flow:\n    field a int\n\n# comment\n    flow f:\n        on any event\n        send web """x\ny"""\nat +1s\n'
    )
    assert [text[one.command.start : one.command.end] for one in sections(Source("t", text))] == ["flow:", "at +1s"]
    assert codes(text) == []


def test_an_indented_line_that_belongs_to_nothing_is_an_error() -> None:
    assert codes("at +1s\n    at +1s\n") == ["E107"]
    assert codes("  at +1s\n") == ["E107"]
    assert codes("flow:\nat +1s\n") == ["E108"]
    assert codes("flow:\n      field a int\n    field b int\n") == ["E106"]
    assert codes("track\tv1 webclick\n") == ["E103"]


# Words


@pytest.mark.parametrize("visitor", ["v1", "1a", "v-1.a", "_", "张三", "-", "0", "at", "x5"])
def test_a_visitor_is_a_word_of_letters_digits_and_three_signs(visitor: str) -> None:
    one = command(f"expect {visitor}: True\n")
    assert isinstance(one, ExpectThat)
    assert one.visitor.text == visitor


@pytest.mark.parametrize("name", ["हिन्दी", "ที่นี่", "cafe\u0301", "a·b", "ﬁ"])
def test_names_of_every_script_are_words(name: str) -> None:
    """Among them names with marks: in many scripts these write the vowels."""
    for line in (f"track {name} {name}", f"set v {name} = {name}", f"expect message {name} {name} web",
                 f"expect segment {name}: {name}, v", f"expect {name}: True", f"arm v {name} 'x'"):  # fmt: skip
        assert codes(line + "\n") == [], line
    one = command(f"track {name} {name}\n")
    assert isinstance(one, Track)
    assert (one.visitor.text, one.event.text) == (name, normalize("NFKC", name))


@pytest.mark.parametrize("word", ["message", "no", "segment", "run", "goal", "error"])
def test_a_word_with_a_meaning_of_its_own_is_a_visitor_only_in_quotes(word: str) -> None:
    lines = ("expect {}: True", "track {} webclick", "visit {}", "expect message {} f", "expect segment s: v, {}")
    for line in lines:
        assert codes(line.format(word) + "\n") == ["E606"], line
        assert codes(line.format(f'"{word}"') + "\n") == [], line


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=128))
def test_any_text_can_be_a_visitor(visitor: str) -> None:
    quoted = "".join(f"\\U{ord(char):08x}" for char in visitor)
    one = command(f'visit "{quoted}"\n')
    assert isinstance(one, Visit)
    assert one.visitor.text == visitor


def test_a_path_is_a_word_or_a_text() -> None:
    for written, path in (("../a-b/c.flow  # x", "../a-b/c.flow"), ('"my shop.flow"', "my shop.flow")):
        one = command(f"load {written}\n")
        assert isinstance(one, Load)
        assert one.path.text == path


@given(st.permutations(["x7", "at -10m", 'id "a"', '{"x": [1, {}]}']))
def test_what_follows_an_event_stands_in_any_order(parts: list[str]) -> None:
    one = command(f"track v1 webclick {' '.join(parts)}\n")
    assert isinstance(one, Track)
    assert one.id is not None
    assert one.data is not None
    assert (one.times, one.time, one.id.text, one.data.text) == (7, -timedelta(minutes=10), "a", '{"x": [1, {}]}')
    for part in parts:
        assert codes(f"track v1 webclick {' '.join([*parts, part])}\n") == ["E605"]


def test_the_members_of_a_segment_may_be_none() -> None:
    for written, members in (("", ()), (" v1", ("v1",)), (' "a b",v.2 ', ("a b", "v.2"))):
        one = command(f"expect segment s:{written}# c\n")
        assert isinstance(one, ExpectSegment)
        assert tuple(visitor.text for visitor in one.visitors) == members
    assert codes("expect segment s: v1,\n") == ["E603"]
    assert codes("expect segment s: v1 v2\n") == ["E604"]


def test_characters_from_documents_are_named() -> None:
    for line in ("expect v1： True", "track v1 “webclick”", "expect segment s: a，b", "set v1 a ＝ 1", "\u00a0at +1s"):
        assert codes(line + "\n") in (["E102"], ["E101"]), line


def test_a_text_without_its_channel_is_an_error() -> None:
    assert codes('expect message v1 f "text"\n') == ["E603"]


# Moments


@given(st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)), st.integers(-1439, 1439), st.booleans())
def test_a_moment_reads_back_in_every_zone(local: datetime, minutes: int, spaced: bool) -> None:
    local = local.replace(microsecond=local.microsecond // 1000 * 1000)
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    written = local.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + (" " if spaced else "") + offset
    one = command(f"at {written}\n")
    assert isinstance(one, At)
    assert one.time == local.replace(tzinfo=UTC) - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "written",
    ["2026-01-01", "2026-1-1 10:00", "2026-01-01 24:00", "2026-01-01 10:00 +24:00", "2026-01-01T10:00", "10:00", "-1h",
     "2026-01-01 10:00 +8", "2026-01-01 10:00:60", "2026-01-01 10:00:00.1234", "9999-12-31 23:00 -08:00", "tomorrow"],
)  # fmt: skip
def test_what_is_no_moment_is_an_error(written: str) -> None:
    assert codes(f"at {written}\n") == ["E609"]


def test_a_missing_moment_is_told_at_the_end_of_the_text() -> None:
    (found,) = told("at")
    assert (found.code, found.span.start, found.span.end) == ("E609", 2, 2)


def test_a_length_is_a_duration_of_the_language() -> None:
    one = command("at +1d2h3m4s\n")
    assert isinstance(one, At)
    assert one.time == timedelta(days=1, hours=2, minutes=3, seconds=4)
    assert codes("at +30min\n") == ["E113"]
    assert codes("at +30\n") == ["E603"]
    assert codes("at +\n") == ["E603"]
    assert codes("at +1m1h\n") == ["E115"]


def test_an_expression_keeps_its_place() -> None:
    text = "at +1s\nset v1 a = b +\n"
    report = Diagnostics()
    read_flow_test(Source("t", text), report)
    assert [found.span.source.position(found.span.start) for found in report] == [(2, 15)]
    one = command("set v1 a = (1 +\n  2)  # three\n")
    assert isinstance(one, SetField)


@given(st.text(st.sampled_from("track v1 webclick expect:\n\"'(){}[]#+-at 2026x5 flow:\n    idset=,.\t“：")))
def test_no_text_breaks_the_reader(text: str) -> None:
    commands, found = read(text)
    assert len(commands) + len(found) >= (1 if re.search(r"^[^\s#]", text, re.MULTILINE) else 0)
