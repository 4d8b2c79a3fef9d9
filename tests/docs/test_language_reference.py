"""The authors' guide is complete: what the language has, the page names, with the same types, writers and bounds."""

import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from engine.operators import LONGEST_LIST, LONGEST_TEXT
from grammar.checker import MAX_EVENTS
from grammar.checker.flows import LONGEST_WAIT, MAX_STARTS_PER
from grammar.diagnostics import Diagnostics
from grammar.flowtest import nodes as flowtest_nodes
from grammar.flowtest import read_flow_test
from grammar.flowtest.nodes import Command, Expect
from grammar.kinds import Type
from grammar.literals import MAX_DURATION, MAX_INT_DIGITS, MAX_TEXT_BYTES
from grammar.names import (
    CLAUSES,
    DECLARATIONS,
    EVENT_VARIABLES,
    FIELD_TYPES,
    FUNCTIONS,
    INSTANT_VARIABLES,
    PREDECLARED_SEGMENTS,
    RESERVED_WORDS,
    ROUND_DIGITS,
    RUN_VARIABLES,
    STANDARD_VARIABLES,
    STEPS,
    TRACK_EVENT_VARIABLES,
    Function,
    Sort,
    Writer,
)
from grammar.nodes import Declaration, Event, Field, Flow, Segment, Step, Trigger
from grammar.source import Source
from grammar.syntax.brackets import MAX_LEVELS
from grammar.syntax.expressions import MAX_NODES
from grammar.syntax.parser import MAX_FILE_BYTES
from tests.docs.markdown import code
from tests.docs.test_language import FILES, PAGE, claims
from tests.grammar.support import script

GRAMMAR = (Path(__file__).parents[2] / "grammar" / "syntax" / "flow.lark").read_text("utf-8")
CASES = Path(__file__).parents[1] / "grammar" / "diagnostics"
REFERENCE = PAGE.section("11. Reference")

TYPES = {Type.INT: "int", Type.TEXT: "text", Type.BOOL: "bool", Type.DATETIME: "datetime", Type.JSON: "json"}
WRITERS = {Writer.PAGE: "page", Writer.SERVER: "server", Writer.FLOW: "set"}


def first_cells(title: str) -> list[str]:
    """The code in the first cells of a reference table."""
    return [code(row[0])[0] for row in REFERENCE.section(title).rows()]


# Variables ----------------------------------------------------------------------------------------------------------


def named(type_: Type) -> str:
    """A type as the page writes it. Json may always be null, so it has no question mark."""
    return TYPES[type_ & ~Type.NULL if type_ != Type.JSON else type_] + ("?" if Type.NULL in type_ else "")


def test_the_variables_are_those_of_the_language_with_their_types_and_writers() -> None:
    expected = {name: (named(variable.type), set[str]()) for name, variable in STANDARD_VARIABLES.items()}
    for name, variable in STANDARD_VARIABLES.items():
        expected[name][1].update(word for writer, word in WRITERS.items() if writer in variable.writers)
        expected[name][1].update({"visit"} if variable.by_visit else ())
    expected.update({f"{family}_N": (named(type_), set()) for family, type_ in EVENT_VARIABLES.items()})
    others = {**INSTANT_VARIABLES, **TRACK_EVENT_VARIABLES, **RUN_VARIABLES}
    expected.update({name: (named(type_), set()) for name, type_ in others.items()})
    rows = list(PAGE.section("Variables").rows())
    assert {code(name)[0]: (type_, set(filter(None, by.split(", ")))) for name, type_, _, by in rows} == expected


def test_the_segments_that_are_there_already_are_those_of_the_language() -> None:
    rows = PAGE.section("2. Events, fields and segments").rows()
    assert tuple(code(row[0])[0] for row in rows) == PREDECLARED_SEGMENTS


# Functions ----------------------------------------------------------------------------------------------------------


def signatures() -> dict[str, str]:
    """What stands in the brackets of each function's heading, by its name."""
    found = (re.fullmatch(r"(\w+)\((.*)\)", heading) for heading in PAGE.section("6. Functions").headings(4))
    return {match[1]: match[2] for match in found if match}


def arguments(signature: str) -> tuple[int, int | None, set[int]]:
    """The least and the greatest number of arguments, and which are written out as a text."""
    every = [part.strip() for part in re.sub(r"[\[\]]", "", signature).split(",") if part.strip()]
    least = len([part for part in re.sub(r"\[.*?\]", "", signature).split(",") if part.strip()])
    quoted = {place for place, part in enumerate(every) if part.startswith('"')}
    return least, None if "…" in every else len(every), quoted


def test_the_functions_are_those_of_the_language() -> None:
    assert set(signatures()) == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_a_function_is_shown_with_its_arguments(function: Function) -> None:
    quoted = {place for place, sort in function.literals.items() if sort is not Sort.DIGITS}
    assert arguments(signatures()[function.name]) == (function.least, function.most, quoted)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_a_function_is_shown_at_work_and_where_it_finds_nothing(function: Function) -> None:
    section = PAGE.section(f"{function.name}({signatures()[function.name]})")
    shown = [(expression, value) for block in section.blocks("eval") for expression, _, value in claims(block)]
    values = [value for expression, value in shown if f"{function.name}(" in expression]
    assert len(values) >= 2
    assert {"null", "false"} & set(values)


# Declarations, clauses, steps ---------------------------------------------------------------------------------------

