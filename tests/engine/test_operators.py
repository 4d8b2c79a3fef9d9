"""The operators are total: whatever a page sends, they neither raise nor leave the finite."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import operators
from engine.operators import LONGEST_LIST, LONGEST_TEXT, add, join_texts, read
from variables.values import Value

ARITHMETIC: tuple[Callable[[Value, Value], Value], ...] = (
    operators.add,
    operators.subtract,
    operators.multiply,
    operators.divide,
    operators.floor_divide,
    operators.remainder,
)
COMPARISONS: tuple[Callable[[Value, Value], Value], ...] = (
    operators.less,
    operators.less_equal,
    operators.greater,
    operators.greater_equal,
    operators.contains,
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 2**1024, 0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
    st.timedeltas(),
    st.sampled_from([timedelta.min, timedelta.max, timedelta()]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
)


def is_finite(value: Value) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


@settings(deadline=None)
@given(values, values)
def test_arithmetic_takes_anything_and_stays_finite(a: Value, b: Value) -> None:
    for function in ARITHMETIC:
        assert is_finite(function(a, b))
    assert is_finite(operators.negate(a))


@settings(deadline=None)
@given(values, values)
def test_a_comparison_takes_anything_and_says_yes_or_no(a: Value, b: Value) -> None:
    for function in COMPARISONS:
        assert isinstance(function(a, b), bool)


@settings(deadline=None)
@given(scalars, scalars)
def test_what_python_orders_is_ordered_as_python_does(a: Value, b: Value) -> None:
    try:
        expected = (a < b, a <= b, a > b, a >= b)
    except TypeError:
        expected = (False,) * 4
    assert tuple(function(a, b) for function in COMPARISONS[:4]) == expected


@settings(deadline=None)
@given(values, values)
def test_null_and_what_is_no_container_are_read_as_null(container: Value, key: Value) -> None:
    found = read(container, key)
    if not isinstance(container, dict | list):
        assert found is None


@pytest.mark.parametrize(
    ("container", "key", "expected"),
    [
        ({"a": 1}, "a", 1),
        ({"a": 1}, "b", None),
        ({"1": "text key"}, 1, None),
        ({"a": 1}, ["a"], None),
        ({"a": 1}, None, None),
        ([1, 2], 0, 1),
        ([1, 2], -1, 2),
        ([1, 2], -3, None),
        ([1, 2], 2, None),
        ([1, 2], True, 2),
        ([1, 2], 1.0, None),
        ([1, 2], "0", None),
        ([1, 2], 10**30, None),
        ([1, 2], -(10**30), None),
        ("ab", 0, None),
        (None, "a", None),
    ],
)
def test_reading(container: Value, key: Value, expected: Value) -> None:
    assert read(container, key) == expected


@pytest.mark.parametrize("one", ["x", "é", "你", "😀"])
def test_texts_are_joined_up_to_a_bound_in_bytes(one: str) -> None:
    width = len(one.encode())
    most = LONGEST_TEXT // width
    assert join_texts(one * (most - 1), one) == one * most
    assert join_texts(one * most, one) is None
    assert join_texts("", one * most) == one * most


def test_lists_are_joined_up_to_a_bound_and_left_as_they_were() -> None:
    one, other = [0] * (LONGEST_LIST - 1), [1]
    joined = add(one, other)
    assert (len(joined), len(one), len(other)) == (LONGEST_LIST, LONGEST_LIST - 1, 1)
    assert add(joined, other) is None


@pytest.mark.parametrize(
    ("function", "a", "b"),
    [
        (operators.add, "a", 1),
        (operators.add, [1], "a"),
        (operators.add, {}, {}),
        (operators.add, None, None),
        (operators.add, timedelta(1), 1),
        (operators.add, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (operators.subtract, timedelta(1), datetime(2026, 1, 1, tzinfo=UTC)),
        (operators.subtract, "ab", "b"),
        (operators.multiply, 2**8192, 2**8192),
        (operators.multiply, "a", 3),
        (operators.multiply, [1], 3),
        (operators.multiply, timedelta(1), timedelta(1)),
        (operators.divide, 1, timedelta(1)),
        (operators.floor_divide, timedelta(1), 2),
        (operators.remainder, "%s", 1),
        (operators.remainder, "%s", ["x"]),
        (operators.remainder, timedelta(1), 2),
    ],
)
def test_a_pairing_that_the_language_does_not_know_is_null(
    function: Callable[[Value, Value], Value], a: Value, b: Value
) -> None:
    assert function(a, b) is None
