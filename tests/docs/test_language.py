"""Each example of the authors' guide is true: it is checked, run, evaluated or called as the page says."""

import re
import shlex
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from grammar.diagnostics import Diagnostics, render
from grammar.formatter import format_source
from grammar.program import read_program
from grammar.source import Source
from grammar.syntax.parser import read_source
from tests.docs.markdown import Block, Page
from whenflow import service_commands  # noqa: F401 - adds the commands that work on a store
from whenflow.cli import app
from whenflow.evaluating import evaluate_one

PAGE = Page.read(Path(__file__).parents[2] / "docs" / "language.md")
NOW = "2026-01-15T10:00:00Z"
FILES = {block.words[1]: block.text for block in PAGE.blocks() if "." in "".join(block.words[1:2])}
"""The blocks that are files for others, by name."""
RUN = ("check", "eval", "fmt", "test")
"""The commands that are run. The others need a server's data: their options are read."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all the files of the page, as the present one."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Flows --------------------------------------------------------------------------------------------------------------


def whole(block: Block) -> str:
    """A whole file: lines of a flow get the flow around them."""
    if "steps" in block.words:
        return f"flow example:\n    on any event\n{textwrap.indent(block.text, '    ')}"
    if "clauses" in block.words:
        return f"flow example:\n{textwrap.indent(block.text, '    ')}    stop\n"
    return block.text


def found(block: Block) -> list[tuple[str, str]]:
    """The codes, each with what an author would read."""
    report = Diagnostics()
    texts = {"example": whole(block)}
    if "with" in block.words:
        texts |= {name: FILES[name] for name in block.words[block.words.index("with") + 1 :]}
    sources = [read_source(name, text, report) for name, text in texts.items()]
    checked = read_program([source for source in sources if source is not None])
    return [(diagnostic.code, render(diagnostic)) for diagnostic in (*report, *checked.diagnostics)]


def expected_codes(block: Block) -> list[str]:
    return [word for word in block.words if re.fullmatch(r"[EW]\d{3}", word)]


@pytest.mark.parametrize("block", PAGE.blocks("flow"), ids=str)
def test_a_flow_has_just_the_mistakes_that_the_page_says(block: Block) -> None:
    diagnostics = found(block)
    assert [code for code, _ in diagnostics] == expected_codes(block), "\n".join(shown for _, shown in diagnostics)


@pytest.mark.parametrize("block", [block for block in PAGE.blocks("flow") if not expected_codes(block)], ids=str)
def test_a_flow_is_laid_out_as_whenflow_fmt_does_it(block: Block) -> None:
    assert format_source(Source("example", whole(block)), Diagnostics()) == whole(block)


def test_what_an_author_is_said_to_read_of_a_mistake_is_what_is_shown(folder: Path) -> None:
    """The page changes one word of its first flow, and shows what the check says then."""
    (folder / "hello.flow").write_text(FILES["hello.flow"].replace("on webclick", "on webclik"), "utf-8")
    said = CliRunner().invoke(app, ["check", "hello.flow"]).stderr
    (shown,) = PAGE.section("1. Your first flow in five minutes").blocks("text")
    assert shown.text in said


# Flow tests and values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", PAGE.blocks("flowtest"), ids=str)
def test_a_flow_test_passes_unless_the_page_says_that_it_fails(block: Block, folder: Path) -> None:
    (folder / "example.flowtest").write_text(block.text, "utf-8")
    done = CliRunner().invoke(app, ["test", "example.flowtest"])
    counts = "0 passed, 1 failed" if "fails" in block.words else "1 passed, 0 failed"
    assert done.stdout.splitlines()[-1] == counts, done.output
    assert done.exit_code == int("fails" in block.words)


def claims(block: Block) -> list[tuple[str, str, str]]:
    """Expression, variables and value of each line."""
    variables, read = "{}", []
    for line in block.text.splitlines():
        if line.startswith("{"):
            variables = line
        else:
            expression, arrow, value = line.rpartition(" → ")
            assert arrow, f"no arrow in {line!r}"
            read.append((expression.strip(), variables, value))
    return read


@pytest.mark.parametrize(
    ("expression", "variables", "value"),
    [pytest.param(*claim, id=claim[0]) for block in PAGE.blocks("eval") for claim in claims(block)],
)
def test_an_expression_has_the_value_that_the_page_says(expression: str, variables: str, value: str) -> None:
    assert evaluate_one(expression, variables, NOW) == value


# Commands -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """What a console shows: a command's words, what it is given, and what it prints (empty if that is not shown)."""

    words: list[str]
    given: str
    printed: str


def commands(block: Block) -> list[Command]:
    read: list[Command] = []
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            words = shlex.split(line[2:])
            given = ""
            if words[0] == "echo":
                _, given, bar, *words = words
                assert bar == "|"
            assert words[0] == "whenflow"
            read.append(Command(words[1:], given, ""))
        else:
            read[-1] = replace(read[-1], printed=read[-1].printed + line)
    return read


@pytest.mark.parametrize("block", PAGE.blocks("console"), ids=str)
def test_a_command_is_there_and_prints_what_the_page_says(block: Block, folder: Path) -> None:
    for command in commands(block):
        name, *arguments = command.words
        if name in RUN:
            done = CliRunner().invoke(app, command.words, input=command.given)
            assert done.exit_code == 0 or command.printed, done.output
            assert command.printed in ("", done.output)
        else:
            called = get_command(app).get_command(None, name)  # type: ignore[attr-defined]
            assert called.make_context(name, arguments).params["files"]


# The page itself ----------------------------------------------------------------------------------------------------


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    """`text` is for what is shown of a mistake, and there is one."""
    assert {block.language for block in PAGE.blocks()} == {"flow", "flowtest", "eval", "console", "text"}
    assert PAGE.text.count("```") == 2 * len(PAGE.blocks())
    words = {word for block in PAGE.blocks("flow") for word in block.words[1:]}
    assert words - set(FILES) - {code for block in PAGE.blocks("flow") for code in expected_codes(block)} == {
        "with",
        "steps",
        "clauses",
    }


def test_its_links_lead_somewhere() -> None:
    headings = [heading for level in range(1, 5) for heading in PAGE.headings(level)]
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", PAGE.text):
        file, _, anchor = target.partition("#")
        if file:
            assert (Path(__file__).parents[2] / "docs" / file).is_file(), target
        else:
            assert anchor in anchors, target
