"""The conditions that are timed: in the flow language, by hand in Python, and in each peer's own syntax."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from variables.values import Value

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
Values = Mapping[str, Value]
ByHand = Callable[[Any, datetime], Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One condition.

    `present` and `absent`: the values of the names it reads, when everything is known and when what may be null is.
    `cel`, `rule_engine`, `python`, `zen`: the same test, guarded against null where the peer would raise.
    `cel_seconds`: for the peer that takes no moment which may be null; moments are numbers of seconds there.
    """

    name: str
    flow: str
    by_hand: ByHand
    present: Values
    absent: Values
    cel: str
    rule_engine: str
    python: str
    zen: str
    cel_seconds: str


def _counts(v: Any, now: datetime) -> Any:
    return v["event_count_1"] > 5 and v["event_count_2"] == 0


def _time(v: Any, now: datetime) -> Any:
    last = v["event_last_time_1"]
    return last is not None and now - last < WEEK


def _text(v: Any, now: datetime) -> Any:
    if v["user_country"] != "CN":
        return False
    page = v["page_url"]
    return isinstance(page, str) and page.startswith("/shop")


def _json(v: Any, now: datetime) -> Any:
    data = v["event_last_data_1"]
    if not isinstance(data, dict):
        return False
    amount = data.get("amount")
    return isinstance(amount, int | float) and amount > 100


def _mix(v: Any, now: datetime) -> Any:
    if not (v["event_count_1"] > 5 and v["event_count_2"] == 0 and v["customer_user_type"] != "VIP"):
        return False
    last = v["event_last_time_1"]
    if last is None or not now - last < WEEK:
        return False
    if not (v["user_country"] == "CN" or v["user_language"] == "zh"):
        return False
    page = v["page_url"]
    if not (isinstance(page, str) and page.startswith("/shop")):
        return False
    data = v["event_last_data_1"]
    if not isinstance(data, dict):
        return False
    amount = data.get("amount")
    return isinstance(amount, int | float) and amount > 100


_COUNTS = {"event_count_1": 7, "event_count_2": 0}
_TIME = {"event_last_time_1": NOW - timedelta(days=2)}
_TEXT = {"user_country": "CN", "page_url": "/shop/tea-pots/17"}
_JSON = {"event_last_data_1": {"amount": 150, "currency": "CNY"}}
_OTHERS = {"customer_user_type": "lead", "user_language": "zh"}


def _nulls(values: Values) -> Values:
    return dict.fromkeys(values)


COUNTS = Case(
    "counts",
    "event_count_1 > 5 and event_count_2 == 0",
    _counts,
    _COUNTS,
    {"event_count_1": 0, "event_count_2": 0},  # a count is never null: here the event never happened
    cel="event_count_1 > 5 && event_count_2 == 0",
    rule_engine="event_count_1 > 5 and event_count_2 == 0",
    python="event_count_1 > 5 and event_count_2 == 0",
    zen="event_count_1 > 5 and event_count_2 == 0",
    cel_seconds="event_count_1 > 5 && event_count_2 == 0",
)
TIME = Case(
    "time",
    "now - event_last_time_1 < 7d",
    _time,
    _TIME,
    _nulls(_TIME),
    cel='event_last_time_1 != null && now - event_last_time_1 < duration("168h")',
    rule_engine="event_last_time_1 != null and now - event_last_time_1 < t'P7D'",
    python="event_last_time_1 is not None and now - event_last_time_1 < week",
    zen="event_last_time_1 != null and now - event_last_time_1 < 604800",
    cel_seconds="event_last_time_1 != null && now - event_last_time_1 < 604800.0",
)
TEXT = Case(
    "text",
    'user_country == "CN" and startswith(page_url, "/shop")',
    _text,
    _TEXT,
    {"user_country": "CN", "page_url": None},
    cel='user_country == "CN" && page_url != null && page_url.startsWith("/shop")',
    rule_engine='user_country == "CN" and page_url != null and page_url.starts_with("/shop")',
    python='user_country == "CN" and page_url is not None and page_url.startswith("/shop")',
    zen='user_country == "CN" and page_url != null and startsWith(page_url, "/shop")',
    cel_seconds='user_country == "CN" && page_url != null && page_url.startsWith("/shop")',
)
JSON = Case(
    "inside json",
    "event_last_data_1.amount > 100",
    _json,
    _JSON,
    _nulls(_JSON),
    cel="event_last_data_1 != null && event_last_data_1.amount > 100",
    rule_engine='event_last_data_1 != null and event_last_data_1["amount"] > 100',
    python='event_last_data_1 is not None and event_last_data_1["amount"] > 100',
    zen="event_last_data_1 != null and event_last_data_1.amount > 100",
    cel_seconds="event_last_data_1 != null && event_last_data_1.amount > 100",
)


def _joined(language: str, and_: str, or_: str) -> str:
    """The long mix in a peer's syntax, of the parts above."""
    counts, time, text, json = (getattr(case, language) for case in (COUNTS, TIME, TEXT, JSON))
    page = text.partition(and_)[2]
    language_or_country = f'(user_country == "CN" {or_} user_language == "zh")'
    return and_.join((counts, 'customer_user_type != "VIP"', time, language_or_country, page, json))


MIX = Case(
    "a long mix",
    'event_count_1 > 5 and event_count_2 == 0 and customer_user_type != "VIP" and now - event_last_time_1 < 7d '
    'and (user_country == "CN" or user_language == "zh") and startswith(page_url, "/shop") '
    "and event_last_data_1.amount > 100",
    _mix,
    {**_COUNTS, **_TIME, **_TEXT, **_JSON, **_OTHERS},
    {**_COUNTS, **_nulls({**_TIME, **_TEXT, **_JSON, **_OTHERS})},
    cel=_joined("cel", " && ", "||"),
    rule_engine=_joined("rule_engine", " and ", "or"),
    python=_joined("python", " and ", "or"),
    zen=_joined("zen", " and ", "or"),
    cel_seconds=_joined("cel_seconds", " && ", "||"),
)
CASES = (COUNTS, TIME, TEXT, JSON, MIX)

VISITOR: Values = {
    **MIX.present,
    **dict.fromkeys(("event_count_3", "event_count_4", "user_web_sessions"), 3),
    **dict.fromkeys(("event_last_time_2", "event_last_time_3", "first_seen_time", "last_seen_time"), NOW),
    **dict.fromkeys(("user_fullname", "user_email", "user_mobile", "user_city", "ent_user_id"), None),
    **dict.fromkeys(("browser_name", "browser_language", "os_name", "device_type", "page_title", "referrer"), "some"),
}
"""What one might hand to every condition alike: a visitor's values, in place of the few that a condition reads."""
