"""Type inference: what it says of each form of expression."""

import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from grammar.types import ANY, Scope, Type, infer, infer_all
from grammar.walk import walk
from tests.grammar.support import expression

SCOPE = Scope.build([1], {"n": Type.INT, "x": Type.FLOAT, "t": Type.TEXT, "b": Type.BOOL, "d": Type.DATETIME})
NULL, BOOL, INT, FLOAT, TEXT = Type.NULL, Type.BOOL, Type.INT, Type.FLOAT, Type.TEXT
DATETIME, DURATION, LIST, JSON = Type.DATETIME, Type.DURATION, Type.LIST, Type.JSON


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1", INT),
        ("1.5", FLOAT),
        ("'a'", TEXT),
        ("true", BOOL),
        ("null", NULL),
        ("7d", DURATION),
        ("[1]", LIST),
        ("event_count_1", INT),
        ("event_last_time_1", DATETIME | NULL),
        ("event_last_data_1", JSON),
        ("n", INT | NULL),
        ("visitor_id", TEXT),
        ("is_online", BOOL),
        ("no_such_name", ANY),
    ],
)
def test_names_and_literals(text: str, type_: Type) -> None:
    assert infer(expression(text), SCOPE) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("now > event_last_time_1", BOOL),
        ("1 < n <= 5", BOOL),
        ("n is None", BOOL),
        ("not n", BOOL),
        ("user_fullname or 'friend'", TEXT),
        ("'friend' or user_fullname", TEXT | NULL),
        ("event_count_1 or user_fullname or now", INT | TEXT | DATETIME),
        ("user_fullname and 1", TEXT | NULL | INT),
        ("1 if b else 'x'", INT | TEXT),
    ],
)
def test_conditions_and_choices(text: str, type_: Type) -> None:
    assert infer(expression(text), SCOPE) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1 + 2", INT),
        ("event_count_1 + 1", INT),
        ("b + b", INT | NULL),
        ("1 + 1.5", FLOAT | NULL),
        ("n + 1", INT | NULL),
        ("1 / 2", FLOAT),
        ("event_count_1 / 2", FLOAT),
        ("event_count_1 / event_count_1", FLOAT | NULL),
        ("1 / 0", FLOAT | NULL),
        ("event_count_1 // 2", INT),
        ("event_count_1 % event_count_1", INT | NULL),
        ("1.5 / 0.5", FLOAT | NULL),
        ("event_count_1 * event_count_1 / 2", FLOAT | NULL),
        ("-event_count_1", INT),
        ("-b", INT | NULL),
        ("-'a'", NULL),
        ("'a' + 'b'", TEXT | NULL),
        ("'a' * 3", NULL),
        ("'%s' % 3", NULL),
        ("[1] + [2]", LIST | NULL),
        ("'a' + 1", NULL),
    ],
)
def test_arithmetic_of_numbers_texts_and_lists(text: str, type_: Type) -> None:
    assert infer(expression(text), SCOPE) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("now - event_last_time_1", DURATION | NULL),
        ("now - now", DURATION),
        ("now - 7d", DATETIME | NULL),
        ("7d + now", DATETIME | NULL),
        ("7d - now", NULL),
        ("now + now", NULL),
        ("7d + 1d", DURATION | NULL),
        ("7d * 2", DURATION | NULL),
        ("7d / 2", DURATION),
        ("7d / 1d", FLOAT),
        ("7d // 1d", INT),
        ("7d // 2", NULL),
        ("7d % 0s", DURATION | NULL),
        ("-7d", DURATION),
        ("(now - event_last_time_1) / 1d", FLOAT | NULL),
    ],
)
def test_arithmetic_of_moments_and_durations(text: str, type_: Type) -> None:
    assert infer(expression(text), SCOPE) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("event_last_data_1.price", JSON),
        ("event_last_data_1['a'][0]", JSON),
        ("event_last_data_1.price * 2", INT | FLOAT | NULL),
        ("event_last_data_1 + 'x'", TEXT | NULL),
        ("user_city.name", NULL),
        ("user_city[0]", NULL),
        ("[now][0]", ANY),
        ("[now].a", NULL),
    ],
)
def test_reading_json(text: str, type_: Type) -> None:
    assert infer(expression(text), SCOPE) == type_


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("len('a')", INT),
        ("len(user_city)", INT | NULL),
        ("abs(-5)", INT),
        ("abs(x)", FLOAT | NULL),
        ("abs(7d)", DURATION | NULL),
        ("round(1.5)", INT),
        ("round(1.5, 1)", FLOAT),
        ("round(5, 1)", INT),
        ("round(n)", INT | NULL),
        ("int(1.5)", INT),
        ("int('5')", INT | NULL),
        ("float(event_count_1)", FLOAT),
        ("float(event_count_1 * event_count_1)", FLOAT | NULL),
        ("text(event_count_1)", TEXT),
        ("text(user_city)", TEXT | NULL),
        ("lower(visitor_id)", TEXT),
        ("lower(user_city)", TEXT | NULL),
        ("startswith(user_city, 'a')", BOOL),
        ("matches(user_city, 'a')", BOOL),
        ("min(1, 2.5)", INT | FLOAT),
        ("min(1, n)", INT | NULL),
        ("min(1, 'a')", INT | TEXT | NULL),
        ("min(event_last_data_1)", JSON),
        ("max([1, 2])", ANY),
        ("max(now, first_seen_time)", DATETIME | NULL),
        ("date(now)", DATETIME | NULL),
        ("today()", DATETIME | NULL),
        ("hour(now)", INT | NULL),
        ("in_segment('new')", BOOL),
        ("format_time(now, '%Y')", TEXT | NULL),
    ],
)
def test_functions(text: str, type_: Type) -> None:
    assert infer(expression(text), SCOPE) == type_


