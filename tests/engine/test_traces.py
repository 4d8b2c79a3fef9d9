"""What is recorded of a moment: the values that its conditions saw, and no more than that costs."""

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decisions import Outcome
from engine.explanation.moments import Came, Teller
from engine.instant import Versions
from engine.program import Program
from engine.recording import LARGEST
from engine.step import Stepped, wake
from engine.traces import Record
from tests.engine.test_index import conditions, items
from tests.engine.test_step import DAY, NOW, Visitor, program, track, visitor
from variables.items import Content, Identify, Item, Ping, SetFields, Visit
from variables.profile import Profile

CALLED = {Outcome.STARTED, Outcome.LIMIT, Outcome.IN_PROGRESS, Outcome.EXIT}


def record_of(stepped: Stepped | None, program: Program) -> Record | None:
    assert stepped is not None
    raw = stepped.record
    return Record.read(raw) if raw else None


def after(someone: Visitor, content: Content | Item, at: int | None = None) -> Record | None:
    """The record of an item."""
    someone.last = None
    someone.do(content, at)
    return record_of(someone.last, someone.program)


def values(record: Record, program: Program, round: int = 0) -> dict[bytes, Any]:
    fields = zip(program.layout.keys, record.rounds[round].fields, strict=True)
    return {key: raw for key, raw in fields if raw is not None}


def test_a_record_has_what_conditions_read_as_they_saw_it() -> None:
    someone = visitor("""
flow offer:
    on webclick
    when event_count_1 > 1 and nick != "x"
    set nick = "x"
    send web "{{ page_url }}"
""")
    someone.do(SetFields({"nick": "Bo"}))
    first, second = after(someone, track()), after(someone, track())
    assert first is not None
    assert second is not None
    assert someone.program.layout.keys == (b"event_count_1", b"nick"), "a text's values are not recorded"
    assert values(first, someone.program) == {b"event_count_1": b"1", b"nick": b"Bo"}
    assert values(second, someone.program) == {b"event_count_1": b"2", b"nick": b"Bo"}, "before what the start has set"
    assert (first.now, first.version, first.what, first.rounds[0].seq) == (someone.now - 1, 1, "track", 1)
    assert [decision.outcome for decision in second.rounds[0].decisions] == ["started", "sent", "ended"]


def test_a_moment_that_concerns_no_flow_is_not_recorded() -> None:
    someone = visitor("""
flow offer:
    on webclick
    send web "x"

flow rich:
    when visits > 3
    send web "y"
""")
    assert after(someone, Ping()) is not None, "the first of all may be an edge"
    for content in (Ping(), track("checkout"), SetFields({"nick": "x"}), Visit({"page_url": "/"})):
        assert after(someone, content) is None
    assert after(someone, track()) is not None
    assert after(someone, SetFields({"visits": 1})) is not None
    assert after(someone, SetFields({"visits": 1})) is None, "it was 1 before"


def test_what_is_read_of_the_event_is_recorded_as_it_came() -> None:
    someone = visitor("""
flow offer:
    on checkout
    when track_event_data.total > 5
    send web "x"
""")
    record = after(someone, track("checkout", {"total": 10**30, "x": "é"}, NOW - 5))
    assert record is not None
    assert record.event is not None
    data, time, count = record.event
    assert (json.loads(data), time, count) == ({"total": 10**30, "x": "é"}, NOW - 5, 1)  # type: ignore[arg-type]


def test_before_and_since_are_recorded_for_flows_that_start_as_a_condition_turns() -> None:
    someone = visitor("""
flow rich:
    when visits > 3 and vip
    send web "y"
""")
    someone.do(SetFields({"visits": 1, "vip": True}))
    record = after(someone, SetFields({"visits": 5}))
    assert record is not None
    [seen] = record.rounds
    assert dict(seen.before) == {list(someone.program.layout.keys).index(b"visits"): b"1"}
    assert (seen.is_birth, seen.since) == (False, None)


