"""The language's functions and what templates print, in tables after LANGUAGE.md sections 5 and 6."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from timeit import repeat
from zoneinfo import ZoneInfo

import pytest
import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine import functions as f
from variables.values import Value

SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def short(value: Value) -> str:
    return repr(value)[:30]


def same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


# Numbers


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.5,), 0),
        ((1.5,), 2),
        ((2.5,), 2),
        ((-2.5,), -2),
        ((7,), 7),
        ((True,), 1),
        ((2.345, 2), 2.35),
        ((2.675, 2), 2.67),
        ((2.5, 0), 2.0),
        ((1234, -2), 1200),
        ((1250, -2), 1200),
        ((1234.5, -2), 1200.0),
        ((5e-324, 15), 0.0),
        ((1.7976931348623157e308, -15), 1.7976931348623157e308),
        ((10**400,), 10**400),
        ((10**400, -2), 10**400),
        (("2.5",), None),
        ((None,), None),
        (([],), None),
        ((timedelta(1),), None),
    ],
    ids=short,
)
def test_round_is_half_to_even(arguments: tuple[Value, ...], expected: Value) -> None:
    assert same(f.rounded(*arguments), expected)


@pytest.mark.parametrize(
    ("value", "as_int", "as_float"),
    [
        (2.9, 2, 2.9),
        (-2.9, -2, -2.9),
        (True, 1, 1.0),
        ("12", 12, 12.0),
        (" -12 ", -12, -12.0),
        ("1.5", None, 1.5),
        ("1e3", None, 1000.0),
        ("٣", 3, 3.0),
        ("", None, None),
        ("nan", None, None),
        ("-inf", None, None),
        ("1e999", None, None),
        ("0x10", None, None),
        ("9" * 5000, None, None),
        (10**400, 10**400, None),
        (1e300, int(1e300), 1e300),
        (None, None, None),
        ([1], None, None),
        ({}, None, None),
        (utc(2026, 1, 1), None, None),
        (timedelta(1), None, None),
    ],
    ids=short,
)
def test_int_and_float(value: Value, as_int: int | None, as_float: float | None) -> None:
    assert same(f.to_int(value), as_int)
    assert same(f.to_float(value), as_float)


@pytest.mark.parametrize(
    ("arguments", "least", "greatest"),
    [
        ((1, 2.0), 1, 2.0),
        ((1, 1.0, True), 1, 1),
        (("a", "B"), "B", "a"),
        ((timedelta(1), timedelta(2)), timedelta(1), timedelta(2)),
        (([3, 1, 2],), 1, 3),
        (([[1], [2]],), [1], [2]),
        (([True],), True, True),
        (([],), None, None),
        ((1, None), None, None),
        (([1, None],), None, None),
        ((1, "a"), None, None),
        (([1, "a"],), None, None),
        ((utc(2026, 1, 1), timedelta(1)), None, None),
        ((5,), None, None),
        (("abc",), None, None),
        (({"a": 1},), None, None),
        (([{}, {}],), None, None),
    ],
)
def test_min_and_max(arguments: tuple[Value, ...], least: Value, greatest: Value) -> None:
    assert same(f.least(*arguments), least)
    assert same(f.greatest(*arguments), greatest)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-5, 5),
        (-2.5, 2.5),
        (True, 1),
        (-timedelta(hours=1), timedelta(hours=1)),
        (timedelta.min, timedelta(days=999_999_999)),
        (timedelta.max, timedelta.max),
        ("-5", None),
        (None, None),
    ],
)
def test_abs(value: Value, expected: Value) -> None:
    assert same(f.absolute(value), expected)


# Texts


@pytest.mark.parametrize(
    ("value", "expected"), [("你好", 2), ("", 0), ("😀", 1), ([1, 2], 2), ({"a": 1}, 1), (5, None), (None, None)]
)
def test_len_counts_code_points_members_and_keys(value: Value, expected: int | None) -> None:
    assert f.length(value) == expected


@pytest.mark.parametrize("function", [f.lower, f.upper, f.strip])
@pytest.mark.parametrize("value", [None, 5, True, ["a"], {"a": 1}, timedelta(1), utc(2026, 1, 1)])
def test_texts_alone_are_lowered_raised_and_stripped(function: Callable[[Value], Value], value: Value) -> None:
    assert function(value) is None


def test_lower_upper_strip() -> None:
    assert f.lower("ÀB") == "àb"
    assert f.upper("straße") == "STRASSE"
    padded = "\n a b\t\u3000"
    assert f.strip(padded) == "a b"


@pytest.mark.parametrize(
    ("text", "part", "starts", "ends"),
    [
        ("abc", "a", True, False),
        ("abc", "c", False, True),
        ("abc", "", True, True),
        ("", "", True, True),
        ("abc", None, False, False),
        (None, "a", False, False),
        (["a"], "a", False, False),
        ("a", ["a"], False, False),
    ],
)
def test_startswith_and_endswith(text: Value, part: Value, starts: bool, ends: bool) -> None:
    assert (f.starts_with(text, part), f.ends_with(text, part)) == (starts, ends)


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("an order of 12", "[0-9]+", True),
        ("abc", "^b", False),
        ("abc", "b", True),
        ("abc\n", "c$", False),
        ("ABC", "(?i)abc", True),
        ("你好", "^..$", True),
        ("", "", True),
        ("a\nb", "a.b", False),
        ("a\nb", "(?s)a.b", True),
        ("a" * 40_000 + "b", "(a*)*c", False),
        (None, "", False),
        (5, "5", False),
        (["a"], "a", False),
    ],
)
def test_matches_finds_a_pattern_anywhere_by_re2(text: Value, pattern: str, expected: bool) -> None:
    """RE2's `$` is the end of the text alone, and no pattern takes more than linear time."""
    assert f.matches(text, re2.compile(pattern)) is expected


