"""Flow tests that fail or cannot be run: what is said about them. (Those that pass are in tests/flows.)"""

import asyncio
from collections.abc import Mapping

import pytest

from engine.flowtest.plan import plan
from engine.flowtest.run import Result, Run, run_flow_test
from grammar.diagnostics import Diagnostics
from grammar.flowtest import read_flow_test
from grammar.source import Source
from variables.store import START as BEGINNING

EVENTS = """
flow:
    event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
    event 2 checkout "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
    field visits int
    field since datetime
    segment clicked:
        event_count_1 > 0
    flow offer:
        on webclick
        when event_count_1 > 1 and event_count_2 == 0
        limit 1
        send web "Click {{ event_count_1 }}"
"""


def no_file(path: str) -> tuple[str, bytes]:
    raise FileNotFoundError(2, "No such file or directory")


def run(body: str, files: Mapping[str, str] | None = None) -> Result:
    def read(path: str) -> tuple[str, bytes]:
        return (path, files[path].encode()) if files else no_file(path)

    return asyncio.run(run_flow_test("t.flowtest", EVENTS + body, read))


def failure(body: str) -> str:
    """How a flow test fails: the line, counted from the body's first, and what is said."""
    result = run(body)
    assert result.failure is not None, result.errors
    line = result.failure.span.source.position(result.failure.span.start)[0] - EVENTS.count("\n")
    return "\n".join([str(line), *lines(result)])


def lines(result: Result) -> list[str]:
    assert result.failure is not None
    return [result.failure.message, *result.failure.details]


def codes(body: str, files: Mapping[str, str] | None = None) -> list[str]:
    result = run(body, files)
    assert result.failure is None
    return [found.code for found in result.errors]


# Claims that do not hold


def test_a_false_condition_shows_the_part_that_is_not_true_and_what_it_reads() -> None:
    found = run("track v1 webclick\nexpect v1: event_count_2 == 0 and event_count_1 * 2 > event_count_2 + 3\n").failure
    assert found is not None
    assert found.render().splitlines() == [
        "t.flowtest:15:35: failed: this is not true for v1",
        "    expect v1: event_count_2 == 0 and event_count_1 * 2 > event_count_2 + 3",
        "                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "  event_count_1 = 1",
        "  event_count_2 = 0",
        "  event_count_1 * 2 = 2",
        "  event_count_2 + 3 = 3",
    ]


def test_a_wrong_text_is_shown_beside_the_right_one() -> None:
    assert failure('track v1 webclick x2\nexpect message v1 offer web "Click 3"\n').splitlines() == [
        "2",
        "the next message to v1 has another text",
        'expected  "Click 3"',
        'came      "Click 2"',
        "                 ^",
    ]


def test_a_message_that_nothing_claims_fails_at_the_command_that_sent_it() -> None:
    said = failure("track v1 webclick x2\nexpect v1: event_count_1 == 2\ntrack v1 webclick\n")
    assert said.splitlines()[:2] == ["1", "a message to v1 was not claimed"]
    assert 'write below this line: expect message v1 offer web "Click 2"' in said
    assert failure("track v1 webclick x2\n") == said


@pytest.mark.parametrize("visitor", ["v1", "message", "no", "1a", "a b", "v-1.x", "हिन्दी", "q'\\\\"])
def test_the_line_that_a_failure_offers_claims_the_message(visitor: str) -> None:
    body = f"""
flow:
    flow echo:
        on checkout
        send web "{{{{ track_event_data }}}}"
track "{visitor}" checkout "a\\n\\"b\\" \\\\ é"
"""
    help = failure(body).splitlines()[-1]
    assert help.startswith("help: if it is right, write below this line: ")
    assert run(body + help.partition(": expect ")[2].join(["expect ", "\n"])).passed


@pytest.mark.parametrize("command", ["at +1s", "visit v2", "set v2 visits = 1", 'identify v2 as "u"', EVENTS.strip()])
def test_every_command_that_is_no_expectation_wants_all_messages_claimed(command: str) -> None:
    body = f"track v1 webclick x2\n{command}\n"
    assert failure(body + "expect message v1 offer\n").splitlines()[1] == "a message to v1 was not claimed"


def test_a_missing_message_is_explained_by_the_condition() -> None:
    said = failure("track v1 checkout\ntrack v1 webclick x2\nexpect message v1 offer\n").splitlines()
    assert said[-2:] == [
        "came      none",
        "why: offer did not start at 2026-01-01 00:00:00 (webclick): event_count_2 == 0 is false: event_count_2 was 1.",
    ]


def test_a_missing_message_is_explained_by_the_limit() -> None:
    said = failure("track v1 webclick x2\nexpect message v1 offer\ntrack v1 webclick\nexpect message v1 offer\n")
    assert said.endswith("but did not start: its limit is reached (`limit 1`); it never starts for this visitor again.")


def test_a_missing_message_of_a_flow_that_nothing_started_says_so() -> None:
    said = failure("track v1 webclick x2\nexpect message v2 offer\n")
    assert "why: nothing that starts offer happened to this visitor in the last command" in said
    assert "from offer to v1 over web" in said


