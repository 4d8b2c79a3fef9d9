"""A compiled program: what each event may start, what the flows read, and what is shown of a visitor."""

import json
from datetime import timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graph import in_a_link
from engine.library import build
from engine.program import NOBODY, Program
from grammar.program import read_files
from variables.apps import StoredProgram
from variables.catalogue import EventField
from variables.profile import Profile
from variables.values import moment

NOW = 1_767_225_600_000
UUID = "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
EVENTS = f"""
event 1 webclick "{UUID}"
event 2 checkout "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
event 7 "Order Completed" "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"
field nick text
field vip bool
"""
FLOW = """
flow {name}:
    on {triggers}
    {clause}
    send web "{text}"
"""


def program(*flows: str, version: int = 1, zone: str = "UTC") -> Program:
    checked = read_files([("t.flow", EVENTS + "".join(flows))])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, version, ZoneInfo(zone))


def flow(name: str, triggers: str, clause: str = "limit 5", text: str = "hi") -> str:
    return FLOW.format(name=name, triggers=triggers, clause=clause, text=text)


def started(built: Program) -> dict[int, list[str]]:
    """By event, the names of the flows that it may start, in order."""
    return {event.seq: [ready.name for ready in built.plan(event).flows] for event in built.catalogue.events.values()}


# Triggers


def test_an_event_may_start_the_flows_that_name_it_in_order_of_declaration() -> None:
    built = program(
        flow("c", "webclick"),
        flow("a", "checkout, event 7"),
        flow("d", "any event"),
        flow("b", '"Order Completed", webclick'),
    )
    assert started(built) == {1: ["c", "d", "b"], 2: ["a", "d"], 7: ["a", "d", "b"]}


def test_an_event_that_no_flow_waits_for_starts_nothing() -> None:
    built = program(flow("a", "webclick"))
    assert started(built) == {1: ["a"], 2: [], 7: []}
    assert built.plan(EventField(5, "unknown", UUID)) is NOBODY


def test_steps_at_every_depth_are_read() -> None:
    built = program("""
flow deep:
    on webclick
    if event_count_1 > 1:
        set nick = user_city
    elif vip:
        send web:
            text "{{ page_url }}"
            sender "{{ user_fullname }}"
            button "{{ os_name }}" link "/x/{{ referrer }}"
    else:
        set vip = in_segment("online")
""")
    assert built.flows["deep"].graph.reads == {
        "event_count_1",
        "user_city",
        "vip",
        "page_url",
        "user_fullname",
        "os_name",
        "referrer",
        "last_seen_time",
    }


@pytest.mark.parametrize(
    ("clause", "limit"),
    [
        ("limit once", (1, None)),
        ("limit 3", (3, None)),
        ("limit 2 per 7d", (2, timedelta(days=7) // timedelta(milliseconds=1))),
        ("when vip", None),
    ],
)
def test_a_limit_is_a_count_and_milliseconds(clause: str, limit: tuple[int, int | None] | None) -> None:
    assert program(flow("a", "webclick", clause)).flows["a"].limit == limit


# What is shown of a visitor


def test_a_visitor_who_was_never_there_has_every_variable_and_is_in_no_segment() -> None:
    built = program()
    values = built.values(Profile.new("v"), moment(NOW))
    shown = {name: value for name, value in values.items() if value is not None}
    assert shown == {
        "event_count_1": 0,
        "event_count_2": 0,
        "event_count_7": 0,
        "user_web_sessions": 0,
        "is_online": False,
        "is_anonymous_user": True,
    }
    assert built.segments_of(Profile.new("v"), moment(NOW)) == []


def test_derived_variables_are_computed_at_the_instant() -> None:
    built = program()
    profile = Profile("v", {b"last_seen_time": b"%d" % NOW, b"ent_user_id": b"u-1"})
    assert built.values(profile, moment(NOW + 119_999))["is_online"] is True
    assert built.values(profile, moment(NOW + 120_000))["is_online"] is False
    assert built.values(profile, moment(NOW))["is_anonymous_user"] is False


def test_segments_of_a_visitor() -> None:
    built = program("""
segment fans "Fans":
    event_count_1 > 5

segment named_fans:
    in_segment("fans") and nick

segment me:
    visitor_id == "v"
""")
    fields = {b"event_count_1": b"6", b"first_seen_time": b"%d" % NOW, b"last_seen_time": b"%d" % NOW}
    profile = Profile("v", fields)
    assert built.segments_of(profile, moment(NOW)) == ["online", "new", "active", "fans", "me"]
    assert built.segments_of(profile, moment(NOW + 86_400_000)) == ["active", "fans", "me"]
    assert built.segments_of(profile, moment(NOW + 30 * 86_400_000)) == ["fans", "me"]
    named = Profile("w", {**fields, b"nick": b"Bo"})
    assert built.segments_of(named, moment(NOW + 30 * 86_400_000)) == ["fans", "named_fans"]


def test_the_zone_of_the_app_decides_what_a_new_visitor_is() -> None:
    profile = Profile("v", {b"first_seen_time": b"%d" % (NOW - 1)})
    assert "new" not in program().segments_of(profile, moment(NOW))
    assert "new" in program(zone="Asia/Shanghai").segments_of(profile, moment(NOW))


# Stored versions


def test_a_stored_program_is_built_with_its_zone_and_its_resets() -> None:
    stored = StoredProgram(
        files=(("a.flow", EVENTS), ("b.flow", flow("a", "webclick"))), zone="Asia/Tokyo", resets={1: 3}
    )
    built = build(stored, 4)
    assert (built.version, built.resets, started(built)[1]) == (4, {1: 3}, ["a"])


def test_version_0_is_the_empty_program() -> None:
    built = build(StoredProgram(), 0)
    assert (built.flows, built.version, dict(built.catalogue.events), built.resets) == ({}, 0, {}, {})


# Where a value lands

LINKS = (
    ("a b&c=d/e?f#g", "a%20b%26c%3Dd%2Fe%3Ff%23g"),
    ("北京", "%E5%8C%97%E4%BA%AC"),
    ("A-z_0.9~", "A-z_0.9~"),
    ("\"'<>\n", "%22%27%3C%3E%0A"),
)


@pytest.mark.parametrize(("text", "expected"), LINKS)
def test_a_value_in_a_link_is_percent_encoded(text: str, expected: str) -> None:
    assert in_a_link(text) == expected


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_value_breaks_out_of_a_link(text: str) -> None:
    assert all(char.isalnum() or char in "-_.~%" for char in in_a_link(text))
    assert in_a_link(text).isascii()
    assert unquote(in_a_link(text)) == text


def test_templates_print_null_as_nothing_and_keep_the_plain_text() -> None:
    checked = read_files(
        [("t.flow", EVENTS + flow("a", "webclick", text="您好 {{ nick }}{{ '{{' }} {{ 1 / 4 }}, <b>"))]
    )
    built = Program.build(checked.script)
    send = built.flows["a"].graph.steps[0]
    text = getattr(send, "text")  # noqa: B009 - whichever step it is
    assert text.evaluate({"nick": None}, moment(NOW)) == "您好 {{ 0.25, <b>"
    assert text.evaluate({"nick": "<i>"}, moment(NOW)) == "您好 <i>{{ 0.25, <b>"
    assert json.dumps(text.generated)
