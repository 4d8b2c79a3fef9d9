"""The core: an item and a profile in, the profile after it and its messages out. A pure function."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.decisions import Outcome
from engine.instant import Versions
from engine.place import Place
from engine.program import Program
from engine.step import Stepped, pass_time, step
from grammar.program import read_files
from variables.items import Content, Identify, Item, Ping, Receipt, SetFields, Status, Track, Visit
from variables.profile import Profile
from variables.store import EntryId, Era
from variables.values import Value

NOW = 1_767_261_600_000
DAY = 86_400_000
UUID = {"webclick": "0fc050ec-cb6f-11e8-b697-00163e0c79f6", "checkout": "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"}
EVENTS = f"""
event 1 webclick "{UUID["webclick"]}"
event 2 checkout "{UUID["checkout"]}"
field nick text
field visits int
field score float
field vip bool
field since datetime
"""


def program(flows: str, version: int = 1) -> Program:
    checked = read_files([("t.flow", EVENTS + flows)])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, version)


def track(name: str = "webclick", data: Value = None, time: int | None = None) -> Track:
    return Track(name, UUID[name], json.dumps(data).encode(), time)


@dataclass
class Visitor:
    """One visitor, to whom things happen one after another, a millisecond apart unless it is said when."""

    program: Program
    profile: Profile = field(default_factory=lambda: Profile.new("v1"))
    now: int = NOW
    last: Stepped | None = None

    def do(self, content: Content | Item, at: int | None = None) -> list[dict[str, Any]]:
        """The messages that an item brings."""
        self.now = self.now + 1 if at is None else at
        item = content if isinstance(content, Item) else Item(content)
        self.last = step(self.profile, item, Place(EntryId(self.now, 0), 1), Versions(self.program))
        self.profile = self.last.profile
        return [json.loads(message.body) for message in self.last.messages]

    def texts(self, content: Content | Item, at: int | None = None) -> list[str]:
        return [message["text"] for message in self.do(content, at)]

    def variable(self, name: str) -> Value:
        return self.program.catalogue.variables[name].read(self.profile.fields)


def visitor(flows: str) -> Visitor:
    return Visitor(program(flows))


# Conditions and order


def test_a_flow_starts_when_its_condition_holds_after_the_item() -> None:
    someone = visitor("""
flow greet:
    on webclick
    when event_count_1 == 2
    send web "hi"
""")
    assert [someone.texts(track()) for _ in range(3)] == [[], ["hi"], []]


def test_only_its_own_events_start_a_flow_and_no_other_item() -> None:
    someone = visitor("""
flow greet:
    on checkout
    send web "hi"
""")
    for content in (track(), Visit({}), Ping(), SetFields({"nick": "x"}), Identify({"ent_user_id": "u"})):
        assert someone.texts(content) == []
    assert someone.texts(track("checkout")) == ["hi"]


def test_every_condition_is_tested_before_any_run_starts() -> None:
    someone = visitor("""
flow first:
    on webclick
    set nick = "set by the first"
    set visits = 9
    send web "first"

flow second:
    on webclick
    when nick is None and visits is None
    send web "second sees {{ nick }} {{ visits }}"

flow third:
    on webclick
    when nick == "set by the first"
    send web "third"
""")
    assert someone.texts(track()) == ["first", "second sees set by the first 9"]
    assert someone.texts(track()) == ["first", "third"]


def test_what_is_set_is_seen_by_later_steps_and_unset_by_null() -> None:
    someone = visitor("""
flow count:
    on webclick
    set visits = (visits or 0) + 1
    send web "{{ visits }}"
    set visits = visits + 1
    send web "{{ visits }}"
    if visits > 3:
        set visits = None
    send web "{{ visits is None }}"
""")
    assert someone.texts(track()) == ["1", "2", "False"]
    assert someone.texts(track()) == ["3", "4", "True"]
    assert b"visits" not in someone.profile.fields


def test_convert_sets_the_user_type() -> None:
    someone = visitor("""
flow sell:
    on webclick
    when customer_user_type != "customer"
    convert "customer"
    send web "{{ customer_user_type }}"
""")
    assert someone.texts(track()) == ["customer"]
    assert someone.variable("customer_user_type") == "customer"
    assert someone.texts(track()) == []


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("visits", "event_last_data_1"),
        ("visits", "event_last_data_1.x"),
        ("visits", "9007199254740991 + 1"),
        ("nick", "event_last_data_1"),
        ("vip", "event_last_data_1.x"),
        ("since", "'soon' + nick"),
        ("score", "event_last_data_1.x"),
    ],
)
def test_a_value_that_does_not_fit_writes_nothing_and_the_run_goes_on(name: str, expression: str) -> None:
    before = {"visits": 7, "nick": "Bo", "vip": True, "since": "2026-01-01", "score": 1.5}
    someone = visitor(f"""
