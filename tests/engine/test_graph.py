"""A flow's steps as a graph: numbered in the order of the text, each knowing where the run goes on."""

from zoneinfo import ZoneInfo

import pytest

from engine.graph import Branch, Division, Email, End, Graph, Pause, Position, Send, Watch, Webhook, Write
from engine.program import Program
from grammar.program import read_files
from variables.values import Value, moment

HEAD = """
event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
field nick text
flow f:
    on webclick
"""
NOW = moment(1_767_261_600_000)


def graph(steps: str) -> Graph:
    text = HEAD + "".join(f"    {line}\n" for line in steps.strip("\n").splitlines())
    checked = read_files([("t.flow", text)])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, zone=ZoneInfo("Asia/Shanghai")).flows["f"].graph


def ways(steps: str) -> list[tuple[str, list[Position]]]:
    """Each step's kind, and where it may lead."""
    found = []
    for step in graph(steps).steps:
        match step:
            case Branch(arms=arms, otherwise=otherwise):
                to = [*(position for _, position in arms), otherwise]
            case Division(arms=shares, otherwise=otherwise):
                to = [*(position for _, _, position in shares), otherwise]
            case Watch(next=then, timeout=timeout):
                to = [then, timeout]
            case End():
                to = []
            case _:
                to = [step.next]
        found.append((type(step).__name__, to))
    return found


def test_steps_follow_one_another_and_the_last_leads_nowhere() -> None:
    assert ways('set nick = "a"\nwait 1d\nsend web "x"') == [("Write", [1]), ("Pause", [2]), ("Send", [None])]


def test_the_arms_of_an_if_meet_behind_it() -> None:
    assert ways("""
if nick == "a":
    wait 1d
    stop
elif nick == "b":
    wait 2d
else:
    wait 3d
wait 4d
""") == [
        ("Branch", [1, 3, 4]),
        ("Pause", [2]),
        ("End", []),
        ("Pause", [5]),
        ("Pause", [5]),
        ("Pause", [None]),
    ]


def test_an_if_without_else_goes_on_behind_it_also_as_the_last_step_of_a_block() -> None:
    assert ways("""
if nick:
    if nick == "a":
        wait 1d
wait 2d
""") == [("Branch", [1, 3]), ("Branch", [2, 3]), ("Pause", [3]), ("Pause", [None])]


def test_a_wait_for_a_condition_goes_on_behind_it_either_way() -> None:
    assert ways("""
wait until event_count_1 > 3 for 30m:
    set nick = "in time"
timeout:
    set nick = "late"
wait until event_count_1 > 4 for 1h
convert "customer"
""") == [("Watch", [1, 2]), ("Write", [3]), ("Write", [3]), ("Watch", [4, 4]), ("Write", [None])]


def test_splits_are_numbered_in_the_order_of_the_text() -> None:
    steps = """
split:
    30%:
        split:
            50% "inner":
                stop
    20% "other":
        wait 1d
split:
    100%:
        stop
"""
    splits = [step for step in graph(steps).steps if isinstance(step, Division)]
    assert [split.number for split in splits] == [1, 2, 3]
    assert splits[0].arms == ((30, None, 1), (20, "other", 3))
    assert splits[1].arms == ((50, "inner", 2),)
    assert (splits[0].otherwise, splits[1].otherwise, splits[2].otherwise) == (4, 4, None)


def test_a_length_is_in_milliseconds() -> None:
    pause, watch = graph("wait 1h30m\nwait until nick for 90s").steps
    assert isinstance(pause, Pause)
    assert isinstance(watch, Watch)
    assert (pause.length, watch.at_most) == (5_400_000, 90_000)


@pytest.mark.parametrize(
    ("nick", "subject", "markup"),
    [("<b>&'\"", "Hi <b>&'\"", "<p>&lt;b&gt;&amp;&#x27;&quot;</p>"), (None, "Hi ", "<p></p>")],
)
def test_a_value_is_escaped_for_where_it_lands(nick: Value, subject: str, markup: str) -> None:
    (email,) = graph("""
send email:
    subject "Hi {{ nick }}"
    text "It is {{ now }}"
    html "<p>{{ nick }}</p>"
""").steps
    assert isinstance(email, Email)
    assert email.html is not None
    assert email.subject.evaluate({"nick": nick}, NOW) == subject
    assert email.html.evaluate({"nick": nick}, NOW) == markup
    assert email.text.evaluate({}, NOW) == "It is 2026-01-01 18:00"


def test_an_email_goes_to_the_visitors_own_address_unless_it_says_to_whom() -> None:
    own, other = graph("""
send email:
    subject "s"
    text "t"
send email:
    to track_event_data.email
    subject "s"
    text "t"
""").steps
    assert isinstance(own, Email)
    assert isinstance(other, Email)
    assert own.to.evaluate({"user_email": "a@example.com"}, NOW) == "a@example.com"
    assert other.to.evaluate({"track_event_data": {"email": "b@example.com"}}, NOW) == "b@example.com"


def test_a_webhook_carries_the_values_of_its_variables() -> None:
    (hook,) = graph('send webhook "https://example.com/hook" with nick, is_online, run_time').steps
    assert isinstance(hook, Webhook)
    given = {"nick": "n", "run_time": NOW, "last_seen_time": NOW}
    assert {name: value.evaluate(given, NOW) for name, value in hook.values.items()} == {
        "nick": "n",
        "is_online": True,
        "run_time": NOW,
    }


def test_a_graph_reads_all_that_its_steps_read() -> None:
    found = graph("""
if event_count_1 > 1:
    send web:
        text "{{ nick }}"
        button "{{ page_title }}" link "/{{ os_name }}"
else:
    set nick = user_city
    wait until is_online for 1h
""")
    assert found.reads == {"event_count_1", "nick", "page_title", "os_name", "user_city", "last_seen_time"}
    assert [type(step) for step in found.steps] == [Branch, Send, Write, Watch]
