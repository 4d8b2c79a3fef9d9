"""E6xx: the commands of flow tests."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic, Label
from grammar.source import Span
from grammar.wording.sentences import did_you_mean, error, listed


def unknown_command(span: Span, found: str, known: Sequence[str], help: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return error("E601", span, f"no command begins with `{found}`: there are {words}", help)


def declaration_outside(span: Span, word: str) -> Diagnostic:
    message = f"in a flow test, `{word}` is declared in an indented block"
    return error("E602", span, message, "write `flow:` alone in a line, and indent the declarations below it")


def missing_part(span: Span, what: str, form: str | None) -> Diagnostic:
    return error("E603", span, f"{what} is missing here", form)


def left_over(span: Span, found: str, form: str | None) -> Diagnostic:
    return error("E604", span, f"`{found}` cannot stand here", form)


def part_of_command_twice(span: Span, what: str, first: Span) -> Diagnostic:
    return error("E605", span, f"{what} can be given only once", None, (Label("first given here", first),))


def visitor_needs_quotes(span: Span, word: str) -> Diagnostic:
    message = f"`{word}` means something of its own in a flow test, so it is no visitor's name as it stands"
    return error("E606", span, message, f'a visitor of that name is written in quotes: "{word}"')


def bad_identifier(span: Span, most: int | None) -> Diagnostic:
    bound = "" if most is None else f" and has at most {most}"
    return error("E607", span, f"an id needs at least 1 character{bound}")


def times_out_of_range(span: Span, most: int) -> Diagnostic:
    return error("E608", span, f"an event can be repeated from 1 to {most} times")


def bad_moment(span: Span, backwards: bool) -> Diagnostic:
    length = "or a length such as -10m" if backwards else "or how far the clock moves on, such as +30m"
    help = f"write it like 2026-01-01 10:00, 2026-01-01 10:00:30.250 or 2026-01-01 10:00 +08:00, {length}"
    return error("E609", span, "this is no moment", help)


def clock_goes_back(span: Span, clock: str) -> Diagnostic:
    return error("E610", span, f"the clock cannot go back: it shows {clock} UTC already")


def clock_too_far(span: Span) -> Diagnostic:
    return error("E611", span, "the clock cannot go beyond the year 9999")


def zone_not_first(span: Span) -> Diagnostic:
    return error("E612", span, "the zone is set once, before all other commands", "move this line to the top")


def cannot_load(span: Span, path: str, reason: str) -> Diagnostic:
    help = "the path is relative to the folder of the flow test"
    return error("E613", span, f"the file `{path}` cannot be read: {reason}", help)


def bad_json(span: Span) -> Diagnostic:
    return error("E614", span, "this is no JSON", 'names and texts stand in double quotes: {"page_url": "/"}')


def bad_value(span: Span, reason: str) -> Diagnostic:
    return error("E615", span, reason)


def not_writable_here(span: Span, name: str, command: str, help: str | None) -> Diagnostic:
    return error("E616", span, f"`{command}` cannot write `{name}`", help)


def unknown_flow(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return error("E617", span, f"no flow is called `{name}`", did_you_mean(suggestion))


def no_such_arm(span: Span, flow: str, arm: str, suggestion: str | None) -> Diagnostic:
    return error("E618", span, f'no split of the flow `{flow}` has an arm "{arm}"', did_you_mean(suggestion))


def unknown_channel(span: Span, name: str, known: Sequence[str], suggestion: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return error("E619", span, f"no channel is called `{name}`: there are {words}", did_you_mean(suggestion))


def bad_code(span: Span, code: str) -> Diagnostic:
    help = "codes are E or W and up to three digits, such as E2 for all errors of names"
    return error("E620", span, f"`{code}` is no code of a diagnostic", help)


def value_never_fits(span: Span, name: str, kind: str) -> Diagnostic:
    return error("E621", span, f"this value can never be written to `{name}`, which needs {KINDS[kind]}")


AN_EVENT, A_VISITOR, A_FLOW, A_SEGMENT, A_VARIABLE = "an event", "a visitor", "a flow", "a segment", "a variable"
A_TEXT, A_FILE, A_CHANNEL, A_CODE = "a text in quotes", "a file", "the channel", "the code of a diagnostic"
A_COLON, A_DURATION = "a colon", "a duration such as `30m`"
INLINE_DECLARATIONS = "`flow:`"
WHAT_IS_NOT = "`messages`, `run` or `goal`"
MERGING = "identifying two visitors as one user"
ANOTHER_USER = "identifying a visitor as another user"
BY_IDENTIFY = 'a user\'s id is given by `identify V as "u-17"`'
TRACK_PARTS = {"times": "how often", "time": "the time", "id": "the id", "data": "the data"}
KINDS = {
    "text": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "datetime": "a moment",
}
