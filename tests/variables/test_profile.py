"""The fold's laws (DESIGN.md section 4): order does not matter, nothing counts twice, time is mended and bounded."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar.program import read_files
from variables.catalogue import Catalogue
from variables.items import Content, Identify, Item, Ping, Receipt, SetFields, Track, Visit
from variables.profile import (
    DAY,
    OLDEST_EVENT,
    SESSION_GAP,
    Profile,
    event_time,
    fold,
    having_met,
    without_reset_events,
    write_all,
)
from variables.tally import NO_TALLIES, Tally
from variables.values import LARGEST_INT

UUID = {"webclick": "0fc050ec-cb6f-11e8-b697-00163e0c79f6", "checkout": "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"}
PROGRAM = f"""
event 1 webclick "{UUID["webclick"]}"
event 2 checkout "{UUID["checkout"]}"
field visits int
field nick text
field since datetime
"""
CATALOGUE = Catalogue.of(read_files([("t.flow", PROGRAM)]).script)
NOW = 1_767_225_600_000


def track(name: str = "webclick", data: bytes = b"null", time: int | None = None) -> Track:
    return Track(name, UUID[name], data, time)


def folded(profile: Profile, item: Item | Content, stamp: int = NOW) -> Profile:
    """The profile after an item; as it was if the item changes nothing."""
    item = item if isinstance(item, Item) else Item(item)
    return fold(profile, item, stamp, CATALOGUE) or profile


def after(items: Iterable[tuple[Item, int]]) -> Profile:
    profile = Profile.new("v")
    for item, stamp in items:
        profile = folded(profile, item, stamp)
    return profile


def event_variables(profile: Profile) -> dict[bytes, bytes]:
    return {key: raw for key, raw in profile.fields.items() if key.startswith(b"event_")}


def text(profile: Profile, name: str) -> str | None:
    raw = profile.fields.get(name.encode())
    return None if raw is None else raw.decode()


# Order does not matter: few times, numbers and data, so that ties are frequent

times = st.none() | st.integers(NOW - 5, NOW)
tracks = st.builds(
    track, st.sampled_from(["webclick", "checkout"]), st.sampled_from([b"1", b"2", b'"a"', b"null"]), times
)
unnumbered = st.builds(Item, tracks)
stamps = st.integers(NOW, NOW + 3)


@st.composite
def numbered(draw: st.DrawFn) -> list[tuple[Item, int]]:
    """Items of two clients, each number once, within the window; and their stamps."""
    content = draw(st.lists(st.tuples(tracks, st.sampled_from(["c1", "c2"]), st.integers(0, 63), stamps), max_size=12))
    unique = {(client, n): (track, stamp) for track, client, n, stamp in content}
    return [(Item(track, client, n), stamp) for (client, n), (track, stamp) in unique.items()]


batches = st.one_of(
    st.lists(st.tuples(unnumbered, stamps), max_size=12),
    numbered(),
    st.builds(lambda one, other: [*one, *other], numbered(), st.lists(st.tuples(unnumbered, stamps), max_size=6)),
)


@settings(deadline=None, max_examples=150)
@given(batches, st.randoms(use_true_random=False))
def test_permuting_tracked_events_gives_the_same_event_variables(
    items: list[tuple[Item, int]], chance: random.Random
) -> None:
    """Each keeps its own arrival's stamp: what is permuted is the order in which they are folded."""
    shuffled = list(items)
    chance.shuffle(shuffled)
    assert event_variables(after(shuffled)) == event_variables(after(items))


@settings(deadline=None)
@given(batches)
def test_event_variables_are_count_least_time_and_greatest_of_time_number_and_data(
    items: list[tuple[Item, int]],
) -> None:
    expected: dict[bytes, bytes] = {}
    for seq, name in ((1, "webclick"), (2, "checkout")):
        happened = [
            (event_time(item, item.content, stamp), item.n or 0, item.content.data)
            for item, stamp in items
            if isinstance(item.content, Track) and item.content.name == name
        ]
        if happened:
            expected[f"event_count_{seq}".encode()] = b"%d" % len(happened)
            expected[f"event_first_time_{seq}".encode()] = b"%d" % min(happened)[0]
            expected[f"event_last_time_{seq}".encode()] = b"%d" % max(happened)[0]
            expected[f"event_last_data_{seq}".encode()] = max(happened)[2]
    assert event_variables(after(items)) == expected


