"""What authors write who come from other languages, from a table of numbers or from plain speech, and the answer."""

import re

import pytest

from grammar import wording
from grammar.checker import check_expression
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest import read_flow_test
from grammar.kinds import Type
from grammar.names import FUNCTIONS
from grammar.scope import Scope
from grammar.source import Source
from grammar.syntax.parser import parse_expression
from grammar.wording import habits
from grammar.wording.forms import CALLS
from tests.grammar.support import EVENT, diagnostics, flow

DECLARED = EVENT + (
    'field plan text\nfield score int\nfield vip bool\nfield trial_ends datetime\nsegment paying:\n    plan == "paid"\n'
)


def told(body: str) -> Diagnostic:
    """The one thing that is said of a flow's lines."""
    (found,) = diagnostics(DECLARED + flow(body, ""))
    return found


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ('"Hi {{ user_fullname or "friend" }}?"', "or 'friend'"),
        ('"Hi {{user_fullname or "friend"}}?"', "or 'friend'"),
        ("'Hi {{ user_fullname or 'friend' }}?'", 'or "friend"'),
        ("'Hi {{user_fullname or 'my dear friend'}}?'", 'or "friend"'),
        ('"Hi {{ user_fullname or "" }}?"', "or 'friend'"),
        ('"Hi {{ user_fullname or "my friend!" }}"', "or 'friend'"),
        ('"Hi {{ user_fullname or "it\'s you" }}"', "or 'friend'"),
        ('"Hi {{ event_last_data_1["name"] }}"', "or 'friend'"),
    ],
)
def test_quotes_inside_a_template_are_of_the_other_kind(template: str, advice: str) -> None:
    found = told(f"send web {template}")
    assert found.code == "E146"
    assert "other kind of quotes" in (found.help or "")
    assert advice in (found.help or "")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("if now + 14 days > trial_ends:\n    stop", "write `14d`"),
        ("if now - event_last_time_1 > 7 days:\n    stop", "write `7d`"),
        ("if now - event_last_time_1 > 1 week:\n    stop", "write `1w`"),
        ("if now - event_last_time_1 > 2 Hours:\n    stop", "write `2h`"),
        ("if event_last_time_1 > 5 minutes ago:\n    stop", "write `now - 5m`"),
        ("wait 20 minutes", "write `20m`"),
        ("wait 3 d", "write `3d`"),
        ("wait 2 months", "write `60d`"),
        ("wait a day", "write `1d`"),
        ("wait 1.5 hours", "a duration is written in whole numbers, such as `1h30m`"),
        ("limit 1 per 3 weeks\nstop", "write `3w`"),
        ("limit 1 per week\nstop", "write `1w`"),
        ("goal vip within 2 weeks\nstop", "write `2w`"),
    ],
)
def test_a_duration_in_words_is_answered_with_the_duration(line: str, advice: str) -> None:
    found = told(line)
    assert (found.code, found.help) == ("E143", advice)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("(orders or 0) + 1", "int"),
        ("orders + 1", "int"),
        ("1.5", "float"),
        ("event_count_1 / 2", "float"),
        ("True", "bool"),
        ("now", "datetime"),
        ('"a"', "text"),
        ("None", "text"),
        ("event_last_data_1.price", "text"),
    ],
)
def test_an_undeclared_field_is_told_once_with_the_type_of_its_value(value: str, type_: str) -> None:
    found = told(f"set orders = {value}")
    assert (found.code, found.help) == ("E206", f"declare it, for example with `field orders {type_}`")


@pytest.mark.parametrize(
    ("assignment", "meant"),
    [
        ("trial_ends = 14d", "now + 14d"),
        ('score = "5"', "5"),
        ("score = user_city", "int(user_city)"),
        ("score = now - run_time", "(now - run_time) // 1d"),
        ("plan = 5", '"5"'),
        ("plan = now", "text(now)"),
        ("vip = 1", "True"),
        ("vip = event_count_1", "event_count_1 > 0"),
    ],
)
def test_a_value_of_another_type_is_answered_with_one_that_fits(assignment: str, meant: str) -> None:
    found = told(f"set {assignment}")
    assert (found.code, found.help) == ("E315", f"did you mean `{meant}`?")
    name = assignment.partition(" ")[0]
    assert diagnostics(DECLARED + flow(f"set {name} = {meant}", "")) == ()


def test_braces_outside_messages_are_answered_with_the_expression() -> None:
    assert (told('set plan = "{{ user_city }}"').code, told('set plan = "{{ user_city }}"').help) == (
        "W509",
        "write the expression itself: `user_city`",
    )
    assert told('set plan = "Dear {{ user_city }}"').code == "W509"
    assert told('set score = "{{ event_count_1 }}"').help == "write the expression itself: `event_count_1`"
    assert told('if "{{ event_count_1 }}" > 5:\n    stop').help == "did you mean `event_count_1 > 5`?"


