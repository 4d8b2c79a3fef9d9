"""What lint says of conditions and of flows, and what it does not say."""

import time
from pathlib import Path

import pytest

from grammar import wording
from grammar.diagnostics import Diagnostics
from grammar.lint import lint
from grammar.source import Source
from grammar.syntax.parser import parse
from tests.grammar.support import EVENT, diagnostics, flow, warnings

EVENTS = EVENT + 'event 2 checkout "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"\n'
FIELDS = "field points int\nfield weight float\nfield vip bool\nfield nick text\nfield since datetime\n"
ROOT = Path(__file__).parents[3]


def of_condition(condition: str) -> list[tuple[str, str]]:
    return warnings(f"{EVENTS}{FIELDS}segment s:\n    {condition}\n")


ALWAYS_FALSE = [
    "event_count_1 < 0",
    "event_count_1 > 5 and event_count_1 < 3",
    "event_count_1 > 5 and event_count_1 < 6",
    "event_count_1 == 2.5",
    "event_count_1 in []",
    "5 < event_count_1 < 3",
    'nick == "a" and nick == "b"',
    'customer_user_type == "VIP" and customer_user_type == "vip"',
    "nick and nick is None",
    "now - event_last_time_1 < 7d and now - event_last_time_1 > 30d",
    "event_last_time_1 > now - 7d and event_last_time_1 < now - 30d",
    "event_last_time_1 > now",
    "now - event_first_time_1 < 1d and now - event_last_time_1 > 2d",
    "event_count_1 == 0 and event_last_time_1 is not None",
    "event_count_1 == 0 and now - event_last_time_1 > 7d",
    'event_count_1 == 0 and event_last_data_1.page == "/"',
    "is_anonymous_user and ent_user_id is not None",
    'in_segment("online") and not in_segment("online")',
    "is_online and now - last_seen_time > 5m",
    "startswith(nick, 'a') and not startswith(nick, 'a')",
    "points < weight and points > weight",
    "event_count_1 != event_count_1",
    "points * 2 + 1 == 4",
    "vip == 2",
    "points > 9007199254740991",
    "hour(now) > 23",
    "user_web_sessions < 0",
    "len(nick) < 0",
    "event_last_data_1.x > 5 and event_last_data_1.x == 'a'",
    "event_last_time_1 < event_first_time_1",
    "event_first_time_1 > event_last_time_1",
    'since > datetime("2026-02-01") and since < datetime("2026-01-01")',
    'datetime("2026-02-01") < now < datetime("2026-01-01T10:00")',
    'since == datetime("2026-01-01") and since is None',
    'datetime("2026-01-01") > datetime("2026-02-01")',
    'lower(user_country) == "CN"',
    'upper(user_country) in ["cn", "Us"]',
    'strip(nick) == "a "',
    'nick < ""',
    'nick and nick <= ""',
    'event_last_data_1.x < ""',
    "abs(points) < 0",
]
ALWAYS_TRUE = [
    "event_count_1 >= 0",
    'nick != "a" or nick != "b"',
    "points <= 5 or not points <= 5",
    "points is None or points > 2 or points < 3",
    "hour(now) >= 9 or hour(now) < 18",
    "event_count_1 not in [-1, 2.5]",
    "event_count_1 <= 5 or not event_count_1 < 3",
    "event_count_1 > 2 or event_count_1 < 3",
    'now > datetime("2026-02-01") or now < datetime("2026-03-01")',
    'lower(nick) != "A"',
    'nick >= "" or nick is None',
]
SOMETIMES = [
    "points > 5 or points <= 5",
    "points == 1 and points == True",
    "since > now",
    "now - since < 0s",
    "weight > 2 and weight < 3",
    "weight + 1 > weight",
    "event_last_time_1 <= now",
    "event_count_1 > 0 and event_last_data_1 is None",
    "now - event_first_time_1 > 2d and now - event_last_time_1 < 1d",
    "since + 1d > now or since + 1d <= now",
    "since - 36500d == nick",
    "points + 1 is None",
    "last_seen_time > now",
    'nick > "a" and nick < "b"',
    "hour(since) >= 9 or hour(since) < 18",
    "points or not points is None",
    "event_last_time_1 == event_first_time_1",
    "event_last_time_1 < event_first_time_2",
    'since > datetime("2026-01-01") and since < datetime("2026-02-01")',
    'since > datetime("2026-01-01T12:00Z") and since < datetime("2026-01-01T10:00")',
    'since > datetime("2026-01-01", "Asia/Shanghai") and since < datetime("2025-12-31T20:00")',
    'since > datetime("2026-02-01") or since < datetime("2026-03-01")',
    'since > datetime("2026-03-08T03:00") and since < datetime("2026-03-08T02:30")',  # in New York 2:30 is skipped
    'datetime("2026-03-08T02:30") == datetime("2026-03-08T03:30")',
    'since == datetime("2011-12-30") and since == datetime("2011-12-31")',  # in Apia the 30th is skipped
    'event_last_data_1 != datetime("2026-01-01")',
    'lower(user_country) == "cn"',
    'upper(user_country) in ["cn", "US"]',
    'strip(nick) == ""',
]