@pytest.mark.parametrize(
    ("less", "greater"),
    [
        (Item(track(data=b"9", time=NOW - 1)), Item(track(data=b"1", time=NOW))),
        (Item(track(data=b"9"), "c", 1), Item(track(data=b"1"), "c", 2)),
        (Item(track(data=b"9"), "z", 1), Item(track(data=b"1"), "a", 2)),
        (Item(track(data=b"9")), Item(track(data=b"1"), "c", 1)),
        (Item(track(data=b"1")), Item(track(data=b"9"))),
        (Item(track(data=b"1"), "a", 1), Item(track(data=b"9"), "b", 1)),
        (Item(track(data=b"9")), Item(track(data=b"90"))),
    ],
    ids=["time", "number", "number of another client", "unnumbered", "data", "data of one number", "longer data"],
)
def test_ties_are_decided_by_time_then_number_then_data(less: Item, greater: Item) -> None:
    assert isinstance(greater.content, Track)
    for items in ([less, greater], [greater, less]):
        profile = after((item, NOW) for item in items)
        assert profile.fields[b"event_last_data_1"] == greater.content.data


def test_two_events_that_are_alike_in_everything_count_twice() -> None:
    assert text(after([(Item(track()), NOW)] * 2), "event_count_1") == "2"


# Nothing counts twice


@settings(deadline=None)
@given(numbered(), st.randoms(use_true_random=False))
def test_resending_changes_nothing(items: list[tuple[Item, int]], chance: random.Random) -> None:
    again = list(items)
    chance.shuffle(again)
    profile = after(items)
    for item, stamp in again:
        assert fold(profile, item, stamp + 1000, CATALOGUE) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 63), tracks), max_size=40))
def test_each_number_of_a_client_counts_once(sent: Sequence[tuple[str, int, Track]]) -> None:
    taken: set[tuple[str, int]] = set()
    profile = Profile.new("v")
    for client, n, content in sent:
        result = fold(profile, Item(content, client, n), NOW, CATALOGUE)
        assert (result is None) == ((client, n) in taken)
        taken.add((client, n))
        profile = result or profile
    counts = [int(text(profile, f"event_count_{seq}") or 0) for seq in (1, 2)]
    assert sum(counts) == len(taken)


def test_an_id_counts_once_whoever_sends_it() -> None:
    items = [Item(track(), id="a"), Item(track(), "c", 1, "a"), Item(track(), id="a", from_server=True)]
    assert text(after((item, NOW) for item in items), "event_count_1") == "1"


def test_an_item_that_was_seen_by_its_number_or_its_id_changes_nothing_at_all() -> None:
    profile = after([(Item(track(), "c", 1, "a"), NOW)])
    assert fold(profile, Item(track(), "c", 1, "b"), NOW, CATALOGUE) is None
    assert fold(profile, Item(track(), "c", 2, "a"), NOW, CATALOGUE) is None
    again = folded(profile, Item(track(), "c", 2, "b"))
    assert text(again, "event_count_1") == "2"


@pytest.mark.parametrize(
    "content", [Visit({}), Ping(), SetFields({"nick": "Bo"}), Identify({"ent_user_id": "u"}), Receipt("m", "shown")]
)
def test_items_of_every_sort_are_recognised(content: Content) -> None:
    profile = after([(Item(content, "c", 5), NOW)])
    assert fold(profile, Item(content, "c", 5), NOW, CATALOGUE) is None


def test_a_number_without_a_client_cannot_be_recognised() -> None:
    assert text(after([(Item(track(), None, 1), NOW)] * 2), "event_count_1") == "2"


def test_an_item_that_the_catalogue_does_not_know_changes_nothing() -> None:
    for content in (
        Track("nothing such", UUID["webclick"], b"null", None),
        Track("webclick", UUID["checkout"], b"null", None),
        SetFields({"nothing such": 1}),
        SetFields({"nick": 5}),
        SetFields({"nick": "Bo", "visits": "x"}),
        SetFields({"event_count_1": 9}),
        SetFields({"customer_user_type": "VIP"}),
        Identify({"ent_user_id": "u", "visits": "x"}),
    ):
        assert fold(Profile.new("v"), Item(content, "c", 1), NOW, CATALOGUE) is None


# Time


@pytest.mark.parametrize(
    ("time", "clock_error", "expected"),
    [
        (None, 0, NOW),
        (None, 5000, NOW),
        (NOW - 1, 0, NOW - 1),
        (NOW + 1, 0, NOW),
        (NOW - 60_000, 50_000, NOW - 10_000),
        (NOW + 50_000, -60_000, NOW - 10_000),
        (NOW - 60_000, 70_000, NOW),
        (NOW - OLDEST_EVENT, 0, NOW - OLDEST_EVENT),
        (NOW - OLDEST_EVENT - 1, 0, NOW - OLDEST_EVENT),
        (NOW - 40 * DAY, 20 * DAY, NOW - 20 * DAY),
        (-LARGEST_INT, 0, NOW - OLDEST_EVENT),
        (0, NOW, NOW),
    ],
)
def test_event_time_is_mended_and_never_after_arrival_nor_30_days_before(
    time: int | None, clock_error: int, expected: int
) -> None:
    content = track(time=time)
    assert event_time(Item(content, clock_error=clock_error), content, NOW) == expected


