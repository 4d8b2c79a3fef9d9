"""Until when an answer holds: by examples, and compared with asking at every second."""

import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile import Compiler
from engine.watch import NEVER, Watched, watched
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
HOUR, DAY = 3_600_000, 86_400_000
MIDNIGHT = NOW - 250 + HOUR // 2
"""In Berlin, the beginning of a Sunday of 23 hours."""


def watch(text: str) -> Watched:
    condition = expression(text)
    report = Diagnostics()
    check_exact_time(condition, report, frozenset())
    assert report.ok, text
    return watched(condition, COMPILER)


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


@settings(max_examples=10_000 if os.environ.get("WHENFLOW_LONG") == "1" else 150, deadline=None)
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