@pytest.mark.parametrize("condition", ALWAYS_FALSE)
def test_what_is_always_false_is_told(condition: str) -> None:
    assert [code for code, _ in of_condition(condition)] == ["W502"]


@pytest.mark.parametrize("condition", ALWAYS_TRUE)
def test_what_is_always_true_is_told(condition: str) -> None:
    assert [code for code, _ in of_condition(condition)] == ["W501"]


@pytest.mark.parametrize("condition", SOMETIMES)
def test_nothing_is_told_of_what_may_be_either(condition: str) -> None:
    assert of_condition(condition) == []


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ("event_count_1 < 0 and nick", "event_count_1 < 0"),
        ("nick or (vip and not event_count_1 >= 0)", "event_count_1 >= 0"),
        ("nick and (points > 5 and points < 3)", "(points > 5 and points < 3)"),
        ("nick or True", "True"),
        ("(1 if points > 5 and points < 3 else 2) > points", "points > 5 and points < 3"),
    ],
)
def test_the_smallest_part_that_is_constant_is_told_of_alone(condition: str, part: str) -> None:
    assert [found for _, found in of_condition(condition)] == [part]


def test_a_segment_counts_as_its_condition() -> None:
    text = f"{EVENTS}segment b:\n    in_segment('a') and event_count_1 < 3\nsegment a:\n    event_count_1 > 5\n"
    assert warnings(text) == [("W502", "in_segment('a') and event_count_1 < 3")]


# Flows ----------------------------------------------------------------------------------------------------------------


def of_flow(body: str, start: str = "on webclick", before: str = EVENTS + FIELDS) -> list[tuple[str, str]]:
    """What is said of a flow: the codes, and the first lines of the stretches."""
    lines = "".join(f"    {line}\n" for line in [start, *body.splitlines()])
    return [(code, part.splitlines()[0]) for code, part in warnings(f"{before}flow f:\n{lines}")]


def test_what_follows_a_stop_is_never_reached_and_told_once() -> None:
    assert of_flow('stop\nsend web "a"\nsend web "b"') == [("W503", 'send web "a"')]


@pytest.mark.parametrize(
    "block",
    [
        "if nick:\n    stop\nelse:\n    stop",
        "split:\n    50%:\n        stop\n    50%:\n        stop",
        "wait until nick for 1d:\n    stop\ntimeout:\n    stop",
        "if nick:\n    if vip:\n        stop\n    else:\n        stop\nelse:\n    stop",
        "if event_count_2 > 5:\n    stop\nelif event_count_2 <= 5:\n    stop",
    ],
)
def test_what_follows_a_block_whose_ways_all_stop_is_never_reached(block: str) -> None:
    assert of_flow(f'{block}\nsend web "a"') == [("W503", 'send web "a"')]


@pytest.mark.parametrize(
    "block",
    [
        "if nick:\n    stop",
        "split:\n    50%:\n        stop\n    49%:\n        stop",
        "wait until nick for 1d:\n    stop",
        "if points > 5:\n    stop\nelif points <= 5:\n    stop",
    ],
)
def test_who_takes_none_of_the_ways_goes_on(block: str) -> None:
    assert of_flow(f'{block}\nsend web "a"') == []


def test_an_arm_that_earlier_ones_leave_nothing_for_is_dead() -> None:
    arms = "if points > 5:\n    stop\nelif points > 7:\n    stop\nelif points > 3:\n    stop"
    assert of_flow(arms) == [("W504", "points > 7")]


