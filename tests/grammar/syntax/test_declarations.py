"""Declarations, clauses and steps become the nodes that they should."""

from datetime import timedelta

from grammar.nodes import Button, Convert, Event, Field, Flow, If, OnAnyEvent, OnEvent, OnEventSeq, SendWeb, Set, Stop
from grammar.walk import steps_within
from tests.grammar.support import UUID, script

TEXT = f"""
event 1 webclick " {UUID.upper()} " "clicks"
event 2 "Order Completed" "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"
field extra_field_TEXT_1 text "WeChat id"
segment heavy "Heavy clickers":
    event_count_1 > 5 and
        now - event_last_time_1 < 7d
""".replace("and\n        now", "and now")

FLOW = """
flow offer_help "Offer help":
    limit 1 per 1h30m
    on webclick, "Order Completed", event 2, any event
    when track_event_seq == 1

    send web "Hello {{ user_city }}"   # a comment
    if user_email:
        convert "customer"
        if true:
            stop
    elif in_segment("heavy"):
        set extra_field_TEXT_1 = "x"
    else:
        send web:
            sender "me"
            text "a"
            button "Open" link "/x"
    stop
"""


def test_declarations_are_read_as_written() -> None:
    event, order, field, segment = script(TEXT).declarations
    assert isinstance(event, Event)
    assert (event.seq, event.name, event.uuid, event.description) == (1, "webclick", UUID, "clicks")
    assert isinstance(order, Event)
    assert (order.name, order.description) == ("Order Completed", None)
    assert isinstance(field, Field)
    assert (field.name, field.type, field.description) == ("extra_field_TEXT_1", "text", "WeChat id")
    assert segment == script(TEXT).segments[0]
    assert script(TEXT).segments[0].title == "Heavy clickers"


def test_a_flow_is_read_as_written() -> None:
    flow = script(TEXT + FLOW).declarations[-1]
    assert isinstance(flow, Flow)
    assert [type(trigger) for trigger in flow.triggers] == [OnEvent, OnEvent, OnEventSeq, OnAnyEvent]
    assert flow.limit is not None
    assert (flow.limit.count, flow.limit.per) == (1, timedelta(minutes=90))
    kinds = [type(step) for step in steps_within(flow.steps)]
    assert kinds == [SendWeb, If, Convert, If, Stop, Set, SendWeb, Stop]
    branch = flow.steps[1]
    assert isinstance(branch, If)
    assert len(branch.arms) == 2
    (message,) = branch.otherwise
    assert isinstance(message, SendWeb)
    assert isinstance(message.button, Button)
    assert message.sender is not None


def test_limit_once_is_one_start_in_all() -> None:
    flow = script("flow f:\n    on any event\n    limit once\n    stop").flows[0]
    assert flow.limit is not None
    assert (flow.limit.count, flow.limit.per) == (1, None)


def test_spans_cover_what_was_written() -> None:
    text = TEXT + FLOW
    flow = script(text).flows[0]
    shown = [text[step.span.start : step.span.end].splitlines()[0] for step in flow.steps]
    assert shown == ['send web "Hello {{ user_city }}"', "if user_email:", "stop"]
    assert text[flow.name_span.start : flow.name_span.end] == "offer_help"