def test_messages_of_one_visitor_are_claimed_in_their_order() -> None:
    both = """
flow:
    flow second:
        on webclick
        when event_count_1 == 2
        send web "2"
track v1 webclick x2
"""
    right = "expect message v1 offer\nexpect message v1 second\n"
    assert run(both + right).passed
    assert "has another flow" in failure(both + "expect message v1 second\nexpect message v1 offer\n")


def test_an_expectation_of_no_messages_lists_them() -> None:
    assert "from offer to v1 over web" in failure("track v1 webclick x2\nexpect no messages\n")


def test_another_channel_is_another_message() -> None:
    assert "another channel" in failure("track v1 webclick x2\nexpect message v1 offer email\n")


def test_a_segment_with_other_members_says_who_is_missing_and_who_is_too_many() -> None:
    said = failure("track v1 webclick\ntrack v2 webclick\nexpect segment clicked: v2, v3\n").splitlines()
    assert said[-2:] == ["missing   v3", "too many  v1"]


@pytest.mark.parametrize("what", ["run", "goal"])
def test_no_run_can_be_in_progress_and_no_goal_counted(what: str) -> None:
    assert f"no {what} of offer" in failure(f"expect {what} v1 offer\n")
    assert run(f"expect no {what} v1 offer\n").passed


def test_an_expression_without_the_expected_error_shows_what_was_found() -> None:
    assert failure("expect error E2: event_count_1 > 1\n").endswith("came      no error")
    assert "came      E205: " in failure("expect error E3: event_count_7 > 1\n")


def test_an_expected_code_may_be_that_of_a_warning() -> None:
    assert run("expect error W5: event_count_1 > 5 and event_count_1 < 3\n").passed
    assert run("expect error W502: in_segment('clicked') and event_count_1 == 0\n").passed
    assert failure("expect error W: event_count_1 > 5\n").endswith("came      no error")


@pytest.mark.parametrize("value", ["2.5", "event_last_data_1", "9007199254740992"])
def test_a_value_that_does_not_fit_its_field_fails(value: str) -> None:
    assert "does not fit visits" in failure(f'track v1 webclick "text"\nset v1 visits = {value}\n')


def test_a_moment_is_never_written_as_a_text() -> None:
    assert codes("set v1 user_city = now\n") == ["E621"]
    assert "does not fit user_city" in failure("set v1 user_city = user_city if user_city else now\n")


def test_the_first_failure_ends_the_test() -> None:
    assert failure("expect v1: False\nexpect v1: None\n").startswith("1\n")


# The clock


def test_the_clock_moves_through_all_that_is_due_and_an_item_of_the_same_instant_keeps_it() -> None:
    """The one wait ends on the way, the other at the instant at which the clock stops and an item comes."""
    body = """
flow:
    flow waiting:
        on webclick
        wait 30s
        set visits = 1
        wait 30s
        set since = now
        set visits = 2
track v2 webclick
at +30s
expect v2: visits == 1
at +30s
track v1 webclick
expect v1: event_last_time_1 == now and first_seen_time == now
expect v2: visits == 2 and since == now
expect no run v2 waiting
"""
    assert run(body).passed


def test_nothing_is_kept_of_items_that_were_folded() -> None:
    """Else a hundred thousand events with data of some length would not fit into memory."""
    report = Diagnostics()
    test = Run(plan(read_flow_test(Source("t", EVENTS + "track v1 checkout x1200\n"), report), no_file, report))
    assert asyncio.run(test.run()) is None
    assert asyncio.run(test._shard.read(BEGINNING, 10)).entries == []


# Files that cannot be run


def test_all_broken_lines_are_reported_at_once_and_nothing_runs() -> None:
    body = """
track v1 webclik
expect v1: event_cout_1
visit v1 {"nick": 1}
at 2025-01-01 00:00
expect v1:
expect v1: False
"""
    assert codes(body) == ["E202", "E201", "E201", "E610", "E122"]


def test_what_is_wrong_in_a_block_is_shown_at_its_own_place() -> None:
    (found,) = run('flow:\n  flow f:\n    on webclick\n    send web "{{ event_count_3 }}"\n').errors
    assert found.code == "E205"
    assert found.span.source.position(found.span.start) == (17, 18)
    assert found.span.source.text[found.span.start : found.span.end] == "event_count_3"


def test_a_broken_declaration_hides_no_name_and_causes_no_other_error() -> None:
    uses = 'set v1 nick = 1\nvisit v1 {"nick": 1}\nexpect v1: nick == 1\nexpect no run v1 broken\n'
    declared = "flow:\n    field nick texx\n    flow broken:\n        on webclick\n        sent web 'x'\n"
    assert codes(declared + uses) == ["E138", "E135"]


def test_what_is_wrong_in_a_loaded_file_is_shown_there() -> None:
    (found,) = run("load a.flow\n", {"a.flow": 'flow f:\n    on webclck\n    send web "x"\n'}).errors
    assert (found.code, found.span.source.name) == ("E202", "a.flow")


def test_a_file_that_is_not_there_hides_no_names_that_it_may_declare() -> None:
    assert codes("load a.flow\ntrack v1 other\nexpect v1: unknown\n") == ["E613"]