# Moments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01", utc(2025, 12, 31, 16)),
        ("2026-01-01T10:00", utc(2026, 1, 1, 2)),
        ("2026-01-01T10:00:05", utc(2026, 1, 1, 2, 0, 5)),
        ("2026-01-01T10:00:05.250", utc(2026, 1, 1, 2, 0, 5, 250_000)),
        ("2026-01-01Z", utc(2026, 1, 1)),
        ("2026-01-01+01:00", utc(2025, 12, 31, 23)),
        ("2026-01-01T10:00Z", utc(2026, 1, 1, 10)),
        ("2026-01-01T10:00:00-05:30", utc(2026, 1, 1, 15, 30)),
        ("2026-01-01T10:00:05.250+00:00", utc(2026, 1, 1, 10, 0, 5, 250_000)),
        ("2024-02-29", utc(2024, 2, 28, 16)),
        ("2026-02-29", None),
        ("2026-13-01", None),
        ("2026-01-01T24:00", None),
        ("2026-01-01T10:60", None),
        ("2026-01-01T10:00:60", None),
        ("2026-01-01 10:00", None),
        ("2026-01-01T10", None),
        ("2026-01-01T1000", None),
        ("20260101", None),
        ("2026-W01-1", None),
        ("2026-01-01T10:00+0800", None),
        ("2026-01-01T10:00+08", None),
        ("2026-01-01T10:00+25:00", None),
        ("2026-01-01T10:00+08:60", None),
        ("2026-01-01T10:00z", None),
        (" 2026-01-01", None),
        ("2026-01-01\n", None),
        ("２０２６-01-01", None),
        ("0000-01-01", None),
        ("0001-01-01", None),
        ("0001-01-01Z", utc(1, 1, 1)),
        ("9999-12-31T23:59Z", utc(9999, 12, 31, 23, 59)),
        ("9999-12-31T23:59-08:00", None),
        ("0001-01-01T00:00+08:00", None),
        ("", None),
        ("now", None),
    ],
)
def test_datetime_reads_iso_text_in_the_zone_where_it_names_no_offset(text: str, expected: datetime | None) -> None:
    assert f.to_datetime(text, SHANGHAI) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, utc(1970, 1, 1)),
        (1_767_225_600, utc(2026, 1, 1)),
        (1.5, utc(1970, 1, 1, 0, 0, 1, 500_000)),
        (-1, utc(1969, 12, 31, 23, 59, 59)),
        (1e15, None),
        (10**400, None),
        (1e308, None),
        (None, None),
        ([2026], None),
        (timedelta(1), None),
        (utc(2026, 1, 1), utc(2026, 1, 1)),
    ],
    ids=short,
)
def test_datetime_takes_a_number_as_unix_seconds_and_a_moment_as_it_is(value: Value, expected: Value) -> None:
    assert f.to_datetime(value, SHANGHAI) == expected


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-03-29T02:30", BERLIN, utc(2026, 3, 29, 1, 30)),
        ("2026-10-25T02:30", BERLIN, utc(2026, 10, 25, 0, 30)),
        ("2026-03-29T01:59", BERLIN, utc(2026, 3, 29, 0, 59)),
        ("2026-03-29T03:00", BERLIN, utc(2026, 3, 29, 1, 0)),
        ("2026-07-01", NEW_YORK, utc(2026, 7, 1, 4)),
    ],
    ids=["in the gap", "the first of two", "before the gap", "after the gap", "summer"],
)
def test_datetime_in_a_zone_with_summer_time(text: str, zone: ZoneInfo, expected: datetime) -> None:
    assert f.to_datetime(text, zone) == expected


