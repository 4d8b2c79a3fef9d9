"""What a request's body says: every shape that is taken, and that one bad item never costs its neighbours."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from variables import items as reading
from variables.items import (
    BadBody,
    BadItem,
    Batch,
    Content,
    Identify,
    Item,
    Ping,
    Receipt,
    SetFields,
    Track,
    Visit,
    read_batch,
)

UUID = "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
RECEIVED = 1_767_225_600_000
CLICK = {"event_name": "webclick", "event_uuid": UUID}


def body(*items: object, **envelope: object) -> bytes:
    return json.dumps({"visitor": "v1", "items": items, **envelope}).encode()


def only(raw: bytes) -> Item:
    """The one item of a body."""
    batch = read_batch(raw)
    assert len(batch.items) == 1
    return batch.item(0, RECEIVED)


def content(item: object) -> Content:
    return only(body(item)).content


def outcomes(batch: Batch, received: int = RECEIVED) -> list[Item | str]:
    """What comes of each item: the item, or the code it is refused with."""
    found: list[Item | str] = []
    for index in range(len(batch.items)):
        try:
            found.append(batch.item(index, received))
        except BadItem as bad:
            found.append(bad.code if bad.detail else "nothing said")
    return found


# Every shape


def test_the_documented_body_is_read() -> None:
    raw = b"""{"visitor": "v1", "client": "c1", "sent_at": 1767225600.25, "items": [
        {"n": 1, "track_event": {"event_name": "webclick", "event_uuid": "0fc050ec-cb6f-11e8-b697-00163e0c79f6",
                                 "event_data": {"a": [1, null]}, "event_timestamp": 1767225590}},
        {"n": 2, "visit": {"page_url": "https://shop.example/"}},
        {"n": 3, "set": {"extra_field_TEXT_1": "x"}},
        {"n": 4, "identify": {"ent_user_id": "u-17", "user_fullname": "Wei"}},
        {"n": 5, "receipt": {"message": "m1", "status": "shown"}},
        {"n": 6, "ping": {}}]}"""
    batch = read_batch(raw)
    assert (batch.visitor, batch.client, batch.sent_at) == ("v1", "c1", 1_767_225_600_250)
    assert batch.body == raw
    items = [batch.item(index, RECEIVED) for index in range(6)]
    assert [item.content for item in items] == [
        Track("webclick", UUID, b'{"a":[1,null]}', 1_767_225_590_000),
        Visit({"page_url": "https://shop.example/"}),
        SetFields({"extra_field_TEXT_1": "x"}),
        Identify({"ent_user_id": "u-17", "user_fullname": "Wei"}),
        Receipt("m1", "shown"),
        Ping(),
    ]
    assert [(item.client, item.n, item.clock_error) for item in items] == [("c1", n, -250) for n in range(1, 7)]


def test_a_bare_item_is_a_batch_of_one() -> None:
    item = only(json.dumps({"visitor": "v1", "client": "c1", "n": 7, "track_event": CLICK}).encode())
    assert item == Item(Track("webclick", UUID, b"null", None), "c1", 7)


def test_a_body_without_items_is_an_empty_batch_only_if_it_says_so() -> None:
    assert read_batch(body()).items == []
    assert outcomes(read_batch(b'{"visitor": "v1"}')) == ["bad_item"]


@pytest.mark.parametrize("uuid", [UUID, f"{UUID} ", f"\n{UUID}\t", UUID.upper()])
def test_white_space_and_case_of_a_uuid_do_not_count(uuid: str) -> None:
    """The manual itself prints one with a trailing space."""
    track = content({"track_event": {"event_name": "webclick", "event_uuid": uuid}})
    assert isinstance(track, Track)
    assert track.uuid == UUID


def test_client_number_time_and_id_may_be_left_out() -> None:
    assert only(body({"ping": {}})) == Item(Ping())
    assert only(body({"ping": {}, "id": "a1"})) == Item(Ping(), id="a1")


def test_what_nobody_asked_for_is_passed_over() -> None:
    assert content({"ping": {"more": 1}, "later": True}) == Ping()
    assert content({"ping": {}, "visit": None}) == Ping()


def test_an_item_says_whether_a_server_sent_it() -> None:
    assert read_batch(body({"ping": {}})).item(0, RECEIVED, from_server=True).from_server


def test_the_senders_clock_error_is_what_its_clock_is_behind() -> None:
    behind = read_batch(body({"ping": {}}, sent_at=RECEIVED / 1000 - 5))
    ahead = read_batch(body({"ping": {}}, sent_at=RECEIVED + 5000))
    assert behind.item(0, RECEIVED).clock_error == 5000
    assert ahead.item(0, RECEIVED).clock_error == -5000


def test_receipts_tell_which_messages_they_speak_of() -> None:
    batch = read_batch(
        body({"receipt": {"message": "a", "status": "shown"}}, {"ping": {}}, 5, {"receipt": 7}, {"receipt": {}})
    )
    assert list(batch.receipts()) == ["a"]


def test_five_hundred_items_are_read_in_order() -> None:
    batch = read_batch(body(*({"n": n, "ping": {}} for n in range(500))))
    assert [batch.item(index, RECEIVED).n for index in range(500)] == list(range(500))


# Bad bodies


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"visitor=v1",
        b"\xff\xfe\x00",
        b"\x00",
        b"null",
        b"[]",
        b'"v1"',
        b"5",
        b"{}",
        b'{"visitor": 5}',
        b'{"visitor": ""}',
        b'{"visitor": null, "items": []}',
        b'{"visitor": "v1", "items": {}}',
        b'{"visitor": "v1", "items": "ping"}',
        b'{"visitor": "v1", "client": 5, "items": []}',
        b'{"visitor": "v1", "client": "", "items": []}',
        b'{"visitor": "v1", "sent_at": "now", "items": []}',
        b'{"visitor": "v1", "sent_at": true, "items": []}',
        b'{"visitor": "v1", "sent_at": 1e400, "items": []}',
        b'{"visitor": "v1", "sent_at": NaN, "items": []}',
        b'{"visitor": "v1", "items": [{"set": {"a": Infinity}}]}',
        b'{"visitor": "v1", "items": [],}',
        b'{"visitor": "v1", "items": []} {}',
        json.dumps({"visitor": "v" * 129, "items": []}).encode(),
        b"[" * 100_000,
        b'{"visitor": "v1", "a": ' * 50_000,
    ],
    ids=repr,
)
def test_a_body_of_no_such_shape_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        read_batch(raw)


def test_a_visitor_id_may_have_128_characters() -> None:
    assert read_batch(body(visitor="访" * 128)).visitor == "访" * 128


# Bad items


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (None, "bad_item"),
        (5, "bad_item"),
        ("ping", "bad_item"),
        ([], "bad_item"),
        ({}, "bad_item"),
        ({"pong": {}}, "bad_item"),
        ({"ping": {}, "visit": {}}, "bad_item"),
        ({"ping": 5}, "bad_item"),
        ({"ping": {}, "n": -1}, "bad_item"),
        ({"ping": {}, "n": "1"}, "bad_item"),
        ({"ping": {}, "n": True}, "bad_item"),
        ({"ping": {}, "n": 2**53}, "bad_item"),
        ({"ping": {}, "id": ""}, "bad_item"),
        ({"ping": {}, "id": 5}, "bad_item"),
        ({"ping": {}, "id": "x" * 129}, "bad_item"),
        ({"visit": []}, "bad_item"),
        ({"set": "x"}, "bad_item"),
        ({"track_event": {}}, "bad_item"),
        ({"track_event": {"event_name": "webclick"}}, "bad_item"),
        ({"track_event": {"event_name": 5, "event_uuid": UUID}}, "bad_item"),
        ({"track_event": {**CLICK, "event_timestamp": "now"}}, "bad_timestamp"),
        ({"track_event": {**CLICK, "event_timestamp": True}}, "bad_timestamp"),
        ({"track_event": {**CLICK, "event_timestamp": 1e300}}, "bad_timestamp"),
        ({"identify": {}}, "bad_item"),
        ({"identify": {"ent_user_id": ""}}, "bad_item"),
        ({"identify": {"ent_user_id": 17}}, "bad_item"),
        ({"receipt": {"message": "m1", "status": "lost"}}, "bad_item"),
        ({"receipt": {"message": "m1", "status": "sent"}}, "bad_item"),
        ({"receipt": {"message": "", "status": "shown"}}, "bad_item"),
        ({"receipt": {"status": "shown"}}, "bad_item"),
    ],
    ids=repr,
)
def test_a_bad_item_is_refused_and_its_neighbours_are_taken(item: object, code: str) -> None:
    batch = read_batch(body({"ping": {}}, item, {"ping": {}}))
    assert outcomes(batch) == [Item(Ping()), code, Item(Ping())]


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def tracked(data: bytes) -> bytes:
    return b'{"track_event": {"event_name": "webclick", "event_uuid": "%s", "event_data": %s}}' % (UUID.encode(), data)


def between_pings(*items: bytes) -> bytes:
    return b'{"visitor": "v1", "items": [{"ping": {}}, %s, {"ping": {}}]}' % b", ".join(items)


HARD_ITEMS = {
    "half a surrogate pair": tracked(rb'"\ud83d"'),
    "half a surrogate pair in a key": tracked(rb'{"\udc00": 1}'),
    "half a surrogate pair in a name": rb'{"set": {"\ud83d": "x"}}',
    "a number beyond all floats": tracked(b"1e400"),
    "a number beyond all floats in a field": b'{"set": {"a": -1e400}}',
    "an int of 400 digits": tracked(b"9" * 400),
    "an int of 5,000 digits": tracked(b"9" * 5000),
    "an int of 5,000 digits in a field": b'{"set": {"a": %s}}' % (b"9" * 5000),
    "300 levels": tracked(nested(300)),
    "5,000 levels": tracked(nested(5000)),
    "100,000 levels": tracked(nested(100_000)),
    "an item of 300 levels": nested(300),
}


@pytest.mark.parametrize("hard", HARD_ITEMS.values(), ids=HARD_ITEMS)
def test_an_item_that_is_hard_to_read_costs_no_neighbour(hard: bytes) -> None:
    first, *_, last = outcomes(read_batch(between_pings(hard)))
    assert first == last == Item(Ping())


@pytest.mark.parametrize("text", ['"', "\\", '\\"', '\\"[{', ']}"', "[[", "\ud83d", "\ud83d]", "\udc00\\"], ids=ascii)
@pytest.mark.parametrize("levels", [300, 5000])
def test_no_text_beside_an_item_of_too_many_levels_is_taken_for_brackets(text: str, levels: int) -> None:
    fine = tracked(json.dumps(text).encode())
    found = outcomes(read_batch(between_pings(fine, tracked(nested(levels)), fine)))
    assert [isinstance(each, Item) for each in found] == [True, True, False, True, True]
    assert found[1] == found[3]


@pytest.mark.parametrize("one", HARD_ITEMS.values(), ids=HARD_ITEMS)
@pytest.mark.parametrize("other", HARD_ITEMS.values(), ids=HARD_ITEMS)
def test_hard_items_cost_each_other_nothing(one: bytes, other: bytes) -> None:
    alone = [outcomes(read_batch(between_pings(each)))[1] for each in (one, other)]
    assert outcomes(read_batch(between_pings(one, other)))[1:3] == alone


@pytest.mark.parametrize("neighbour", ["half a surrogate pair", "an int of 5,000 digits", "300 levels"])
@pytest.mark.parametrize("levels", [90, 150, *range(192, 203)])
def test_whether_an_item_is_taken_does_not_depend_on_its_neighbours(neighbour: str, levels: int) -> None:
    item = tracked(nested(levels))
    alone = outcomes(read_batch(between_pings(item)))[1]
    beside = outcomes(read_batch(between_pings(item, HARD_ITEMS[neighbour])))[1]
    assert beside == alone


def test_half_a_surrogate_pair_is_mended() -> None:
    assert content({"track_event": {**CLICK, "event_data": "a\ud83db"}}) == Track(
        "webclick", UUID, json.dumps("a\ufffdb", ensure_ascii=False).encode(), None
    )
    assert content({"set": {"user_city": "\udc00"}}) == SetFields({"user_city": "\ufffd"})


def test_a_whole_pair_of_escapes_is_one_character() -> None:
    assert only(rb'{"visitor": "v1", "set": {"a": "\ud83d\ude00", "b": "\ud83d"}}').content == SetFields(
        {"a": "😀", "b": "\ufffd"}
    )


def test_a_number_beyond_all_floats_is_null_in_event_data() -> None:
    track = only(b'{"visitor": "v1", %s' % tracked(b"[1e400, -1e400, 1e-400]")[1:]).content
    assert isinstance(track, Track)
    assert track.data == b"[null,null,0.0]"


def test_an_int_keeps_all_its_digits_in_event_data() -> None:
    track = only(b'{"visitor": "v1", %s' % tracked(b"9" * 400)[1:]).content
    assert isinstance(track, Track)
    assert track.data == b"9" * 400


def test_a_number_that_cannot_be_read_does_not_pass_for_nothing() -> None:
    """Null would unset a field, or leave an item without its number."""
    assert outcomes(read_batch(b'{"visitor": "v1", "ping": {}, "n": %s}' % (b"9" * 5000))) == ["bad_item"]
    assert only(b'{"visitor": "v1", "set": {"a": %s}}' % (b"9" * 5000)).content != SetFields({"a": None})


@pytest.mark.parametrize("levels", [50, 150, 250, 5_000, 100_000])
def test_what_is_nested_deeply_outside_the_items_costs_at_most_the_body(levels: int) -> None:
    try:
        batch = read_batch(b'{"visitor": "v1", "items": [{"ping": {}}], "more": %s}' % nested(levels))
    except BadBody:
        return
    assert outcomes(batch) == [Item(Ping())]


# Laws

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)
times = st.floats(-1e14, 1e14)
near_items = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(-1, 2**54) | json_values,
        "id": st.text(max_size=3) | json_values,
        "track_event": st.fixed_dictionaries(
            {"event_name": st.text(max_size=5) | json_values, "event_uuid": st.just(UUID) | json_values},
            optional={"event_data": json_values, "event_timestamp": times | json_values},
        ),
        "visit": st.dictionaries(st.text(max_size=5), json_values, max_size=3) | json_values,
        "set": st.dictionaries(st.text(max_size=5), json_values, max_size=3) | json_values,
        "identify": st.fixed_dictionaries({"ent_user_id": st.text(max_size=3) | json_values}) | json_values,
        "receipt": st.fixed_dictionaries({"message": st.text(max_size=3), "status": st.just("shown")}) | json_values,
        "ping": st.just({}) | json_values,
    },
)
near_bodies = st.fixed_dictionaries(
    {"visitor": st.text(min_size=1, max_size=3) | json_values},
    optional={
        "client": st.text(max_size=3) | json_values,
        "sent_at": times | json_values,
        "items": st.lists(near_items | json_values, max_size=4) | json_values,
        "more": json_values,
        "ping": st.just({}),
    },
)


def read_all(raw: bytes) -> list[Item | str]:
    """Reads a body and all its items; anything but BadBody and BadItem is a failure."""
    try:
        batch = read_batch(raw)
    except BadBody as bad:
        return [str(bad)]
    assert list(batch.receipts()) is not None
    found = outcomes(batch)
    from_the_log = read_batch(batch.body)
    assert (from_the_log.visitor, from_the_log.client, from_the_log.sent_at, len(from_the_log.items)) == (
        batch.visitor,
        batch.client,
        batch.sent_at,
        len(batch.items),
    )
    return found


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    read_all(raw)


@settings(deadline=None)
@given(json_values.map(json.dumps))
def test_any_json_is_read_or_refused(raw: str) -> None:
    read_all(raw.encode())


@settings(deadline=None)
@given(near_bodies.map(json.dumps))
def test_any_body_that_looks_like_one_is_read_or_refused(raw: str) -> None:
    read_all(raw.encode())


@settings(deadline=None)
@given(near_bodies.map(json.dumps), st.integers(0, 400), st.binary(max_size=3))
def test_a_body_that_was_damaged_on_the_way_is_read_or_refused(raw: str, place: int, damage: bytes) -> None:
    damaged = bytearray(raw.encode())
    damaged[place : place + len(damage)] = damage
    read_all(bytes(damaged))


@settings(deadline=None)
@given(near_bodies)
@example({"visitor": "v1", "items": [{"set": {"a": "\ud83d"}}, {"track_event": {**CLICK, "event_data": "\ud83d"}}]})
def test_the_log_gives_the_items_that_were_taken_at_the_door(document: dict[str, Any]) -> None:
    """What ingest accepted is what the processor folds, also where the body had to be mended."""
    try:
        batch = read_batch(json.dumps(document).encode())
    except BadBody:
        return
    at_the_door = outcomes(batch)
    in_the_log = outcomes(read_batch(batch.body))
    for one, other in zip(at_the_door, in_the_log, strict=True):
        assert isinstance(one, str) or repr(one) == repr(other)


@settings(deadline=None)
@given(st.lists(near_items, max_size=5), near_items)
def test_an_item_is_read_alike_in_any_company(neighbours: list[Any], item: dict[str, Any]) -> None:
    try:
        alone = outcomes(read_batch(body(item)))
        among = outcomes(read_batch(body(item, *neighbours)))
    except BadBody:
        return
    assert among[:1] == alone or repr(among[:1]) == repr(alone)


# What plainly fits

odd_identifiers = st.sampled_from(["v1", "a" * 128, "a" * 129, "", "é", "\ud800", 1, None, True])
odd_numbers = st.sampled_from([0, 1, 2**53 - 1, 2**53, -1, 1.0, 1.5, True, "1", None])
odd_times = st.sampled_from([None, 1_767_225_590, 1_767_225_590.5, 1e300, "yesterday", True])
odd_tracked = st.fixed_dictionaries(
    {},
    optional={
        "event_name": st.sampled_from(["webclick", "клик", "\ud800", "", 1, None]),
        "event_uuid": st.sampled_from([UUID, f" {UUID.upper()} ", "é", 1, None]),
        "event_data": st.sampled_from([None, 1, {"a": [1, None]}, "x", float("inf")]),
        "event_timestamp": odd_times,
        "more": st.just(1),
    },
)
odd_documents: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "n": odd_numbers,
        "id": odd_identifiers,
        "track_event": st.one_of(odd_tracked, odd_tracked, odd_tracked, st.sampled_from([None, [], "x"])),
        "visit": st.sampled_from([None, {}]),
        "more": st.just(1),
    },
)
odd_envelopes = st.fixed_dictionaries(
    {},
    optional={
        "visitor": odd_identifiers,
        "client": odd_identifiers,
        "sent_at": odd_times,
        "items": st.lists(odd_documents),
    },
)


def all_that_is_read(envelope: dict[str, Any]) -> object:
    """All that is read of a body, or why it is none."""
    try:
        batch = read_batch(json.dumps(envelope).encode())
    except BadBody as bad:
        return str(bad)
    found: list[object] = []
    for index in range(len(batch.items)):
        try:
            found.append(batch.item(index, RECEIVED))
        except BadItem as bad:
            found.append((bad.code, bad.detail))
    return batch.visitor, batch.client, batch.sent_at, found


@settings(max_examples=400)
@given(odd_envelopes)
def test_what_plainly_fits_is_read_as_the_validators_read_it(envelope: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_is_plain", lambda value: False)
        patch.setattr(reading, "_plain_event", lambda document: None)
        wanted = all_that_is_read(envelope)
    assert all_that_is_read(envelope) == wanted
