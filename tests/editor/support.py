"""Short ways to ask, for tests: a place in a text is marked by `|`."""

from editor.completion import Completions, complete
from editor.hover import declarations, describe
from editor.programs import check_program
from editor.symbols import symbol_at
from grammar.nodes import Script
from grammar.source import Source

DECLARED = """\
event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6" "clicks on the page"
event 3 "Order Completed" "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"
field extra_field_TEXT_1 text "WeChat id"
segment heavy "Heavy clickers":
    event_count_1 > 5
"""


def marked(text: str) -> tuple[str, int]:
    """A text without its mark, and where that stood."""
    offset = text.index("|")
    return text[:offset] + text[offset + 1 :], offset


def program(text: str) -> Script:
    """The declarations of a text as far as they can be read."""
    return check_program({"t.flow": text}).script


def completions(text: str, before: str = DECLARED) -> Completions:
    plain, offset = marked(before + text)
    return complete(Source("t.flow", plain), offset, program(plain))


def offered(text: str, before: str = DECLARED) -> list[str]:
    """What is offered at the mark."""
    return [item.label for item in completions(text, before).items]


def in_flow(line: str, on: str = "on webclick") -> list[str]:
    """What is offered at the mark in a line of a flow."""
    return offered(f"flow f:\n    {on}\n    {line}\n")


def hovered(text: str, before: str = DECLARED) -> str | None:
    """What is told of the name at the mark."""
    plain, offset = marked(before + text)
    symbol = symbol_at(Source("t.flow", plain), offset)
    return None if symbol is None else describe(symbol, program(plain))


def defined(text: str, before: str = DECLARED) -> list[str]:
    """The source lines of the declarations of the name at the mark."""
    plain, offset = marked(before + text)
    symbol = symbol_at(Source("t.flow", plain), offset)
    if symbol is None:
        return []
    found = declarations(symbol, program(plain))
    return [span.source.line(span.source.position(span.start)[0]) for span in found]
