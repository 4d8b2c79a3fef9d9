"""Laws that hold for any text and any expression."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from grammar.diagnostics import Diagnostics, render, to_json
from grammar.names import RESERVED_WORDS
from grammar.nodes import (
    Binary,
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Index,
    Link,
    ListDisplay,
    Member,
    Name,
    Unary,
)
from grammar.program import Checked, read_program
from grammar.source import Source, Span
from grammar.syntax.parser import read_source
from grammar.types import Scope, Type, infer
from tests.grammar.printing import printed
from tests.grammar.support import expression, flow, read_expression

NOWHERE = Span(Source("", ""), 0, 0)
_TOKENS = """
event field segment flow on when limit send web set stop if elif else wait : ( ) [ ] , . = == + - not in is None and or
hours exit goal within until for timeout split % email webhook with subject text html to visit enter leave change true
1 7d 30min # ' " \"\"\" {{ }} \\ “ ： é a event_count_1
"""
WORDS = [*_TOKENS.split(), "\n", "\n    ", "\n        ", "\t", "\0"]

pieces = some.lists(some.sampled_from(WORDS), max_size=60)
texts = some.one_of(some.text(max_size=200), pieces.map(" ".join), pieces.map("".join))


def checked(text: str) -> Checked:
    report = Diagnostics()
    source = read_source("t.flow", text, report)
    assert source is not None
    return read_program([source])


@settings(max_examples=300, deadline=None)
@given(texts)
def test_any_text_gives_diagnostics_that_lie_in_it_and_no_exception(text: str) -> None:
    for found in checked(text).diagnostics:
        assert 0 <= found.span.start <= found.span.end <= len(found.span.source.text)
        assert found.message in render(found)
        assert to_json(found)["code"] == found.code


@settings(max_examples=200, deadline=None)
@given(texts)
def test_any_text_as_an_expression_is_one_or_is_reported(text: str) -> None:
    found, report = read_expression(text)
    assert (found is None) == bool(len(report))


@settings(max_examples=150, deadline=None)
@given(some.text("):,.=+-ab1 ]{}", max_size=12))
def test_a_damaged_line_leaves_the_errors_of_the_lines_around_it(damage: str) -> None:
    text = flow(f"set user_city = before\nset user_city = {damage}\nset user_city = after")
    shown = {text[found.span.start : found.span.end] for found in checked(text).diagnostics}
    assert {"before", "after"} <= shown


@settings(max_examples=100, deadline=None)
@given(some.text(some.characters(categories=["L", "Nd", "Mn", "Mc"]), min_size=1, max_size=8))
def test_names_are_those_of_python(word: str) -> None:
    found = checked(f"field {word} text\n")
    if found.ok:
        assert found.script.fields[0].name.isidentifier()
    assert found.ok or word in RESERVED_WORDS or not word.isidentifier() or found.diagnostics[0].code == "E208"


DAMAGED = [
    "wait until user_city{}:",
    "wait until true for 3d{}:",
    "if true{}:",
    "timeout{}:",
    "50%{}:",
    "wait untill{}:",
]


@settings(max_examples=200, deadline=None)
@given(some.sampled_from(DAMAGED), some.text("):,.=+-ab1 ]{}", max_size=12))
def test_a_damaged_header_leaves_the_errors_of_the_lines_below_it(header: str, damage: str) -> None:
    text = flow(f"set user_city = before\n{header.format(damage)}\n    set user_city = below\nset user_city = after")
    shown = {text[found.span.start : found.span.end] for found in checked(text).diagnostics}
    assert {"before", "below", "after"} <= shown


@settings(max_examples=200, deadline=None)
@given(texts)
def test_what_is_found_in_a_line_is_at_most_one_syntax_error(text: str) -> None:
    found = [one for one in checked(flow(text)).diagnostics if "E120" <= one.code <= "E145"]
    lines = [one.span.source.position(one.span.start)[0] for one in found]
    assert len(lines) == len(set(lines))


names = some.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED_WORDS)
constants = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(0, 10**18 - 1),
    some.floats(0, allow_nan=False, allow_infinity=False),
    some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
    some.integers(0, 36500 * 86400).map(lambda seconds: timedelta(seconds=seconds)),
).map(lambda value: Constant(NOWHERE, value))
leaves = some.one_of(constants, names.map(lambda name: Name(NOWHERE, name)))


def grown(inside: some.SearchStrategy[Expression]) -> some.SearchStrategy[Expression]:
    """Strategies for every kind of node around others."""
    nowhere = some.just(NOWHERE)
    comparing = some.sampled_from(["<", "<=", ">", ">=", "==", "!=", "in", "not in"])
    null = some.just(Constant(NOWHERE, None))
    links = some.builds(Link, nowhere, comparing, inside) | some.builds(
        Link, nowhere, some.sampled_from(["is", "is not"]), null
    )
    few = some.lists(inside, max_size=3).map(tuple)
    operands = some.lists(inside, min_size=2, max_size=3).map(tuple)
    return some.one_of(
        some.builds(Unary, nowhere, some.sampled_from(["-", "not"]), inside),
        some.builds(Binary, nowhere, some.sampled_from(["+", "-", "*", "/", "//", "%"]), inside, inside),
        some.builds(Boolean, nowhere, some.sampled_from(["and", "or"]), operands),
        some.builds(Comparison, nowhere, inside, some.lists(links, min_size=1, max_size=3).map(tuple)),
        some.builds(Conditional, nowhere, inside, inside, inside),
        some.builds(ListDisplay, nowhere, few),
        some.builds(Call, nowhere, names.filter(lambda name: name != "matches"), few, nowhere),
        some.builds(Member, nowhere, inside, names),
        some.builds(Index, nowhere, inside, inside),
    )


expressions = some.recursive(leaves, grown, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(expressions)
def test_an_expression_printed_and_read_is_the_same(tree: Expression) -> None:
    assert expression(printed(tree)) == tree


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_a_span_covers_a_text_that_is_read_as_the_same_node(tree: Expression) -> None:
    text = printed(tree)
    again = expression(text)
    assert expression(text[again.span.start : again.span.end]) == again


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_every_expression_has_a_type(tree: Expression) -> None:
    assert infer(tree, Scope.build([1], {})) != Type(0)
