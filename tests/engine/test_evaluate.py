"""An expression by itself: which variables it knows, and what holds where nothing is given."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.evaluate import BadExpression, BadRequest, evaluate, read_instant

NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)


def value(expression: str, **variables: Any) -> Any:
    return evaluate(expression, variables, NOW)


def test_events_1_to_8_count_as_declared() -> None:
    assert value("event_count_1 + event_count_8", event_count_8=3) == 3
    with pytest.raises(BadExpression) as refused:
        value("event_count_9")
    assert refused.value.diagnostics[0].code == "E205"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("event_count_1", 0),
        ("user_web_sessions", 0),
        ("event_last_time_1", None),
        ("event_last_data_1", None),
        ("user_city", None),
        ("visitor_id", None),
        ("is_online", False),
        ("is_anonymous_user", False),
    ],
)
def test_what_is_not_given_or_given_as_null_is_null_or_0_or_false(name: str, expected: Any) -> None:
    for given in ({}, {name: None}):
        found = evaluate(name, given, NOW)
        assert found == expected
        assert type(found) is type(expected)


def test_null_in_a_variable_that_the_product_always_fills_fails_nothing() -> None:
    assert value("startswith(visitor_id, 'a')") is False
    assert value("lower(visitor_id)") is None


def test_moments_are_given_as_iso_text_or_unix_time() -> None:
    assert value("now - event_last_time_1", event_last_time_1="2026-01-01T17:30:00+08:00") == timedelta(minutes=30)
    assert value("event_last_time_1", event_last_time_1=1_767_225_600) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expression", "expected"),
    [
        ("hello", "x + '!'", "hello!"),
        (5, "x // 2", 2),
        (2.5, "x * 2", 5.0),
        (True, "x and 1", 1),
        ({"a": [1, {"b": "c"}]}, "x.a[-1].b", "c"),
        ([1, 2], "len(x)", 2),
        (None, "x is None", True),
        (None, "x > 5 or x == 'a'", False),
    ],
)
def test_a_name_that_is_no_variable_is_a_field_of_its_values_type(given: Any, expression: str, expected: Any) -> None:
    assert evaluate(expression, {"x": given}, NOW) == expected


def test_names_are_nfkc_normalised_as_in_the_language() -> None:
    assert evaluate("ｘ + 1", {"ｘ": 1}, NOW) == 2


def test_a_derived_variable_is_what_is_given_or_follows_from_what_is_given() -> None:
    assert value("is_online", is_online=True) is True
    assert value("in_segment('online')", is_online=True) is True
    assert value("is_online", last_seen_time="2026-01-01T09:58:30Z") is True
    assert value("is_online", last_seen_time="2026-01-01T09:58:00Z") is False
    assert value("is_online", is_online=False, last_seen_time="2026-01-01T09:59:00Z") is False
    assert value("is_anonymous_user", ent_user_id="u-1") is False
    assert value("is_anonymous_user", ent_user_id=None) is True


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"user_city": 5}, "user_city needs a text"),
        ({"event_count_1": "5"}, "event_count_1 needs a whole number"),
        ({"event_count_1": 2**53}, "event_count_1 needs a whole number"),
        ({"event_last_time_1": "yesterday"}, "event_last_time_1 needs a moment"),
        ({"now": 1}, "now is no variable"),
        ({"len": 1}, "`len` is neither"),
        ({"a b": 1}, "`a b` is neither"),
        ({"track_event_seq": 1}, "`track_event_seq` is neither"),
    ],
)
def test_what_cannot_be_given_is_refused_with_its_name(variables: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        evaluate("1", variables, NOW)


def test_all_errors_of_an_expression_are_told() -> None:
    with pytest.raises(BadExpression) as refused:
        value("event_coun_1 > 0 and user_cit == 'x'")
    assert [found.code for found in refused.value.diagnostics] == ["E201", "E201"]


def test_the_instant_is_read_in_whole_milliseconds() -> None:
    assert read_instant("2026-01-01T10:00:00.0019Z") == NOW + timedelta(milliseconds=1)
    assert read_instant("2026-01-01") == NOW.replace(hour=0)
    bad: object
    for bad in ("soon", None, True, [], 1e99):
        with pytest.raises(BadRequest, match="now"):
            read_instant(bad)
