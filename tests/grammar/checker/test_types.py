"""Types are checked before anything runs: what is refused could never have given anything; nothing else is refused."""

from ast import literal_eval
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile import Compiler
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.checker import check_expression
from grammar.checker.expressions import ExpressionChecker
from grammar.checker.types import check_types, fits, is_written_misfit
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.nodes import Comparison, Expression
from grammar.scope import Place, Scope
from grammar.types import Type
from tests.grammar.support import EVENT, codes, diagnostics, expression, flow, read_expression
from variables.values import LARGEST_INT, Kind, Misfit, Value, write

SCOPE = Scope.build(
    [1, 2], {"n": Type.INT, "x": Type.FLOAT, "t": Type.TEXT, "u": Type.TEXT, "b": Type.BOOL, "d": Type.DATETIME}
)
NOW = datetime(2026, 1, 8, 9, 30, tzinfo=UTC)


def found(text: str) -> list[Diagnostic]:
    parsed, report = read_expression(text)
    assert parsed is not None, list(report)
    check_expression(parsed, SCOPE, report)
    return list(report)


def found_codes(text: str) -> list[str]:
    return [one.code for one in found(text)]


# The law: refused means that nothing else could have come of it -------------------------------------------------------

SAMPLES: dict[str, list[Value]] = {
    "event_count_1": [0, 1, 7],
    "n": [None, 0, -3, LARGEST_INT],
    "x": [None, 0.0, 2.5],
    "b": [None, True, False],
    "t": [None, "", "a", "12", "2026-01-01"],
    "u": [None, "a", "7", "2026-01-01"],
    "visitor_id": ["a", "12", "2026-01-01"],
    "d": [None, NOW - timedelta(days=3), NOW, NOW + timedelta(hours=1)],
    "event_last_data_1": [None, True, 1, 2.5, "a", [1, "a"], {"a": 1}, {"a": [1]}],
}
LITERALS = ["0", "2", "0.5", '"a"', '"2"', "true", "None", "7d", "[]", '[1, "a"]', "[now, 7d]"]
LEAVES = [*SAMPLES, *LITERALS, "now"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "in", "not in"]
CALLS = [
    "len({})",
    "abs({})",
    "round({})",
    "round({}, 1)",
    "int({})",
    "float({})",
    "text({})",
    "lower({})",
    "strip({})",
    'matches({}, "a|1")',
    "date({})",
    "datetime({})",
    "hour({})",
    "weekday({})",
    'format_time({}, "%Y")',
    "min({})",
    "max({})",
    "-{}",
    "({}).a",
    "({})[0]",
]
PAIRED = ["min({}, {})", "max({}, {})", "startswith({}, {})", "endswith({}, {})", "({})[{}]"]
COMPILER = Compiler(SCOPE, ZoneInfo("UTC"), BUILT_IN_SEGMENTS, DERIVED)


def is_refused(tree: Expression) -> bool:
    """Whether the outermost operation itself is."""
    faulty: set[int] = set()
    check_types(tree, SCOPE, Diagnostics(), faulty)
    return id(tree) in faulty


def values(tree: Expression) -> Iterator[Value]:
    """What an expression gives for all the samples of the variables in it."""
    code = COMPILER.value(tree)
    names = sorted(code.reads)
    for combination in product(*(SAMPLES[name] for name in names)):
        yield code.evaluate(dict(zip(names, combination, strict=True)), NOW)


def fallback(tree: Expression) -> Value:
    """What the language gives where an operation fails: null, or no; of a negation yes."""
    if isinstance(tree, Comparison):
        return tree.links[0].operator in ("!=", "not in")
    return False if getattr(tree, "function", "") in ("startswith", "endswith", "matches") else None