def test_long_values_are_left_out_of_a_record_that_would_be_large() -> None:
    someone = visitor("""
flow long:
    on webclick
    when event_last_data_1.text == "x" and event_count_1 > 0 and track_event_data.text != "y"
    send web "x"
""")
    record = after(someone, track(data={"text": "z" * 500}))
    assert record is not None
    assert isinstance(values(record, someone.program)[b"event_last_data_1"], bytes), "it is not too long in a small one"
    someone.do(track(data={"text": "z" * 100_000}))
    assert someone.last is not None
    raw = someone.last.record
    assert raw is not None
    assert len(raw) <= LARGEST
    record = Record.read(raw)
    assert record is not None
    assert values(record, someone.program)[b"event_last_data_1"] == len('{"text":""}') + 1 + 100_000
    told = Teller("long", {1: someone.program}).tell("v1", record)
    assert told is not None
    assert told.came is Came.UNTOLD
    assert told.condition is not None
    assert [(part.text, part.holds) for part in told.condition.parts] == [
        ('event_last_data_1.text == "x"', None),
        ("event_count_1 > 0", True),
        ('track_event_data.text != "y"', None),
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"\xc1", msgpack.packb([1, 2]), msgpack.packb([0, 1, "x", "y", None, [[]]])]
)
def test_what_is_no_record_is_read_as_none(raw: bytes) -> None:
    assert Record.read(raw) is None


def test_a_record_of_another_order_of_variables_tells_no_values() -> None:
    someone = visitor('\nflow offer:\n    on webclick\n    when event_count_1 > 1\n    send web "x"\n')
    record = after(someone, track())
    assert record is not None
    other = program('\nflow offer:\n    on webclick\n    when event_count_2 > 1\n    send web "x"\n')
    told = Teller("offer", {1: other}).tell("v1", record)
    assert told is not None
    assert told.came is Came.UNTOLD


# Laws


def _flows(several: list[str], trigger: str) -> str:
    flow = '\nflow f{n}:\n    {trigger}when {condition}\n    send web "x"\n'
    return "".join(flow.format(n=n, trigger=trigger, condition=each) for n, each in enumerate(several))


@settings(max_examples=80, deadline=None)
@given(st.lists(conditions, min_size=1, max_size=6), items, st.booleans())
def test_evaluating_again_agrees_with_what_started(several: list[str], contents: list[Content], on_event: bool) -> None:
    compiled = program(_flows(several, "on webclick\n    " if on_event else ""))
    someone, layout = Visitor(compiled), compiled.layout
    for content in contents:
        before = someone.profile
        record = after(someone, content)
        if record is None:
            assert someone.last is None or not someone.last.trace
            continue
        fields = someone.profile.fields
        assert values(record, compiled) == {key: fields[key] for key in layout.keys if key in fields}
        started = {d.flow for seen in record.rounds for d in seen.decisions if d.outcome in CALLED}
        for name in compiled.flows:
            told = Teller(name, {1: compiled}).tell("v1", record)
            if told is None:
                assert name not in started
                continue
            assert told.condition is not None
            expected = {True: Came.STARTED, False: Came.FALSE}
            assert told.came in (expected[told.condition.holds is True], Came.BEFORE)
            assert (name in started) is (told.came is Came.STARTED)
            if told.came is Came.BEFORE:
                assert not on_event
                assert told.condition.holds
                assert before.fields, "nothing was true before the first item"
            assert all(part.holds is not None for part in told.condition.parts)
            if told.condition.holds is False:
                assert told.condition.deciding


@settings(max_examples=40, deadline=None)
@given(conditions, items)
def test_the_deciding_parts_decide(condition: str, contents: list[Content]) -> None:
    """A condition is what its deciding parts make it: of those below no `not`, some are as the whole is."""
    compiled = program(_flows([condition], "on webclick\n    "))
    someone = Visitor(compiled)
    for content in contents:
        record = after(someone, content)
        told = record and Teller("f0", {1: compiled}).tell("v1", record)
        if told and told.condition:
            for part in told.condition.deciding:
                assert (part.holds is told.condition.holds) is not part.negated


def test_time_alone_is_recorded_where_something_comes_of_it() -> None:

    someone = visitor("""
flow away:
    when event_count_1 > 0 and now - event_last_time_1 > 1d
    send web "away"
""")
    someone.do(track())
    profile: Profile = someone.profile
    due = profile.due
    assert due is not None
    record = record_of(wake(profile, due, Versions(someone.program)), someone.program)
    assert record is not None
    [seen] = record.rounds
    assert (record.what, seen.since, record.now) == ("time", record.now - 1, someone.now + DAY + 1)
    told = Teller("away", {1: someone.program}).tell("v1", record)
    assert told is not None
    assert told.came is Came.STARTED
    assert told.happened == "by the passing of time"


def test_an_identify_that_names_the_user_is_recorded_as_such() -> None:
    someone = visitor('\nflow hello:\n    on identify\n    send web "x"\n')
    someone.do(track())
    record = after(someone, Identify({"ent_user_id": "u"}))
    assert record is not None
    assert (record.what, record.rounds[0].identify) == ("identify", True)
    assert after(someone, Identify({"ent_user_id": "u"})) is None