flow odd:
    on webclick
    set {name} = {expression}
    send web "on it goes"
""")
    someone.do(SetFields(before))
    fields = dict(someone.profile.fields)
    assert someone.texts(track(data={"x": "text"})) == ["on it goes"]
    assert someone.profile.fields[name.encode()] == fields[name.encode()]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, ["one", "end"]), (2, ["two", "end"]), (3, ["else", "end"]), (4, [])]
)
def test_if_elif_else_and_stop(count: int, expected: list[str]) -> None:
    someone = visitor("""
flow choose:
    on webclick
    if event_count_1 == 1:
        send web "one"
    elif event_count_1 == 2:
        send web "two"
    elif event_count_1 == 4:
        if True:
            stop
        send web "never"
    else:
        send web "else"
    send web "end"
""")
    for _ in range(count - 1):
        someone.do(track())
    assert someone.texts(track()) == expected


def test_stop_ends_its_own_run_alone() -> None:
    someone = visitor("""
flow one:
    on webclick
    send web "one"
    stop

flow two:
    on webclick
    send web "two"
""")
    assert someone.texts(track()) == ["one", "two"]


# What started the run


def test_the_event_that_started_a_run_is_frozen_at_its_start() -> None:
    someone = visitor("""
flow first:
    on any event
    set nick = "x"

flow second:
    on any event
    when track_event_count > 0 and track_event_data.n == 5
    set visits = 3
    send web "{{ track_event_seq }} {{ track_event_name }} {{ track_event_uuid }} {{ track_event_count }}"
    send web "{{ track_event_data }} {{ track_event_time }}"
""")
    assert someone.texts(track("checkout", {"n": 5}, NOW - 60_000), NOW) == [
        f"2 checkout {UUID['checkout']} 1",
        '{"n":5} 2026-01-01 09:59',
    ]


def test_a_late_event_starts_a_run_with_its_own_data_not_the_latest() -> None:
    someone = visitor("""
flow tell:
    on webclick
    send web "{{ track_event_data }} of {{ event_last_data_1 }}"
""")
    assert someone.texts(track(data="a")) == ["a of a"]
    assert someone.texts(track(data="b", time=NOW - DAY)) == ["b of a"]


def test_a_run_knows_when_it_started_and_that_it_does_not_wait() -> None:
    someone = visitor("""
flow tell:
    on webclick
    send web "{{ run_time }} {{ run_time == now }} {{ step_time is None }}"
""")
    assert someone.texts(track(), NOW) == ["2026-01-01 10:00 True True"]


def test_now_is_the_entrys_stamp() -> None:
    someone = visitor("""
flow tell:
    on webclick
    send web "{{ format_time(now, '%H:%M:%S') }} {{ now == last_seen_time }} {{ visitor_id }} {{ is_online }}"
""")
    assert someone.texts(track(time=NOW - DAY), NOW + 61_000) == ["10:01:01 True v1 True"]


# Limits

ONCE = '\nflow offer:\n    on webclick\n    limit {}\n    send web "offer"\n'


def starts(someone: Visitor, *times: int) -> list[bool]:
    return [bool(someone.do(track(), time)) for time in times]


def test_limit_once_and_limit_n() -> None:
    assert starts(visitor(ONCE.format("once")), *range(NOW, NOW + 3)) == [True, False, False]
    assert starts(visitor(ONCE.format("2")), *range(NOW, NOW + 4)) == [True, True, False, False]


def test_a_start_exactly_the_window_after_the_oldest_counted_one_is_allowed() -> None:
    times = [NOW, NOW + 5, NOW + 6, NOW + 7 * DAY - 1, NOW + 7 * DAY, NOW + 7 * DAY + 4, NOW + 7 * DAY + 5]
    allowed = starts(visitor(ONCE.format("2 per 7d")), *times)
    assert allowed == [True, True, False, False, True, False, True]


def test_refused_starts_are_not_counted_and_are_in_the_trace() -> None:
    someone = visitor(ONCE.format("1 per 1d"))
    assert starts(someone, NOW, NOW + DAY - 1, NOW + DAY, NOW + DAY + 1) == [True, False, True, False]
    assert someone.profile.tallies["offer"].starts == 2
    assert someone.last is not None
    assert [(line.flow, line.outcome) for line in someone.last.trace] == [("offer", Outcome.LIMIT)]


def test_a_limit_counts_starts_under_all_versions_of_the_flow() -> None:
    someone = visitor(ONCE.format("2"))
    assert starts(someone, NOW) == [True]
    someone.program = program(ONCE.format("once").replace("offer", "other"), 2)
    assert starts(someone, NOW + 1) == [True]
    someone.program = program(ONCE.format("2").replace('"offer"', '"another text"'), 3)
    assert starts(someone, NOW + 2, NOW + 3) == [True, False]
    someone.program = program(ONCE.format("3 per 1h"), 4)
    assert starts(someone, NOW + 4, NOW + 5) == [True, False]


def test_starts_are_counted_also_for_a_flow_that_gets_its_limit_later() -> None:
    someone = visitor(ONCE.format("100"))
    assert starts(someone, *range(NOW, NOW + 5)) == [True] * 5
    someone.program = program(ONCE.format("5 per 1d"), 2)
    assert starts(someone, NOW + DAY - 1, NOW + DAY) == [False, True]


# Nothing that is not there


def test_a_second_copy_starts_nothing_and_leaves_the_very_profile() -> None:
    someone = visitor(ONCE.format("100"))
    for item in (Item(track(), "c", 1), Item(track(), id="a")):
        assert someone.texts(item) == ["offer"]
        before = someone.profile
        assert someone.texts(item) == []
        assert someone.profile is before


def test_an_item_that_this_version_does_not_know_does_nothing() -> None:
    someone = visitor(ONCE.format("100"))
    before = someone.profile
    for content in (Track("webclick", UUID["checkout"], b"null", None), Track("x", UUID["webclick"], b"null", None)):
        assert someone.texts(content) == []
    assert someone.profile is before


# Messages


def test_a_message_has_the_documented_shape() -> None:
    someone = visitor("""
