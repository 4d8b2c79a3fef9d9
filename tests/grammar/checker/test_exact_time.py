"""Time must be exact where a condition is watched: what may stand there, what may not, and where the fault lies."""

import pytest

from grammar.checker.exact_time import Course, check_exact_time, courses
from grammar.checker.expressions import ExpressionChecker
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.scope import Place, Scope
from grammar.types import Type
from grammar.walk import walk
from tests.grammar.support import EVENT, codes, expression, flow

SCOPE = Scope.build([1, 2], {"since": Type.DATETIME, "visits": Type.INT, "vip": Type.BOOL}, Place.RUN)


def found(text: str) -> list[Diagnostic]:
    report = Diagnostics()
    segments = dict.fromkeys(["new"])
    ExpressionChecker(report, {Place.RUN: SCOPE}, segments, [1, 2], frozenset()).check(
        expression(text), Place.RUN, exact=True
    )
    return list(report)


FREE = ["event_count_1 > 5", "run_time + 3d > since", "step_time is None", "is_anonymous_user == true", "[since]"]
STEPPED = [
    "first_seen_time >= today()",
    "today() - first_seen_time > 3d",
    "hour(now) in [9, 10]",
    "hour(now, 'Asia/Shanghai') + hour(now - 1h) == 5",
    "hour(now + 8h) == 9",
    "hour(8h + now - 30m) == 9",
    "weekday(now + since_days * 1d) == 1",
    "date(now) == date(since)",
    "date(since) == today() - 1d",
    "text(hour(now)) == '9'",
    "format_time(today(), '%d') == '01'",
    "during('09:00-18:00', 'mon-fri') == true",
    "since > (run_time if during('09:00-18:00') else first_seen_time)",
    "event_last_data_1[hour(now)]",
]
TRUTH = [
    "now > since",
    "since < now < since + 7d",
    "now == since",
    "now - since is None",
    "-(now - since) < -3d",
    "now - since > now - run_time",
    "(now - since) * 2 > 3d",
    "2 * (now - since) / visits > 3d",
    "(now - since) / 1d > 3",
    "(now - since + 2h) / (1d if vip else 2d) - 1 > 3",
    "now - today() > 8h",
    "now - since > (3d if during('09:00-18:00') else 5d)",
    "is_online",
    "not is_online or in_segment('new') and now > since",
    "now > since if is_online else now > run_time",
    "user_city if now > since else vip",
    "hour(now) == 9 and now - since > 7d",
    "now > since or 5",
]


@pytest.mark.parametrize(
    ("course", "texts"),
    [(Course.FREE, FREE), (Course.STEPPED, STEPPED), (Course.TRUTH, TRUTH)],
    ids=lambda x: str(x)[:7],
)
def test_what_may_be_watched_and_how_it_changes(course: Course, texts: list[str]) -> None:
    for text in texts:
        tree = expression(text.replace("since_days", "visits"))
        assert found(text.replace("since_days", "visits")) == []
        assert courses(tree).of(tree) is course, text


def test_a_side_moves_evenly_and_every_node_has_a_course() -> None:
    tree = expression("(now - since) / 1d > hour(now) + 1")
    known = courses(tree)
    by_text = {node.span.text: known.of(node) for node in walk(tree)}
    assert by_text["(now - since) / 1d"] is Course.LINEAR
    assert by_text["hour(now) + 1"] is Course.STEPPED
    assert by_text["1d"] is Course.FREE


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        # what is computed of now
        ("int((now - since) / 1d) % 2 == 0", "E321", "int((now - since) / 1d)"),
        ("(now - since) // 1d > 3", "E321", "(now - since) // 1d"),
        ("(now - since) % 1d > 3h", "E321", "(now - since) % 1d"),
        ("1d / (now - since) > 3", "E321", "1d / (now - since)"),
        ("(now - since) / 1d * ((now - since) / 1d) > 9", "E321", "(now - since) / 1d * ((now - since) / 1d)"),
        ("abs(now - since) < 3d", "E321", "abs(now - since)"),
        ("min(now, since) > run_time", "E321", "min(now, since)"),
        ("(now - since if vip else 5d) > 3d", "E321", "(now - since if vip else 5d)"),
        ("text(now) == 'x'", "E321", "text(now)"),
        ("format_time(now, '%d') == '01'", "E321", "format_time(now, '%d')"),
        ("datetime(now) > since", "E321", "datetime(now)"),
        ("hour(now + (now - since)) == 9", "E321", "hour(now + (now - since))"),
        ("hour(now + hour(now) * 1h) == 9", "E321", "hour(now + hour(now) * 1h)"),
        ("len([now]) > 1", "E321", "[now]"),
        ("vip and now in [since]", "E321", "now in [since]"),
        ("event_last_data_1[now]", "E321", "event_last_data_1[now]"),
        # now as an answer
        ("now", "E322", "now"),
        ("not (now - since)", "E322", "(now - since)"),
        ("vip or now - since", "E322", "now - since"),
        ("vip if now else false", "E322", "now"),
        # answers as values
        ("is_online == true", "E323", "is_online"),
        ("in_segment('new') == false", "E323", "in_segment('new')"),
        ("text(is_online) == 'x'", "E323", "is_online"),
        ("vip == (now - since > 3d)", "E323", "(now - since > 3d)"),
        ("(vip or now > since) == vip", "E323", "now > since"),
        ("(1 if is_online and now > since else 0) > 0", "E323", "is_online"),
        ("now - since > (3d if now > run_time else 5d)", "E323", "now > run_time"),
        ("[is_online]", "E323", "is_online"),
        ("event_last_data_1[now > since]", "E323", "now > since"),
    ],
)
def test_the_smallest_offending_part_is_shown_once(text: str, code: str, part: str) -> None:
    (one,) = found(text)
    assert (one.code, one.span.text) == (code, part)
    assert one.help is not None
    assert "on … when" in one.help


def test_each_violation_is_told() -> None:
    text = "abs(now - since) < 3d and is_online == true and (now - since or vip)"
    assert [one.code for one in found(text)] == ["E321", "E323", "E322"]


@pytest.mark.parametrize("text", ["abs(now) > 3d", "nope(now) > since", "hour(now, vip) == 9", "now.x", "now > 7d"])
def test_what_is_wrong_already_is_not_told_again(text: str) -> None:
    assert len(found(text)) == 1
    assert not found(text)[0].code.startswith("E32")


INEXACT = "(now - event_last_time_1) // 1d > 3"


def test_segments_and_flows_without_a_trigger_are_watched() -> None:
    assert codes(f"{EVENT}segment s:\n    {INEXACT}\n") == ["E321"]
    assert "E321" in codes(f"{EVENT}flow f:\n    when {INEXACT}\n    stop\n")


def test_what_is_tested_only_when_something_happens_may_do_anything_with_now() -> None:
    body = f'when {INEXACT}\nif {INEXACT}:\n    send web "{{{{ now - run_time }}}} {{{{ text(now) }}}}"'
    assert codes(flow(body)) == []


def test_a_long_sum_is_classified_without_recursion() -> None:
    report = Diagnostics()
    check_exact_time(expression("hour(now" + " + 1s" * 240 + ") == 9"), report, frozenset())
    assert report.ok