def test_an_else_below_arms_that_leave_nothing_over_is_dead() -> None:
    arms = "if event_count_1 > 5:\n    stop\nelif event_count_1 < 9:\n    set nick = 'a'\nelse:\n    stop"
    assert of_flow(arms) == [("W504", "stop")]


def test_an_arm_is_dead_where_the_start_excludes_it() -> None:
    arm = 'if event_count_2 > 0:\n    send web "a"'
    assert of_flow(arm, "on webclick\n    when event_count_2 == 0") == [("W504", "event_count_2 > 0")]
    assert of_flow("if event_count_1 == 0:\n    stop") == [("W504", "event_count_1 == 0")]


def test_what_is_known_is_forgotten_by_a_wait_and_by_what_is_written() -> None:
    start = "on webclick\n    when event_count_2 == 0 and nick is None"
    assert of_flow("wait 1s\nif event_count_2 > 0 or nick:\n    stop", start) == []
    assert of_flow("set nick = user_city\nif nick:\n    stop", start) == []
    assert of_flow('set points = 1\nif nick:\n    send web "a"', start) == [("W504", "nick")]


def test_an_earlier_flow_may_write_what_a_start_has_tested() -> None:
    writer = "flow g:\n    on webclick\n    set nick = user_city\n"
    arm, start = "if nick:\n    stop", "on webclick\n    when nick is None"
    assert of_flow(arm, start) == [("W504", "nick")]
    assert of_flow(arm, start, EVENTS + FIELDS + writer) == []
    assert of_flow("stop", "on webclick\n    when nick\n    exit when nick", EVENTS + FIELDS + writer) == []


def test_what_is_set_to_a_literal_is_known() -> None:
    assert of_flow('convert "VIP"\nif customer_user_type == "vip":\n    stop') == [
        ("W504", 'customer_user_type == "vip"')
    ]
    assert of_flow('set points = 1\nif points:\n    stop\nelse:\n    send web "a"') == [("W504", 'send web "a"')]


def test_hours_make_a_message_a_wait() -> None:
    start = "on webclick\n    when event_count_2 == 0"
    steps = 'send web "a"\nif event_count_2 > 0:\n    send web "b"'
    assert of_flow(steps, start) == [("W504", "event_count_2 > 0")]
    assert of_flow(steps, f'{start}\n    hours "08:00-22:00"') == []


@pytest.mark.parametrize(
    "start",
    [
        "on webclick\n    when event_count_1 == 0",
        "on event 1\n    when event_last_time_1 is None",
        "on identify\n    when is_anonymous_user",
        "on webclick, checkout\n    when event_count_1 == 0 and event_count_2 == 0",
        "on webclick\n    when points > 5\n    exit when points > 3",
        "when points > 5\n    exit when points > 3",
        "on webclick\n    exit when event_count_1 > 0",
    ],
)
def test_a_flow_that_can_never_start_is_told(start: str) -> None:
    assert [code for code, _ in of_flow("stop", start)] == ["W505"]


@pytest.mark.parametrize(
    "start",
    [
        "on webclick\n    when track_event_seq == 2",
        "on webclick, event 2\n    when track_event_seq not in [1, 2]",
        "on enter s\n    when event_count_1 < 3",
        "on enter s\n    exit when in_segment('s')",
        "on leave s\n    when in_segment('s')",
    ],
)
def test_what_happened_at_the_start_is_known(start: str) -> None:
    assert [code for code, _ in of_flow("stop", start, EVENTS + "segment s:\n    event_count_1 > 5\n")] == ["W505"]


def test_of_any_event_the_number_is_left_open() -> None:
    arms = "if track_event_seq == 1:\n    stop\nelif track_event_seq == 2:\n    stop\nelse:\n    set nick = 'a'"
    assert of_flow(arms, "on any event") == []
    assert of_flow(arms, "on webclick, checkout") == [("W504", "set nick = 'a'")]


