"""Every form of trigger, clause and step becomes the node that it should."""

from datetime import timedelta

import pytest

from grammar.names import FUNCTIONS
from grammar.nodes import (
    Constant,
    Convert,
    Flow,
    Name,
    OnAnyEvent,
    OnChange,
    OnEnter,
    OnEvent,
    OnEventSeq,
    OnIdentify,
    OnLeave,
    OnVisit,
    SendEmail,
    SendWebhook,
    Split,
    Step,
    Stop,
    Wait,
    WaitUntil,
)
from grammar.syntax.table import grammar
from tests.grammar.support import EVENT, UUID, codes, expression, flow, script, steps


def the_flow(clauses: str, before: str = EVENT) -> Flow:
    lines = "".join(f"    {line}\n" for line in clauses.splitlines())
    return script(f"{before}flow f:\n{lines}    stop\n").flows[0]


def step(body: str) -> Step:
    (found,) = steps(body)
    return found


# Triggers


def test_all_triggers_are_read_in_one_list() -> None:
    before = f"{EVENT}segment heavy:\n    event_count_1 > 5\n"
    triggers = the_flow(
        "on webclick, event 1, any event, visit, identify, enter heavy, leave active, change user_city", before
    ).triggers
    kinds = [type(trigger) for trigger in triggers]
    assert kinds == [OnEvent, OnEventSeq, OnAnyEvent, OnVisit, OnIdentify, OnEnter, OnLeave, OnChange]
    entered, left, changed = triggers[5:]
    assert isinstance(entered, OnEnter)
    assert isinstance(left, OnLeave)
    assert isinstance(changed, OnChange)
    assert (entered.segment, left.segment, changed.variable) == ("heavy", "active", "user_city")


@pytest.mark.parametrize("word", ["visit", "identify"])
def test_a_visit_and_an_identify_are_the_items_whatever_events_there_are(word: str) -> None:
    before = f'event 1 {word} "{UUID}"\n'
    (by_word,) = the_flow(f"on {word}", before).triggers
    assert isinstance(by_word, OnVisit | OnIdentify)
    (by_number,) = the_flow("on event 1", before).triggers
    assert by_number == OnEventSeq(by_number.span, 1)


@pytest.mark.parametrize("word", ["enter", "leave", "change", "any", "event"])
def test_the_words_of_triggers_may_be_events_and_segments(word: str) -> None:
    before = f'event 1 {word} "{UUID}"\nsegment {word}:\n    event_count_1 > 5\n'
    triggers = the_flow(f"on {word}, enter {word}, leave {word}", before).triggers
    assert [type(trigger) for trigger in triggers] == [OnEvent, OnEnter, OnLeave]
    assert triggers[0] == OnEvent(triggers[0].span, word)


# Words

WORDS = sorted(
    word
    for word in grammar().terminals
    if word.isalpha() and word not in {"if", "elif", "else", "and", "or", "not", "in", "is", "for"}
)


@pytest.mark.parametrize("word", [word for word in WORDS if word not in FUNCTIONS])
def test_the_words_of_clauses_and_steps_may_be_names_everywhere(word: str) -> None:
    on = "event 1" if word in ("visit", "identify") else word
    script(f"""
event 1 {word} "{UUID}"
field {word} int
segment {word}:
    {word} > 1 or {word} == {word} and [{word}, -{word}][0] == {word}
flow {word} "{word}":
    on {on}, enter {word}, change {word}
    when {word} and ({word}) and in_segment("{word}")
    exit when {word}
    goal {word} within 3d
    set {word} = {word} if {word} else {word}
    wait until {word} for 30m:
        set {word} = event_last_data_1.{word}
    timeout:
        stop
    wait until {word} > 1 for 1h
    send webhook "https://example.com/" with {word}, user_city
    send email:
        to text({word})
        subject "{{{{ {word} }}}}"
        text "x"
    if {word}:
        stop
    elif {word}:
        stop
""")


# Clauses


@pytest.mark.parametrize(
    ("texts", "days", "zone"),
    [
        ('"08:00-22:00"', None, None),
        ('"08:00-22:00" "mon-fri"', "mon-fri", None),
        ('"08:00-22:00" "Asia/Shanghai"', None, "Asia/Shanghai"),
        ('"08:00-22:00" "UTC"', None, "UTC"),
        ('"08:00-22:00" "mon,sat" "UTC"', "mon,sat", "UTC"),
    ],
)
def test_hours_may_leave_out_the_days_or_the_zone_or_both(texts: str, days: str | None, zone: str | None) -> None:
    hours = the_flow(f"on webclick\nhours {texts}").hours
    assert hours is not None
    given = [constant.value if isinstance(constant, Constant) else None for constant in (hours.days, hours.zone)]
    assert (hours.window.value, given) == ("08:00-22:00", [days, zone])


