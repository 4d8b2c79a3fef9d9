"""What is checked of flows: triggers, ranges, places, and the contents of messages."""

import pytest

from tests.grammar.support import EVENT, codes, diagnostics, flow

MAIL = 'send email:\n    subject "s"\n    text "t"\n    '


def on(triggers: str, body: str = "stop", before: str = EVENT) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{before}flow f:\n    on {triggers}\n{lines}"


# Triggers


@pytest.mark.parametrize("segment", ["online", "new", "active", "mine"])
@pytest.mark.parametrize("word", ["enter", "leave"])
def test_segments_are_known_to_triggers(word: str, segment: str) -> None:
    assert codes(on(f"{word} {segment}", before="segment mine:\n    true\n")) == []


@pytest.mark.parametrize("word", ["enter", "leave"])
def test_an_unknown_segment_of_a_trigger_is_suggested_a_near_one(word: str) -> None:
    (found,) = diagnostics(on(f"{word} activ"))
    assert (found.code, found.help) == ("E203", "did you mean `active`?")


@pytest.mark.parametrize("word", ["enter", "leave", "change"])
def test_a_trigger_without_its_name_is_told_what_it_lacks(word: str) -> None:
    (found,) = diagnostics(on(word))
    assert found.code == "E202"
    assert f"`on {word} " in (found.help or "")


@pytest.mark.parametrize(
    "name", ["mine", "user_city", "ent_user_id", "last_seen_time", "user_web_sessions", "page_url"]
)
def test_a_change_watches_fields_and_stored_variables(name: str) -> None:
    assert codes(on(f"change {name}", before="field mine int\n")) == []


@pytest.mark.parametrize(
    ("name", "code", "advice"),
    [
        ("is_online", "E418", "`when`"),
        ("is_anonymous_user", "E418", "`on identify`"),
        ("event_count_1", "E418", "`on webclick`"),
        ("event_last_data_7", "E418", "`on webclick`"),
        ("track_event_seq", "E418", "`user_city`"),
        ("run_time", "E418", "`user_city`"),
        ("now", "E418", "`user_city`"),
        ("visitor_id", "E418", "`user_city`"),
        ("user_ciyt", "E201", "`user_city`"),
        ("is_assigned_user", "E210", "leave"),
    ],
)
def test_a_change_watches_nothing_that_is_not_stored(name: str, code: str, advice: str) -> None:
    (found,) = diagnostics(on(f"change {name}"))
    assert found.code == code
    assert advice in (found.help or "")


def test_what_an_unreadable_declaration_may_declare_is_not_unknown() -> None:
    assert codes(on("enter s, change x, leave s", before="segment s\nfield x txt\n")) == ["E121", "E138"]


# Places

EVERYWHERE = [
    "when {}",
    "exit when {}",
    "goal {} within 3d",
    "if {}:\n    stop",
    f"{MAIL}to text({{}})",
    "set user_city = text({})",
]
WEBHOOK = 'send webhook "https://example.com/" with {}'


@pytest.mark.parametrize("line", [*EVERYWHERE, WEBHOOK, "wait until {} for 3d"])
@pytest.mark.parametrize(
    ("triggers", "found"),
    [
        ("webclick", []),
        ("event 1, any event", []),
        ("webclick, visit", ["E414"]),
        ("identify", ["E414"]),
        ("enter active", ["E414"]),
        ("change user_city", ["E414"]),
    ],
)
def test_the_variables_of_the_event_are_there_when_only_events_start(
    line: str, triggers: str, found: list[str]
) -> None:
    assert codes(on(triggers, f"{line.format('track_event_seq')}\nstop")) == found


def test_a_flow_that_time_starts_has_no_event() -> None:
    assert codes("flow f:\n    when user_email\n    set user_city = track_event_name\n") == ["E414"]
    assert codes("flow f:\n    when track_event_count > 1\n    stop\n") == ["E414"]


@pytest.mark.parametrize("name", ["run_time", "step_time"])
@pytest.mark.parametrize("line", [*EVERYWHERE[1:], WEBHOOK, "wait until {} for 3d", 'send web "{{{{ {} }}}}"'])
def test_the_times_of_the_run_are_there_once_it_runs(line: str, name: str) -> None:
    assert codes(on("visit", f"{line.format(name)}\nstop")) == []
    assert codes(on("visit", f"when {name}\nstop")) == ["E415"]
    assert codes(f"segment s:\n    {name}\n") == ["E415"]


# Ranges


@pytest.mark.parametrize(
    ("duration", "found"), [("0s", ["E419"]), ("1s", []), ("365d", []), ("365d1s", ["E419"]), ("36500d", ["E419"])]
)
@pytest.mark.parametrize("step", ["wait {}", "wait until user_email for {}"])
def test_a_wait_is_from_a_second_to_a_year(step: str, duration: str, found: list[str]) -> None:
    assert codes(flow(step.format(duration))) == found