@pytest.mark.parametrize(
    "start",
    [
        "on any event\n    when track_event_seq == 2",
        "on webclick, checkout\n    when track_event_seq == 2 or event_count_1 > 1",
        "on enter s\n    when points is None or event_count_1 < 9",
        "on leave s\n    when points == 1 and event_count_1 > 5",
        "on enter s, visit\n    when event_count_1 < 9",
    ],
)
def test_of_a_segment_only_what_no_flow_writes_is_certain_at_a_start(start: str) -> None:
    segment = "segment s:\n    event_count_1 > 5 and points == 1\n"
    assert of_flow("stop", start, EVENTS + FIELDS + segment) == []


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("when event_count_1 < 0", [("W502", "event_count_1 < 0")]),
        ("on webclick\n    exit when event_count_1 >= 0", [("W501", "event_count_1 >= 0")]),
    ],
)
def test_a_condition_that_is_constant_is_told_of_without_its_consequences(
    start: str, found: list[tuple[str, str]]
) -> None:
    assert of_flow("stop", start) == found


def test_a_trigger_on_a_segment_that_never_changes_is_told() -> None:
    empty = EVENTS + "segment s:\n    event_count_1 < 0\n"
    full = EVENTS + "segment s:\n    event_count_1 >= 0\n"
    assert of_flow("stop", "on enter s", empty) == [("W502", "event_count_1 < 0"), ("W508", "enter s")]
    assert of_flow("stop", "on leave s", empty) == [("W502", "event_count_1 < 0"), ("W508", "leave s")]
    assert of_flow("stop", "on leave s", full) == [("W501", "event_count_1 >= 0"), ("W508", "leave s")]


def test_everybody_enters_a_segment_that_is_always_full_by_the_first_item() -> None:
    full = EVENTS + "segment s:\n    event_count_1 >= 0\n"
    assert of_flow("stop", "on enter s", full) == [("W501", "event_count_1 >= 0")]


def test_an_arm_that_implies_exit_is_dead() -> None:
    start = "on webclick\n    exit when nick == 'a' or points > 5"
    assert of_flow("if points > 7:\n    stop", start) == [("W506", "points > 7")]
    assert of_flow("wait 1d\nif nick == 'a':\n    stop", start) == [("W506", "nick == 'a'")]
    assert of_flow("if not points > 5:\n    set vip = True\nelse:\n    stop", start) == [("W506", "stop")]
    assert of_flow("wait until points == 8 for 1d:\n    stop", start) == [("W506", "points == 8")]
    assert of_flow("wait until points == 5 for 1d:\n    stop", start) == []


def test_what_a_flow_does_after_it_has_brought_about_its_own_exit_is_dead() -> None:
    steps = 'convert "VIP"\nsend web "a"'
    assert of_flow(steps, 'on webclick\n    exit when customer_user_type == "VIP"') == [("W506", 'send web "a"')]


def test_a_wait_for_what_is_true_already_is_told() -> None:
    assert of_flow("wait until event_count_1 > 0 for 1d") == [("W507", "event_count_1 > 0")]
    assert of_flow("wait 1s\nwait until event_count_1 > 0 for 1d") == []
    assert of_flow("if nick:\n    wait until nick for 1d") == [("W507", "nick")]


def test_a_wait_that_ran_out_has_not_come_true() -> None:
    wait = "wait until event_count_2 > 0 for 1d\ntimeout:\n    if event_count_2 > 2:\n        stop"
    assert of_flow(wait.replace("1d\n", "1d:\n    stop\n")) == [("W504", "event_count_2 > 2")]


def test_others_may_write_between_the_end_of_a_wait_and_the_next_step() -> None:
    assert of_flow("wait until nick for 1d:\n    if nick:\n        stop\n    else:\n        stop") == []


def test_the_condition_in_a_template_is_looked_at() -> None:
    assert of_flow("""send web "{{ 'a' if event_count_1 < 0 else 'b' }}\"""") == [("W502", "event_count_1 < 0")]


# No false alarms, and no delay ----------------------------------------------------------------------------------------

WHOLE_EXAMPLE = '''
event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6" "clicks on the page"
event 2 checkout "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
event 3 "Order Completed" "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"

field extra_field_TEXT_1 text "WeChat id"

segment heavy_clickers "Heavy clickers":
    event_count_1 > 5 and now - event_last_time_1 < 7d

flow offer_help "Offer help to heavy clickers":
    on webclick
    when event_count_1 > 5 and event_count_2 == 0
    limit 1 per 7d
    hours "08:00-22:00" "mon-sun" "Asia/Shanghai"
    exit when customer_user_type == "VIP"
    goal event_last_time_3 > run_time within 3d

    send web "Hello {{ user_country }} {{ user_city }}"
    wait until event_count_2 > 0 for 30m:
        convert "customer"
    timeout:
        if user_email:
            send email:
                subject "Still deciding, {{ user_fullname or 'friend' }}?"
                text """You clicked {{ event_count_1 }} times."""
        else:
            stop

flow come_back "A week away":
    when event_count_1 > 0 and now - event_last_time_1 > 7d
    limit once
    send web "Welcome back!"
'''


