"""What an editor offers while an author writes: the text is nearly always broken."""

import pytest

from tests.editor.support import completions, in_flow, marked, offered


def test_a_declaration_begins_at_the_edge() -> None:
    assert offered("|") == ["event", "field", "segment", "flow"]
    assert offered("fl|") == ["event", "field", "segment", "flow"]


def test_a_flow_begins_with_clauses_and_steps() -> None:
    words = in_flow("|")
    assert {"on", "when", "limit", "hours", "exit", "goal", "send", "wait", "split", "stop"} <= set(words)
    assert "else" not in words


def test_a_block_of_steps_has_no_clauses() -> None:
    words = in_flow("if user_email:\n        |")
    assert "send" in words
    assert "limit" not in words


def test_branches_are_offered_where_they_can_stand() -> None:
    assert {"elif", "else"} <= set(in_flow("if user_email:\n        stop\n    |"))
    assert "timeout" in in_flow("wait until user_email for 3m:\n        stop\n    |")
    assert "timeout" not in in_flow("wait 3m\n    |")


def test_a_message_has_parts_by_its_channel() -> None:
    assert in_flow("send web:\n        |") == ["text", "button", "sender"]
    assert in_flow("send email:\n        |") == ["subject", "text", "html", "to"]
    assert in_flow("send |") == ["web", "email", "webhook"]


def test_variables_of_declared_events_are_offered_and_of_others_not() -> None:
    found = in_flow("when event_c|")
    assert {"event_count_1", "event_count_3", "user_email", "extra_field_TEXT_1", "now", "len", "None"} <= set(found)
    assert "event_count_2" not in found


@pytest.mark.parametrize(
    "line",
    [
        "when user_email == 'a' and event_c|",
        "when (user_email and [event_c|",
        "when matches(event_c| and )",
        "if event_c|",
        "send web 'Hello {{ event_c|",
        "send web 'Hello {{ event_c| }} and {{ user_city }}'",
        "send web 'It\\'s {{ user_city }}, {{ event_c|",
        'send web "Hello {{ user_city or event_c|',
        'send web """Hello\n  {{ event_c|',
        "set extra_field_TEXT_1 = event_c|",
        "goal event_c| within 3d",
        "exit when event_c|",
        "wait until event_c| for 3d",
    ],
)
def test_a_value_is_completed_while_the_line_is_broken(line: str) -> None:
    text = f"flow f:\n    on webclick\n    {line}\n"
    found = completions(text)
    assert "event_count_1" in [item.label for item in found.items]
    assert found.end - found.start == len("event_c")


def test_an_operator_follows_a_value() -> None:
    assert "and" in in_flow("when event_count_1 |")
    assert "event_count_1" not in in_flow("when event_count_1 |")
    assert "within" in in_flow("goal event_count_1 > 3 |")
    assert "for" in in_flow("wait until event_count_1 > 3 |")


@pytest.mark.parametrize("line", ["# event_c|", "send web 'event_c|'", "convert 'event_c|", "when 30|", "when 'a|'"])
def test_nothing_is_offered_in_comments_texts_and_numbers(line: str) -> None:
    assert in_flow(line) == []


def test_nothing_is_offered_inside_json() -> None:
    assert in_flow("when event_last_data_1.|") == []


def test_the_starting_event_is_readable_only_where_events_start_the_flow() -> None:
    assert "track_event_data" in in_flow("when |")
    assert "track_event_data" in in_flow("when |", "on webclick, event 3")
    assert "track_event_data" not in in_flow("when |", "on webclick, visit")
    assert "track_event_data" not in in_flow("when |", "on enter heavy")
    assert "track_event_data" not in in_flow("when |", "limit once")


def test_the_run_is_readable_only_in_it() -> None:
    assert "run_time" not in in_flow("when |")
    assert "run_time" not in offered("segment s:\n    |")
    assert "run_time" in in_flow("if |")
    assert "run_time" in in_flow("goal |")
    assert "run_time" in in_flow("exit when |")
    assert "run_time" in in_flow("send web '{{ |")


def test_a_segment_holds_one_expression() -> None:
    assert "event_count_1" in offered("segment s:\n    |")
    assert "send" not in offered("segment s:\n    |")


def test_triggers_are_offered_after_on() -> None:
    found = offered("flow f:\n    on |\n")
    assert found[:2] == ["webclick", '"Order Completed"']
    assert {"any", "event", "visit", "identify", "enter", "leave", "change"} <= set(found)
    assert offered("flow f:\n    on webclick, |\n") == found
    assert offered("flow f:\n    on event |\n") == ["1", "3"]
    assert offered("flow f:\n    on enter |\n") == ["online", "new", "active", "heavy"]
    assert "extra_field_TEXT_1" in offered("flow f:\n    on change |\n")
    assert offered('flow f:\n    on "Or|\n') == ["webclick", "Order Completed"]


def test_an_event_called_like_an_item_is_named_by_its_number() -> None:
    before = 'event 1 visit "0fc050ec-cb6f-11e8-b697-00163e0c79f6"\n'
    assert offered("flow f:\n    on |\n", before)[0] == "event 1"


def test_segments_are_offered_in_their_function() -> None:
    assert "heavy" in in_flow('when in_segment("|')
    assert "heavy" in in_flow('when in_segment("he|") and user_email')
    assert "heavy" in in_flow("send web \"{{ in_segment('|")
    assert "heavy" in in_flow("send web \"{{ in_segment('|') }}\"")


def test_zones_and_days_are_offered_where_they_stand() -> None:
    assert in_flow('when hour(now, "Asia/Shang|') == ["Asia/Shanghai"]
    assert "Asia/Shanghai" in in_flow('hours "08:00-22:00" "mon-fri" "Asia/|')
    assert "mon-fri" in in_flow('hours "08:00-22:00" "|')
    assert in_flow('hours "|') == []


def test_field_types_and_written_fields() -> None:
    assert offered("field points |") == ["text", "int", "float", "bool", "datetime"]
    found = in_flow("set |")
    assert {"extra_field_TEXT_1", "customer_user_type", "user_email"} <= set(found)
    assert "ent_user_id" not in found
    assert "event_count_1" not in found


def test_a_line_of_a_long_text_that_looks_like_a_declaration_is_none() -> None:
    beginning = 'flow f:\n    on webclick\n    send web """\nevent 1 and\nflow '
    assert "run_time" in offered(beginning + '{{ |\n"""\n')
    assert "run_time" in offered(beginning + '"""\n    if |\n')


def test_what_is_written_already_is_replaced() -> None:
    text, offset = marked("flow f:\n    when event_co|\n")
    found = completions("flow f:\n    when event_co|\n", "")
    assert text[found.start : found.end] == "event_co"
    assert found.end == offset
