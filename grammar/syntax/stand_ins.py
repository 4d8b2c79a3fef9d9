"""What takes the place of a line that cannot be read, so that the lines around it are read as if it were right."""

from grammar.names import CLAUSES, MESSAGE_PARTS, STEPS
from grammar.syntax.machine import Machine
from grammar.syntax.tokens import Line

LINE = ("BROKEN", "_NEWLINE")
"""In place of a line with no block below it: blocks may not be left empty."""

_STEP_BLOCK = ("BROKEN", "COLON", "_NEWLINE")
_MESSAGE = ("SEND", "BROKEN", "COLON", "_NEWLINE")
_SPLIT = ("SPLIT", "COLON", "_NEWLINE")
_HEADERS: dict[str, tuple[str, ...]] = {
    "flow": ("FLOW", "NAME", "COLON", "_NEWLINE"),
    "segment": ("SEGMENT", "NAME", "COLON", "_NEWLINE"),
    "if": ("IF", "BROKEN", "COLON", "_NEWLINE"),
    "elif": ("ELIF", "BROKEN", "COLON", "_NEWLINE"),
    "else": ("ELSE", "COLON", "_NEWLINE"),
    "else if": ("ELIF", "BROKEN", "COLON", "_NEWLINE"),
    "timeout": ("TIMEOUT", "COLON", "_NEWLINE"),
}
"""In place of a line that has a block below it, by its first word, or two."""


def header(line: Line, following: Line, machine: Machine) -> tuple[str, ...] | None:
    """A header that may stand where the machine is, and under which the block of an unreadable line can be read."""
    head = line.head
    if machine.accepts("FLOW"):
        is_body = following.head in (*CLAUSES, *STEPS)
        return _HEADERS["flow" if head == "flow" or (is_body and head != "segment") else "segment"]
    if head == "segment":
        return None
    if not machine.accepts("SEND"):
        return _STEP_BLOCK if _is_in_split(machine) else None
    if following.head in MESSAGE_PARTS:
        return _MESSAGE
    if following.is_arm:
        return _SPLIT
    if head == "send" and following.head not in STEPS:
        return _MESSAGE
    first_words = " ".join(token.text for token in line.tokens[:2])
    found = _HEADERS.get(first_words) or _HEADERS.get(head, _STEP_BLOCK)
    return found if machine.accepts(found[0]) else _STEP_BLOCK


def _is_in_split(machine: Machine) -> bool:
    """Whether arms can stand here: a number that is not the beginning of an expression."""
    return machine.accepts("INT") and not machine.accepts("NAME")