def test_exit_and_goal_are_conditions_of_the_flow() -> None:
    found = the_flow("goal event_count_1 > 5 within 1h30m\nexit when user_email is None\non webclick")
    assert found.exit == expression("user_email is None")
    assert found.goal is not None
    assert found.goal.condition == expression("event_count_1 > 5")
    assert found.goal.within == timedelta(minutes=90)


def test_a_when_without_on_starts_the_flow_itself() -> None:
    assert the_flow("when event_count_1 > 5").is_edge_triggered
    assert not the_flow("when event_count_1 > 5\non webclick").is_edge_triggered


# Messages


def test_an_email_has_its_parts_in_any_order() -> None:
    found = step('send email:\n    to "a@example.com"\n    html "<p>"\n    text "t"\n    subject "s {{ user_city }}"')
    assert isinstance(found, SendEmail)
    assert [part and part.parts for part in (found.subject, found.text, found.html)] == [
        ("s ", Name(found.span, "user_city")),
        ("t",),
        ("<p>",),
    ]
    assert found.to == expression('"a@example.com"')


def test_an_email_goes_to_the_visitor_by_default() -> None:
    found = step('send email:\n    subject "s"\n    text "t"')
    assert isinstance(found, SendEmail)
    assert (found.html, found.to) == (None, None)


@pytest.mark.parametrize("to", ["None", "user_email", "track_event_data.email", "user_email if run_time else None"])
def test_an_email_may_be_addressed_by_any_text(to: str) -> None:
    assert codes(flow(f'send email:\n    subject "s"\n    text "t"\n    to {to}')) == []


def test_a_webhook_carries_the_named_variables() -> None:
    found = step('send webhook "https://example.com/" with user_city, event_count_1')
    assert isinstance(found, SendWebhook)
    assert found.url == "https://example.com/"
    assert [variable.id for variable in found.variables] == ["user_city", "event_count_1"]
    assert step('send webhook "https://example.com/"') == SendWebhook(found.span, found.url, (), found.span)


# Waits and splits


def test_a_wait_is_a_duration() -> None:
    assert step("wait 1h30m") == Wait(step("stop").span, timedelta(minutes=90))


@pytest.mark.parametrize(
    ("colon", "block", "timeout"),
    [("", False, False), (":", True, False), (":", True, True), ("", False, True)],
)
def test_a_wait_until_may_have_steps_and_steps_for_the_timeout(colon: str, block: bool, timeout: bool) -> None:
    body = f"wait until user_email for 30m{colon}"
    body += "\n    stop" if block else ""
    body += '\ntimeout:\n    convert "x"' if timeout else ""
    found, after = steps(f"{body}\nwait 1s")
    assert isinstance(found, WaitUntil)
    assert isinstance(after, Wait)
    assert (found.condition, found.at_most) == (expression("user_email"), timedelta(minutes=30))
    assert [type(inner) for inner in found.steps] == ([Stop] if block else [])
    assert [type(inner) for inner in found.timeout] == ([Convert] if timeout else [])


def test_a_timeout_belongs_to_the_wait_of_its_own_block() -> None:
    body = (
        "wait until user_email for 2h:\n    wait until user_city for 1h\n    timeout:\n        stop\ntimeout:\n    stop"
    )
    outer = step(body)
    assert isinstance(outer, WaitUntil)
    (inner,) = outer.steps
    assert isinstance(inner, WaitUntil)
    assert (len(inner.timeout), len(outer.timeout)) == (1, 1)


def test_a_split_has_arms_with_percents_and_perhaps_names() -> None:
    found = step('split:\n    50%:\n        stop\n    25 % "b":\n        convert "x"\n        stop')
    assert isinstance(found, Split)
    assert [(share.percent, share.name, len(share.steps)) for share in found.shares] == [(50, None, 1), (25, "b", 2)]


def test_spans_end_with_the_last_line_of_a_step() -> None:
    body = 'wait until user_email for 30m\ntimeout:\n    split:\n        50%:\n            convert "x"'
    text = flow(body)
    found = script(text).flows[0].steps[0]
    assert text[found.span.start : found.span.end].endswith('convert "x"')