def test_files_that_are_loaded_together_are_one_program() -> None:
    files = {
        "a.flow": 'flow f:\n    on signup\n    send web "x"\n',
        "b.flow": f'event 3 signup "{"0" * 8}-0000-0000-0000-{"0" * 12}"\n',
    }
    assert run("load a.flow\nload b.flow\ntrack v1 signup\nexpect message v1 f\n", files).passed
    assert codes("load a.flow\nat +1s\nload b.flow\n", files) == ["E202"]


def test_the_same_name_twice_in_one_block_is_an_error() -> None:
    assert codes("flow:\n    field a int\n    field a text\n") == ["E207"]
    assert run("flow:\n    field a int\nflow:\n    field a text\nset v1 a = 'x'\n").passed


@pytest.mark.parametrize(
    "body",
    [
        'identify v1 as "u"\nidentify v2 as "u"\n',
        'identify v1 as "u"\nidentify v1 as "w"\n',
        'visit v1 {"ent_user_id": "u"}\nidentify v2 as "u"\n',
    ],
)
def test_a_user_who_would_be_merged_is_refused(body: str) -> None:
    assert codes(body) == ["E401"]
    assert run('identify v1 as "u"\nidentify v1 as "u"\nidentify v2 as "w"\n').passed


def test_only_what_servers_may_write_can_be_set() -> None:
    for name in ("page_url", "event_count_1", "is_online", "first_seen_time"):
        assert codes(f"set v1 {name} = None\n") == ["E616"], name
    assert codes("set v1 visit = 1\n") == ["E206"]
    assert codes('visit v1 {"is_online": true}\n') == ["E616"]
    assert codes('identify v1 as "u" {"ent_user_id": "w"}\n') == ["E616"]


def test_an_arm_must_be_there() -> None:
    assert codes('arm v1 offer "a"\narm v1 offre "a"\n') == ["E618", "E617"]
    split = """
flow:
    flow halves:
        on checkout
        split:
            50% "short":
                send web "x"
            50%:
                stop
"""
    assert codes(split + 'arm v1 halves "short"\narm v1 halves "long"\n') == ["E618"]
    chosen = 'arm v1 halves "short"\ntrack v1 checkout x3\n'
    assert run(split + chosen + 3 * 'expect message v1 halves web "x"\n').passed


def test_a_hundred_thousand_events_are_one_command() -> None:
    assert run("track v1 checkout x100000\nexpect v1: event_count_2 == 100000\n").passed


def test_data_that_no_page_could_send_are_an_error() -> None:
    deep = "[" * 250 + "]" * 250
    assert codes(f"track v1 checkout {deep}\n") == ["E615"]
    assert codes("track v1 checkout {'a': 1}\nvisit v1 {\"a\" 1}\n") == ["E614", "E614"]
    assert codes('visit v1 {"user_city": 5, "page_url": ["x"]}\n') == ["E615", "E615"]
    assert codes(f'identify v1 as "{"x" * 65_537}"\n') == ["E112"]


def test_data_are_read_as_a_request_is() -> None:
    body = 'track v1 checkout {"a": "\\ud800", "n": 1e999, "a b": 2}\n'
    assert run(body + 'expect v1: event_last_data_2.a == "\\ufffd" and event_last_data_2["a b"] == 2\n').passed
    assert run(body + "expect v1: event_last_data_2.n is None\n").passed


def test_what_a_condition_read_of_the_event_is_said_when_a_message_is_missing() -> None:
    body = """
flow:
    flow big:
        on checkout
        when track_event_data.total > 5
        send web "x"
track v1 checkout {"total": 5}
expect message v1 big
"""
    said = failure(body)
    assert said.endswith("(checkout): track_event_data.total > 5 is false: track_event_data.total was 5.")


SLOW = """
flow:
    flow slow:
        on checkout
        exit when visits == 1
        wait 1h
        send email:
            subject "x"
            text "x"
track v1 checkout
"""


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        ("at +59m", "why: a run of slow waits until 2026-01-01 01:00:00 UTC, at t.flowtest:19: wait 1h"),
        (
            "at +1h",
            "why: A run of slow, at 2026-01-01 01:00:00 (by the passing of time):\n"
            "Its wait was over at t.flowtest:19 (wait 1h).\n"
            "It sent no e-mail at t.flowtest:20 (send email), because there was no address: user_email had no value.\n"
            "It came to its end.",
        ),
        ("set v1 visits = 1", "It was ended by the flow's exit: visits == 1 is true: visits was 1."),
    ],
)
def test_why_a_run_has_sent_nothing_is_said(happens: str, why: str) -> None:
    assert failure(f"{SLOW}{happens}\nexpect message v1 slow\n").endswith(why)


def test_nothing_that_a_visitor_sent_acts_on_the_terminal() -> None:
    body = """
flow:
    flow echo:
        on checkout
        send web "{{ track_event_data }}"
track v1 checkout "\u202e\u009bred"
"""
    found = run(body).failure
    assert found is not None
    assert "\u202e" not in found.render()
    assert "\u009b" not in found.render()
