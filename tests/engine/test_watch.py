"""Until when an answer holds: by examples, and compared with asking at every second."""

import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile import Compiler
from engine.looks import NEVER
from engine.watch import Watched, watched
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.checker.exact_time import check_exact_time
from grammar.diagnostics import Diagnostics
from grammar.scope import Place, Scope
from grammar.types import Type
from tests.grammar.support import expression
from variables.values import Value, milliseconds, moment

NOW = milliseconds(datetime.fromisoformat("2026-03-28T22:30:00.250+00:00"))
"""Before a night in which clocks change in Europe, and a week in which they change in Lord Howe."""
ZONE = ZoneInfo("Europe/Berlin")
FIELDS = {"since": Type.DATETIME, "visits": Type.INT, "vip": Type.BOOL, "score": Type.FLOAT}
SCOPE = Scope.build(range(1, 4), FIELDS, Place.RUN)
SEGMENTS = {**BUILT_IN_SEGMENTS, "late": expression("now - event_last_time_1 > 2d or in_segment('online')")}
COMPILER = Compiler(SCOPE, ZONE, SEGMENTS, DERIVED)
LONG = os.environ.get("WHENFLOW_LONG") == "1"
HOUR, DAY = 3_600_000, 86_400_000
MIDNIGHT = NOW - 250 + HOUR // 2
"""In Berlin, the beginning of a Sunday of 23 hours."""


def watch(text: str, compiler: Compiler = COMPILER) -> Watched:
    condition = expression(text)
    report = Diagnostics()
    check_exact_time(condition, report, frozenset())
    assert report.ok, text
    return watched(condition, compiler)


def environment(condition: Watched, **given: Value) -> dict[str, Value]:
    return {name: given.get(name) for name in condition.reads | condition.compiled.reads}


def ago(**length: float) -> datetime:
    return moment(NOW) - timedelta(**length)


