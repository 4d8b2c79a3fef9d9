"""E120 … E153: what can stand behind what, and how much of it."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic
from grammar.source import Span
from grammar.wording.forms import CALLS
from grammar.wording.sentences import error, listed


def cannot_stand(span: Span, found: str, expected: str, help: str | None) -> Diagnostic:
    message = f"{found} cannot stand here"
    return error("E120", span, f"{message}; {expected} can" if expected else message, help)


def missing_colon(span: Span, what: str) -> Diagnostic:
    return error("E121", span, f"{what} needs a colon at the end of its line")


def missing_value(span: Span, found: str, after: str, help: str | None = None) -> Diagnostic:
    return error("E122", span, f"a value is missing {after}: {found} stands there instead", help)


def nested_quotes(span: Span, quote: str) -> Diagnostic:
    other = "'" if quote == '"' else '"'
    message = "this quote ends the text in the middle of its `{{ }}`"
    help = f"inside `{{{{ }}}}` use the other kind of quotes, such as {{{{ user_fullname or {other}friend{other} }}}}"
    return error("E146", span, message, help)


def no_prefixes(span: Span, prefix: str) -> Diagnostic:
    if "f" in prefix.lower():
        help = "leave it out; values stand in messages as {{ user_city }}, and texts are joined with `+`"
    elif "r" in prefix.lower():
        help = "leave it out: a backslash in a pattern for `matches` stands for itself"
    else:
        help = "leave it out"
    return error("E147", span, f"a text has no letter before its quotes, and here is `{prefix}`", help)


def single_equals(span: Span) -> Diagnostic:
    return error("E123", span, "a single `=` compares nothing", "two values are compared with `==`")


JOIN = "join them with an operator, such as `and`, `==` or `+`"


def missing_operator(span: Span, left: str, right: str, help: str = JOIN) -> Diagnostic:
    return error("E124", span, f"something is missing between {left} and {right}", help)


def reserved_word(span: Span, word: str) -> Diagnostic:
    return error("E125", span, f"`{word}` is a reserved word and cannot be a name here")


def wrong_case(span: Span, written: str, word: str) -> Diagnostic:
    return error("E126", span, f"`{written}` is not an operator", f"write `{word}` in small letters")


def no_tuples(span: Span, number: str | None) -> Diagnostic:
    help = "a list is written with [ ]" + (f", and a number without commas: `{number}`" if number else "")
    return error("E127", span, "values cannot be joined by a comma here", help)


def no_slices(span: Span) -> Diagnostic:
    return error("E128", span, "a colon cannot stand in square brackets: there are no slices", SLICES)


def no_keyword_arguments(span: Span) -> Diagnostic:
    return error("E129", span, "an argument cannot be given by name", "give the arguments in their order")


def first_argument(name: str) -> str:
    return f"write `{name}(…)`, with the value as the first argument"


def no_methods(span: Span, help: str | None) -> Diagnostic:
    return error("E130", span, "only a function can be called, and there are no methods", help)


def no_unary_plus(span: Span) -> Diagnostic:
    return error("E131", span, "a value cannot have a `+` before it", "leave the `+` out")


def conditional_without_else(span: Span) -> Diagnostic:
    help = "write it `A if CONDITION else B`"
    return error("E132", span, "this `if` between values has no `else`", help)


def is_only_for_none(span: Span, help: str | None) -> Diagnostic:
    message = "`is` and `is not` can only be followed by None"
    return error("E133", span, message, help or "other values are compared with `==` and `!=`")


def unknown_declaration(span: Span, found: str, help: str | None) -> Diagnostic:
    message = f"no declaration begins with {found}: there are `event`, `field`, `segment` and `flow`"
    return error("E134", span, message, help)


def unknown_step(span: Span, found: str, known: Sequence[str], help: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return error("E135", span, f"no clause or step begins with {found}: there are {words}", help)


def unknown_part(span: Span, found: str, what: str, known: Sequence[str], help: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return error("E136", span, f"no part of {what} begins with {found}: there are {words}", help)


def one_expression(span: Span) -> Diagnostic:
    message = "there is one expression too many here"
    return error("E137", span, message, "join conditions with `and` or `or`; brackets let one go on over lines")


def unknown_field_type(span: Span, found: str, known: Sequence[str], help: str | None) -> Diagnostic:
    return error("E138", span, f"`{found}` is no type of field: there are {listed(known, 'and')}", help)


def no_filters(name: str) -> str:
    if name == "default":
        return "there are no filters; write `A or B`, such as `user_fullname or 'friend'`"
    if name in CALLS:
        return f"there are no filters; a function is called, such as `{CALLS[name]}`"
    return "there are no filters; a function is called as `f(x)`, such as `upper(user_city)`"


def not_in_the_language(span: Span, found: str, help: str) -> Diagnostic:
    return error("E139", span, f"`{found}` is not part of the language", help)


def no_trailing_comma(span: Span) -> Diagnostic:
    return error("E140", span, "nothing stands after this comma", "leave the comma out")


def one_line_block(span: Span) -> Diagnostic:
    return error(
        "E141", span, "what belongs to the line stands below the colon, not behind it", "begin a new, indented line"
    )


def missing_duration(span: Span, what: str, word: str, help: str | None) -> Diagnostic:
    return error("E142", span, f"{what} must end with `{word}` and a duration", help)


def ago(length: str) -> str:
    return f"now - {length}"


def missing_unit(span: Span, written: str, help: str | None = None) -> Diagnostic:
    """Of `14`, and with a help line of `14 days` and `week`."""
    if help is None:
        message = f"`{written}` has no unit, and a duration needs one"
        help = f"write `{written}s`, `{written}m`, `{written}h`, `{written}d` or `{written}w`"
    else:
        message = f"`{written}` is no duration: it has no space, and its unit is one letter"
    return error("E143", span, message, help)


def unquoted_window(span: Span) -> Diagnostic:
    return error("E144", span, "the hours must stand in quotes", 'write them like `hours "08:00-22:00"`')


def unknown_arm(span: Span, found: str) -> Diagnostic:
    message = f"an arm of a `split` begins with a whole number of percents, not with {found}"
    return error("E145", span, message, "write it like `50%:`, with its steps indented below it")


# E151 … E153: bounds --------------------------------------------------------------------------------------------------


def expression_too_large(span: Span, most: int) -> Diagnostic:
    message = f"this expression is too large: it has more than {most} names, literals and operators"
    return error("E151", span, message, "divide it, for example into segments")


def expression_too_deep(span: Span, most: int) -> Diagnostic:
    return error(
        "E152",
        span,
        f"this expression is nested too deeply: more than {most} levels",
        "divide it, for example into segments",
    )


def blocks_too_deep(span: Span, most: int) -> Diagnostic:
    message = f"the blocks are nested too deeply here: more than {most} levels"
    return error("E153", span, message, "join conditions with `and`, or divide the flow into several")


# Parts of these sentences ---------------------------------------------------------------------------------------------

COMMENT = "a comment begins with `#`"
NO_COLON = "leave the colon out"
LINK_OF_BUTTON = 'it stands behind its button: `button "Open" link "https://example.com/"`'
TEXT_PART = "a text begins with `text`"
PERCENT = "a share is written as a number: 0.5 for 50 %"
CHOICE = "write `A if CONDITION else B`"
NO_COMPREHENSIONS = "there are no loops in expressions"
HERE = "here"
NOTHING = "nothing"
THIS_LINE = "this line"
WAIT_WITH_STEPS = "a `wait until` with steps below it"
OUTDENT = "a declaration stands at the beginning of its line"
PART_OF_MESSAGE = "it is a part of a message and stands indented below `send web:` or `send email:`"
NOT_IN = "behind a value, `not` begins `not in`"
SLICES = "a text's beginning and end are compared by `startswith` and `endswith`"
BRACKET_NOT = "put it in brackets with what follows it: `(not …)`"


def after(found: str) -> str:
    return f"after {found}"


def meant_set(name: str) -> str:
    return f"a variable is written with `set {name} = …`"