@pytest.mark.parametrize(
    ("moment", "zone", "first"),
    [
        (utc(2026, 1, 1, 15, 59), "Asia/Shanghai", utc(2025, 12, 31, 16)),
        (utc(2026, 1, 1, 16), "Asia/Shanghai", utc(2026, 1, 1, 16)),
        (utc(2026, 3, 29, 20), "Europe/Berlin", utc(2026, 3, 28, 23)),
        (utc(2026, 10, 25, 20), "Europe/Berlin", utc(2026, 10, 24, 22)),
        (utc(2018, 11, 4, 12), "America/Sao_Paulo", utc(2018, 11, 4, 3)),
        (utc(2018, 2, 18, 12), "America/Sao_Paulo", utc(2018, 2, 18, 3)),
        (utc(2018, 2, 18, 2, 30), "America/Sao_Paulo", utc(2018, 2, 17, 2)),
        (utc(2025, 11, 2, 12), "America/Havana", utc(2025, 11, 2, 4)),
        (utc(2011, 12, 31, 5), "Pacific/Apia", utc(2011, 12, 30, 10)),
        (utc(1919, 3, 31, 12), "America/Toronto", utc(1919, 3, 31, 4, 30)),
    ],
    ids=[
        "the last minute",
        "the first instant",
        "a day of 23 hours",
        "a day of 25 hours",
        "midnight is skipped",
        "after an hour that came twice",
        "in an hour that comes twice",
        "midnight comes twice",
        "after a day that was skipped",
        "the day began half an hour late",
    ],
)
def test_date_is_the_first_instant_of_that_day(moment: datetime, zone: str, first: datetime) -> None:
    there = ZoneInfo(zone)
    assert f.day_start(moment, there) == first
    assert first.astimezone(there).date() == moment.astimezone(there).date()
    assert (first - timedelta(seconds=1)).astimezone(there).date() < first.astimezone(there).date()


@settings(deadline=None)
@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut"]),
)
def test_a_day_begins_at_or_before_each_of_its_instants(moment: datetime, zone: str) -> None:
    there = ZoneInfo(zone)
    first = f.day_start(moment, there)
    assert first is not None
    assert first <= moment
    assert first.astimezone(there).date() == moment.astimezone(there).date()
    assert (first - timedelta(microseconds=1)).astimezone(there).date() < moment.astimezone(there).date()


def test_a_day_whose_midnight_the_clock_skips_is_searched_for_its_first_instant_once() -> None:
    """It takes six times as long as another day otherwise, and the largest expression has 125 of them in 5 ms."""

    def spent(moment: datetime) -> float:
        return min(repeat(lambda: f.day_start(moment, ZoneInfo("America/Sao_Paulo")), number=500, repeat=5))

    assert spent(utc(2018, 11, 4, 12)) < 3.5 * spent(utc(2018, 11, 6, 12))


@pytest.mark.parametrize(
    ("moment", "zone", "hour", "weekday"),
    [
        (utc(2026, 1, 1, 23, 59), SHANGHAI, 7, 5),
        (utc(2026, 1, 4), UTC_ZONE, 0, 7),
        (utc(2026, 1, 5), UTC_ZONE, 0, 1),
        (utc(2026, 3, 29, 0, 59), BERLIN, 1, 7),
        (utc(2026, 3, 29, 1, 0), BERLIN, 3, 7),
        (utc(2026, 10, 25, 0, 30), BERLIN, 2, 7),
        (utc(2026, 10, 25, 1, 30), BERLIN, 2, 7),
    ],
)
def test_hour_and_weekday_are_the_wall_clocks(moment: datetime, zone: ZoneInfo, hour: int, weekday: int) -> None:
    assert (f.hour(moment, zone), f.weekday(moment, zone)) == (hour, weekday)


