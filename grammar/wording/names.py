"""E2xx: names that are unknown, taken, declared twice or used as another kind of thing."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic, Label
from grammar.source import Span
from grammar.wording.forms import CALLS
from grammar.wording.sentences import did_you_mean, error, listed


def unknown_variable(span: Span, name: str, help: str | None) -> Diagnostic:
    return error("E201", span, f"there is no variable `{name}`", help)


def text_or_field(name: str) -> str:
    return f'a text stands in quotes, `"{name}"`; a field is declared, for example with `field {name} text`'


def unknown_event(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    forms = {"enter": "enter SEGMENT", "leave": "leave SEGMENT", "change": "change FIELD", "any": "any event"}
    meant = f"on {forms[name]}" if name in forms else suggestion
    help = did_you_mean(meant) or 'declare it with `event SEQ NAME "UUID"`'
    return error("E202", span, f"no event is called `{name}`", help)


def unknown_segment(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return error("E203", span, f"no segment is called `{name}`", did_you_mean(suggestion))


def unknown_function(span: Span, name: str, help: str | None) -> Diagnostic:
    return error("E204", span, f"there is no function `{name}`", help)


def undeclared_event(span: Span, seq: int, declared: Sequence[int], suggestion: str | None) -> Diagnostic:
    if len(declared) > 1:
        known = f"only the events {listed([str(number) for number in declared], 'and')} are"
    else:
        known = f"only event {declared[0]} is" if declared else "none is"
    return error("E205", span, f"event {seq} is not declared: {known}", did_you_mean(suggestion))


def unknown_field(span: Span, name: str, suggestion: str | None, type_: str) -> Diagnostic:
    help = did_you_mean(suggestion) or f"declare it, for example with `field {name} {type_}`"
    return error("E206", span, f"there is no field `{name}` to write", help)


def duplicate(span: Span, what: str, first: Span) -> Diagnostic:
    return error("E207", span, f"{what} is declared twice", None, (Label("first declared here", first),))


def taken_name(span: Span, name: str, what: str) -> Diagnostic:
    return error("E208", span, f"{what} cannot be called `{name}`: the language has that name already")


def segment_cycle(span: Span, names: Sequence[str], steps: tuple[Label, ...]) -> Diagnostic:
    way = " → ".join(names)
    return error("E209", span, f"the segment `{names[0]}` depends on itself: {way}", None, steps)


def no_agents(span: Span, name: str) -> Diagnostic:
    message = f"`{name}` does not exist here: Whenflow has no agents and no conversations"
    return error("E210", span, message, "leave the condition out")


def function_without_call(span: Span, name: str) -> Diagnostic:
    return error("E211", span, f"`{name}` is a function, not a variable", f"call it: `{CALLS[name]}`")


def variable_called(span: Span, name: str) -> Diagnostic:
    return error("E212", span, f"`{name}` is a variable and cannot be called", f"leave the brackets out: `{name}`")


# Parts of these sentences ---------------------------------------------------------------------------------------------

FIELD, SEGMENT, FLOW = "a field", "a segment", "a flow"


def named(what: str, name: str) -> str:
    """`the segment `vip``."""
    return f"the {what.removeprefix('a ')} `{name}`"


def event_number(seq: object) -> str:
    return f"the event number {seq}"


def event_name(name: object) -> str:
    return f"the event name `{name}`"


def event_uuid(uuid: object) -> str:
    return f"the UUID {uuid}"


def depends_on(one: str, other: str) -> str:
    return f"`{one}` depends on `{other}`"