def test_braces_that_a_message_writes_out_are_left_alone() -> None:
    assert diagnostics(DECLARED + flow("send web \"{{ '{{ x }}' }}\"", "")) == ()


@pytest.mark.parametrize("prefix", ["f", "r", "b", "u", "rb", "F"])
def test_texts_have_no_prefixes(prefix: str) -> None:
    for line in (f'set plan = {prefix}"hello"', f"send web {prefix}'hello'"):
        assert told(line).code == "E147"


@pytest.mark.parametrize(
    ("expression", "code", "advice"),
    [
        # SQL
        ('user_city LIKE "%bei%"', "E124", "matches(A"),
        ("score BETWEEN 1 AND 5", "E124", "1 <= A <= 5"),
        ("user_city IS NULL", "E126", "`is`"),
        ("coalesce(user_city, plan)", "E204", "`A or B`"),
        ("in_segment(paying)", "E302", 'in_segment("paying")'),
        # JavaScript
        ("user_city.length > 5", "E312", "len(user_city)"),
        ('page_url.includes("x")', "E130", '`"B" in A`'),
        ("user_city.toLowerCase()", "E130", "`lower(A)`"),
        ("user_city == undefined", "E201", "`None`"),
        # Python
        ("[x for x in [1]]", "E120", "no loops"),
        ("str(score)", "E204", "`text(A)`"),
        ("(now - event_last_time_1).days > 5", "E312", "(now - event_last_time_1) / 1d"),
        # Tables of numbers
        ("AND(score > 5, vip)", "E204", "`A and B`"),
        ("IF(score > 5, 1, 2)", "E204", "`A if CONDITION else B`"),
        ("if(score > 5, 1, 2)", "E122", "`A if CONDITION else B`"),
        ("sum(score, 2)", "E204", "add with `+`"),
        # Plain speech
        ("score is greater than 5", "E133", "`A > B`"),
        ("score equals 5", "E124", "`A == B`"),
        ("user_city is empty", "E133", "`A is None`"),
        ("user_city is not empty", "E133", "`A is not None`"),
        ("page_url contains 'x'", "E124", '`"B" in A`'),
        ("event_last_time_1 within 7d", "E120", "now - event_last_time_1 < 7d"),
        ("webclick > 5", "E201", "event_count_1"),
        ("event_count_webclick > 5", "E201", "event_count_1"),
        ("paying", "E201", 'in_segment("paying")'),
        ("user_country == CN", "E201", '`"CN"`'),
        ("is_online == 'yes'", "E307", "is_online == True"),
        ("weekday(now) == 'tuesday'", "E307", "weekday(now) == 2"),
        ("user_country == 'CN' or 'DE'", "W501", 'in ["CN", "DE"]'),
        # Numbers, amounts, days and times
        ("score > 50%", "E122", "0.5"),
        ("score > $5", "E139", "without its currency"),
        ("score > 5€", "E101", "without its currency"),
        ("score > 1,000", "E113", "`1000`"),
        ("score > 1,500", "E127", "`1500`"),
        ("trial_ends > 2026-01-31", "E113", 'datetime("2026-01-31")'),
        ("trial_ends > 2026-11-12", "E306", 'datetime("2026-11-12")'),
        ('trial_ends > "2026-11-12 10:00"', "E306", '`trial_ends > datetime("2026-11-12T10:00")`'),
        ("trial_ends > 01/02/2026", "E113", "datetime("),
        ("trial_ends > 2026-12-24 10:00", "E113", 'datetime("2026-01-31T10:00")'),
        ("hour(now) > 9:00", "E113", "hour(now) >= 9"),
        ("hour(now) > 10:30", "E120", "hour(now) >= 9"),
        ("event_last_time_1 > yesterday", "E201", "today() - 1d"),
        ("event_last_time_1 > today", "E211", "`today()`"),
        ("weekday() == 1", "E301", "`weekday(now)`"),
        ("during(9, 18)", "E302", 'during("09:00-18:00"'),
        ("score > 5:", "E120", "leave the colon out"),
        ("score in (100,200)", "E127", "a list is written with [ ]"),
    ],
)
def test_a_condition_in_the_manner_of_another_language_is_answered(expression: str, code: str, advice: str) -> None:
    found = told(f"when {expression}\nsend web 'x'")
    assert found.code == code
    assert advice in (found.help or "")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('send web "{{ event_last_time_1 | days }}"', "f(x)"),
        ('send web "{{ user_city|upper }}"', "upper(user_city)"),
        ("send web \"{{ user_fullname | default('friend') }}\"", "user_fullname or 'friend'"),
        ('send web:\n    text "a"\n    button "b" link "{{ page_url }}"', '"https://example.com/{{ '),
        ('send web:\n    text "a"\n    link "/"', 'button "Open" link'),
        ('send email:\n    subject "a"\n    body "b"', "did you mean `text`?"),
        ('send email "x"', "`send email:`"),
        ("otherwise:\n    stop", "did you mean `else`?"),
        ("while vip:\n    stop", "no loops"),
        ("unset plan", "set NAME = None"),
        ("when: vip\nstop", "leave the colon out"),
        ("set score: 5", "set extra_field_TEXT_1 = "),
        ("set score = 5:", "leave the colon out"),
        ("set score += 1", "(NAME or 0) + VALUE"),
        ("set score++", "(NAME or 0) + 1"),
        ("exit", "`stop`"),
        ("/* for new visitors */\nstop", "`#`"),
        ('hours "09:00-18:00" "mon-fri" "GMT+8"\nstop', '"Asia/Shanghai"'),
    ],
)
def test_a_line_in_the_manner_of_another_product_is_answered(line: str, advice: str) -> None:
    assert advice in " ".join(found.help or "" for found in diagnostics(DECLARED + flow(line, "")))


