"""What the checker finds beyond the one example a code has among the golden files."""

import pytest

from grammar.checker import check, check_expression
from grammar.diagnostics import Diagnostics
from grammar.program import read_program
from grammar.scope import Scope
from grammar.syntax.parser import parse, read_source
from tests.grammar.support import EVENT, UUID, codes, diagnostics, flow, read_expression, script

OTHER = "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"


def segment(condition: str, before: str = EVENT) -> str:
    return f"{before}segment s:\n    {condition}\n"


@pytest.mark.parametrize(
    "text",
    [
        f'event 1 webclick "{OTHER}"\n',
        f'event 2 webclick "{OTHER}"\n',
        f'event 1 other "{OTHER}"\n',
        f'event 2 other "{UUID.upper()} "\n',
    ],
)
def test_seq_name_and_uuid_of_an_event_are_unique(text: str) -> None:
    assert set(codes(EVENT + text)) == {"E207"}


def test_each_kind_of_declaration_has_a_name_space_of_its_own() -> None:
    others = "field webclick text\nsegment webclick:\n    true\nflow webclick:\n    on webclick\n    stop\n"
    script(EVENT + others)


def test_files_given_together_form_one_program() -> None:
    report = Diagnostics()
    first = read_source("a.flow", EVENT, report)
    second = read_source("b.flow", segment("event_count_1 > 5", ""), report)
    assert first is not None
    assert second is not None
    assert read_program([first, second]).ok
    assert not read_program([first, first]).ok


def test_the_number_of_events_is_a_setting() -> None:
    report = Diagnostics()
    source = read_source("a.flow", EVENT.replace("event 1", "event 12"), report)
    assert source is not None
    check(parse([source], report), report, max_events=12)
    assert report.ok


TAKEN = ["now", "len", "is_online", "event_count_77", "track_event_seq", "run_time", "user_city", "is_assigned_user"]


@pytest.mark.parametrize("name", TAKEN)
def test_names_of_the_language_are_no_names_for_fields(name: str) -> None:
    assert codes(f"field {name} text\n") == ["E208"]


@pytest.mark.parametrize("name", ["online", "new", "active"])
def test_predeclared_segments_are_known_and_taken(name: str) -> None:
    assert codes(segment(f'in_segment("{name}")')) == []
    assert codes(f"segment {name}:\n    true\n") == ["E208"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("evnt_count_1", "event_count_1"),
        ("Event_Count_1", "event_count_1"),
        ("event_cuont_1", "event_count_1"),
        ("usеr_city", "user_city"),
        ("USER_CITY", "user_city"),
        ("ＵＳＥＲ_city", "user_city"),
        ("user_ciyt", "user_city"),
    ],
)
def test_unknown_names_are_suggested_a_near_one(name: str, suggestion: str) -> None:
    (found,) = diagnostics(segment(f"{name} == 1"))
    assert (found.code, found.help) == ("E201", f"did you mean `{suggestion}`?")


def test_a_name_that_resembles_nothing_is_suggested_nothing() -> None:
    (found,) = diagnostics(segment("weather == 1"))
    assert found.help is None


def test_an_undeclared_event_is_suggested_a_declared_one() -> None:
    (found,) = diagnostics(segment("event_last_time_3 > now"))
    assert (found.code, found.help) == ("E205", "did you mean `event_last_time_1`?")


@pytest.mark.parametrize(
    "name", ["event_count_1", "now", "ent_user_id", "browser_name", "is_online", "track_event_seq"]
)
def test_a_flow_writes_no_variable_of_the_language(name: str) -> None:
    assert codes(flow(f"set {name} = 1")) == ["E411"]


@pytest.mark.parametrize("name", ["user_fullname", "user_channel", "customer_user_type", "ent_user_createtime", "mine"])
def test_a_flow_writes_fields_and_some_standard_variables(name: str) -> None:
    assert codes(flow(f"set {name} = None", EVENT + "field mine text\n")) == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("hour(today())", []),
        ('hour(today("Europe/Paris"))', []),
        ("today(user_city)", ["E302"]),
        ('today("europe/paris")', ["E162"]),
        ('today("../etc/passwd")', ["E162"]),
        ("min()", ["E301"]),
        ("min(1, 2, 3, 4)", []),
        ("round(1.5, -15)", []),
        ("round(1.5, -16)", ["E303"]),
        ("round(1.5, 1.0)", ["E302"]),
        ("round(1.5, true)", ["E302"]),
        ('during("22:00-06:00")', []),
        ('during("00:00-24:00", "fri-mon")', []),
        ('during("08:00-22:00", "Asia/Shanghai")', []),
        ('during("08:00-22:00", "mon,wed-fri", "UTC")', []),
        ('during("08:00-08:00")', ["E163"]),
        ('during("24:00-08:00")', ["E163"]),
        ('during("08:00-24:01")', ["E163"]),
        ('during("08:00-22:00", "mon-fry")', ["E164"]),
        ('during("08:00-22:00", "mon", "mon")', ["E162"]),
        ('len(format_time(first_seen_time, "%Y-%m-%d 100%%"))', []),
        ('format_time(now, "100%")', ["E165"]),
        (r'matches(user_city, "^\d+\s(?i)x")', []),
        (r'matches(user_city, "(?=x)")', ["E161"]),
        (r'matches(user_city, "\1")', ["E161"]),
        ("matches(user_city, 5)", ["E302"]),
        ("in_segment(user_city)", ["E302"]),
    ],
)
def test_arguments(call: str, found: list[str]) -> None:
    assert codes(segment(f"{call} == 1")) == found


def test_a_segment_that_names_itself_is_a_cycle() -> None:
    assert codes('segment a:\n    not in_segment("a")\n') == ["E209"]


def test_segments_that_share_a_dependency_are_no_cycle() -> None:
    bodies = {"a": 'in_segment("b") and in_segment("c")', "b": 'in_segment("c")', "c": "true"}
    script("".join(f"segment {name}:\n    {body}\n" for name, body in bodies.items()))


def test_the_triggering_event_is_known_throughout_a_flow() -> None:
    step = 'send web "{{ track_event_data.x }} {{ run_time }} {{ step_time }}"'
    assert codes(flow(f"when track_event_count > 1\n{step}")) == []


@pytest.mark.parametrize(
    ("limit", "found"),
    [("0", ["E408"]), ("1000", []), ("0 per 7d", ["E408"]), ("100 per 7d", []), ("101 per 7d", ["E408"])],
)
def test_limits(limit: str, found: list[str]) -> None:
    assert codes(flow(f"limit {limit}\nstop")) == found


def test_an_expression_by_itself_is_checked_against_a_scope() -> None:
    expression, report = read_expression("event_count_1 > 5 and nope and in_segment('new')")
    assert expression is not None
    check_expression(expression, Scope.build([1], {}), report)
    assert [found.code for found in report] == ["E201"]


def test_an_expression_by_itself_is_told_which_events_there_are() -> None:
    expression, report = read_expression("event_count_9")
    assert expression is not None
    check_expression(expression, Scope.build(range(1, 9), {}), report)
    (found,) = report
    assert (found.code, found.help) == ("E205", "did you mean `event_count_8`?")


def test_an_unknown_name_is_told_once_for_an_expression() -> None:
    assert codes(segment("nope > 1 and nope < 5 or other > nope")) == ["E201", "E201"]
