"""`whenflow eval`: values as JSON, errors in words, one expression or one a line."""

import json
from decimal import Decimal

import pytest

from tests.whenflow.process import run
from whenflow.evaluating import evaluate_lines, evaluate_one

NOW = "2026-01-01T10:00:00Z"


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("1", "1"),
        ("4 / 2", "2.0"),
        ("1e20", "1e+20"),
        ("None", "null"),
        ("1 < 2", "true"),
        ("'您好 \"x\"'", '"您好 \\"x\\""'),
        ("now", '"2026-01-01T10:00:00Z"'),
        ("now + 1s / 2", '"2026-01-01T10:00:00.500Z"'),
        ("1h30m", "5400.0"),
        ("[1, 2.0, now, 'a', None]", '[1, 2.0, "2026-01-01T10:00:00Z", "a", null]'),
    ],
)
def test_a_value_is_shown_as_json(expression: str, shown: str) -> None:
    assert evaluate_one(expression, None, NOW) == shown


def test_an_int_of_any_length_is_shown_as_python_would() -> None:
    nines = "999999999999999999"
    product = " * ".join([nines] * 249)
    assert evaluate_one(product, None, NOW) == str(Decimal(int(nines) ** 249))


def test_a_text_of_more_digits_than_python_reads_is_no_int_here_either() -> None:
    digits = "9" * 5000
    assert evaluate_one("int(user_city)", json.dumps({"user_city": digits}), NOW) == "null"
    assert evaluate_one("int(user_city)", json.dumps({"user_city": digits[:4300]}), NOW) == digits[:4300]


def test_a_batch_answers_each_line_by_itself() -> None:
    lines = [
        '{"expr": "event_count_1 > 5", "vars": {"event_count_1": 6}}',
        "",
        '{"expr": "now - event_last_time_1 > 7d", "vars": {"event_last_time_1": "2026-01-01T00:00:00Z"},'
        ' "now": "2026-01-08T00:00:00.001Z"}',
        '{"expr": "event_coun_1"}',
        "nonsense",
        "[1]",
        '{"vars": {}}',
        '{"expr": "1", "vars": {"user_city": 5}}',
        '{"expr": "1", "now": "soon"}',
        '{"expr": "visitor_id", "vars": {"visitor_id": "v1"}}',
    ]
    answers = [json.loads(line) for line in evaluate_lines(line.encode() for line in lines)]
    assert [answer.get("value", answer.get("error", {}).get("code")) for answer in answers] == [
        True, True, "E201", "bad_request", "bad_request", "bad_request", "bad_request", "bad_request", "v1",
    ]  # fmt: skip
    assert all(set(answer["error"]) == {"code", "message"} for answer in answers if "error" in answer)


def test_a_line_that_is_no_utf8_is_refused_by_itself() -> None:
    lines = [b'{"expr": "\xff"}', b'\xef\xbb\xbf{"expr": "1"}\r\n', '{"expr": "\'您好\'"}'.encode()]
    refused, with_a_mark, plain = map(json.loads, evaluate_lines(lines))
    assert refused["error"]["code"] == "bad_request"
    assert (with_a_mark, plain) == ({"value": 1}, {"value": "您好"})


def test_the_command_prints_a_value_and_ends_with_0() -> None:
    done = run("eval", "user_city or 'nowhere'", "--vars", '{"user_city": "深圳"}')
    assert (done.returncode, done.stdout, done.stderr) == (0, '"深圳"\n', "")
    assert run("eval", "-event_count_1", "--vars", '{"event_count_1": 3}').stdout == "-3\n"


def test_the_command_shows_all_errors_and_ends_with_1() -> None:
    done = run("eval", "event_coun_1 > 5 and user_cit == 'x'")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean `event_count_1`?" in done.stderr
    assert "did you mean `user_city`?" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("eval",),
        ("eval", "1", "--vars", "{"),
        ("eval", "1", "--vars", '{"x": "\udcff"}'),
        ("eval", "1", "--now", "soon"),
        ("eval", "--batch", "1"),
    ],
)
def test_what_cannot_be_used_is_said_and_ends_with_2(args: tuple[str, ...]) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_batch_is_read_from_standard_input() -> None:
    done = run("eval", "--batch", given='{"expr": "1 + 1"}\n{"expr": "1 +"}\n')
    assert done.returncode == 0
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {"value": 2}
    assert second["error"]["code"] == "E122"


def test_answers_are_utf_8_whatever_the_terminals_encoding() -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    assert run("eval", "'您好'", env=ascii_only).stdout == '"您好"\n'
    assert run("eval", "--batch", env=ascii_only, given='{"expr": "\'您好\'"}\n').stdout == '{"value": "您好"}\n'