@pytest.mark.parametrize(
    ("declaration", "advice"),
    [
        ("field age number", "did you mean `int`?"),
        ("field age string", "did you mean `text`?"),
        ("field int age", "did you mean `field age int`?"),
        ("// a comment", "a comment begins with `#`"),
        ("event 1 order 6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11", wording.UUID_IN_QUOTES),
        ("event 1 order fb1d5b0c-2a1f-4a43-9d0b-00163e0c79f6", wording.UUID_IN_QUOTES),
    ],
)
def test_a_declaration_in_another_manner_is_answered(declaration: str, advice: str) -> None:
    (found,) = diagnostics(declaration + "\n")
    assert found.help == advice


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("wait 1d", "did you mean `at +1d`?"),
        ("+2h30m", "did you mean `at +2h30m`?"),
        ("expect messages v1", "`expect no messages`"),
        ("expect no message v1 offer_help", "write `expect no messages`"),
        ("track v1 webclick 5 times", "did you mean `x5`?"),
        ("track v1 webclick 5x", "did you mean `x5`?"),
        ("track v1 webclick -10m", "did you mean `at -10m`?"),
        ("assert v1: vip", "did you mean `expect`?"),
        ("// a comment", "a comment begins with `#`"),
    ],
)
def test_a_command_of_a_flow_test_in_another_manner_is_answered(command: str, advice: str) -> None:
    report = Diagnostics()
    read_flow_test(Source("t.flowtest", command + "\n"), report)
    (found,) = report
    assert advice in (found.help or "")


def test_a_visitor_may_be_called_messages() -> None:
    report = Diagnostics()
    read_flow_test(Source("t.flowtest", "expect messages: True\ntrack v1 webclick 5\n"), report)
    assert not list(report)


def test_a_lone_expression_is_not_taken_for_a_line_of_a_flow() -> None:
    for text in ("1: 2", "50 %:", "set x"):
        report = Diagnostics()
        parse_expression(Source("expression", text), report)
        (found,) = report
        assert "50%:" not in (found.help or "")
        assert "write it like `set" not in (found.help or "")


def test_each_function_is_shown_in_a_call_that_is_right() -> None:
    assert set(CALLS) == set(FUNCTIONS)
    for call in CALLS.values():
        report = Diagnostics()
        expression = parse_expression(Source("expression", call), report)
        assert expression is not None
        check_expression(expression, Scope.build([1], {"score": Type.INT}), report)
        assert not list(report), call


def test_what_is_shown_for_a_call_or_a_set_gives_a_value() -> None:
    shown = told("set score").help
    assert shown is not None
    lines = [shown.split("`")[1], *(f'send web """{{{{ {call} }}}} """' for call in CALLS.values())]
    for line in lines:
        assert diagnostics(DECLARED + "field extra_field_TEXT_1 text\n" + flow(line, "")) == (), line


def test_advice_calls_only_functions_that_there_are() -> None:
    tables = (habits.OPERATORS, habits.AFTER_IS, habits.FUNCTIONS, habits.NAMES, habits.SIGNS)
    called = {name for table in tables for help in table.values() for name in re.findall(r"(\w+)\(", help)}
    assert called
    assert called <= set(FUNCTIONS)
    assert not set(habits.FUNCTIONS) & set(FUNCTIONS)
