"""The language: many flows from text to running code, and the largest things that it allows, against their limits.

Each is processor time of one process, the median of some runs. The largest expressions are of several shapes, and the
slowest shape is shown; they are evaluated with texts of 4 KiB.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from statistics import median
from zoneinfo import ZoneInfo

from bench.report import Row, at_most, duration
from engine.compile import Compiler
from engine.program import Program
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.diagnostics import Diagnostics
from grammar.formatter import format_source
from grammar.nodes import Expression
from grammar.program import read_files
from grammar.scope import Scope
from grammar.source import Source
from grammar.syntax.parser import MAX_FILE_BYTES, parse_expression
from grammar.types import Type
from variables.values import Value

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
FLOWS = 1000
HEAD = """event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6" "clicks on the page"
event 2 checkout "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
field extra_field_TEXT_1 text "WeChat id"
"""
FLOW = """
flow offer_{number} "Offer {number}":
    on webclick
    when event_count_1 > {number} and event_count_2 == 0 and now - event_last_time_1 < 7d
    limit 1 per 7d

    if user_country == "CN" or event_last_data_1.amount > 100:
        send web "您好，欢迎来自 {{{{ user_country }}}} {{{{ user_city or 'somewhere' }}}} 的朋友"
        set extra_field_TEXT_1 = "seen {number}"
    else:
        send web:
            text "Welcome, {{{{ user_fullname or 'friend' }}}}"
            button "Open" link "https://example.com/{{{{ event_count_1 }}}}"
"""
SHAPES = {
    "a chain of `and`": " and ".join(["x != y"] * 125),
    "a sum of texts": " + ".join(["x"] * 250),
    "deep brackets": "(" * 49 + " + ".join(["event_count_1"] * 250) + ")" * 49,
    "brackets around each operand": " + ".join(["(" * 49 + "event_count_1" + ")" * 49] * 250),
    "brackets around each member": "[" + ", ".join(["(" * 48 + "event_count_1" + ")" * 48] * 499) + "]",
    "a list in a list": "[" * 49 + ", ".join(["1"] * 440) + "]" * 49,
    "nested calls": " and ".join(["lower(" * 40 + "x" + ")" * 40 + " == y"] * 11),
    "patterns": " or ".join(["matches(x, '(a+)+$')"] * 124),
    "a long product": " * ".join(["999999999999999999"] * 250),
}
TEXTS: Mapping[str, Value] = {"x": "ab" * 2048, "y": "ab" * 2047 + "c", "event_count_1": 3}


def rows(*, quick: bool) -> Iterator[Row]:
    times = 1 if quick else 5
    text = HEAD + "".join(FLOW.format(number=number) for number in range(1, FLOWS + 1))
    yield _within(f"{FLOWS:,} flows parsed, checked and compiled", _time(lambda: _compile(text), times), 5)
    largest = HEAD + "".join(FLOW.format(number=n) for n in range(1, MAX_FILE_BYTES // len(FLOW.encode()) - 50))
    yield _within(
        f"a file of {len(largest.encode()) >> 10} KiB checked", _time(lambda: read_files([("f", largest)]), 1), 10
    )
    formatting = _time(lambda: format_source(Source("f", largest), Diagnostics()), 1)
    yield Row("the same file formatted", duration(formatting))
    yield _slowest("largest expression, parsed", {name: _parsing(shape) for name, shape in SHAPES.items()}, 0.05)
    yield _slowest("largest expression, evaluated", {name: _running(shape) for name, shape in SHAPES.items()}, 0.005)


def _compile(text: str) -> None:
    checked = read_files([("bench.flow", text)])
    if not checked.ok:
        raise ValueError(f"the flows have errors: {checked.diagnostics[:3]}")
    Program.build(checked.script)


def _parse(shape: str) -> Expression:
    expression = parse_expression(Source("bench", shape), report := Diagnostics())
    if expression is None:
        raise ValueError(f"no expression: {list(report)}")
    return expression


def _parsing(shape: str) -> float:
    return _time(lambda: _parse(shape), 5)


def _running(shape: str) -> float:
    scope = Scope.build([1], {"x": Type.TEXT, "y": Type.TEXT})
    run = Compiler(scope, ZoneInfo("UTC"), BUILT_IN_SEGMENTS, DERIVED).value(_parse(shape)).evaluate
    return _time(lambda: run(TEXTS, NOW), 15)


def _time(work: Callable[[], object], times: int) -> float:
    def once() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return median(once() for _ in range(times))


def _within(what: str, seconds: float, limit: float) -> Row:
    return Row(what, duration(seconds), f"limit: {duration(limit)}", seconds / limit, at_most(1))


def _slowest(what: str, times: Mapping[str, float], limit: float) -> Row:
    shape = max(times, key=lambda name: times[name])
    return _within(f"{what} ({shape})", times[shape], limit)