SAMPLES = [
    ("now - event_last_time_1 > 7d", {"event_last_time_1": ago(days=6)}, NOW + DAY + 1),
    ("now - event_last_time_1 >= 7d", {"event_last_time_1": ago(days=6)}, NOW + DAY),
    ("now - event_last_time_1 > 7d", {"event_last_time_1": ago(days=8)}, NEVER),
    ("now - event_last_time_1 > 7d", {}, NEVER),
    ("event_count_1 > 5 and now - event_last_time_1 > 7d", {"event_count_1": 5, "event_last_time_1": ago()}, NEVER),
    (
        "event_count_1 > 5 and now - event_last_time_1 < 7d",
        {"event_count_1": 6, "event_last_time_1": ago()},
        NOW + 7 * DAY,
    ),
    ("is_online", {"last_seen_time": ago(seconds=30)}, NOW + 90_000),
    ("not is_online", {"last_seen_time": ago(seconds=30)}, NOW + 90_000),
    ("now == since", {"since": ago(days=-1)}, NOW + DAY),
    ("now == since", {"since": ago()}, NOW + 1),
    ("(now - since) / 1d > 2.5", {"since": ago(days=2)}, NOW + DAY // 2 + 1),
    ("(now - since) * 3 > 1d", {"since": ago()}, NOW + DAY // 3 + 1),
    ("7d > now - event_last_time_1", {"event_last_time_1": ago(days=6)}, NOW + DAY),
    ("since - now <= 2h", {"since": ago(days=-1)}, NOW + 22 * HOUR),
    ("since - now < 2h", {"since": ago(days=-1)}, NOW + 22 * HOUR + 1),
    ("1h < since - now", {"since": ago(days=-1)}, NOW + 23 * HOUR),
    ("now - since > 1s * 0.0005", {"since": ago()}, NOW + 1),
    ("now - since <= 1s * 0.0015", {"since": ago()}, NOW + 2),
    ("now - since < 36500d * 50", {"since": ago()}, NOW + 36_500 * 50 * DAY),
    ("now - since < 36500d * 73", {"since": ago()}, NEVER),
    ("now - since < 36500d * 240", {"since": ago()}, NEVER),
    ("now - since > -36500d * 240", {"since": ago()}, NEVER),
    ("hour(now) == 1", {}, MIDNIGHT + HOUR),
    ("hour(now) == 2", {}, MIDNIGHT + 25 * HOUR),  # the clock skips two o'clock that night
    ("hour(now + 90m) == 1", {}, MIDNIGHT + HOUR // 2),
    ("hour(now, 'Australia/Lord_Howe') == 10", {}, MIDNIGHT),
    ("weekday(now) == 7", {}, MIDNIGHT),
    ("weekday(now) == 1", {}, MIDNIGHT + 23 * HOUR),
    ("during('09:00-18:00', 'mon-fri', 'Asia/Shanghai')", {}, MIDNIGHT + 26 * HOUR),
    ("since < now < since + 1d", {"since": ago(days=-1)}, NOW + DAY + 1),
    ("since < now < since + 1d", {"since": ago(hours=1)}, NOW + 23 * HOUR),
    ("in_segment('late')", {"event_last_time_1": ago(days=1), "last_seen_time": ago(seconds=60)}, NOW + 60_000),
    ("now > since if vip else now < since", {"since": ago(days=-1), "vip": True}, NOW + DAY + 1),
    ("now - today() > 23h", {}, MIDNIGHT),
    ("now - today() > 22h30m", {}, MIDNIGHT),
    ("event_count_1 > 5", {"event_count_1": 5}, NEVER),
    ("now is None", {}, NEVER),
]


@pytest.mark.parametrize(("text", "given", "until"), SAMPLES, ids=[text for text, _, _ in SAMPLES])
def test_the_instant_at_which_time_alone_turns_the_answer(text: str, given: dict[str, Value], until: int) -> None:
    condition = watch(text)
    values = environment(condition, **given)
    truth, turned = condition.look(values, NOW)
    while turned < NEVER and condition.look(values, turned)[0] is truth:
        turned = condition.look(values, turned)[1]
    assert turned == until


# Compared with asking again and again: at every second, later at every minute, in the end at every quarter of an hour

LENGTHS = st.sampled_from(["0s", "1s", "90s", "30m", "1h30m", "1d", "36h", "3d", "7d"])
NUMBERS = st.sampled_from(["0", "1", "2", "0.5", "1.5", "-1", "visits", "score", "event_count_1"])
TIMES = st.sampled_from(["event_last_time_1", "event_first_time_1", "since", "run_time", "last_seen_time"])
ZONES = st.sampled_from(["", ", 'Asia/Kathmandu'", ", 'America/St_Johns'", ", 'Australia/Lord_Howe'", ", 'UTC'"])
ORDERS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
WINDOWS = st.sampled_from(
    ["'09:00-18:00'", "'22:00-06:00', 'fri-mon'", "'00:00-24:00', 'sun'", "'02:30-03:30', 'mon-sun', 'Europe/Berlin'"]
)
SHIFTS = st.sampled_from(["now", "now + 90m", "now - (since - run_time)", "8h + now"])

free_lengths = st.one_of(
    LENGTHS, st.tuples(TIMES, TIMES).map(" - ".join), st.tuples(LENGTHS, NUMBERS).map(" * ".join)
).map("({})".format)
steps = st.one_of(
    st.tuples(SHIFTS, ZONES).map("hour({0[0]}{0[1]}) in [1, 9, 10, 23]".format),
    st.tuples(SHIFTS, ZONES).map("weekday({0[0]}{0[1]}) > 5".format),
    st.tuples(SHIFTS, ZONES, TIMES).map("date({0[0]}{0[1]}) > {0[2]}".format),
    WINDOWS.map("during({})".format),
    TIMES.map("{} >= today()".format),
    ZONES.map(lambda zone: f"today({zone[2:]}) == since"),
)
lengths = st.one_of(
    TIMES.map("(now - {})".format),
    TIMES.map("({} - now)".format),
    st.tuples(TIMES, NUMBERS).map("(now - {0[0]}) * {0[1]}".format),
    st.tuples(TIMES, NUMBERS).map("(now - {0[0]}) / {0[1]}".format),
    ZONES.map(lambda zone: f"now - today({zone[2:]})"),
    TIMES.map("-(now - {})".format),
    st.tuples(TIMES, free_lengths).map("(now - {0[0]} + {0[1]})".format),
)
lines = st.one_of(
    st.tuples(lengths, ORDERS, free_lengths).map(" ".join),
    st.tuples(lengths, ORDERS, lengths).map(" ".join),
    st.tuples(TIMES, free_lengths, ORDERS).map("now {0[2]} {0[0]} + {0[1]}".format),
    st.tuples(TIMES, ORDERS, NUMBERS).map("(now - {0[0]}) / 1d {0[1]} {0[2]} + 1".format),
    st.tuples(TIMES, free_lengths).map("{0[0]} < now <= {0[0]} + {0[1]}".format),
    st.tuples(lengths, WINDOWS).map("{0[0]} > (3h if during({0[1]}) else 1d)".format),
)
frees = st.sampled_from(["vip", "visits > 2", "since is None", "event_count_1 == 3"])
leaves = st.one_of(
    lines, lines, steps, frees, st.sampled_from(["is_online", "in_segment('late')", "in_segment('new')"])
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("({0[0]} and {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} or {0[1]})".format),
        inner.map("(not {})".format),
        st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format),
    ),
    max_leaves=4,
)
moments = st.one_of(
    st.none(),
    st.integers(-3 * DAY, 0).map(lambda past: moment(NOW + past)),
    st.integers(-72, 72).map(lambda hours: moment(MIDNIGHT + hours * HOUR)),
)
visitors = st.fixed_dictionaries(
    {
        **dict.fromkeys(
            ["event_last_time_1", "event_first_time_1", "since", "first_seen_time", "last_seen_time"], moments
        ),
        "run_time": moments.map(lambda instant: instant or moment(NOW)),
        "visits": st.one_of(st.none(), st.integers(-1, 4)),
        "score": st.one_of(st.none(), st.sampled_from([0.0, 0.1, 1.5, 3.7, -2.5])),
        "vip": st.one_of(st.none(), st.booleans()),
        "event_count_1": st.integers(0, 4),
    }
)
GRID = sorted(
    {*range(NOW, NOW + HOUR // 2, 1000), *range(NOW, NOW + 2 * DAY, 60_000), *range(MIDNIGHT, NOW + 9 * DAY, HOUR // 4)}
)


@settings(max_examples=10_000 if LONG else 150, deadline=None)
@given(conditions, visitors)
def test_no_answer_changes_before_its_time_and_each_change_is_found(text: str, visitor: dict[str, Value]) -> None:
    condition = watch(text)
    values = environment(condition, **visitor)
    run = condition.compiled.evaluate
    truth, until = condition.look(values, NOW)
    looks = 1
    for instant in GRID:
        while until <= instant:
            assert bool(run(values, moment(until - 1))) is truth
            assert until > NOW
            truth, until = condition.look(values, until)
            looks += 1
        assert bool(run(values, moment(instant))) is truth, (moment(instant), until)
    assert looks < 400


# Compared with asking at every millisecond, where everything falls within a few seconds

TURNS = {
    "America/Santiago": ["2026-04-05T03:00Z", "2026-09-06T04:00Z", "2026-09-06T03:59Z"],
    "Africa/Casablanca": ["2026-02-15T02:00Z", "2026-03-22T02:00Z", "2026-02-15T01:00Z"],
    "Africa/Cairo": ["2026-04-23T22:00Z", "2026-10-29T21:00Z", "2026-10-29T22:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z", "2026-04-04T14:45Z"],
    "Asia/Tehran": ["2022-03-21T20:30Z", "2022-09-21T19:30Z", "2026-05-01T20:30Z"],
    "Pacific/Apia": ["2011-12-30T10:00Z", "2012-03-31T14:00Z", "2026-01-04T11:00Z"],
    "Europe/Dublin": ["2026-10-25T01:00Z", "2026-03-29T01:00Z", "2026-01-04T09:00Z"],
    "America/Havana": ["2026-03-08T05:00Z", "2026-11-01T05:00Z", "2026-11-01T04:00Z"],
    "UTC": ["2026-01-04T09:00Z", "2026-01-05T00:00Z", "2026-01-01T18:30Z"],
}
"""Instants at which a local clock is moved, or a day or a window begins or ends."""
SPAN = 3_000
"""Milliseconds before and after such an instant."""
COMPILERS = {
    zone: Compiler(
        SCOPE,
        ZoneInfo(zone),
        {**BUILT_IN_SEGMENTS, "late": expression("now - event_last_time_1 > 1s or in_segment('close')")}
        | {"close": expression("now - since < 2s and not is_online")},
        DERIVED,
    )
    for zone in TURNS
}

short = st.sampled_from(["0s", "1s", "2s", "1s / 3", "2s * 0.7", "1s / 7", "event_first_time_1 - since", "1s * visits"])
shorts = short.map("({})".format)
hours = ["hour(now)", "(weekday(now) - 6)", "(hour(now - 1s) - 1.5)", "(2 if during('00:00-01:00') else -1)"]
factors = st.sampled_from(["2", "3", "0.5", "0.1", "-1", "-0.3", "visits", "score", "event_count_1", "0", *hours])
divisors = st.sampled_from(["2", "7", "0.3", "-3", "visits", "score", "event_count_1", *hours])
shown = st.one_of(
    st.just("now"), shorts.map("now + {}".format), shorts.map("now - {}".format), shorts.map("{} + now".format)
)
named_zones = st.one_of(st.just(""), st.sampled_from(sorted(TURNS)).map(", '{}'".format))
short_windows = st.tuples(
    st.sampled_from(
        ["00:00-24:00", "00:00-01:00", "23:00-00:00", "22:30-00:30", "02:00-02:30", "01:45-02:15", "09:00-18:30"]
    ),
    st.sampled_from(["", ", 'mon-fri'", ", 'sat'", ", 'sun'", ", 'fri-mon'", ", 'thu,sat'"]),
    named_zones,
).map("during('{0[0]}'{0[1]}{0[2]})".format)
readings = st.one_of(
    st.tuples(shown, named_zones, st.sampled_from(["== 0", "== 1", "== 2", "in [23, 9]", "% 2 == 0"])).map(
        "hour({0[0]}{0[1]}) {0[2]}".format
    ),
    st.tuples(shown, named_zones, st.sampled_from(["== 7", "> 5", "!= 1"])).map("weekday({0[0]}{0[1]}) {0[2]}".format),
    st.tuples(shown, named_zones, ORDERS, TIMES).map("date({0[0]}{0[1]}) {0[2]} {0[3]}".format),
    st.tuples(ORDERS, TIMES).map("today() {0[0]} {0[1]}".format),
    st.tuples(shown, named_zones, shown, named_zones).map("date({0[0]}{0[1]}) == date({0[2]}{0[3]})".format),
    short_windows,
    short_windows,
)
moving = st.one_of(
    TIMES.map("(now - {})".format),
    TIMES.map("({} - now)".format),
    st.tuples(TIMES, shorts).map("(now - {0[0]} - {0[1]})".format),
    named_zones.map(lambda zone: f"(now - today({zone[2:]}))"),
    st.tuples(shown, named_zones).map("(now - date({0[0]}{0[1]}))".format),
)
scaled = st.one_of(
    moving,
    st.tuples(moving, factors).map("{0[0]} * {0[1]}".format),
    st.tuples(factors, moving).map("{0[0]} * {0[1]}".format),
    st.tuples(moving, divisors).map("{0[0]} / {0[1]}".format),
    moving.map("-{}".format),
    st.tuples(moving, moving).map("({0[0]} - {0[1]})".format),
    st.tuples(moving, factors, moving).map("({0[0]} * {0[1]} + {0[2]})".format),
)
close = st.one_of(
    st.tuples(scaled, ORDERS, st.one_of(shorts, scaled)).map(" ".join),
    st.tuples(scaled, ORDERS, scaled).map(" ".join),
    st.tuples(moving, divisors, ORDERS, st.sampled_from(["0", "1", "0.1", "visits", "score"])).map(
        "{0[0]} / (1s * {0[1]}) {0[2]} {0[3]}".format
    ),
    st.tuples(scaled, ORDERS, shorts, ORDERS, scaled).map(" ".join),
    st.tuples(TIMES, ORDERS, shorts, ORDERS, TIMES).map("{0[0]} {0[1]} now - {0[2]} {0[3]} {0[4]}".format),
    st.tuples(moving, short_windows).map("{0[0]} > (1s if {0[1]} else 2s)".format),
    st.tuples(moving, ORDERS, short_windows, factors).map("{0[0]} {0[1]} ({0[3]} * 1s if {0[2]} else -1s)".format),
)
close_conditions = st.recursive(
    st.one_of(close, close, readings, frees, st.sampled_from(["is_online", "in_segment('late')", "in_segment('new')"])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("({0[0]} and {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} or {0[1]})".format),
        inner.map("(not {})".format),
        st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format),
    ),
    max_leaves=5,
)
offsets = st.one_of(st.none(), st.integers(-SPAN, SPAN), st.sampled_from([-2000, -1000, 0, 1000, 1, -1]))
close_visitors = st.fixed_dictionaries(
    {
        **dict.fromkeys(["event_last_time_1", "event_first_time_1", "since", "first_seen_time"], offsets),
        "run_time": offsets.map(lambda offset: offset or 0),
        "last_seen_time": offsets.map(lambda offset: None if offset is None else offset - 120_000),
    }
)
numbers = st.fixed_dictionaries(
    {
        "visits": st.one_of(st.none(), st.integers(-1, 3)),
        "score": st.one_of(st.none(), st.sampled_from([0.0, 0.1, 1.5, 1 / 3, -2.5])),
        "vip": st.one_of(st.none(), st.booleans()),
        "event_count_1": st.integers(0, 3),
    }
)


@settings(max_examples=3_000 if LONG else 40, deadline=None)
@given(close_conditions, st.sampled_from(sorted(TURNS)), st.integers(0, 2), close_visitors, numbers)
def test_each_change_is_found_to_the_millisecond(
    text: str, zone: str, which: int, given: dict[str, int | None], other: dict[str, Value]
) -> None:
    condition = watch(text, COMPILERS[zone])
    turn = milliseconds(datetime.fromisoformat(TURNS[zone][which]))
    moments = {name: None if offset is None else moment(turn + offset) for name, offset in given.items()}
    values = environment(condition, **moments, **other)
    run = condition.compiled.evaluate
    truth, until = condition.look(values, turn - SPAN)
    for instant in range(turn - SPAN, turn + SPAN):
        if until <= instant:
            assert until == instant
            truth, until = condition.look(values, instant)
        assert bool(run(values, moment(instant))) is truth, (text, instant - turn)