@pytest.mark.parametrize(
    "text",
    [WHOLE_EXAMPLE, *((ROOT / path).read_text("utf-8") for path in ("examples/shop/shop.flow", "bench/program.flow"))],
)
def test_the_examples_are_clean(text: str) -> None:
    assert diagnostics(text) == ()


def lint_seconds(text: str) -> float:
    """CPU time."""
    report = Diagnostics()
    program = parse([Source("t.flow", text)], report)
    started = time.process_time()
    lint(program, report)
    return time.process_time() - started


@pytest.mark.parametrize(
    "condition",
    [
        " and ".join(f"event_count_1 != {number}" for number in range(160)),
        " or ".join(f"event_count_{1 + number % 2} == {number}" for number in range(160)),
        " and ".join(f"(nick == '{number}' or points == {number})" for number in range(70)),
        " and ".join(f"event_last_data_1.x{number} > 5" for number in range(120)),
        " + ".join(["points"] * 249) + " > 5",
        f"points in [{', '.join(map(str, range(490)))}]",
    ],
)
def test_the_largest_conditions_take_little_time(condition: str) -> None:
    declared = f"{EVENTS}{FIELDS}"
    conditions = "".join(f"segment s{number}:\n    {condition}\n" for number in range(10))
    expression_lint = (lint_seconds(declared + conditions) - lint_seconds(declared)) / 10
    assert expression_lint < 0.2


@pytest.mark.parametrize(
    "steps",
    [
        ["if nick == 'a0':", "    stop", *(f"elif nick == 'a{n}':\n        stop" for n in range(2000))],
        [f"if points != {number}:\n        set nick = 'a{number}'" for number in range(2000)],
        ["stop"] * 10000,
    ],
)
def test_long_flows_take_little_time(steps: list[str]) -> None:
    start = "on webclick\n    exit when nick in ['a', 'b'] or points > 7 or weight > 8 and vip\n"
    assert lint_seconds(f"{EVENTS}{FIELDS}flow f:\n    {start}" + "".join(f"    {step}\n" for step in steps)) < 5


def test_a_thousand_flows_take_little_time() -> None:
    body = WHOLE_EXAMPLE[WHOLE_EXAMPLE.index("    on webclick") : WHOLE_EXAMPLE.index("flow come_back")]
    flows = "".join(f"flow f{number}:\n{body}" for number in range(1000))
    assert lint_seconds(WHOLE_EXAMPLE + flows) < 5


UNREADABLE = ["2026-01-31 10:00", "31.1.2026", "2026-1-31", "2026-13-01", "2026-02-30", "2026-01-31T10", "today", ""]
READABLE = ["2026-01-31", "2026-01-31T10:00", "2026-01-31T10:00:00.5", "2026-01-31T10:00+08:00", "2026-01-31T10:00Z"]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_text_that_writes_no_moment_is_told_wherever_it_stands(text: str) -> None:
    assert [code for code, _ in of_condition(f'since == datetime("{text}")')] == ["W510"]
    told = of_flow(f"send web \"{{{{ date('{text}', 'UTC') }}}}\"\nset since = datetime('{text}')")
    assert [code for code, _ in told] == ["W510", "W510"]


@pytest.mark.parametrize("text", READABLE)
def test_nothing_is_told_of_a_text_that_writes_a_moment(text: str) -> None:
    assert of_condition(f'since > datetime("{text}") and since < date("{text}")') == []


@pytest.mark.parametrize(
    "condition", ["now > event_last_data_1.until", "event_last_data_1.days[0] > 7d", "event_last_data_1 == now"]
)
def test_why_json_is_never_a_moment_or_a_duration_is_said(condition: str) -> None:
    (found,) = diagnostics(flow(f"if {condition}:\n    stop"))
    assert (found.code, found.help) == ("W502", wording.JSON_HOLDS)


def test_what_is_never_so_for_another_reason_is_not_laid_to_json() -> None:
    (found,) = diagnostics(flow("if event_last_data_1.a < None:\n    stop"))
    assert (found.code, found.help) == ("W502", None)
