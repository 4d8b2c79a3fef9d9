"""E3xx: arguments, types, and time that cannot be waited for exactly."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic
from grammar.kinds import Type
from grammar.names import Sort
from grammar.source import Span
from grammar.wording.forms import CALLS
from grammar.wording.sentences import counted, error, listed


def wrong_number_of_arguments(span: Span, name: str, least: int, most: int | None, given: int) -> Diagnostic:
    if most is None:
        takes = f"at least {counted(least, 'argument')}"
    elif least == most:
        takes = counted(least, "argument")
    else:
        takes = f"{least} to {counted(most, 'argument')}"
    has = "none" if given == 0 else str(given)
    return error("E301", span, f"`{name}` takes {takes}, and here it has {has}", f"write it like `{CALLS[name]}`")


def literal_needed(span: Span, name: str, what: str, help: str | None = None) -> Diagnostic:
    message = f"{what} of `{name}` must be written out here, not computed"
    return error("E302", span, message, help or f"write it like `{CALLS[name]}`")


def digits_out_of_range(span: Span, least: int, most: int) -> Diagnostic:
    return error("E303", span, f"the digits to round to must be from {least} to {most}")


# E304 … E315: types ---------------------------------------------------------------------------------------------------


_KINDS = (
    (Type.BOOL | Type.INT | Type.FLOAT, "a number"),
    (Type.INT | Type.FLOAT, "a number"),
    (Type.BOOL, "a bool"),
    (Type.INT, "a whole number"),
    (Type.FLOAT, "a number"),
    (Type.TEXT, "a text"),
    (Type.DATETIME, "a moment"),
    (Type.DURATION, "a duration"),
    (Type.LIST, "a list"),
)


def kind(type_: Type) -> str:
    """`a text`, `a whole number or a list`: what a value of a type may be, apart from null."""
    rest, words = type_ & ~(Type.NULL | Type.JSON), []
    for kinds, phrase in _KINDS:
        if kinds in rest:
            words.append(phrase)
            rest &= ~kinds
    if Type.JSON in type_:
        words.append("json")
    return listed(words) or "None"


def no_arithmetic(span: Span, operator: str, left: Type, right: Type, help: str | None) -> Diagnostic:
    message = f"`{operator}` does not take {kind(left)} and {kind(right)}: the result would always be null"
    return error("E304", span, message, help)


def no_opposite(span: Span, operand: Type) -> Diagnostic:
    return error("E305", span, f"`-` does not take {kind(operand)}: the result would always be null")


def no_order(span: Span, left: Type, right: Type, help: str | None) -> Diagnostic:
    message = f"{kind(left)} is neither less nor greater than {kind(right)}: this would never be true"
    return error("E306", span, message, help)


def never_equal(span: Span, operator: str, left: Type, right: Type, help: str | None) -> Diagnostic:
    answer = "never be true" if operator == "==" else "always be true"
    return error("E307", span, f"{kind(left)} never equals {kind(right)}: this would {answer}", help)


def no_membership(span: Span, member: Type, container: Type, help: str | None) -> Diagnostic:
    if Type.TEXT in container:
        message = f"only a text can be in a text, and this is {kind(member)}"
    else:
        message = f"nothing can be in {kind(container)}: a list, a text or json stands behind `in`"
    return error("E308", span, message, help)


def wrong_argument(span: Span, name: str, type_: Type, takes: Type) -> Diagnostic:
    return error("E309", span, f"`{name}` takes {kind(takes)} here, and this is {kind(type_)}")


def one_list(span: Span, name: str, type_: Type) -> Diagnostic:
    message = f"`{name}` takes a list or several values, and this is {kind(type_)}"
    return error("E310", span, message, f"give it several, such as `{name}(1, 2)`")


def unlike_arguments(span: Span, name: str, types: Sequence[Type]) -> Diagnostic:
    kinds = listed(list(dict.fromkeys(kind(type_) for type_ in types)), "and")
    return error("E311", span, f"`{name}` compares its arguments, and {kinds} cannot be compared with one another")


def no_members(span: Span, container: Type, name: str, help: str | None) -> Diagnostic:
    return error("E312", span, f"there is no `.{name}` in {kind(container)}: only json has members", help)


def no_elements(span: Span, container: Type) -> Diagnostic:
    return error("E313", span, f"nothing can be read inside {kind(container)}: only json and lists have elements")


def no_index(span: Span, index: Type) -> Diagnostic:
    return error(
        "E314", span, f"an element of a list is read by its place, a whole number from 0, and this is {kind(index)}"
    )


def misfit(span: Span, what: str, needs: Type, value: Type | None, help: str | None) -> Diagnostic:
    """No type: it is the value itself, written out, that does not fit."""
    found = "what is written here" if value is None else f"this is {kind(value)}, which"
    return error("E315", span, f"{what} is {kind(needs)}, and {found} never fits", help)


def without_braces(expression: str) -> str:
    return f"write the expression itself: `{expression}`"


ADDRESS = "the address of an e-mail"


# E321 … E323: exact time ----------------------------------------------------------------------------------------------


_ELSEWHERE = "a plain `on … when`, an `if` and a template allow it"


def inexact(span: Span, what: str, help: str) -> Diagnostic:
    message = f"a watched condition needs to know when it changes, and nobody can say when {what} changes with `now`"
    return error("E321", span, message, f"{help}; {_ELSEWHERE}")


def time_alone(span: Span) -> Diagnostic:
    message = "what moves with `now` is no watched condition by itself"
    help = "compare it, for example `now - event_last_time_1 > 7d`"
    return error("E322", span, message, f"{help}; {_ELSEWHERE}")


def not_a_whole_condition(span: Span, what: str) -> Diagnostic:
    message = f"in a watched condition, {what} can only stand as a whole condition"
    help = "join it to others by `and`, `or`, `not` or `if`, and compare it with nothing"
    return error("E323", span, message, f"{help}; {_ELSEWHERE}")


THIS, THIS_CHOICE, THIS_COMPARISON = "this", "this choice", "a comparison with `now`"


def result_of(name: str) -> str:
    return f"the result of `{name}`"


COMPARE_LENGTHS = "compare the length of time itself, for example `now - event_last_time_1 > 7d`"
COMPARE_EACH = "compare with each value by itself and join the comparisons by `and` or `or`"
CHOOSE_CONDITIONS = "choose between whole comparisons, for example `now > A if C else now > B`"
READ_THE_CLOCK = "compare with `now`, or read the clock by `hour`, `weekday`, `date`, `today` or `during`"
SHIFT_BY_A_LENGTH = "it takes `now`, or `now` shifted by a duration that does not depend on `now`"


# Parts of these sentences ---------------------------------------------------------------------------------------------

SORTS = {
    Sort.PATTERN: "the pattern",
    Sort.ZONE: "the time zone",
    Sort.WINDOW: "the window",
    Sort.DAYS: "the days",
    Sort.DAYS_OR_ZONE: "the days or the time zone",
    Sort.FORMAT: "the format",
    Sort.SEGMENT: "the segment's name",
    Sort.DIGITS: "the number of digits",
}
