"""Laws of the canonical layout: over any program, in any layout that an author may choose."""

from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.formatter import format_source
from grammar.nodes import Expression
from grammar.program import read_program
from grammar.source import Source
from grammar.syntax.parser import parse_layout, read_source
from tests.grammar.formatter.respacing import respaced
from tests.grammar.printing import printed
from tests.grammar.support import EVENT, flow
from tests.grammar.test_properties import expressions, pieces

ROOT = Path(__file__).parents[3]
FOLDERS = ("examples", "bench", "tests")
NOT_UTF8 = "E104.flow"
FILES = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.flow")) if file.name != NOT_UTF8]

randoms = some.integers(0, 2**32).map(Random)


def formatted(text: str) -> str | None:
    """The canonical layout; None if the text has a syntax error, which is then reported."""
    report = Diagnostics()
    written = format_source(source_of(text), report)
    assert (written is None) == bool(report.errors)
    return written


def source_of(text: str) -> Source:
    source = read_source("t.flow", text, Diagnostics())
    assert source is not None
    return source


def comments(text: str) -> list[str]:
    """The words of all comments, in order."""
    source = source_of(text)
    found = parse_layout(source, Diagnostics()).comments
    return [source.text[start:end].lstrip("#").strip() for start, end in found]


def codes(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Sorted, since brackets around an expression move its beginning and so the place of what is said of it."""
    return sorted(found.code for found in diagnostics)


def holds(text: str) -> str:
    """Asserts what is promised of every program without syntax errors; returns its canonical layout."""
    written = formatted(text)
    assert written is not None
    before, after = read_program([source_of(text)]), read_program([source_of(written)])
    assert after.script == before.script
    assert codes(after.diagnostics) == codes(before.diagnostics)
    assert comments(written) == comments(text)
    assert formatted(written) == written
    assert '"""' in written or not any(line.endswith(" ") for line in written.split("\n"))
    return written


LINES = (
    "on visit, event 1, any event, enter online, change user_city",
    "when {}",
    "limit 2 per 1h30m",
    "hours '08:00-22:00' \"mon-fri\" 'UTC'",
    "exit when {}",
    "goal {} within 3d",
    "set user_city = {}",
    'if {}:\n    stop\nelif {}:\n    convert "a"\nelse:\n    set user_city = {}',
    'if {}:\n    if {}:\n        if {}:\n            stop\nsend web """a\n  b"""',
    "send web:\n    text '{{{{ \"a\" }}}}'\n    button 'say \"hi\"' link \"/\"\n    sender 'it\\'s'",
    "send email:\n    subject 'a'\n    text 'b'\n    html '<p>'\n    to {}",
    "send webhook 'https://example.com/' with user_city, user_country",
    "wait 1h30m",
    "wait until {} for 30m",
    "wait until {} for 30m:\n    set user_city = {}\n    stop\ntimeout:\n    wait 3d",
    "split:\n    20%:\n        stop\n    30% 'b':\n        set user_city = {}\nstop",
)


@some.composite
def programs(draw: some.DrawFn) -> str:
    """Programs of every kind of line. The expressions in them have needless brackets and any shape."""
    drawn = iter(lambda: printed(draw(expressions)), None)
    lines = draw(some.lists(some.sampled_from(LINES), min_size=1, max_size=4))
    body = "\n".join(line.format(*(next(drawn) for _ in range(line.count("{}")))) for line in lines)
    segment = f"segment s 'title':\n    {next(drawn)}\n"
    return draw(some.sampled_from(("", EVENT, EVENT + "field f text\n" + segment, segment))) + flow(body, "")


@settings(max_examples=75, deadline=None)
@given(programs(), randoms)
def test_the_layout_keeps_the_meaning_and_the_comments_and_is_stable(program: str, random: Random) -> None:
    holds(respaced(program, random, comments=True, blank_lines=True))


@settings(max_examples=50, deadline=None)
@given(programs(), randoms)
def test_the_layout_does_not_depend_on_spaces_and_line_breaks(program: str, random: Random) -> None:
    assert holds(respaced(program, random, comments=False, blank_lines=False)) == formatted(program)


@settings(max_examples=75, deadline=None)
@given(expressions, randoms)
def test_an_expression_keeps_its_value_however_it_is_broken(tree: Expression, random: Random) -> None:
    holds(respaced(flow(f"wait until {printed(tree)} for 3d:\n    stop"), random, comments=True, blank_lines=False))


OPERANDS = ("a", "-1", "not a", "f(a, [b])", "x.y[0]", "(a or b)", "'long' * 30 + \"text\"", "a if b else c")
OPERATORS = ("or", "and", "==", "not in", "in", "is None and", "is not None or", "-", "//", "if c else")


@settings(max_examples=75, deadline=None)
@given(some.lists(some.tuples(some.sampled_from(OPERANDS), some.sampled_from(OPERATORS)), max_size=12), randoms)
def test_operators_without_brackets_keep_their_order(chain: list[tuple[str, str]], random: Random) -> None:
    value = " ".join(f"{operand} {operator}" for operand, operator in chain) + " a"
    text = flow(f"if f({value}, ({value})):\n    stop")
    if formatted(text) is not None:  # `a + not b` is no expression
        holds(respaced(text, random, comments=True, blank_lines=False))


@settings(max_examples=200, deadline=None)
@given(some.text("\"'\\\nn{ }#x", max_size=12), some.sampled_from("\"'"), some.booleans())
def test_a_text_keeps_its_value_whatever_is_escaped_in_it(body: str, quote: str, pattern: bool) -> None:
    literal = f"matches(user_city, {quote}{body}{quote})" if pattern else f"{quote}{body}{quote}"
    text = flow(f"set user_city = {literal}")
    if formatted(text) is not None:
        holds(text)


@settings(max_examples=200, deadline=None)
@given(some.one_of(some.text(max_size=100), pieces.map(" ".join)))
def test_any_text_is_laid_out_or_reported(text: str) -> None:
    if formatted(text) is not None:
        holds(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_laws_hold_for_every_flow_file_here(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if formatted(text) is not None:
        holds(text)
        for seed in range(5):
            holds(respaced(text, Random(seed), comments=True, blank_lines=True))  # noqa: S311


def test_files_of_the_language_are_laid_out() -> None:
    """So that the law above says something."""
    assert sum(formatted(file.read_text(encoding="utf-8")) is not None for file in FILES) > 30