def operations() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(LEAVES)
    pairs = st.tuples(st.sampled_from([f"({{}}) {operator} ({{}})" for operator in OPERATORS] + PAIRED), leaves, leaves)

    def grow(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        shapes = [f"({{}}) {operator} ({{}})" for operator in OPERATORS]
        shapes += [*PAIRED, "({}) or ({})", "({}) and ({})", "({}) if b else ({})"]
        return st.one_of(
            st.builds(lambda shape, one, other: shape.format(one, other), st.sampled_from(shapes), inside, inside),
            st.builds(lambda shape, one: shape.format(one), st.sampled_from(CALLS), inside),
        )

    small = pairs.map(lambda parts: parts[0].format(*parts[1:]))
    return grow(st.recursive(leaves | small, grow, max_leaves=3))


@settings(max_examples=400, deadline=None)
@given(operations())
def test_what_is_refused_could_give_nothing_else(text: str) -> None:
    tree = expression(text)
    if is_refused(tree):
        assert set(map(repr, values(tree))) == {repr(fallback(tree))}


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_is_refused_exactly_where_it_gives_nothing(operator: str) -> None:
    """Of plain operands: anything may be compared with None or put with json, and what is in a list is not known."""
    for left, right in permutations(LEAVES, 2):
        tree = expression(f"({left}) {operator} ({right})")
        gives_nothing = {repr(value) for value in values(tree)} == {repr(fallback(tree))}
        if is_refused(tree):
            assert gives_nothing, (left, operator, right)
        elif gives_nothing:
            may_compare = isinstance(tree, Comparison) and ("None" in (left, right) or operator in ("in", "not in"))
            assert may_compare or "event_last_data_1" in (left, right) or by_value(left, right), (left, operator, right)


def by_value(left: str, right: str) -> bool:
    """Whether the types may fit, and it is a literal's value that gives nothing, as in `n / 0` and `"a" == "2"`."""
    numbers = {"event_count_1", "n", "x", "b", "0", "2", "0.5", "true"}
    texts = {"t", "u", "visitor_id", '"a"', '"2"'}
    families = [numbers, texts, {"[]", '[1, "a"]', "[now, 7d]"}, {"7d", *numbers}]
    return bool({left, right} & set(LITERALS)) and any({left, right} <= family for family in families)


@pytest.mark.parametrize("call", CALLS)
def test_an_argument_is_refused_exactly_where_it_gives_nothing(call: str) -> None:
    for leaf in SAMPLES.keys() | {"now", "7d", '[1, "a"]', "None"}:
        tree = expression(call.format(leaf))
        if leaf != "event_last_data_1" and call != "text({})" and (call, leaf) not in BY_VALUE:
            gives_nothing = {repr(value) for value in values(tree)} == {repr(fallback(tree))}
            assert is_refused(tree) is gives_nothing, (call, leaf)


BY_VALUE = {
    ("min({})", '[1, "a"]'),
    ("max({})", '[1, "a"]'),
    *(("({})[0]", text) for text in ("t", "u", "visitor_id")),
}
"""Where the type fits, and the one value that there is does not; and a text's `[0]`, which is null by definition."""


# What authors write ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "event_count_1 > 5 and now - event_last_time_1 < 7d",
        "customer_user_type == 'VIP' and event_count_1 > 5",
        "is_anonymous_user == TRUE",
        "b == 1",
        "n == 2.5",
        "user_city == None",
        "None > 5",
        "None in user_city",
        "event_last_data_1.price * 2 > 5",
        "event_last_data_1 > now",
        "now - event_last_data_1.t > 7d",
        "(now - event_last_data_1.t) / 1d > 3",
        "'a' * event_last_data_1 == None",
        "event_last_data_1 in 5",
        "(user_city or 5) > 3",
        "(user_city and event_count_1) > 3",
        "(user_city if b else 5) == 5",
        "user_city or event_count_1",
        "user_city == d",
        "2 * 7d > now - d",
        "7d + d > now",
        "[1] < [2]",
        "5 in ['a']",
        "event_count_1 in [1, 2]",
        "[1, 'a'][0] > 2",
        "min(event_last_data_1, 5) > 3",
        "text(now) == text(None)",
        "now",
        "not now",
        "7d",
        "1 / 0 > 1",
    ],
)
def test_what_may_be_right_is_no_error(text: str) -> None:
    assert found_codes(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("None + 1", ["E304"]),
        ("'a' * 3", ["E304"]),
        ("'%s' % n", ["E304"]),
        ("now + now", ["E304"]),
        ("1d // 2", ["E304"]),
        ("-user_city", ["E305"]),
        ("-now", ["E305"]),
        ("1 < n < '5'", ["E306"]),
        ("'1' < n < '5'", ["E306", "E306"]),
        ("not user_city > 5", ["E306"]),
        ("event_count_1 != 'a'", ["E307"]),
        ("now == 7d", ["E307"]),
        ("5 in user_city", ["E308"]),
        ("len(None)", ["E309"]),
        ("startswith(user_city, 1)", ["E309"]),
        ("hour('2026-01-01')", ["E309"]),
        ("datetime(true)", ["E309"]),
        ("min(user_city)", ["E310"]),
        ("min(n, None)", ["E311"]),
        ("[1].a", ["E312"]),
        ("now[0]", ["E313"]),
        ("user_city['a']", ["E313"]),
        ("[1]['a']", ["E314"]),
    ],
)
def test_what_gives_nothing_is_an_error(text: str, expected: list[str]) -> None:
    assert found_codes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user_city.name.first + 1 > 2", ["E312"]),
        ("now[0][1].x", ["E313"]),
        ("user_city[0][1].x", ["E313"]),
        ("len('a' - 1) + 'b' * len(-user_city)", ["E304", "E304", "E305"]),
        ("nope + 'a' > 'b'", ["E201"]),
        ("nope > 1 and event_count_1 > '5'", ["E201", "E306"]),
        ("nope(1) + 1", ["E204"]),
        ("len(1, 2) > 'a'", ["E301"]),
        ("hour(now, 'nowhere') > 'a'", ["E162"]),
        ("event_count_1(5) > 'a'", ["E212"]),
    ],
)
def test_one_mistake_is_told_once_and_independent_ones_each(text: str, expected: list[str]) -> None:
    assert sorted(found_codes(text)) == expected


