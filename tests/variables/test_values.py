"""What a profile's bytes mean: every value reads back as it was written, and what does not fit is refused or null."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variables.values import (
    EPOCH,
    LARGEST_INT,
    LONGEST_TEXT,
    READERS,
    Kind,
    Misfit,
    Value,
    iso,
    milliseconds,
    moment,
    timestamp,
    write,
    write_json,
)

KINDS: tuple[Kind, ...] = get_args(Kind)
whole_moments = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(moment)
finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def read_back(value: Value, kind: Kind) -> Value:
    raw = write(value, kind)
    assert raw is not None
    return READERS[kind](raw)


def same(one: Value, other: Value) -> bool:
    """Equal and of one type: `1`, `1.0` and `True` are three values."""
    return type(one) is type(other) and bool(one == other)


# What is written reads back


@settings(deadline=None)
@given(texts)
def test_a_text_reads_back(value: str) -> None:
    assert read_back(value, "text") == value


@settings(deadline=None)
@given(st.integers(-LARGEST_INT, LARGEST_INT))
def test_an_int_reads_back(value: int) -> None:
    assert same(read_back(value, "int"), value)


@settings(deadline=None)
@given(finite)
def test_a_float_reads_back_exactly(value: float) -> None:
    assert read_back(value, "float").hex() == value.hex()


@pytest.mark.parametrize("value", [True, False])
def test_a_bool_reads_back(value: bool) -> None:
    assert read_back(value, "bool") is value


@settings(deadline=None)
@given(whole_moments)
def test_a_moment_reads_back_to_the_millisecond(value: datetime) -> None:
    assert read_back(value, "datetime") == value


@settings(deadline=None)
@given(json_values.filter(lambda value: value is not None))
def test_json_reads_back(value: Value) -> None:
    assert read_back(value, "json") == value


@settings(deadline=None)
@given(
    st.one_of(
        st.integers(),
        finite,
        st.datetimes(timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))).map(
            datetime.isoformat
        ),
        texts,
    )
)
def test_a_moment_that_is_taken_is_not_null_when_it_is_read(value: Value) -> None:
    try:
        raw = write(value, "datetime")
    except Misfit:
        return
    assert raw is not None
    assert READERS["datetime"](raw) is not None


@pytest.mark.parametrize(
    "value", [-99_999_999_999, -62_135_596_801, "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"]
)
def test_a_moment_that_no_datetime_can_hold_is_refused(value: Value) -> None:
    with pytest.raises(Misfit):
        write(value, "datetime")


# What the bytes look like


@pytest.mark.parametrize(
    ("kind", "value", "raw"),
    [
        ("text", "您好", "您好".encode()),
        ("text", "", b""),
        ("text", "half a pair \ud83d", b"half a pair ?"),
        ("int", -7, b"-7"),
        ("int", 7.0, b"7"),
        ("int", LARGEST_INT, b"9007199254740991"),
        ("float", 3, b"3.0"),
        ("float", 0.1, b"0.1"),
        ("float", -0.0, b"-0.0"),
        ("bool", True, b"true"),
        ("bool", False, b"false"),
        ("datetime", datetime(2026, 1, 1, tzinfo=UTC), b"1767225600000"),
        ("datetime", "2026-01-01T00:00:00Z", b"1767225600000"),
        ("datetime", "2026-01-01", b"1767225600000"),
        ("datetime", "2026-01-01T08:00:00.250+08:00", b"1767225600250"),
        ("datetime", 1_767_225_600, b"1767225600000"),
        ("datetime", 1_767_225_600.25, b"1767225600250"),
        ("datetime", 1_767_225_600_000, b"1767225600000"),
        ("json", {"a": [1, 1.5, None, "é"]}, '{"a":[1,1.5,null,"é"]}'.encode()),
        ("json", [math.inf, math.nan], b"[null,null]"),
    ],
)
def test_the_bytes_of_a_value(kind: Kind, value: Value, raw: bytes) -> None:
    assert write(value, kind) == raw


@pytest.mark.parametrize("kind", KINDS)
def test_null_unsets(kind: Kind) -> None:
    assert write(None, kind) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 5),
        ("text", True),
        ("text", ["a"]),
        ("text", "x" * (LONGEST_TEXT + 1)),
        ("text", "é" * (LONGEST_TEXT // 2 + 1)),
        ("int", True),
        ("int", "5"),
        ("int", 1.5),
        ("int", LARGEST_INT + 1),
        ("int", -LARGEST_INT - 1),
        ("int", 1e300),
        ("int", math.inf),
        ("int", math.nan),
        ("float", True),
        ("float", "1.5"),
        ("float", 10**400),
        ("float", math.inf),
        ("float", math.nan),
        ("bool", 1),
        ("bool", "true"),
        ("datetime", True),
        ("datetime", "yesterday"),
        ("datetime", [2026]),
        ("datetime", math.nan),
        ("datetime", math.inf),
        ("datetime", 10**400),
        ("datetime", timedelta(days=1)),
    ],
)
def test_what_is_not_of_the_kind_is_refused(kind: Kind, value: Value) -> None:
    with pytest.raises(Misfit):
        write(value, kind)


def test_a_text_may_be_as_long_as_its_bound() -> None:
    assert read_back("x" * LONGEST_TEXT, "text") == "x" * LONGEST_TEXT


# Bytes that another kind, or another program, left there


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(raw=st.binary(max_size=30) | st.text("0123456789-+.eE_ naNifINtrue[]{}\"'\\:", max_size=30).map(str.encode))
def test_bytes_of_another_kind_read_as_null_and_never_fail(kind: Kind, raw: bytes) -> None:
    classes = {"text": str, "int": int, "float": float, "bool": bool, "datetime": datetime, "json": object}
    value = READERS[kind](raw)
    assert value is None or isinstance(value, classes[kind])
    assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("text", b"\xff"),
        ("int", b"abc"),
        ("int", b"1.5"),
        ("int", b""),
        ("float", b"abc"),
        ("float", b"nan"),
        ("float", b"inf"),
        ("float", b"1e400"),
        ("bool", b"1"),
        ("bool", b"True"),
        ("datetime", b"2026-01-01"),
        ("datetime", b"9" * 30),
        ("json", b"{"),
        ("json", b"NaN"),
    ],
)
def test_bytes_that_do_not_fit_read_as_null(kind: Kind, raw: bytes) -> None:
    assert READERS[kind](raw) is None


@pytest.mark.parametrize("raw", [b"9007199254740992", b"-9007199254740992", b"9" * 400])
def test_an_int_beyond_its_bound_reads_as_null(raw: bytes) -> None:
    """A text field that was declared anew as an int may hold any digits; the language's ints are small when read."""
    assert READERS["int"](raw) is None


