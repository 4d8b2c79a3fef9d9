"""Fuzzing what reads authors' texts: `python -m tests.fuzz [--seconds 600] [--seed 1]`.

Texts of the repository (flows, flow tests, broken cases) are cut, joined and sprinkled with what has a meaning
somewhere; others are made up of expressions that are mostly right (`tests.made_up`). Whatever comes of it, no exception
may leave the reader, the checker, the lint, the compiler, the formatter, the editor's answers, the reader of flow tests
or the renderer of diagnostics, and their laws hold. The first text that breaks one is kept in a file.
"""

import asyncio
import random
import re
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from editor.completion import complete
from editor.hover import declarations, describe
from editor.symbols import symbol_at
from engine.compile import Compiler
from engine.flowtest import run_flow_test
from engine.program import Program
from grammar.built_in import DERIVED, segments_of
from grammar.checker import check_expression
from grammar.diagnostics import Diagnostic, Diagnostics, render, to_json
from grammar.flowtest import read_flow_test
from grammar.formatter import format_source
from grammar.nodes import Script
from grammar.program import read_program
from grammar.scope import Scope
from grammar.source import Source
from grammar.syntax.parser import parse, parse_expression, read_source
from tests.grammar.lint.test_truth import NOW, visitor
from tests.made_up import program

ROOT = Path(__file__).parents[1]
_WORDS = """
( ) [ ] {{ }} " ' \"\"\" \\ : , . = == != <= not in is None true if else elif and or for # “ ” ： ， （ é а ｅ \u3000
1 30min 1h30m 500d 0s .5 1. 1e999 99999999999999999999 50% 100%: 7d now run_time track_event_data event_count_1 \u200b
event flow segment field send web email webhook with on when limit once per hours exit goal within split wait until
timeout stop set convert text html subject to button link sender visit identify enter leave change any matches(
in_segment( during(" today() format_time( - + * / // % ** lambda zone load at track expect error message no run x5 id
"""
_LONG = re.compile(r"x[0-9]{3}")
"""So many events of one command would take too long."""
FRAGMENTS = [*_WORDS.split(), " ", "    ", "\n", "\n    ", "\n        ", "\t", "\0", "\r\n", "\ufeff", "\ud800"]


def corpus() -> list[str]:
    """All flows and flow tests of the repository."""
    files = [file for ending in ("flow", "flowtest") for file in ROOT.glob(f"[!.]*/**/*.{ending}")]
    texts = [file.read_bytes().decode("utf-8", "replace") for file in sorted(files)]
    return [text for text in texts if len(text) < 20_000]


def mutated(texts: Sequence[str], chance: random.Random) -> str:
    """A text made of some of others."""
    text = chance.choice(texts)
    if chance.random() < 0.4:
        lines = [*text.splitlines(True), *chance.choice(texts).splitlines(True)]
        start = chance.randrange(len(lines) + 1)
        text = "".join(chance.sample(lines, len(lines)) if chance.random() < 0.2 else lines[start:] + lines[:start])
    for _ in range(chance.randint(0, 8)):
        text = chance.choice(_CHANGES)(text, chance.randrange(len(text) + 1), chance)
    return text


def _insert(text: str, at: int, chance: random.Random) -> str:
    return text[:at] + chance.choice(FRAGMENTS) + text[at:]


def _cut(text: str, at: int, chance: random.Random) -> str:
    return text[:at] + text[at + chance.randint(1, 12) :]


def _repeat(text: str, at: int, chance: random.Random) -> str:
    piece = text[at : at + chance.randint(1, 40)]
    return text[:at] + piece * chance.choice((2, 2, 3, 60)) + text[at:]


def _indent(text: str, at: int, chance: random.Random) -> str:
    start = text.rfind("\n", 0, at) + 1
    return text[:start] + " " * chance.randint(1, 8) + text[start:]


_CHANGES: tuple[Callable[[str, int, random.Random], str], ...] = (_insert, _insert, _cut, _cut, _repeat, _indent)


# What has to hold -----------------------------------------------------------------------------------------------------


def examine(text: str, chance: random.Random) -> None:
    """Raises whatever a text makes fail."""
    _examine_program(text, chance)
    _examine_flow_test(text)
    for line in text.splitlines()[:40:7]:
        _examine_expression(line)


def _examine_program(text: str, chance: random.Random) -> None:
    report = Diagnostics()
    source = read_source("fuzz.flow", text, report)
    if source is None:
        return _examine_diagnostics(report)
    checked = read_program([source])
    _examine_diagnostics(checked.diagnostics)
    _examine_format(source)
    _examine_editor(source, checked.script, chance)
    if checked.ok:
        Program.build(checked.script)
    return None