def test_what_could_not_be_parsed_is_of_any_type() -> None:
    assert codes(f"segment s:\n    {'+'.join(['1'] * 300)} > 5\n") == ["E151"]
    assert codes("segment s:\n    (  None\n  ) > 5\n") == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("event_last_time_1 > 7d", "now - event_last_time_1 > 7d"),
        ("7d > event_last_time_1", "7d > now - event_last_time_1"),
        ("event_last_time_1 + 1d > 7d", "now - (event_last_time_1 + 1d) > 7d"),
        ("(event_last_time_1 + 1d) > 7d", "now - (event_last_time_1 + 1d) > 7d"),
        ("event_count_1 > '5'", "event_count_1 > 5"),
        ("user_mobile == 139", 'user_mobile == "139"'),
        ("user_mobile > 5", "int(user_mobile) > 5"),
        ("now - d > 7", "now - d > 7d"),
        ("now - d > 3600", "now - d > 3600s"),
        ("now - d > '1d12h'", "now - d > 1d12h"),
        ("now - 7", "now - 7d"),
        ("7d - now", "now - 7d"),
        ("d > '2026-01-01'", "d > datetime('2026-01-01')"),
        ("'clicks: ' + event_count_1", "'clicks: ' + text(event_count_1)"),
        ("d > 1767225600", "d > datetime(1767225600)"),
        ("now.hour", "hour(now)"),
        ("event_count_1 in 5", "event_count_1 in [5]"),
        ("user_city == ['Beijing', 'Shanghai']", "user_city in ['Beijing', 'Shanghai']"),
        ("visitor_id != ['a']", "visitor_id not in ['a']"),
        ("5 in user_city", '"5" in user_city'),
    ],
)
def test_the_authors_own_text_is_shown_mended(text: str, meant: str) -> None:
    (one,) = found(text)
    assert one.help == f"did you mean `{meant}`?"
    assert found_codes(meant) == []


