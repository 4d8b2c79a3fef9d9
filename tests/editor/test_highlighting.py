"""The highlighting of the editor extension knows every word of the language, and takes each for what it is."""

import json
import re
from pathlib import Path

import pytest

from grammar import reference
from grammar.names import (
    CLAUSES,
    CONSTANTS,
    DECLARATIONS,
    EVENT_VARIABLES,
    FIELD_TYPES,
    FUNCTIONS,
    INSTANT_VARIABLES,
    MESSAGE_PARTS,
    RESERVED_WORDS,
    RUN_VARIABLES,
    STANDARD_VARIABLES,
    STEPS,
    TRACK_EVENT_VARIABLES,
)
from grammar.syntax.table import grammar
from tests.editor.textmate import Highlighter

HIGHLIGHTER = Highlighter()
EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"


def scope(text: str) -> str:
    """The scope of the stretch between two `|`."""
    before, word, after = text.split("|")
    found = set(HIGHLIGHTER.scopes(before + word + after)[len(before) : len(before + word)])
    assert len(found) == 1, found
    return found.pop().removesuffix(".whenflow")


@pytest.mark.parametrize("word", sorted({word for word in grammar().terminals if word.isalpha()} | RESERVED_WORDS))
def test_every_word_of_the_grammar_is_known(word: str) -> None:
    known = {found for text in HIGHLIGHTER.expressions() for found in re.findall(r"(?<![\\\w])\w+", text)}
    assert word in known


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_one_where_it_is_called(name: str) -> None:
    assert scope(f"    when |{name}|(x) == 1") == "support.function"
    assert scope(f"    when (|{name}| == 1)") != "support.function"


@pytest.mark.parametrize("name", [*STANDARD_VARIABLES, *INSTANT_VARIABLES, *TRACK_EVENT_VARIABLES, *RUN_VARIABLES])
def test_a_variable_of_the_language_is_one(name: str) -> None:
    assert scope(f"    if |{name}| == 1:") == "support.variable"
    assert scope(f"    send web 'Dear {{{{ |{name}| }}}}'") == "support.variable"


@pytest.mark.parametrize("family", EVENT_VARIABLES)
def test_an_event_variable_is_one(family: str) -> None:
    assert scope(f"    when |{family}_12| == 1") == "variable.language.event"


@pytest.mark.parametrize("word", CONSTANTS)
def test_a_constant_is_one(word: str) -> None:
    assert scope(f"    when x == |{word}|") == "constant.language"


@pytest.mark.parametrize("type_", FIELD_TYPES)
def test_a_type_of_field_is_one(type_: str) -> None:
    assert scope(f"field x |{type_}|") == "storage.type"


LINES = {
    **{word: f"|{word}| x" for word in reference.DECLARATIONS},
    "on": "    |on| webclick",
    "when": "    |when| x == 1",
    "limit": "    |limit| once",
    "hours": '    |hours| "08:00-22:00"',
    "exit": "    |exit| when x",
    "goal": "    |goal| x within 3d",
    "send": "    |send| web 'x'",
    "set": "    |set| x = 1",
    "convert": "    |convert| 'x'",
    "wait": "    |wait| 3d",
    "if": "    |if| x:",
    "split": "    |split|:",
    "stop": "    |stop|",
    "elif": "    |elif| x:",
    "else": "    |else|:",
    "timeout": "    |timeout|:",
    "text": "        |text| 'x'",
    "button": "        |button| 'x' link '/'",
    "sender": "        |sender| 'x'",
    "subject": "        |subject| 'x'",
    "html": "        |html| 'x'",
    "to": "        |to| user_email",
}


def test_there_is_a_line_for_each_word_that_begins_one() -> None:
    tables = (
        *(reference.DECLARATIONS, reference.CLAUSES, reference.STEPS, reference.BRANCHES),
        *(reference.WEB_PARTS, reference.EMAIL_PARTS),
    )
    assert set(LINES) == {word for table in tables for word in table}
    assert {*DECLARATIONS, *CLAUSES, *STEPS, *MESSAGE_PARTS} <= set(LINES)


@pytest.mark.parametrize("line", LINES.values())
def test_a_word_that_begins_a_line_is_a_keyword(line: str) -> None:
    assert scope(line) in ("keyword.control", "keyword.declaration")


@pytest.mark.parametrize("word", reference.TRIGGERS)
def test_a_trigger_is_a_keyword(word: str) -> None:
    rest = {"any": " event", "event": " 3", "enter": " s", "leave": " s", "change": " x"}.get(word, "")
    assert scope(f"    on webclick, |{word}|{rest}, checkout") == "keyword.control"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("    on webclick, |checkout|", "entity.name.type.event"),
        ("    on enter |heavy|", "entity.name.class.segment"),
        ("    limit 3 |per| 7d", "keyword.control"),
        ("    limit 3 per |7d|", "constant.numeric.duration"),
        ("    when now - t < |1h30m|", "constant.numeric.duration"),
        ("    when x > |1.5|", "constant.numeric.float"),
        ("    when x > |15|", "constant.numeric.integer"),
        ("    when x |and| y", "keyword.operator.word"),
        ("    when |limit| == 3", "variable.other"),
        ("    when x.|user_email|", "variable.other.member"),
        ("    goal x |within| 3d", "keyword.control"),
        ("    wait |until| x for 3d", "keyword.control"),
        ("    wait until x |for| 3d", "keyword.control"),
        ("    send |webhook| 'x' with y", "keyword.control"),
        ("    send webhook 'x' |with| y", "keyword.control"),
        ("        button 'x' |link| '/'", "keyword.control"),
        ("        |50%| 'half':", "constant.numeric"),
        ("    send web '|user_email|'", "string.quoted.single"),
        ('    send web "您好 {{ |user_email| }}"', "support.variable"),
        ("    send web \"{{ x or '|friend|' }}\"", "string.quoted.single"),
        ('    send web "{{ x }} |and| y"', "string.quoted.double"),
        ('    send web """a\n|when| x\n"""', "string.quoted.triple"),
        ('    send web """a\n{{ |now| }}\n"""', "support.variable"),
        ('    send web "not closed\n    |when| x', "keyword.control"),
        ('    send web "{{ not closed"\n    |when| x', "keyword.control"),
        ("    when x |# and| ", "comment.line.number-sign"),
        ("    when x == '|# and|'", "string.quoted.single"),
        ("    when x == 'it|\\'|s'", "constant.character.escape"),
        ("    on webclick # |any event|", "comment.line.number-sign"),
    ],
)
def test_what_stands_there_is_taken_for_what_it_is(line: str, kind: str) -> None:
    assert scope(line) == kind


def test_the_extension_names_files_that_are_there() -> None:
    package = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    (language,) = package["contributes"]["languages"]
    (highlighting,) = package["contributes"]["grammars"]
    for named in (package["main"], language["configuration"], highlighting["path"]):
        assert (EXTENSION / named).is_file()
    assert highlighting["scopeName"] == json.loads((EXTENSION / highlighting["path"]).read_text("utf-8"))["scopeName"]
    json.loads((EXTENSION / language["configuration"]).read_text(encoding="utf-8"))