@pytest.mark.parametrize("value", [None, "2026-01-01", 5, True, timedelta(1), []])
def test_the_clock_is_read_of_moments_alone(value: Value) -> None:
    assert f.hour(value, SHANGHAI) is None
    assert f.weekday(value, SHANGHAI) is None
    assert f.format_time(value, "%H", SHANGHAI) is None


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI])
def test_at_the_ends_of_time_the_answer_is_null_or_right_but_never_a_failure(moment: datetime, zone: ZoneInfo) -> None:
    f.hour(moment, zone)
    f.day_start(moment, zone)
    f.to_text(moment, zone)
    assert f.during(moment, f.Window.parse("00:00-24:00"), zone) in (True, False)


# Windows


def during(hours: str, days: str, moment: datetime, zone: ZoneInfo = UTC_ZONE) -> bool:
    return f.during(moment, f.Window.parse(hours, days), zone)


@pytest.mark.parametrize(
    ("hours", "days", "moment", "expected"),
    [
        ("09:00-18:00", "mon-sun", utc(2026, 1, 1, 9), True),
        ("09:00-18:00", "mon-sun", utc(2026, 1, 1, 8, 59, 59, 999_999), False),
        ("09:00-18:00", "mon-sun", utc(2026, 1, 1, 17, 59, 59, 999_999), True),
        ("09:00-18:00", "mon-sun", utc(2026, 1, 1, 18), False),
        ("09:00-18:00", "mon-fri", utc(2026, 1, 3, 12), False),
        ("09:00-18:00", "sat", utc(2026, 1, 3, 12), True),
        ("09:00-18:00", "fri-mon", utc(2026, 1, 4, 12), True),
        ("09:00-18:00", "fri-mon", utc(2026, 1, 6, 12), False),
        ("09:00-18:00", "mon, thu", utc(2026, 1, 1, 12), True),
        ("22:00-06:00", "thu", utc(2026, 1, 1, 22), True),
        ("22:00-06:00", "thu", utc(2026, 1, 2, 5, 59), True),
        ("22:00-06:00", "thu", utc(2026, 1, 2, 6), False),
        ("22:00-06:00", "thu", utc(2026, 1, 1, 5), False),
        ("22:00-06:00", "thu", utc(2026, 1, 2, 22), False),
        ("22:00-06:00", "sun", utc(2026, 1, 5, 3), True),
        ("22:00-24:00", "thu", utc(2026, 1, 1, 23, 59, 59), True),
        ("22:00-24:00", "thu", utc(2026, 1, 2), False),
        ("22:00-00:00", "thu", utc(2026, 1, 1, 23, 59, 59), True),
        ("22:00-00:00", "thu", utc(2026, 1, 2), False),
        ("00:00-24:00", "thu", utc(2026, 1, 1), True),
    ],
)
def test_a_window_is_local_wall_clock_and_belongs_to_the_day_it_began_on(
    hours: str, days: str, moment: datetime, expected: bool
) -> None:
    """1 January 2026 is a Thursday."""
    assert during(hours, days, moment) is expected


def test_a_time_that_the_clock_skips_does_not_occur_and_one_that_it_repeats_counts_twice() -> None:
    minutes = [utc(2026, 3, 29) + timedelta(minutes=k) for k in range(240)]
    assert sum(during("02:00-03:00", "sun", minute, BERLIN) for minute in minutes) == 0
    minutes = [utc(2026, 10, 25) + timedelta(minutes=k) for k in range(240)]
    assert sum(during("02:00-03:00", "sun", minute, BERLIN) for minute in minutes) == 120


def test_a_zone_only_reads_the_moment() -> None:
    assert during("08:00-22:00", "fri", utc(2026, 1, 2, 0, 0), SHANGHAI)
    assert not during("08:00-22:00", "fri", utc(2026, 1, 1, 23, 59), SHANGHAI)


