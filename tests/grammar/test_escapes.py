"""Nothing of Python's object model can be reached (LANGUAGE.md section 5): published escapes are refused when read.

What is no escape but a read inside json, or null, is evaluated in tests/engine/test_escapes.py.
"""

from collections.abc import Callable

import pytest

from grammar.checker import check_expression
from grammar.diagnostics import Diagnostic, render
from grammar.scope import Scope
from tests.grammar.escape_corpus import corpus, in_template
from tests.grammar.support import EVENT, diagnostics, flow, read_expression

FIELD = "field note text\n"
PLACES: dict[str, Callable[[str], str]] = {
    "segment": lambda payload: f"{EVENT}segment s:\n    {payload}\n",
    "when": lambda payload: flow(f'when {payload}\nsend web "x"'),
    "if": lambda payload: flow(f'if {payload}:\n    send web "x"'),
    "set": lambda payload: flow(f"set note = {payload}", EVENT + FIELD),
    "brackets": lambda payload: f"{EVENT}segment s:\n    ({payload})\n",
    "list": lambda payload: f"{EVENT}segment s:\n    len([user_city, {payload}]) > 5\n",
    "template": lambda payload: flow(f"send web {in_template(payload)}"),
    "step": lambda payload: flow(payload),
    "declaration": lambda payload: EVENT + payload + "\n",
}
"""A whole file with the payload where an author could put it."""


def is_refused(found: tuple[Diagnostic, ...]) -> bool:
    """Whether there are errors, all of characters, syntax, names or arguments; showing them raises nothing."""
    assert all(render(one) for one in found)
    return bool(found) and all(one.code[:2] in ("E1", "E2", "E3") for one in found)


@pytest.mark.parametrize("payload", corpus("refused"))
def test_an_escape_is_refused_as_an_expression(payload: str) -> None:
    expression, report = read_expression(payload)
    if expression is not None:
        check_expression(expression, Scope.build([1], {}), report)
    assert is_refused(report.errors)


@pytest.mark.parametrize("payload", corpus("refused"))
def test_an_escape_is_refused_wherever_it_stands_in_a_file(payload: str) -> None:
    assert [place for place, file in PLACES.items() if not is_refused(diagnostics(file(payload)))] == []


@pytest.mark.parametrize(
    "around", [("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("max(", ")"), ("1 if ", " else 1")]
)
def test_depth_without_end_is_refused(around: tuple[str, str]) -> None:
    before, after = around
    assert is_refused(read_expression(before * 20_000 + "now" + after * 20_000)[1].errors)


@pytest.mark.parametrize("link", [".__class__", "[0]", " + 1", " < 1", " or now", " if 1 else 2", ".x()"])
def test_length_without_end_is_refused(link: str) -> None:
    assert is_refused(read_expression("now" + link * 20_000)[1].errors)
