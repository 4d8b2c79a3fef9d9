"""The examples hold what their READMEs say, and their flow tests would notice if a flow of theirs were another."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from engine.flowtest import Result, run_flow_test
from grammar.diagnostics import Diagnostics, render
from grammar.formatter import format_source
from grammar.nodes import (
    Boolean,
    Constant,
    Convert,
    Expression,
    Flow,
    If,
    OnEvent,
    SendEmail,
    SendWeb,
    SendWebhook,
    Set,
    Step,
    Wait,
    WaitUntil,
)
from grammar.program import Checked, read_program
from grammar.source import Source, Span
from grammar.syntax.parser import file_bytes, read_source
from grammar.walk import steps_within
from tests.whenflow.process import run

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(folder for folder in (ROOT / "examples").iterdir() if folder.is_dir())

each_example = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def sources(folder: Path) -> list[Source]:
    read = [read_source(path.name, path.read_bytes(), Diagnostics()) for path in sorted(folder.glob("*.flow"))]
    assert None not in read
    return [source for source in read if source is not None]


def flow_tests(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.flowtest"))


def program(folder: Path) -> Checked:
    return read_program(sources(folder))


def snippets(folder: Path) -> list[tuple[str, str, str]]:
    """What the README pastes into a page: an event's name, its UUID, its data."""
    snippet = re.compile(
        r"^window\._ppmatc\.push\(\{track_event: \{\n"
        r'  event_name: "(.+)",\n'
        r'  event_uuid: "(.+)",\n'
        r"  event_data: \{(.*)\}\n"
        r"\}\}\);$",
        re.MULTILINE,
    )
    return snippet.findall((folder / "README.md").read_text(encoding="utf-8"))


# What a reader is promised --------------------------------------------------------------------------------------------


def test_there_are_examples_of_four_businesses() -> None:
    assert {"homestay", "newspaper", "saas_trial", "shop"} <= {folder.name for folder in FOLDERS}


@each_example
def test_its_files_together_have_neither_errors_nor_warnings(folder: Path) -> None:
    assert [render(found) for found in program(folder).diagnostics] == []


@each_example
def test_it_can_be_applied(folder: Path, tmp_path: Path) -> None:
    done = run("apply", *(folder / source.name for source in sources(folder)), "--data", tmp_path)
    assert done.returncode == 0, done.stderr


@each_example
def test_its_files_are_in_the_canonical_layout(folder: Path) -> None:
    for source in sources(folder):
        assert format_source(source, Diagnostics()) == source.text, source.name