# format_time


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%Y", "2026"),
        ("%y", "26"),
        ("%m", "03"),
        ("%d", "09"),
        ("%H", "00"),
        ("%I", "12"),
        ("%M", "05"),
        ("%S", "07"),
        ("%p", "AM"),
        ("%j", "068"),
        ("%a", "Mon"),
        ("%A", "Monday"),
        ("%b", "Mar"),
        ("%B", "March"),
        ("%z", "+0800"),
        ("%%", "%"),
        ("%%Y", "%Y"),
        ("%d.%m.%Y um %H:%M\n", "09.03.2026 um 00:05\n"),
        ("", ""),
    ],
)
def test_format_time_in_every_letter(form: str, expected: str) -> None:
    assert f.format_time(utc(2026, 3, 8, 16, 5, 7), form, SHANGHAI) == expected


@settings(deadline=None)
@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["%Y", "%y", "%m", "%d", "%H", "%I", "%M", "%S", "%p", "%j", "%a", "%A", "%b", "%B", "%z", "%%"]),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Europe/Berlin", "America/St_Johns", "Asia/Kabul"]),
)
@example(datetime(1910, 1, 1, tzinfo=UTC), "%z", "America/St_Johns")
def test_format_time_is_strftime(moment: datetime, form: str, zone: str) -> None:
    """Also where an offset has seconds, as those of local mean time had."""
    there = ZoneInfo(zone)
    assert f.format_time(moment, form, there) == moment.astimezone(there).strftime(form)


def test_a_year_has_four_digits() -> None:
    assert f.format_time(utc(53, 1, 1), "%Y %y", UTC_ZONE) == "0053 53"


# What a template prints


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", ""),
        ("您好 <b>", "您好 <b>"),
        (True, "True"),
        (False, "False"),
        (0, "0"),
        (-5, "-5"),
        (2**53, "9007199254740992"),
        (1.0, "1"),
        (1.5, "1.5"),
        (-2.0, "-2"),
        (1e15, "1000000000000000"),
        (9999999999999998.0, "9999999999999998"),
        (1e16, "1e+16"),
        (1e-5, "1e-05"),
        (0.1 + 0.2, "0.30000000000000004"),
        (utc(2026, 1, 1, 16, 5, 59), "2026-01-02 00:05"),
        (utc(53, 1, 1), "0053-01-01 08:05"),
        (timedelta(), "0s"),
        (timedelta(days=1, hours=2, minutes=3, seconds=4), "1d2h3m4s"),
        (timedelta(weeks=2), "14d"),
        (-timedelta(hours=2), "-2h"),
        (-timedelta(days=1, seconds=1), "-1d1s"),
        (timedelta(seconds=59, microseconds=999_999), "59s"),
        (timedelta(microseconds=1), "0s"),
        (-timedelta(microseconds=1), "0s"),
        (-timedelta(seconds=1, microseconds=500_000), "-1s"),
        (timedelta(days=36_500), "36500d"),
        (timedelta(hours=25), "1d1h"),
        ([], "[]"),
        ({}, "{}"),
        ([1, 2.5, None, True, "é\n", {"a": "你"}], '[1,2.5,null,true,"é\\n",{"a":"你"}]'),
        ([utc(2026, 1, 1), timedelta(hours=1)], '["2026-01-01T00:00:00Z",3600.0]'),
        ([10**400], f"[1{'0' * 400}]"),
    ],
    ids=short,
)
def test_a_value_as_a_template_prints_it(value: Value, expected: str | None) -> None:
    assert f.to_text(value, SHANGHAI) == expected


def test_an_int_of_more_digits_than_python_prints_is_null() -> None:
    assert f.to_text(10**5000, SHANGHAI) is None
    assert f.to_text([10**5000], SHANGHAI) is None


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_prints_as_python_prints_it_and_whole_ones_below_1e16_without_a_point(value: float) -> None:
    text = f.to_text(value, SHANGHAI)
    assert text is not None
    assert float(text) == value
    assert ("." in text or "e" in text) == (not value.is_integer() or abs(value) >= 1e16)


@settings(deadline=None)
@given(st.timedeltas())
def test_a_duration_prints_its_whole_seconds(value: timedelta) -> None:
    text = f.to_text(value, SHANGHAI)
    assert text is not None
    sizes = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
    total, digits = 0, ""
    for char in text.removeprefix("-"):
        total, digits = (total + int(digits) * sizes[char], "") if char in sizes else (total, digits + char)
    assert total == abs(value) // timedelta(seconds=1)
    assert text.startswith("-") == (value < timedelta() and total > 0)