flow offer:
    on webclick
    send web:
        text "Hi {{ nick }}"
        sender "{{ nick }}\\nfrom sales"
        button "Go, {{ nick }}" link "https://shop.example/?q={{ nick }}&n={{ 1 + 1 }}"

flow plain:
    on webclick
    send web "plain"
""")
    someone.do(SetFields({"nick": "a&b <i>\n北京"}))
    first, second = someone.do(track(), NOW + 5)
    id = first.pop("id")
    assert first == {
        "flow": "offer",
        "text": "Hi a&b <i>\n北京",
        "sender": "a&b <i> 北京 from sales",
        "button": {
            "label": "Go, a&b <i> 北京",
            "link": "https://shop.example/?q=a%26b%20%3Ci%3E%0A%E5%8C%97%E4%BA%AC&n=2",
        },
        "time": "2026-01-01T10:00:00.005Z",
    }
    assert (second["sender"], second["button"]) == (None, None)
    assert set(someone.profile.inbox) == {id, second["id"]}


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_whatever_a_visitor_is_called_a_link_keeps_its_shape(nick: str) -> None:
    someone = Visitor(BUTTON)
    someone.do(SetFields({"nick": nick}))
    [message] = someone.do(track())
    link = message["button"]["link"]
    assert link.startswith("/offer/")
    assert link.endswith("/end")
    assert unquote(link.removeprefix("/offer/").removesuffix("/end")) == nick
    assert len((message["sender"] or "").splitlines()) <= 1


BUTTON = program("""
flow offer:
    on webclick
    send web:
        text "x"
        sender "{{ nick }}"
        button "Go" link "/offer/{{ nick }}/end"
""")
TWO_EACH = program("""
flow one:
    on webclick
    send web "1"
    send web "2"

flow two:
    on webclick
    send web "3"
    send web "4"
""")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["v1", "v2"])), min_size=1, max_size=8),
    st.integers(1, 499),
)
def test_ids_are_unique_sort_by_time_of_sending_and_are_the_same_on_replay(
    gaps: list[tuple[int, int, str]], index: int
) -> None:
    """Of entries of one stamp, of items of one entry, of messages of one item, of visitors of one name."""

    def ids() -> list[tuple[str, str]]:
        stamp, sequence, sent = NOW, 0, list[tuple[str, str]]()
        profiles: dict[str, Profile] = {}
        for gap, step_of_sequence, name in gaps:
            stamp, sequence = (stamp + gap, 0) if gap else (stamp, sequence + 16**step_of_sequence)
            for number in (1, 2, index + 2):
                place = Place(EntryId(stamp, sequence), number)
                stepped = step(profiles.get(name, Profile.new(name)), Item(track()), place, Versions(TWO_EACH))
                profiles[name] = stepped.profile
                sent += [(message.visitor, message.id) for message in stepped.messages]
        return sent

    sent = ids()
    assert ids() == sent
    assert len({id for _, id in sent}) == len(sent) == 12 * len(gaps)
    assert [id for _, id in sent] == sorted(id for _, id in sent)


def test_ids_sort_by_time_of_sending_also_where_one_item_sends_hundreds() -> None:
    """The inbox keeps the greatest ids: the messages that it drops must be the oldest."""
    flows = "".join(f'\nflow f{k}:\n    on webclick\n    send web "{k}"\n' for k in range(300))
    someone = visitor(flows)
    messages = someone.do(track())
    assert [message["text"] for message in messages] == [str(k) for k in range(300)]
    assert [message["id"] for message in messages] == sorted(message["id"] for message in messages)


def test_messages_of_different_flows_and_visitors_never_share_an_id() -> None:
    place = Place(EntryId(NOW, 0), 1)
    one = step(Profile.new("v1"), Item(track()), place, Versions(TWO_EACH))
    other = step(Profile.new("v2"), Item(track()), place, Versions(TWO_EACH))
    assert not {m.id for m in one.messages} & {m.id for m in other.messages}


def test_a_timer_and_a_meeting_of_one_instant_never_share_an_id() -> None:
    """The timer fires, a program gives an event another UUID, and that ends the next wait: all in one millisecond."""
    two_waits = """
