"""W5xx: what is no error and can hardly be meant."""

from grammar.diagnostics import Diagnostic, Label
from grammar.source import Span
from grammar.wording.sentences import warning
from grammar.wording.text import DAY


def always_true(span: Span, reason: str | None) -> Diagnostic:
    return warning("W501", span, "this is always true", reason)


def always_false(span: Span, reason: str | None) -> Diagnostic:
    return warning("W502", span, "this is always false", reason)


def unreachable_step(span: Span) -> Diagnostic:
    return warning("W503", span, "this step is never reached: every way to it ends in a `stop`", "take it out")


def dead_arm(span: Span, reason: str) -> Diagnostic:
    return warning("W504", span, f"the steps below are never reached: {reason}")


def never_starts(span: Span, reason: str, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return warning("W505", span, f"this flow never starts: {reason}", None, labels)


def dead_by_exit(span: Span, what: str, exit: Span) -> Diagnostic:
    message = f"{what} never reached, because the flow's `exit when` ends the run before"
    return warning("W506", span, message, None, (Label("`exit when` stands here", exit),))


def true_already(span: Span) -> Diagnostic:
    return warning("W507", span, "there is nothing to wait for: this is always true here already")


def idle_trigger(span: Span, reason: str, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return warning("W508", span, f"this never starts the flow: {reason}", None, labels)


def braces_in_expression(span: Span, help: str) -> Diagnostic:
    return warning("W509", span, "this text keeps its `{{ }}`: only messages are filled in", help)


def no_moment(span: Span, function: str) -> Diagnostic:
    return warning("W510", span, f"this text writes no moment: `{function}` gives nothing for it", DAY)


def no_characters(span: Span) -> Diagnostic:
    return warning("W511", span, "this is always null: a text is not read character by character", AFFIXES)


AFFIXES = 'write `startswith(user_city, "B")`, `endswith(user_city, "g")` or `matches(user_city, "^.e")`'
JSON_HOLDS = "json holds neither moments nor durations: `datetime(A)` makes a moment of it, and `A * 1d` so many days"
WRITTEN_OUT = "it is written out as a constant"
WRITTEN_TEXT = 'it is only a text; several are compared by `in`, such as `user_country in ["CN", "DE"]`'
EXCLUSIVE = "its parts exclude one another"
EXHAUSTIVE = "one of its parts is true for every visitor"
CHOSEN_EARLIER = "whenever this is true, an arm above it is chosen"
FALSE_HERE = "by what led here, this is always false"
ALL_CHOSEN = "one of the arms above this `else` is always chosen"
THE_STEPS_BELOW, THIS_STEP = "the steps below are", "this step is"
FALSE_AT_TRIGGER = "`when` is always false when this happens"
FALSE_AT_TRIGGERS = "this is always false when the flow's trigger happens"
EXIT_AT_START = "this is true whenever it would start, and a run that would end at once is not started"
WHEN_IS_HERE = "`when` stands here"


def count_from_zero(name: str) -> str:
    return f"`{name}` is a whole number, 0 or more"


def nobody_enters(segment: str) -> str:
    return f"nobody is ever in the segment `{segment}`"


def nobody_leaves(segment: str) -> str:
    return f"nobody ever leaves the segment `{segment}`"


# Parts of these sentences ---------------------------------------------------------------------------------------------

JOIN_TEXTS = 'join texts with `+`: `"Dear " + (user_fullname or "friend")`'
