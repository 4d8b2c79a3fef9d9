"""The catalogue: which event an item means, and who may write what."""

from collections.abc import Iterator

import pytest

from grammar.names import STANDARD_VARIABLES, Writer
from grammar.program import read_files
from variables.catalogue import EMPTY, Catalogue, Fields, event_keys
from variables.items import BadItem, Identify, SetFields, Visit
from variables.values import Value

UUID = "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
PROGRAM = f"""
event 1 webclick "{UUID}" "clicks on the page"
event 3 "Order Completed" "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
field shoe_size float
field visits int
field nick text "what friends say"
field vip bool
field since datetime
"""
USER_TEXTS = (
    "user_fullname",
    "user_email",
    "user_mobile",
    "user_language",
    "user_country",
    "user_city",
    "user_channel",
)
"""`user_web_sessions` is the one name of that kind that is counted, not written."""
VISIT_TEXTS = (
    "user_language",
    "user_country",
    "user_city",
    "browser_name",
    "browser_language",
    "os_name",
    "device_type",
    "user_channel",
    "page_url",
    "page_title",
    "landing_page",
    "referrer",
)
COMPUTED = ("user_web_sessions", "first_seen_time", "last_seen_time", "event_count_1", "event_last_time_1")
DERIVED = ("is_online", "is_anonymous_user")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    checked = read_files([("t.flow", PROGRAM)])
    assert checked.ok, checked.diagnostics
    return Catalogue.of(checked.script)


def writes(catalogue: Catalogue, content: Fields, *, from_server: bool = False) -> dict[bytes, bytes | None]:
    return catalogue.writes(content, from_server=from_server)


def refusal(catalogue: Catalogue, content: Fields, *, from_server: bool = False) -> BadItem:
    with pytest.raises(BadItem) as caught:
        catalogue.writes(content, from_server=from_server)
    return caught.value


# Events


def test_an_event_is_known_by_its_name_and_its_uuid(catalogue: Catalogue) -> None:
    assert catalogue.event("webclick", UUID).seq == 1
    assert catalogue.event("Order Completed", "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11").seq == 3


@pytest.mark.parametrize(
    ("name", "uuid", "says"),
    [
        ("webclik", UUID, 'did you mean "webclick"'),
        ("webclick", "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11", "another UUID"),
        ("webclick", "", "another UUID"),
        ("Webclick", UUID, "no event field"),
        ("", UUID, "no event field"),
    ],
)
def test_a_wrong_name_or_uuid_is_refused_and_says_which(catalogue: Catalogue, name: str, uuid: str, says: str) -> None:
    with pytest.raises(BadItem, match=says) as caught:
        catalogue.event(name, uuid)
    assert caught.value.code == "unknown_event"


def test_an_events_variables_have_the_documented_names(catalogue: Catalogue) -> None:
    names = {f"event_{what}_{seq}" for what in ("count", "first_time", "last_time", "last_data") for seq in (1, 3)}
    assert names <= set(catalogue.variables)
    assert event_keys(1)[:4] == (b"event_count_1", b"event_first_time_1", b"event_last_time_1", b"event_last_data_1")


def test_what_was_never_set_is_null_and_a_count_is_0(catalogue: Catalogue) -> None:
    found = {name: variable.read({}) for name, variable in catalogue.variables.items()}
    assert {name: value for name, value in found.items() if value is not None} == {
        "event_count_1": 0,
        "event_count_3": 0,
        "user_web_sessions": 0,
    }


def test_an_app_without_a_program_has_the_standard_variables_alone() -> None:
    assert not EMPTY.events
    assert set(EMPTY.variables) == {name for name, known in STANDARD_VARIABLES.items() if not known.derived}


# Who may write what


def cases() -> Iterator[tuple[str, Value, bool, bool, bool]]:
    """A name, a value of its kind, and whether a page, a server and a visit of a page may write it."""
    for name, value in {"shoe_size": 43.5, "visits": 3, "nick": "Bo", "vip": True, "since": "2026-01-01"}.items():
        yield name, value, True, True, True
    for name in {*USER_TEXTS, *VISIT_TEXTS}:
        yield name, "x", name in USER_TEXTS, name in USER_TEXTS, True
    yield "ent_user_createtime", 1_767_225_600, True, True, True
    yield "customer_user_type", "VIP", False, True, False
    yield "ent_user_id", "u-1", False, False, False
    for name in (*COMPUTED, "event_last_data_1", "event_first_time_1"):
        yield name, 5, False, False, False


@pytest.mark.parametrize(("name", "value", "page", "server", "visit"), sorted(cases(), key=str))
def test_who_may_write_a_variable(
    catalogue: Catalogue, name: str, value: Value, page: bool, server: bool, visit: bool
) -> None:
    items: list[tuple[Fields, bool, bool]] = [
        (SetFields({name: value}), False, page),
        (SetFields({name: value}), True, server),
        (Visit({name: value}), False, visit),
        (Identify({"ent_user_id": "u-1", name: value}), False, page or name == "ent_user_id"),
        (Identify({"ent_user_id": "u-1", name: value}), True, server or name == "ent_user_id"),
    ]
    for content, from_server, allowed in items:
        if allowed:
            assert name.encode() in writes(catalogue, content, from_server=from_server)
        else:
            assert refusal(catalogue, content, from_server=from_server).code == "not_writable"


def test_flows_may_write_what_a_server_may(catalogue: Catalogue) -> None:
    for variable in catalogue.variables.values():
        assert (Writer.FLOW in variable.writers) == (Writer.SERVER in variable.writers), variable.name


@pytest.mark.parametrize("name", [*DERIVED, "now", "visitor_id", "run_time", ".v", ".c", "nik", "event_count_9"])
def test_what_is_no_stored_variable_is_unknown(catalogue: Catalogue, name: str) -> None:
    bad = refusal(catalogue, SetFields({name: True}), from_server=True)
    assert bad.code == "unknown_field"


def test_an_unknown_name_suggests_the_nearest(catalogue: Catalogue) -> None:
    assert 'did you mean "nick"' in refusal(catalogue, SetFields({"nik": "x"})).detail


# Kinds


@pytest.mark.parametrize(
    ("name", "value", "raw"),
    [
        ("shoe_size", 43, b"43.0"),
        ("visits", 3.0, b"3"),
        ("nick", "小明", "小明".encode()),
        ("vip", False, b"false"),
        ("since", "2026-01-01T08:00:00+08:00", b"1767225600000"),
        ("since", 1_767_225_600, b"1767225600000"),
        ("nick", None, None),
        ("vip", None, None),
    ],
)
def test_a_value_that_fits_is_written_and_null_unsets(
    catalogue: Catalogue, name: str, value: Value, raw: bytes | None
) -> None:
    assert writes(catalogue, SetFields({name: value})) == {name.encode(): raw}


@pytest.mark.parametrize(
    ("name", "value"),
    [("shoe_size", "43"), ("visits", 3.5), ("visits", "3"), ("nick", 5), ("vip", 1), ("since", "soon"), ("nick", {})],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(catalogue: Catalogue, name: str, value: Value) -> None:
    bad = refusal(catalogue, SetFields({name: value}))
    assert bad.code == "bad_value"
    assert bad.detail.startswith(name)


def test_one_bad_value_refuses_its_item_whole(catalogue: Catalogue) -> None:
    assert refusal(catalogue, SetFields({"nick": "Bo", "visits": "3"})).code == "bad_value"