@pytest.mark.parametrize("text", ["now > 7d", "today() == 1d", "user_city > 7d", "[1] > 5", f"user_city > {'9' * 17}"])
def test_nothing_is_suggested_that_would_be_nonsense(text: str) -> None:
    (one,) = found(text)
    assert one.help is None or "int(" in one.help


# Writing --------------------------------------------------------------------------------------------------------------

WRITTEN: dict[Type, list[Value]] = {
    Type.BOOL: [True, False],
    Type.INT: [0, -5],
    Type.FLOAT: [1.5, 2.0],
    Type.TEXT: ["a", "2026-01-01"],
    Type.DATETIME: [NOW],
    Type.DURATION: [timedelta(days=1)],
    Type.LIST: [[], [1]],
}
FIELDS: dict[Kind, Type] = {
    "text": Type.TEXT,
    "int": Type.INT,
    "float": Type.FLOAT,
    "bool": Type.BOOL,
    "datetime": Type.DATETIME,
}


def can_be_written(value: Value, kind: Kind) -> bool:
    try:
        write(value, kind)
    except Misfit:
        return False
    return True


@pytest.mark.parametrize("kind", FIELDS)
def test_a_type_fits_a_field_exactly_if_some_of_its_values_can_be_written(kind: Kind) -> None:
    for type_, samples in WRITTEN.items():
        assert fits(type_ | Type.NULL, FIELDS[kind]) is any(can_be_written(value, kind) for value in samples)
    assert fits(Type.NULL, FIELDS[kind])
    assert fits(Type.JSON, FIELDS[kind])


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("set n = event_count_1 / 2", []),
        ("set n = event_last_data_1.price", []),
        ("set n = None", []),
        ("set n = 1.5", ["E315"]),
        ("set n = -2.0", []),
        ("set n = 9007199254740991", []),
        ("set n = -9007199254740992", ["E315"]),
        ("set n = 1e300", ["E315"]),
        ("set n = user_city", ["E315"]),
        ("set n = user_city or 5", []),
        ("set n = -user_city", ["E305"]),
        ("set user_fullname = 5", ["E315"]),
        ("set ent_user_createtime = now - 7d", []),
        ("set ent_user_createtime = 7d", ["E315"]),
        ('set ent_user_createtime = "2026-01-31"', []),
        ('set ent_user_createtime = "yesterday"', ["E315"]),
        ("set browser_name = 5", ["E411"]),
        ("set nope = 5", ["E206"]),
    ],
)
def test_what_never_fits_a_variable_is_not_set(step: str, expected: list[str]) -> None:
    assert codes(flow(step, EVENT + "field n int\n")) == expected


WRITTEN_OUT: dict[str, tuple[Kind, ...]] = {
    **dict.fromkeys(["1.5", "2.0", "-2.0", "9007199254740992", "-9007199254740991", "1e300"], ("int", "float")),
    **dict.fromkeys(["'a'", "''", "'2026-01-31'", "'2026-13-01'", "'2026-01-31T10:00Z'"], ("text", "datetime")),
}


@pytest.mark.parametrize("text", WRITTEN_OUT)
def test_what_is_written_out_is_a_misfit_exactly_if_it_cannot_be_written(text: str) -> None:
    for kind in WRITTEN_OUT[text]:
        assert is_written_misfit(expression(text), FIELDS[kind]) is not can_be_written(literal_eval(text), kind)


def test_an_address_is_a_text() -> None:
    for text, expected in {"user_email": [], "event_last_data_1.to": [], "event_count_1": ["E315"]}.items():
        report = Diagnostics()
        checker = ExpressionChecker(report, {Place.RUN: SCOPE}, {}, [1, 2], frozenset())
        checker.address(expression(text), Place.RUN)
        assert [one.code for one in report] == expected


def test_templates_are_checked_and_may_print_anything() -> None:
    assert codes(flow('send web "{{ now }} {{ now - run_time }} {{ [1] }} {{ event_last_data_1 }}"')) == []
    (one,) = diagnostics(flow('send web "{{ user_city + 1 }}"'))
    assert one.code == "E304"