@settings(deadline=None)
@given(st.integers(-LARGEST_INT, LARGEST_INT), st.integers(-LARGEST_INT, LARGEST_INT), st.integers(0, 2**43))
def test_event_time_is_always_within_its_bounds(time: int, clock_error: int, stamp: int) -> None:
    content = track(time=time)
    found = event_time(Item(content, clock_error=clock_error), content, stamp)
    assert stamp - OLDEST_EVENT <= found <= stamp


def test_a_late_event_lowers_the_first_time_and_leaves_the_last() -> None:
    profile = after([(Item(track(data=b"1")), NOW), (Item(track(data=b"2", time=NOW - 9)), NOW + 1)])
    assert (text(profile, "event_first_time_1"), text(profile, "event_last_time_1")) == (str(NOW - 9), str(NOW))
    assert profile.fields[b"event_last_data_1"] == b"1"


# Seen

OWN = [
    Item(track()),
    Item(Visit({})),
    Item(Ping()),
    Item(SetFields({"nick": "Bo"})),
    Item(Identify({"ent_user_id": "u"})),
    Item(track(), from_server=True),
]
NOT_OWN = [
    Item(Receipt("m", "shown")),
    Item(SetFields({"nick": "Bo"}), from_server=True),
    Item(Identify({"ent_user_id": "u"}), from_server=True),
]


@pytest.mark.parametrize("item", OWN, ids=lambda item: type(item.content).__name__)
def test_the_visitors_own_items_are_seen(item: Item) -> None:
    profile = after([(item, NOW), (item, NOW + 5), (item, NOW + 3)])
    assert (text(profile, "first_seen_time"), text(profile, "last_seen_time")) == (str(NOW), str(NOW + 5))


@pytest.mark.parametrize("item", NOT_OWN, ids=lambda item: type(item.content).__name__)
def test_receipts_and_what_a_server_sets_are_not_seen(item: Item) -> None:
    profile = after([(item, NOW)])
    assert text(profile, "first_seen_time") is text(profile, "last_seen_time") is None
    seen = after([(Item(Ping()), NOW), (item, NOW + 5)])
    assert text(seen, "last_seen_time") == str(NOW)


def test_seen_is_when_an_item_arrived_not_when_it_happened() -> None:
    profile = after([(Item(track(time=NOW - DAY)), NOW)])
    assert text(profile, "first_seen_time") == str(NOW)


def test_a_second_copy_and_an_unknown_item_are_not_seen() -> None:
    profile = after(
        [(Item(track(), "c", 1), NOW), (Item(track(), "c", 1), NOW + 5), (Item(SetFields({"x": 1})), NOW + 9)]
    )
    assert text(profile, "last_seen_time") == str(NOW)


# Sessions


@pytest.mark.parametrize(
    ("gap", "sessions"), [(0, "1"), (SESSION_GAP - 1, "1"), (SESSION_GAP, "2"), (SESSION_GAP + 1, "2")]
)
def test_a_visit_after_half_an_hour_of_silence_is_a_new_session(gap: int, sessions: str) -> None:
    profile = after([(Item(Visit({})), NOW), (Item(Visit({})), NOW + gap)])
    assert text(profile, "user_web_sessions") == sessions


def test_any_sign_of_life_keeps_a_session_open_and_only_a_visit_opens_one() -> None:
    gap = SESSION_GAP - 1
    kept = after([(Item(Visit({})), NOW), (Item(Ping()), NOW + gap), (Item(Visit({})), NOW + 2 * gap)])
    assert text(kept, "user_web_sessions") == "1"
    assert text(after([(Item(Ping()), NOW), (Item(track()), NOW + 2 * gap)]), "user_web_sessions") is None


# Fields


def test_plain_fields_take_the_last_write_and_null_unsets() -> None:
    profile = after([(Item(SetFields({"nick": "a", "visits": 1})), NOW), (Item(SetFields({"nick": "b"})), NOW)])
    assert (text(profile, "nick"), text(profile, "visits")) == ("b", "1")
    assert text(folded(profile, SetFields({"nick": None})), "nick") is None


def test_what_a_visit_carries_is_written() -> None:
    profile = folded(Profile.new("v"), Visit({"page_url": "/p", "user_city": "Wuhan", "nick": "Bo"}))
    assert [text(profile, name) for name in ("page_url", "user_city", "nick")] == ["/p", "Wuhan", "Bo"]