BODIES = {
    "send email:": ["subject 'a'", "text 'b'"],
    "if": ["stop"],
    "split:": ["50%:", "    stop"],
    "segment": ["event_count_3 > 0"],
    "flow": ["on order", "stop"],
}
"""What stands below the lines that end with a colon, by how they begin."""


def flow_of(*lines: str) -> Flow:
    text = "\n".join([FILES["shop.flow"], "flow example:", *(f"    {line}" for line in lines)])
    return next(flow for flow in script(f"{text}\n").flows if flow.name == "example")


def body(line: str) -> Sequence[str]:
    indented = next((lines for word, lines in BODIES.items() if line.startswith(word)), ())
    return [f"    {below}" for below in indented]


def test_every_kind_of_declaration_has_a_row() -> None:
    lines = first_cells("Declarations")
    assert tuple(line.split()[0] for line in lines) == DECLARATIONS
    others = "".join(f'event {seq} e{seq} "{seq}{"0" * 7}-0000-0000-0000-{"0" * 12}"\n' for seq in (2, 3))
    text = "\n".join(line for first in lines for line in (first, *body(first)))
    declared = script(f"{others}{text.replace('on order', 'on view')}\n").declarations
    assert (
        {type(declaration) for declaration in declared} == {Event, Field, Segment, Flow} == set(get_args(Declaration))
    )
    types = REFERENCE.section("Declarations").text
    assert set(FIELD_TYPES) <= set(code(types))


def test_every_kind_of_trigger_has_a_row() -> None:
    triggers = [flow_of(line, "stop").triggers for line in first_cells("What starts a flow")]
    assert {type(trigger) for (trigger,) in triggers} == set(get_args(Trigger))
    told = PAGE.section("on: start when something happens").rows()
    assert len(list(told)) == len(triggers)


def test_every_clause_has_a_row() -> None:
    lines = first_cells("Clauses")
    assert tuple(line.split()[0] for line in lines) == CLAUSES
    flows = [flow_of(*([] if line.startswith("on ") else ["on view"]), line, "stop") for line in lines]
    attributes = {field.name for field in fields(Flow) if field.compare} - {"name", "title", "steps"}
    assert attributes == {name for flow in flows for name in attributes if getattr(flow, name)}
    assert not any(getattr(flows[0], name) for name in attributes - {"triggers"})


def test_every_step_has_a_row() -> None:
    lines = first_cells("Steps")
    assert {line.split()[0].strip(":") for line in lines} == set(STEPS)
    steps = [flow_of("on view", line, *body(line)).steps for line in lines]
    assert [type(step) for (step,) in steps] == list(dict.fromkeys(type(step) for (step,) in steps))
    assert {type(step) for (step,) in steps} == set(get_args(Step))


def test_every_word_of_the_grammar_is_on_the_page() -> None:
    words = set(re.findall(r'"([a-z]+)"', GRAMMAR))
    shown = " ".join([*code(REFERENCE.text), *(block.text for block in PAGE.blocks("flow"))])
    assert words - set(re.findall(r"[a-z]+", shown)) == set()


def test_the_reserved_words_are_those_of_the_language() -> None:
    sentence = REFERENCE.text.partition("Reserved words")[2].partition("\n\n")[0]
    assert set(code(sentence)) == RESERVED_WORDS


def test_every_command_of_flow_tests_has_a_row() -> None:
    lines = [code(row[0])[0] for row in PAGE.section("8. Testing flows").rows()]
    text = "\n".join(line if line != "flow:" else "flow:\n    field points int" for line in lines)
    report = Diagnostics()
    commands = read_flow_test(Source("t.flowtest", text), report).commands
    kinds = {kind for kind in vars(flowtest_nodes).values() if isinstance(kind, type) and issubclass(kind, Command)}
    assert report.ok
    assert {type(command) for command in commands} == kinds - {Command, Expect}


def test_every_family_of_codes_has_a_row() -> None:
    rows = PAGE.section("9. Checking, formatting, and messages about mistakes").rows()
    assert {row[0] for row in rows} == {case.stem[:2] for case in CASES.glob("*.md")}


# Bounds -------------------------------------------------------------------------------------------------------------


def test_the_bounds_are_those_of_the_language() -> None:
    bounds = {
        "a file": f"{MAX_FILE_BYTES // 2**20} MiB",
        "an expression": f"{MAX_NODES} ",
        "an expression's depth": f"{MAX_LEVELS} levels",
        "a text": f"{MAX_TEXT_BYTES // 1024} KiB",
        "a whole number that is written out": f"{MAX_INT_DIGITS} digits",
        "a duration": f"{MAX_DURATION.days}d",
        "a wait": f"1s to {LONGEST_WAIT.days}d",
        "a limit with `per`": f"{MAX_STARTS_PER} starts",
        "events": f"{MAX_EVENTS}",
        "a list that `+` makes": f"{LONGEST_LIST:,} members",
        "a text that `+` makes": f"{LONGEST_TEXT // 1024} KiB",
        "digits of `round`": f"−{-ROUND_DIGITS[0]} to {ROUND_DIGITS[-1]}",
    }
    shown = {row[0]: row[1] for row in REFERENCE.section("Bounds").rows()}
    assert set(shown) == set(bounds)
    assert [what for what, bound in bounds.items() if not shown[what].startswith(bound)] == []