def test_every_node_has_a_type() -> None:
    tree = expression("len(user_city) + 1 > 2 or not [now][0].x")
    types = infer_all(tree, SCOPE)
    assert all(types.of(node) for node in walk(tree))


def test_a_long_chain_is_inferred_without_recursion() -> None:
    assert infer(expression("+".join(["1"] * 250)), SCOPE) == INT


# Soundness: LANGUAGE.md section 5 on operators, written down once more as plainly as can be ---------------------------

OPERATORS: dict[str, Callable[..., object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
NUMBERS = (bool, int, float)
SAMPLES: dict[str, list[object]] = {
    "event_count_1": [0, 1, 7, 2**53],
    "n": [None, 0, -3, 2**53 - 1],
    "x": [None, 0.0, -0.5, 1.7e308, -1.7e308, 5e-324],
    "b": [None, True, False],
    "t": [None, "", "a"],
    "visitor_id": ["v"],
    "now": [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)],
    "d": [None, datetime(2026, 1, 1, tzinfo=UTC)],
    "event_last_data_1": [None, True, 3, 10**400, 1.5, "a", [1], {"a": 1}],
    "[1]": [[1]],
    "0": [0],
    "2": [2],
    "0.5": [0.5],
    "7d": [timedelta(days=7)],
    "0s": [timedelta(0)],
}


def computed(symbol: str, left: object, right: object) -> object:
    """What the language says `left symbol right` is."""
    lengths = isinstance(left, timedelta), isinstance(right, timedelta)
    moments = isinstance(left, datetime), isinstance(right, datetime)
    numbers = isinstance(left, NUMBERS), isinstance(right, NUMBERS)
    allowed = (
        all(numbers)
        or (all(lengths) and symbol != "*")
        or (lengths[0] and numbers[1] and symbol in ("*", "/"))
        or (numbers[0] and lengths[1] and symbol == "*")
        or (moments[0] and lengths[1] and symbol in ("+", "-"))
        or (lengths[0] and moments[1] and symbol == "+")
        or (all(moments) and symbol == "-")
        or (symbol == "+" and (isinstance(left, str) and isinstance(right, str)))
        or (symbol == "+" and (isinstance(left, list) and isinstance(right, list)))
    )
    if not allowed:
        return None
    try:
        result = OPERATORS[symbol](left, right)
    except (ArithmeticError, ValueError):
        return None
    return None if isinstance(result, float) and not math.isfinite(result) else result


KINDS: dict[type, Type] = {
    type(None): NULL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: TEXT,
    datetime: DATETIME,
    timedelta: DURATION,
    list: LIST,
}


@pytest.mark.parametrize("symbol", OPERATORS)
def test_no_operator_gives_a_value_outside_its_type(symbol: str) -> None:
    for left, right in product(SAMPLES, repeat=2):
        type_ = infer(expression(f"{left} {symbol} {right}"), SCOPE)
        for one, other in product(SAMPLES[left], SAMPLES[right]):
            value = computed(symbol, one, other)
            assert KINDS[type(value)] in type_, (left, symbol, right, one, other, value)