def test_only_identify_names_the_user() -> None:
    profile = folded(Profile.new("v"), Identify({"ent_user_id": "u-1", "user_fullname": "Wei"}))
    assert (text(profile, "ent_user_id"), text(profile, "user_fullname")) == ("u-1", "Wei")
    for content in (SetFields({"ent_user_id": "u-2"}), Visit({"ent_user_id": "u-2"})):
        assert fold(profile, Item(content), NOW, CATALOGUE) is None


def test_the_user_type_is_a_servers_to_write() -> None:
    content = SetFields({"customer_user_type": "VIP"})
    assert fold(Profile.new("v"), Item(content), NOW, CATALOGUE) is None
    assert text(folded(Profile.new("v"), Item(content, from_server=True)), "customer_user_type") == "VIP"


def test_the_fold_leaves_the_profile_that_it_was_given_as_it_was() -> None:
    profile = after([(Item(track(), "c", 1, "a"), NOW)])
    before = dict(profile.fields)
    for item in OWN + NOT_OWN:
        fold(profile, item, NOW + 5, CATALOGUE)
    assert profile.fields == before


def test_write_all_writes_and_takes_away() -> None:
    fields = {b"a": b"1", b"b": b"2"}
    write_all(fields, {b"a": None, b"b": b"3", b"c": b"4", b"d": None})
    assert fields == {b"b": b"3", b"c": b"4"}


# Events that got another UUID


def counted() -> Profile:
    """Both events happened; the first one with a number."""
    profile = after(
        [(Item(track(), "c", 7), NOW), (Item(track("checkout")), NOW), (Item(SetFields({"nick": "Bo"})), NOW)]
    )
    return replace(profile, tallies=NO_TALLIES.having("flow", Tally(1, 0, (NOW,))), inbox={"m": "sent"})


def test_what_was_counted_of_a_reset_event_is_gone_and_nothing_else() -> None:
    before = counted()
    profile = without_reset_events(before, {1: 2})
    gone = {key for key in before.fields if key not in profile.fields}
    assert gone == {b"event_count_1", b"event_first_time_1", b"event_last_time_1", b"event_last_data_1", b".n1"}
    assert not profile.fields.items() - before.fields.items()
    assert (profile.tallies, profile.inbox) == (before.tallies, before.inbox)


def test_a_reset_happens_once_and_counting_begins_anew() -> None:
    profile = folded(having_met(counted(), 2, {1: 2}), Item(track(), "c", 8), NOW + 1)
    assert without_reset_events(profile, {1: 2}) is profile
    assert text(profile, "event_count_1") == "1"
    assert text(profile, "event_first_time_1") == str(NOW + 1)


def test_a_later_reset_takes_only_what_it_names() -> None:
    profile = folded(having_met(counted(), 2, {1: 2}), track())
    profile = having_met(profile, 5, {1: 2, 2: 5})
    assert (text(profile, "event_count_1"), text(profile, "event_count_2")) == ("1", None)
    profile = without_reset_events(profile, {1: 7, 2: 5})
    assert text(profile, "event_count_1") is None


def test_without_resets_a_profile_stays_as_it_is() -> None:
    profile = counted()
    assert without_reset_events(profile, {}) is profile


def test_a_reset_holds_also_for_an_event_that_was_not_declared_when_the_profile_was_looked_at() -> None:
    """Version 2 resets event 1, version 3 drops it, version 4 declares it again; the visitor comes back in 3 and 4."""
    in_version_3 = having_met(counted(), 3, {1: 2})
    in_version_4 = having_met(in_version_3, 4, {1: 2})
    assert text(in_version_4, "event_count_1") is None


# Limits


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 5), st.integers(1, 60) | st.none())
def test_a_limit_allows_as_many_starts_in_any_window(gaps: list[int], count: int, per: int | None) -> None:
    """A start exactly the window's length after the oldest counted one is allowed."""
    tally, now = Tally(), 0
    happened: list[int] = []
    for gap in gaps:
        now += gap
        inside = [start for start in happened if per is None or now - start < per]
        assert tally.allows(count, per, now) == (len(inside) < count)
        if tally.allows(count, per, now):
            tally, happened = tally.started(now), [*happened, now]
    assert tally.starts == len(happened)


def test_as_many_starts_are_kept_as_a_limit_can_ask_for() -> None:
    tally = Tally()
    for now in range(250):
        tally = tally.started(now)
    assert tally == Tally(250, 0, tuple(range(150, 250)))
    assert not tally.allows(100, 100, 249)
    assert tally.allows(100, 100, 250)
    assert not tally.allows(250, None, 10**15)
    assert tally.allows(251, None, 250)