@each_example
def test_its_readme_names_each_file_and_links_to_it(folder: Path) -> None:
    linked = re.findall(r"\[([^\]]+)\]\(([^)]+)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert all(text == target for text, target in linked)
    files = {path.name for path in folder.iterdir() if path.suffix in (".flow", ".flowtest")}
    assert {target for _, target in linked} == files


@each_example
def test_its_readme_shows_how_to_send_each_event_by_the_name_and_uuid_that_are_declared(folder: Path) -> None:
    events = sorted(program(folder).script.events, key=lambda event: event.seq)
    assert [(name, uuid) for name, uuid, _ in snippets(folder)] == [(event.name, event.uuid) for event in events]


@each_example
def test_its_readme_shows_all_data_that_a_flow_reads_of_its_event(folder: Path) -> None:
    sent = {name: set(re.findall(r"(\w+):", data)) for name, _, data in snippets(folder)}
    for flow in program(folder).script.flows:
        starts = [trigger.name for trigger in flow.triggers if isinstance(trigger, OnEvent)]
        read = set(re.findall(r"track_event_data\.(\w+)", flow.span.text))
        assert read <= {key for name in starts for key in sent[name]}, flow.name


def test_the_projects_readme_names_each_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [folder.name for folder in FOLDERS if f"](examples/{folder.name}/README.md)" not in readme] == []


# Flow tests -----------------------------------------------------------------------------------------------------------


def test_the_command_runs_all_their_flow_tests() -> None:
    done = run("test", ROOT / "examples")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = sum(len(flow_tests(folder)) for folder in FOLDERS)
    assert f"{passed} passed, 0 failed" in done.stdout


def changes(checked: Checked) -> Iterator[tuple[str, Span, str]]:
    """The ways to make a program another that its flow tests should notice: what, where, and the text there.

    A flow that never starts, one without its limit, hours, exit or goal, a condition that always or never holds, a part
    of one that does not count, a value that is not written, a message that is not sent, a wait that is over at once.
    (Buttons, senders and subjects are no part of what a flow test can claim.)
    """
    for segment in checked.script.segments:
        yield from _otherwise(f"the segment {segment.name}", segment.condition)
    for flow in checked.script.flows:
        yield from _changes_of(flow)


def _changes_of(flow: Flow) -> Iterator[tuple[str, Span, str]]:
    if flow.when is None:
        trigger = flow.triggers[-1].span
        yield f"{flow.name} never starts", trigger, f"{trigger.text}\n    when False"
    else:
        yield from _otherwise(f"the when of {flow.name}", flow.when)
    if flow.limit is not None:
        yield f"{flow.name} has no limit", flow.limit.span, "limit 1000000"
    if flow.hours is not None:
        yield f"{flow.name} sends at any hour", flow.hours.span, 'hours "00:00-24:00"'
    if flow.exit is not None:
        yield from _otherwise(f"the exit of {flow.name}", flow.exit)
    if flow.goal is not None:
        yield from _otherwise(f"the goal of {flow.name}", flow.goal.condition)
        yield (
            f"the goal of {flow.name} counts for a second",
            flow.goal.span,
            f"goal {flow.goal.condition.span.text} within 1s",
        )
    for step in steps_within(flow.steps):
        yield from _changes_of_step(flow.name, step)


def _changes_of_step(flow: str, step: Step) -> Iterator[tuple[str, Span, str]]:
    match step:
        case If(arms=arms):
            for arm in arms:
                yield from _otherwise(f"an if of {flow}", arm.condition)
        case Set(name=name, value=Constant(value=None)):
            yield f"{flow} keeps {name}", step.value.span, name
        case Set(name=name):
            yield f"{flow} unsets {name}", step.value.span, "None"
        case Convert(span=span):
            yield f"{flow} converts to another type", span, 'convert "another"'
        case SendWeb(span=span) | SendEmail(span=span) | SendWebhook(span=span):
            yield f"{flow} does not {span.text.partition(chr(10))[0]}", span, 'set user_mobile = "not sent"'
        case Wait(span=span):
            yield f"{flow} does not {span.text}", span, "wait 1s"
        case WaitUntil(condition=condition):
            yield from _otherwise(f"a wait of {flow}", condition)
            head = step.span.text.partition("\n")[0]
            at = Span(step.span.source, condition.span.end, step.span.start + len(head))
            yield f"{flow} does not {head}", at, f" for 1s{':' if head.endswith(':') else ''}"
        case _:
            pass


def _otherwise(what: str, condition: Expression) -> Iterator[tuple[str, Span, str]]:
    yield f"{what} is never true", condition.span, "False"
    parts = condition.operands if isinstance(condition, Boolean) else (condition,)
    neutral = "False" if isinstance(condition, Boolean) and condition.operator == "or" else "True"
    for part in parts:
        yield f"{what} has no {part.span.text!r}", part.span, neutral


def result_of(flow_test: Path, changed: Mapping[str, bytes]) -> Result:
    def read_beside(name: str) -> tuple[str, bytes]:
        return name, changed.get(name) or (flow_test.parent / name).read_bytes()

    return asyncio.run(run_flow_test(flow_test.name, flow_test.read_bytes(), read_beside))


def is_noticed(folder: Path, span: Span, by: str) -> bool:
    """Whether a flow test of the folder fails once a stretch of a file is another text."""
    text = span.source.text
    changed = {span.source.name: file_bytes(text[: span.start] + by + text[span.end :])}
    loads = re.compile(rf"^load {re.escape(span.source.name)}$", re.MULTILINE)
    for flow_test in flow_tests(folder):
        if not loads.search(flow_test.read_text(encoding="utf-8")):
            continue
        result = result_of(flow_test, changed)
        assert result.errors == (), [render(found) for found in result.errors]
        if result.failure is not None:
            return True
    return False


@each_example
def test_its_flow_tests_notice_each_condition_limit_and_value_that_is_another(folder: Path) -> None:
    unnoticed = [what for what, span, by in changes(program(folder)) if not is_noticed(folder, span, by)]
    assert "\n".join(unnoticed) == ""