flow f:
    on webclick
    wait 1s
    send web "one"
    wait until event_count_2 == 0 for 1d
    send web "two"
"""
    someone, at = visitor(two_waits), NOW + 1_000
    someone.do(track("checkout"), NOW - 1)
    someone.do(track(), NOW)
    before, after = program(two_waits), replace(program(two_waits, version=2), resets={2: 2})
    fired = list(pass_time(someone.profile, EntryId(at, 0), Versions(before)))
    met = list(pass_time(fired[-1].profile, EntryId(at, 1), Versions(after, {1: before}, [Era(2, EntryId(at, 0))])))
    sent = [message for stepped in (*fired, *met) for message in stepped.messages]
    assert [json.loads(message.body)["text"] for message in sent] == ["one", "two"]
    assert sent[0].id < sent[1].id


# Receipts


def test_nobody_is_born_by_a_receipt() -> None:
    """The first item may be an edge, and a receipt starts nothing: so it must not be the first."""
    someone = visitor("""
flow born:
    when event_count_1 == 0
    send web "hi"
""")
    assert someone.texts(Item(Receipt("m", "shown"), "c", 1)) == []
    assert someone.texts(Visit({})) == ["hi"]


@pytest.mark.parametrize("first", ["shown", "closed", "clicked"])
@pytest.mark.parametrize("then", ["shown", "closed", "clicked"])
def test_a_receipt_never_takes_a_message_back(first: Status, then: Status) -> None:
    someone = visitor(ONCE.format("once"))
    [message] = someone.do(track())
    ranks = ["shown", "closed", "clicked"]
    someone.do(Receipt(message["id"], first))
    assert someone.profile.inbox == {message["id"]: first}
    someone.do(Receipt(message["id"], then))
    assert someone.profile.inbox == {message["id"]: max(first, then, key=ranks.index)}


def test_a_receipt_of_a_message_that_is_not_in_the_inbox_says_nothing() -> None:
    someone = visitor(ONCE.format("once"))
    someone.do(Receipt("nothing such", "clicked"))
    assert someone.profile.inbox == {}


def test_receipts_start_no_flow_and_are_no_sign_of_life() -> None:
    someone = visitor(ONCE.format("2"))
    [message] = someone.do(track(), NOW)
    assert someone.do(Receipt(message["id"], "shown"), NOW + DAY) == []
    assert someone.variable("last_seen_time").timestamp() * 1000 == NOW


# Purity


def snapshot(profile: Profile) -> tuple[str, Mapping[bytes, bytes], Mapping[str, Any], Mapping[str, str]]:
    return profile.visitor, dict(profile.fields), dict(profile.tallies), dict(profile.inbox)


EVERYTHING = program("""
flow all:
    on any event
    when event_count_1 >= 0
    limit 3 per 1h
    set visits = (visits or 0) + 1
    if visits % 2 == 0:
        convert "even"
        stop
    set nick = "{{" + text(track_event_data)
    send web "{{ nick }} {{ now }} {{ track_event_data }}"

flow other:
    on webclick
    when event_last_data_1.a > 1 or user_city
    send web "{{ event_last_data_1 }}"
""")


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_the_same_twice_gives_the_same_and_leaves_what_went_in_as_it_was(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    profile = Profile.new("v1")
    for number in range(12):
        contents: list[Content] = [
            track(data={"a": chance.choice([1, 2, "x", None, [1]])}),
            track("checkout", chance.choice([None, 5, "text"]), NOW - chance.randrange(DAY)),
            Visit({"user_city": "Wuhan"}),
            SetFields({"visits": chance.randrange(9)}),
            Receipt(next(iter(profile.inbox), "none"), "shown"),
        ]
        item = Item(chance.choice(contents), "c", chance.randrange(number + 1))
        place = Place(EntryId(NOW + 60_000 * number, 0), chance.randrange(1, 4))
        before = snapshot(profile)
        once, twice = step(profile, item, place, Versions(EVERYTHING)), step(profile, item, place, Versions(EVERYTHING))
        assert once == twice
        assert snapshot(profile) == before
        profile = once.profile