# Moments


@settings(deadline=None)
@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_and_moments_are_one_to_one(number: int) -> None:
    assert milliseconds(moment(number)) == number


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_a_part_of_a_millisecond_is_dropped_towards_the_past(instant: datetime) -> None:
    lost = instant - moment(milliseconds(instant))
    assert timedelta() <= lost < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2026, 1, 1, 10, tzinfo=UTC), "2026-01-01T10:00:00Z"),
        (datetime(2026, 1, 1, 10, 0, 0, 5000, tzinfo=UTC), "2026-01-01T10:00:00.005Z"),
        (datetime(2026, 1, 1, 10, tzinfo=timezone(timedelta(hours=8))), "2026-01-01T02:00:00Z"),
        (datetime(9, 1, 1, tzinfo=UTC), "0009-01-01T00:00:00Z"),
        (EPOCH, "1970-01-01T00:00:00Z"),
    ],
)
def test_moments_leave_the_house_as_iso_text(instant: datetime, text: str) -> None:
    assert iso(instant) == text


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (0, 0),
        (1_767_261_600, 1_767_261_600_000),
        (1_767_261_600.25, 1_767_261_600_250),
        (1_767_261_600_250, 1_767_261_600_250),
        (1_767_261_600_250.4, 1_767_261_600_250),
        (99_999_999_999, 99_999_999_999_000),
        (100_000_000_000, 100_000_000_000),
        (-1.5, -1500),
    ],
)
def test_a_timestamp_is_in_seconds_or_in_milliseconds_if_it_is_that_large(sent: float, expected: int) -> None:
    assert timestamp(sent) == expected


@settings(deadline=None)
@given(json_values)
def test_json_is_compact_and_one_line(value: Value) -> None:
    raw = write_json(value)
    assert b"\n" not in raw
    assert write_json(READERS["json"](raw)) == raw