@pytest.mark.parametrize(("duration", "found"), [("0s", ["E420"]), ("1s", []), ("36500d", [])])
def test_a_goal_has_some_time(duration: str, found: list[str]) -> None:
    assert codes(flow(f"goal user_email within {duration}\nstop")) == found


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        ("limit 0", ["E408"]),
        ("limit 1", []),
        ("limit 999999999999999999", []),
        ("limit 0 per 1d", ["E408"]),
        ("limit 100 per 1d", []),
        ("limit 101 per 1d", ["E408"]),
        ("limit 1 per 0d", ["E409"]),
    ],
)
def test_a_limit_counts_to_a_hundred_in_a_window(limit: str, found: list[str]) -> None:
    assert codes(flow(f"{limit}\nstop")) == found


@pytest.mark.parametrize(
    ("percents", "found"),
    [
        ([100], []),
        ([1, 99], []),
        ([0], ["E421"]),
        ([101], ["E421"]),
        ([50, 51], ["E422"]),
        ([50, 50, 1, 1], ["E422"]),
        ([0, 100, 300], ["E421", "E421"]),
    ],
)
def test_the_percents_of_a_split_come_to_100_at_most(percents: list[int], found: list[str]) -> None:
    arms = "".join(f"\n    {percent}%:\n        stop" for percent in percents)
    assert codes(flow(f"split:{arms}")) == found


def test_an_arm_that_cannot_be_read_counts_for_nothing() -> None:
    assert codes(flow("split:\n    100%:\n        stop\n    1% b:\n        stop")) == ["E120"]


def test_the_names_of_arms_are_their_splits_own() -> None:
    arms = 'split:\n    5% "a":\n        stop\n    5% "b":\n        stop'
    assert codes(flow(f"{arms}\n{arms}")) == []
    assert codes(flow(arms.replace("b", "a"))) == ["E423"]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ('"22:00-06:00"', []),
        ('"00:00-24:00" "fri-mon"', []),
        ('"08:00-08:00"', ["E163"]),
        ('"8:00-9:00"', ["E163"]),
        ('"08:00-22:00" "monday"', ["E164"]),
        ('"08:00-22:00" "Mon-Fri"', ["E164"]),
        ('"08:00-22:00" "asia/shanghai"', ["E162"]),
        ('"08:00-22:00" "Asia/Shangai"', ["E162"]),
        ('"08:00-22:00" "mon" "mon"', ["E162"]),
        ('"08:00-22:00" "UTC" "UTC"', ["E164"]),
        ('"08:00-22:00" ""', ["E164"]),
        ('"8" "x" "y"', ["E163", "E164", "E162"]),
    ],
)
def test_the_texts_of_hours_are_checked(texts: str, found: list[str]) -> None:
    assert codes(flow(f"hours {texts}\nstop")) == found


@pytest.mark.parametrize("clause", ["exit when true", "goal true within 3d", 'hours "08:00-22:00"'])
def test_each_clause_stands_once_and_before_the_first_step(clause: str) -> None:
    assert codes(flow(f"{clause}\n{clause}\nstop")) == ["E402"]
    assert codes(flow(f"stop\n{clause}")) == ["E403"]
    for header in ("wait until true for 1d:", "wait until true for 1d\ntimeout:", "if true:\n    stop\nelse:"):
        assert codes(flow(f"{header}\n    {clause}\n    stop")) == ["E404"]
    assert codes(flow(f"split:\n    5%:\n        {clause}\n        stop")) == ["E404"]


# Messages


@pytest.mark.parametrize("part", ['subject "s"', 'text "t"', 'html "h"', "to user_email"])
def test_each_part_of_an_email_stands_once(part: str) -> None:
    extra = "" if part[0] in "st" and part != "to user_email" else f"\n    {part}"
    assert codes(flow(f"{MAIL}{part}{extra}")) == ["E412"]


def test_an_email_has_a_subject_and_a_text() -> None:
    assert codes(flow('send email:\n    subject "s"')) == ["E413"]
    assert codes(flow('send email:\n    text "s"')) == ["E413"]
    (found,) = diagnostics(flow('send email:\n    html "h"'))
    assert "no `subject` and no `text`" in found.message


@pytest.mark.parametrize("part", ["subject", "text", "html"])
def test_the_templates_of_an_email_are_checked(part: str) -> None:
    parts = {"subject": "s", "text": "t", "html": "h", part: "{{ nope }}"}
    assert codes(flow("send email:" + "".join(f'\n    {word} "{text}"' for word, text in parts.items()))) == ["E201"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://localhost:8080/hook?a=b#c",
        "HTTPS://EXAMPLE.COM/",
        "https://user:secret@example.com/",
        "https://[::1]:1/",
        "https://例え.jp/道",
        "https://example.com/{id}",
    ],
)
def test_a_webhook_goes_to_any_http_url(url: str) -> None:
    assert codes(flow(f'send webhook "{url}"')) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hook",
        "example.com",
        "ftp://example.com",
        "https:example.com",
        "https://",
        "https:///hook",
        "https://:80/",
        "https://[::1/",
        "https://a b/",
        " https://example.com",
        "https://example.com/\\n",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://example.com/{{ user_city }}",
        "{{ user_city }}",
        "javascript:alert(1)",
    ],
)
def test_a_webhook_goes_nowhere_else(url: str) -> None:
    assert codes(flow(f'send webhook "{url}"')) == ["E424"]


def test_a_webhook_names_known_variables_each_once() -> None:
    webhook = 'send webhook "https://example.com/" with '
    assert codes(flow(f"{webhook}nope, user_city, user_city, event_count_9")) == ["E201", "E425", "E205"]