def _examine_editor(source: Source, script: Script, chance: random.Random) -> None:
    for offset in (0, len(source.text), *(chance.randint(0, len(source.text)) for _ in range(3))):
        found = complete(source, offset, script)
        assert 0 <= found.start <= found.end == offset, "the editor would replace something else"
        symbol = symbol_at(source, offset)
        if symbol is not None:
            assert symbol.span.start <= offset <= symbol.span.end, "a symbol is somewhere else"
            describe(symbol, script)
            declarations(symbol, script)


def _examine_evaluation(text: str, chance: random.Random) -> None:
    """No evaluation ever fails, and writing a program in the canonical layout changes no value."""
    source = Source("fuzz.flow", text)
    checked = read_program([source])
    if not checked.ok:
        return
    written = format_source(source, Diagnostics())
    assert written is not None
    visitors = [{"visitor_id": "v1", **visitor(chance)} for _ in range(5)]
    values = []
    for script in (checked.script, parse([Source("fuzz.flow", written)], Diagnostics())):
        segments = segments_of(script)
        compiler = Compiler(Scope.of(script), ZoneInfo("Asia/Shanghai"), segments, DERIVED)
        compiled = [compiler.value(segment.condition) for segment in script.segments]
        values.append(
            [repr(one.evaluate({**dict.fromkeys(one.reads), **v}, NOW)) for one in compiled for v in visitors]
        )
    assert values[0] == values[1], "the layout changed a value"


def _examine_format(source: Source) -> None:
    report = Diagnostics()
    written = format_source(source, report)
    before = Diagnostics()
    script = parse([source], before)
    assert (written is None) == bool(report.errors), "formatted although broken, or not although whole"
    if written is None:
        return
    after = Diagnostics()
    again = Source(source.name, written)
    assert parse([again], after) == script, "formatting changed the meaning"
    assert _codes(after) == _codes(before), "formatting broke the text"
    assert format_source(again, Diagnostics()) == written, "formatting twice is not formatting once"


def _codes(report: Diagnostics) -> list[str]:
    return [diagnostic.code for diagnostic in report]


def _examine_flow_test(text: str) -> None:
    report = Diagnostics()
    source = read_source("fuzz.flowtest", text, report)
    if source is not None:
        read_flow_test(source, report)
    _examine_diagnostics(report)
    if "expect" in text and not _LONG.search(text):
        result = asyncio.run(run_flow_test("fuzz.flowtest", text.encode("utf-8", "replace"), _read_beside))
        _examine_diagnostics(result.errors)


def _read_beside(path: str) -> tuple[str, bytes]:
    return path, (ROOT / "examples/shop/shop.flow").read_bytes()


def _examine_expression(text: str) -> None:
    report = Diagnostics()
    source = read_source("expression", text, report)
    if source is None:
        return
    expression = parse_expression(source, report)
    assert (expression is None) == bool(report.errors), "neither an expression nor an error, or both"
    if expression is not None:
        check_expression(expression, Scope.build(range(1, 9), {}), report)
    _examine_diagnostics(report)


def _examine_diagnostics(found: "Sequence[Diagnostic] | Diagnostics") -> None:
    for diagnostic in found:
        span = diagnostic.span
        assert 0 <= span.start <= span.end <= len(span.source.text), "a diagnostic lies outside its text"
        assert diagnostic.message in render(diagnostic)
        assert to_json(diagnostic)["code"] == diagnostic.code


def fuzz(seconds: float, seed: int) -> int:
    """Examines texts for so long; returns how many. A failure is raised, and its text is kept in a file."""
    texts, chance, end, number = corpus(), random.Random(seed), time.monotonic() + seconds, 0  # noqa: S311
    while time.monotonic() < end:
        is_made_up = chance.random() < 0.5
        text = program(chance) if is_made_up else mutated(texts, chance)
        number += 1
        try:
            if is_made_up:
                _examine_evaluation(text, chance)
                text = mutated([text], chance) if chance.random() < 0.3 else text
            examine(text, chance)
        except Exception as failure:
            with tempfile.NamedTemporaryFile("wb", prefix="fuzz-", suffix=".flow", delete=False) as kept:
                kept.write(text.encode("utf-8", "surrogatepass"))
            failure.add_note(f"text {number} of seed {seed}, kept in {kept.name}")
            raise
    return number


def main() -> None:
    parser = ArgumentParser("fuzz", description="Looks for texts that make the readers of authors' texts fail.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    number = fuzz(arguments.seconds, arguments.seed)
    sys.stdout.write(f"{number} texts, no failure (seed {arguments.seed})\n")


if __name__ == "__main__":
    main()
