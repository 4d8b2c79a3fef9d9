"""What published escapes come to where they are no errors: null, or data of a page, and nothing of Python's objects.

What is refused as it is read is in tests/grammar/test_escapes.py.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile import Compiled, Compiler
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.checker import check_expression
from grammar.nodes import Expression, SendWeb, Template
from grammar.scope import Scope
from tests.grammar.escape_corpus import corpus, in_template
from tests.grammar.support import read_expression, steps
from variables.values import Value

SCOPE = Scope.build([1], {})
COMPILER = Compiler(SCOPE, ZoneInfo("UTC"), BUILT_IN_SEGMENTS, DERIVED)
NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)
VISITOR: dict[str, Value] = {"visitor_id": "v1", "user_city": "Beijing", "event_count_1": 3, "last_seen_time": NOW}

READS, NULLS = corpus("reads"), corpus("null_or_ill_typed")
KINDS: list[Value] = [
    None,
    True,
    0,
    10**400,
    1.5,
    "",
    "a text",
    [],
    ["a", ["b"], {"c": 1}],
    {},
    {"a": {"b": "c"}, "0": 1},
]
"""Data of every kind that JSON has, and none with a name of the corpus in it."""

names = st.text(max_size=3) | st.sampled_from(
    ["__class__", "__init__", "__globals__", "__dict__", "format", "a", "obj"]
)
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
)


def expression(text: str) -> tuple[Expression, list[str]]:
    """An expression that can be parsed, and the codes of what is wrong with it."""
    found, report = read_expression(text)
    assert found is not None, text
    check_expression(found, SCOPE, report)
    return found, [one.code for one in report.errors]


def evaluate(node: Expression, given: Value) -> Value:
    return run(COMPILER.value(node), given)


def run(code: Compiled, given: Value) -> Value:
    visitor = {**VISITOR, "event_last_data_1": given}
    return code.evaluate({name: visitor.get(name) for name in code.reads}, NOW)


def is_data(value: Value) -> bool:
    """Whether a value is one of the language all the way down: no class, method, frame or other object of Python."""
    if type(value) is list:
        return all(map(is_data, value))
    if type(value) is dict:
        return all(type(key) is str and is_data(member) for key, member in value.items())
    return value is None or type(value) in (bool, int, float, str, datetime, timedelta)


def template(literal: str) -> Template:
    (step,) = steps(f"send web {literal}")
    assert isinstance(step, SendWeb)
    return step.text


def printed(literal: str, given: Value = None) -> Value:
    return run(COMPILER.template(template(literal)), given)


@pytest.mark.parametrize("text", READS)
def test_a_name_of_pythons_objects_is_a_member_that_the_data_have_not(text: str) -> None:
    node, wrong = expression(text)
    assert wrong == []
    assert [evaluate(node, value) for value in KINDS] == [None] * len(KINDS)


@pytest.mark.parametrize("text", READS)
def test_it_prints_as_nothing(text: str) -> None:
    assert {printed(in_template(text), value) for value in KINDS} == {""}


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(READS), data)
def test_what_is_read_is_data_whatever_names_a_page_gives_its_members(text: str, given: Value) -> None:
    assert is_data(evaluate(expression(text)[0], given))


@pytest.mark.parametrize("text", NULLS)
def test_what_python_would_make_large_or_reach_is_null_or_refused_by_its_types(text: str) -> None:
    node, wrong = expression(text)
    assert all(code.startswith("E3") for code in wrong)
    assert [evaluate(node, value) for value in KINDS] == [None] * len(KINDS)


@pytest.mark.parametrize("text", corpus("printed"))
def test_the_templates_of_other_languages_are_plain_text(text: str) -> None:
    assert printed(f'"""{text}"""') == text


@pytest.mark.parametrize("text", [*corpus("refused"), *READS, *NULLS, *corpus("printed"), "{{ user_city }}"])
def test_what_a_page_sent_is_never_read_as_a_template(text: str) -> None:
    assert printed('"{{ event_last_data_1 }}"', text) == text
