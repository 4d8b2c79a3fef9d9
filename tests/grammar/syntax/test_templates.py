"""LANGUAGE.md section 6: templates, and the places of what stands in them."""

import pytest

from grammar.nodes import Constant, Name, SendWeb, Template
from tests.grammar.support import EVENT, codes, diagnostics, flow, steps


def template(literal: str) -> Template:
    (step,) = steps(f"send web {literal}")
    assert isinstance(step, SendWeb)
    return step.text


def parts(literal: str) -> list[object]:
    """The plain stretches as they are, names and constants by what they hold."""
    shown: list[object] = []
    for part in template(literal).parts:
        shown.append({"name": part.id} if isinstance(part, Name) else part)
        if isinstance(part, Constant):
            shown[-1] = {"constant": part.value}
    return shown


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ('"plain"', ["plain"]),
        ('""', []),
        ('"{{ now }}"', [{"name": "now"}]),
        ('"a{{now}}b{{ user_city }}"', ["a", {"name": "now"}, "b", {"name": "user_city"}]),
        ("\"{{ '}}' }}\"", [{"constant": "}}"}]),
        ("\"{{ '{{' }}\"", [{"constant": "{{"}]),
        ('"a } b }} c { d"', ["a } b }} c { d"]),
        (r'"\u4f60{{ \x22A\x22 }}\n"', ["你", {"constant": "A"}, "\n"]),
        ('"""{{\n  now\n}}"""', [{"name": "now"}]),
    ],
)
def test_a_template_is_its_plain_stretches_and_expressions(literal: str, expected: list[object]) -> None:
    assert parts(literal) == expected


@pytest.mark.parametrize(
    "literal", ['"x {{ nope }}"', r'"\n\u4f60 {{ nope }}"', '"""two\nlines {{ nope }}"""', r'"{{ \x22\x22 + nope }}"']
)
def test_a_diagnostic_in_a_template_points_into_the_source(literal: str) -> None:
    (found,) = diagnostics(flow(f"send web {literal}") if "\n" not in literal else EVENT + _raw(literal))
    assert found.code == "E201"
    assert found.span.source.text[found.span.start : found.span.end] == "nope"


def _raw(literal: str) -> str:
    return f"flow f:\n    on webclick\n    send web {literal}\n"


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        ('"{{ now"', "E167"),
        ('"{{ now }"', "E167"),
        ('"{{ }}"', "E168"),
        ('"{{ 1 + }}"', "E122"),
        ('"{{ a b }}"', "E124"),
        ('"{{ 30min }}"', "E113"),
        ('"{{ (1 }}"', "E118"),
    ],
)
def test_a_bad_template_is_one_error(literal: str, code: str) -> None:
    assert codes(flow(f"send web {literal}")) == [code]


def test_only_the_first_syntax_error_of_a_line_is_told() -> None:
    assert codes(flow('send web "{{ a b }} {{ 1 + }} {{"')) == ["E124"]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://x.example/{{ user_city }}", []),
        ("http://x.example", []),
        ("/path", []),
        ("javascript:alert(1)", ["E169"]),
        ("{{ page_url }}", ["E169"]),
        ("", ["E169"]),
        (" https://x.example", ["E169"]),
    ],
)
def test_a_link_begins_with_a_written_out_scheme_or_slash(link: str, expected: list[str]) -> None:
    assert codes(flow(f'send web:\n    text "x"\n    button "Open" link "{link}"')) == expected
