"""Short ways to parse and check, for tests."""

from pathlib import Path

from engine.flowtest.plan import plan
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest import read_flow_test
from grammar.nodes import Expression, Flow, Script, Step
from grammar.program import read_program
from grammar.syntax.parser import parse_expression, read_source

UUID = "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
EVENT = f'event 1 webclick "{UUID}"\n'


def diagnostics(text: str | bytes) -> tuple[Diagnostic, ...]:
    """All that parsing and checking a file finds."""
    report = Diagnostics()
    source = read_source("t.flow", text, report)
    if source is None:
        return tuple(report)
    return read_program([source]).diagnostics


def codes(text: str | bytes) -> list[str]:
    """The codes of the errors in a file."""
    return [found.code for found in diagnostics(text) if found.severity == "error"]


def warnings(text: str) -> list[tuple[str, str]]:
    """What lint finds in a file without errors: the codes, and the stretches of the text."""
    found = diagnostics(text)
    assert all(one.severity == "warning" for one in found), found
    return [(one.code, text[one.span.start : one.span.end]) for one in found]


def flow_test_diagnostics(file: Path) -> tuple[Diagnostic, ...]:
    """All that reading and checking a flow test finds; what it loads lies beside it."""
    report = Diagnostics()
    source = read_source(file.name, file.read_bytes(), report)
    assert source is not None
    plan(read_flow_test(source, report), lambda path: (path, (file.parent / path).read_bytes()), report)
    return tuple(report)


def script(text: str) -> Script:
    """A program without errors."""
    report = Diagnostics()
    source = read_source("t.flow", text, report)
    assert source is not None
    checked = read_program([source])
    assert checked.ok, checked.diagnostics
    return checked.script


def flow(body: str, before: str = EVENT) -> str:
    """A file with one flow of these clauses and steps (lines that are not indented)."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{before}flow f:\n    on webclick\n{indented}"


def steps(body: str) -> tuple[Step, ...]:
    """The steps of a flow without errors."""
    declared = script(flow(body)).declarations[-1]
    assert isinstance(declared, Flow)
    return declared.steps


def expression(text: str) -> Expression:
    """An expression without errors."""
    found, report = read_expression(text)
    assert found is not None, list(report)
    return found


def read_expression(text: str) -> tuple[Expression | None, Diagnostics]:
    report = Diagnostics()
    source = read_source("expression", text, report)
    assert source is not None
    return parse_expression(source, report), report


def expression_codes(text: str) -> list[str]:
    return [found.code for found in read_expression(text)[1]]
