"""All that the language says to its authors, one small function for each code.

`E1xx` characters, syntax, bounds and bad literals; `E2xx` names; `E3xx` arguments, types and exact time; `E4xx` clauses
and steps; `W5xx` lint; `E6xx` flow tests. A code never changes its meaning. No text names a token of the grammar or an
exception of Python.
"""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic, Label
from grammar.kinds import Type
from grammar.names import Sort
from grammar.source import Span


def _error(code: str, span: Span, message: str, help: str | None = None, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return Diagnostic(code, "error", message, span, help, labels)


def _warning(
    code: str, span: Span, message: str, help: str | None = None, labels: tuple[Label, ...] = ()
) -> Diagnostic:
    return Diagnostic(code, "warning", message, span, help, labels)


def did_you_mean(name: str | None) -> str | None:
    return None if name is None else f"did you mean `{name}`?"


def listed(words: Sequence[str], last: str = "or") -> str:
    """`a, b or c`."""
    return " ".join([", ".join(words[:-1]), last, words[-1]]) if len(words) > 1 else "".join(words)


def counted(number: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# E1xx: characters ---------------------------------------------------------------------------------------------------


def unknown_character(span: Span, shown: str, help: str | None) -> Diagnostic:
    return _error("E101", span, f"{shown} has no meaning here", help)


def typographic_character(span: Span, char: str, use: str) -> Diagnostic:
    instead = "an ordinary space" if use == " " else f"`{use}`"
    shown = f"U+{ord(char):04X}" if use == " " else f"`{char}`"
    return _error("E102", span, f"{shown} is not a character of the language", f"use {instead} instead")


def tab(span: Span) -> Diagnostic:
    return _error("E103", span, "there is a tab here", "indent and align with spaces only")


def not_utf8(span: Span) -> Diagnostic:
    return _error("E104", span, "the file is not valid UTF-8 here", "save the file in the encoding UTF-8")


FILE = "the file"
FORMATTED_FILE = "the file in its canonical layout"


def file_too_large(span: Span, size: int, most: int, what: str = FILE) -> Diagnostic:
    message = f"{what} is too large: {size} bytes, and at most {most} are allowed"
    return _error("E105", span, message, "divide it into several files")


# E1xx: lines and blocks ---------------------------------------------------------------------------------------------


def unmatched_indentation(span: Span) -> Diagnostic:
    message = "this line is indented like none of the lines above that it could belong to"
    return _error("E106", span, message, "indent it exactly as the other lines of its block")


def unexpected_indentation(span: Span) -> Diagnostic:
    message = "this line is indented, but no block begins above it"
    return _error("E107", span, message, "a block stands below a line that ends with a colon")


def missing_block(span: Span, what: str) -> Diagnostic:
    return _error("E108", span, f"nothing stands below {what}", "indent at least one line below it by four spaces")


# E1xx: literals -----------------------------------------------------------------------------------------------------


def unclosed_text(span: Span, quote: str) -> Diagnostic:
    help = f"close it with {quote}" if len(quote) == 3 else f'close it with {quote}, or use """ for several lines'
    return _error("E109", span, "this text is not closed", help)


def bad_escape(span: Span, escape: str, needs: str) -> Diagnostic:
    return _error("E110", span, f"`{escape}` needs {needs}", "for a backslash itself write two of them")


def forbidden_in_text(span: Span) -> Diagnostic:
    return _error("E111", span, "a text cannot contain the character NUL or half of a surrogate pair")


def text_too_long(span: Span, most: int) -> Diagnostic:
    return _error("E112", span, f"this text is too long: at most {most // 1024} KiB are allowed")


def bad_number(span: Span, written: str, help: str | None) -> Diagnostic:
    return _error("E113", span, f"`{written}` is neither a number nor a duration", help)


def int_too_long(span: Span, most: int) -> Diagnostic:
    return _error("E114", span, f"this number is too long: at most {most} digits are allowed")


def duration_order(span: Span) -> Diagnostic:
    message = "the units of a duration go from large to small, each once"
    return _error("E115", span, message, "write it like 1w2d3h4m5s")


def duration_too_long(span: Span, most: int) -> Diagnostic:
    return _error("E116", span, f"this duration is too long: at most {most}d are allowed")


def number_too_large(span: Span) -> Diagnostic:
    return _error("E117", span, "this number is too large")


def unclosed_bracket(span: Span, bracket: str, closing: str) -> Diagnostic:
    return _error("E118", span, f"this `{bracket}` is not closed", f"close it with `{closing}`")


def unmatched_bracket(span: Span, bracket: str, opening: Span | None) -> Diagnostic:
    does = "closes nothing" if opening is None else "does not fit the bracket that is open"
    labels = () if opening is None else (Label("the bracket that is open", opening),)
    return _error("E119", span, f"this `{bracket}` {does}", None, labels)


# E1xx: syntax -------------------------------------------------------------------------------------------------------


def cannot_stand(span: Span, found: str, expected: str, help: str | None) -> Diagnostic:
    message = f"{found} cannot stand here"
    return _error("E120", span, f"{message}; {expected} can" if expected else message, help)


def missing_colon(span: Span, what: str) -> Diagnostic:
    return _error("E121", span, f"{what} needs a colon at the end of its line")


def missing_value(span: Span, found: str, after: str, help: str | None = None) -> Diagnostic:
    return _error("E122", span, f"a value is missing {after}: {found} stands there instead", help)


def nested_quotes(span: Span, quote: str) -> Diagnostic:
    other = "'" if quote == '"' else '"'
    message = "this quote ends the text in the middle of its `{{ }}`"
    help = f"inside `{{{{ }}}}` use the other kind of quotes, such as {{{{ user_fullname or {other}friend{other} }}}}"
    return _error("E146", span, message, help)


def no_prefixes(span: Span, prefix: str) -> Diagnostic:
    if "f" in prefix.lower():
        help = "leave it out; values stand in messages as {{ user_city }}, and texts are joined with `+`"
    elif "r" in prefix.lower():
        help = "leave it out: a backslash in a pattern for `matches` stands for itself"
    else:
        help = "leave it out"
    return _error("E147", span, f"a text has no letter before its quotes, and here is `{prefix}`", help)


def single_equals(span: Span) -> Diagnostic:
    return _error("E123", span, "a single `=` compares nothing", "two values are compared with `==`")


JOIN = "join them with an operator, such as `and`, `==` or `+`"


def missing_operator(span: Span, left: str, right: str, help: str = JOIN) -> Diagnostic:
    return _error("E124", span, f"something is missing between {left} and {right}", help)


def reserved_word(span: Span, word: str) -> Diagnostic:
    return _error("E125", span, f"`{word}` is a reserved word and cannot be a name here")


def wrong_case(span: Span, written: str, word: str) -> Diagnostic:
    return _error("E126", span, f"`{written}` is not an operator", f"write `{word}` in small letters")


def no_tuples(span: Span, number: str | None) -> Diagnostic:
    help = "a list is written with [ ]" + (f", and a number without commas: `{number}`" if number else "")
    return _error("E127", span, "values cannot be joined by a comma here", help)


def no_slices(span: Span) -> Diagnostic:
    return _error("E128", span, "a colon cannot stand in square brackets: there are no slices", SLICES)


def no_keyword_arguments(span: Span) -> Diagnostic:
    return _error("E129", span, "an argument cannot be given by name", "give the arguments in their order")


def first_argument(name: str) -> str:
    return f"write `{name}(…)`, with the value as the first argument"


def no_methods(span: Span, help: str | None) -> Diagnostic:
    return _error("E130", span, "only a function can be called, and there are no methods", help)


def no_unary_plus(span: Span) -> Diagnostic:
    return _error("E131", span, "a value cannot have a `+` before it", "leave the `+` out")


def conditional_without_else(span: Span) -> Diagnostic:
    help = "write it `A if CONDITION else B`"
    return _error("E132", span, "this `if` between values has no `else`", help)


def is_only_for_none(span: Span, help: str | None) -> Diagnostic:
    message = "`is` and `is not` can only be followed by None"
    return _error("E133", span, message, help or "other values are compared with `==` and `!=`")


def unknown_declaration(span: Span, found: str, help: str | None) -> Diagnostic:
    message = f"no declaration begins with {found}: there are `event`, `field`, `segment` and `flow`"
    return _error("E134", span, message, help)


def unknown_step(span: Span, found: str, known: Sequence[str], help: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return _error("E135", span, f"no clause or step begins with {found}: there are {words}", help)


def unknown_part(span: Span, found: str, what: str, known: Sequence[str], help: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return _error("E136", span, f"no part of {what} begins with {found}: there are {words}", help)


def one_expression(span: Span) -> Diagnostic:
    message = "there is one expression too many here"
    return _error("E137", span, message, "join conditions with `and` or `or`; brackets let one go on over lines")


def unknown_field_type(span: Span, found: str, known: Sequence[str], help: str | None) -> Diagnostic:
    return _error("E138", span, f"`{found}` is no type of field: there are {listed(known, 'and')}", help)


def no_filters(name: str) -> str:
    if name == "default":
        return "there are no filters; write `A or B`, such as `user_fullname or 'friend'`"
    if name in CALLS:
        return f"there are no filters; a function is called, such as `{CALLS[name]}`"
    return "there are no filters; a function is called as `f(x)`, such as `upper(user_city)`"


def not_in_the_language(span: Span, found: str, help: str) -> Diagnostic:
    return _error("E139", span, f"`{found}` is not part of the language", help)


def no_trailing_comma(span: Span) -> Diagnostic:
    return _error("E140", span, "nothing stands after this comma", "leave the comma out")


def one_line_block(span: Span) -> Diagnostic:
    return _error(
        "E141", span, "what belongs to the line stands below the colon, not behind it", "begin a new, indented line"
    )


def missing_duration(span: Span, what: str, word: str, help: str | None) -> Diagnostic:
    return _error("E142", span, f"{what} must end with `{word}` and a duration", help)


def write(text: str) -> str:
    return f"write `{text}`"


def ago(length: str) -> str:
    return f"now - {length}"


def missing_unit(span: Span, written: str, help: str | None = None) -> Diagnostic:
    """Of `14`, and with a help line of `14 days` and `week`."""
    if help is None:
        message = f"`{written}` has no unit, and a duration needs one"
        help = f"write `{written}s`, `{written}m`, `{written}h`, `{written}d` or `{written}w`"
    else:
        message = f"`{written}` is no duration: it has no space, and its unit is one letter"
    return _error("E143", span, message, help)


def unquoted_window(span: Span) -> Diagnostic:
    return _error("E144", span, "the hours must stand in quotes", 'write them like `hours "08:00-22:00"`')


def unknown_arm(span: Span, found: str) -> Diagnostic:
    message = f"an arm of a `split` begins with a whole number of percents, not with {found}"
    return _error("E145", span, message, "write it like `50%:`, with its steps indented below it")


# E1xx: bounds -------------------------------------------------------------------------------------------------------


def expression_too_large(span: Span, most: int) -> Diagnostic:
    message = f"this expression is too large: it has more than {most} names, literals and operators"
    return _error("E151", span, message, "divide it, for example into segments")


def expression_too_deep(span: Span, most: int) -> Diagnostic:
    return _error(
        "E152",
        span,
        f"this expression is nested too deeply: more than {most} levels",
        "divide it, for example into segments",
    )


def blocks_too_deep(span: Span, most: int) -> Diagnostic:
    message = f"the blocks are nested too deeply here: more than {most} levels"
    return _error("E153", span, message, "join conditions with `and`, or divide the flow into several")


# E1xx: literals with a meaning --------------------------------------------------------------------------------------


def bad_pattern(span: Span, reason: str) -> Diagnostic:
    return _error("E161", span, f"this is no valid pattern: {reason}", "patterns are written as RE2 has them")


def bad_zone(span: Span, zone: str, suggestion: str | None) -> Diagnostic:
    help = did_you_mean(suggestion) or 'zones are named like "Asia/Shanghai" or "UTC"'
    return _error("E162", span, f'there is no time zone "{zone}"', help)


def bad_window(span: Span) -> Diagnostic:
    message = "this is no window of the day"
    return _error("E163", span, message, 'write it like "09:00-18:00"; start and end differ, and the end may be 24:00')


def bad_days(span: Span) -> Diagnostic:
    return _error("E164", span, "these are no days of the week", 'write them like "mon", "mon-fri" or "mon,wed,fri"')


def bad_format(span: Span) -> Diagnostic:
    help = "the directives are %Y %y %m %d %H %I %M %S %p %j %a %A %b %B %z and %%"
    return _error("E165", span, "this format has a directive that does not exist", help)


def bad_uuid(span: Span) -> Diagnostic:
    message = "this is no UUID"
    return _error("E166", span, message, "a UUID has 8, 4, 4, 4 and 12 hexadecimal digits, joined by hyphens")


def unclosed_braces(span: Span) -> Diagnostic:
    return _error(
        "E167", span, "this `{{` is not closed", "close it with `}}`; for the braces themselves write {{ '{{' }}"
    )


def empty_braces(span: Span) -> Diagnostic:
    return _error(
        "E168", span, "nothing stands between `{{` and `}}`", "put a value there, such as {{ user_fullname }}"
    )


def bad_link(span: Span) -> Diagnostic:
    message = "a link must begin with https://, http:// or /, written out"
    return _error("E169", span, message, 'values can follow: "https://example.com/{{ user_city }}"')


# E2xx: names --------------------------------------------------------------------------------------------------------


def unknown_variable(span: Span, name: str, help: str | None) -> Diagnostic:
    return _error("E201", span, f"there is no variable `{name}`", help)


def text_or_field(name: str) -> str:
    return f'a text stands in quotes, `"{name}"`; a field is declared, for example with `field {name} text`'


def unknown_event(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    forms = {"enter": "enter SEGMENT", "leave": "leave SEGMENT", "change": "change FIELD", "any": "any event"}
    meant = f"on {forms[name]}" if name in forms else suggestion
    help = did_you_mean(meant) or 'declare it with `event SEQ NAME "UUID"`'
    return _error("E202", span, f"no event is called `{name}`", help)


def unknown_segment(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return _error("E203", span, f"no segment is called `{name}`", did_you_mean(suggestion))


def unknown_function(span: Span, name: str, help: str | None) -> Diagnostic:
    return _error("E204", span, f"there is no function `{name}`", help)


def undeclared_event(span: Span, seq: int, declared: Sequence[int], suggestion: str | None) -> Diagnostic:
    if len(declared) > 1:
        known = f"only the events {listed([str(number) for number in declared], 'and')} are"
    else:
        known = f"only event {declared[0]} is" if declared else "none is"
    return _error("E205", span, f"event {seq} is not declared: {known}", did_you_mean(suggestion))


def unknown_field(span: Span, name: str, suggestion: str | None, type_: str) -> Diagnostic:
    help = did_you_mean(suggestion) or f"declare it, for example with `field {name} {type_}`"
    return _error("E206", span, f"there is no field `{name}` to write", help)


def duplicate(span: Span, what: str, first: Span) -> Diagnostic:
    return _error("E207", span, f"{what} is declared twice", None, (Label("first declared here", first),))


def taken_name(span: Span, name: str, what: str) -> Diagnostic:
    return _error("E208", span, f"{what} cannot be called `{name}`: the language has that name already")


def segment_cycle(span: Span, names: Sequence[str], steps: tuple[Label, ...]) -> Diagnostic:
    way = " → ".join(names)
    return _error("E209", span, f"the segment `{names[0]}` depends on itself: {way}", None, steps)


def no_agents(span: Span, name: str) -> Diagnostic:
    message = f"`{name}` does not exist here: Whenflow has no agents and no conversations"
    return _error("E210", span, message, "leave the condition out")


def function_without_call(span: Span, name: str) -> Diagnostic:
    return _error("E211", span, f"`{name}` is a function, not a variable", f"call it: `{CALLS[name]}`")


def variable_called(span: Span, name: str) -> Diagnostic:
    return _error("E212", span, f"`{name}` is a variable and cannot be called", f"leave the brackets out: `{name}`")


# E3xx: arguments ----------------------------------------------------------------------------------------------------


_FORMS_OF_CALLS = (
    "len(user_fullname)",
    "abs(event_count_1 - 5)",
    "min(event_count_1, 5)",
    "max(event_count_1, 5)",
    "round(event_count_1 / 7, 2)",
    "int(user_mobile)",
    "float(user_mobile)",
    "text(event_count_1)",
    "lower(user_city)",
    "upper(user_city)",
    "strip(user_city)",
    'startswith(page_url, "https://")',
    'endswith(user_email, "@example.com")',
    'matches(page_url, "/products?/")',
    "date(now)",
    "today()",
    'datetime("2026-01-31T10:00")',
    "hour(now)",
    "weekday(now)",
    'during("09:00-18:00", "mon-fri")',
    'in_segment("active")',
    'format_time(now, "%d.%m.%Y")',
)
CALLS = {form.partition("(")[0]: form for form in _FORMS_OF_CALLS}
"""How each function is called."""


def wrong_number_of_arguments(span: Span, name: str, least: int, most: int | None, given: int) -> Diagnostic:
    if most is None:
        takes = f"at least {counted(least, 'argument')}"
    elif least == most:
        takes = counted(least, "argument")
    else:
        takes = f"{least} to {counted(most, 'argument')}"
    has = "none" if given == 0 else str(given)
    return _error("E301", span, f"`{name}` takes {takes}, and here it has {has}", f"write it like `{CALLS[name]}`")


def literal_needed(span: Span, name: str, what: str, help: str | None = None) -> Diagnostic:
    message = f"{what} of `{name}` must be written out here, not computed"
    return _error("E302", span, message, help or f"write it like `{CALLS[name]}`")


def digits_out_of_range(span: Span, least: int, most: int) -> Diagnostic:
    return _error("E303", span, f"the digits to round to must be from {least} to {most}")


# E3xx: types --------------------------------------------------------------------------------------------------------

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
    return _error("E304", span, message, help)


def no_opposite(span: Span, operand: Type) -> Diagnostic:
    return _error("E305", span, f"`-` does not take {kind(operand)}: the result would always be null")


def no_order(span: Span, left: Type, right: Type, help: str | None) -> Diagnostic:
    message = f"{kind(left)} is neither less nor greater than {kind(right)}: this would never be true"
    return _error("E306", span, message, help)


def never_equal(span: Span, operator: str, left: Type, right: Type, help: str | None) -> Diagnostic:
    answer = "never be true" if operator == "==" else "always be true"
    return _error("E307", span, f"{kind(left)} never equals {kind(right)}: this would {answer}", help)


def no_membership(span: Span, member: Type, container: Type, help: str | None) -> Diagnostic:
    if Type.TEXT in container:
        message = f"only a text can be in a text, and this is {kind(member)}"
    else:
        message = f"nothing can be in {kind(container)}: a list, a text or json stands behind `in`"
    return _error("E308", span, message, help)


def wrong_argument(span: Span, name: str, type_: Type, takes: Type) -> Diagnostic:
    return _error("E309", span, f"`{name}` takes {kind(takes)} here, and this is {kind(type_)}")


def one_list(span: Span, name: str, type_: Type) -> Diagnostic:
    message = f"`{name}` takes a list or several values, and this is {kind(type_)}"
    return _error("E310", span, message, f"give it several, such as `{name}(1, 2)`")


def unlike_arguments(span: Span, name: str, types: Sequence[Type]) -> Diagnostic:
    kinds = listed(list(dict.fromkeys(kind(type_) for type_ in types)), "and")
    return _error("E311", span, f"`{name}` compares its arguments, and {kinds} cannot be compared with one another")


def no_members(span: Span, container: Type, name: str, help: str | None) -> Diagnostic:
    return _error("E312", span, f"there is no `.{name}` in {kind(container)}: only json has members", help)


def no_elements(span: Span, container: Type) -> Diagnostic:
    return _error("E313", span, f"nothing can be read inside {kind(container)}: only json and lists have elements")


def no_index(span: Span, index: Type) -> Diagnostic:
    return _error(
        "E314", span, f"an element of a list is read by its place, a whole number from 0, and this is {kind(index)}"
    )


def misfit(span: Span, what: str, needs: Type, value: Type | None, help: str | None) -> Diagnostic:
    """No type: it is the value itself, written out, that does not fit."""
    found = "what is written here" if value is None else f"this is {kind(value)}, which"
    return _error("E315", span, f"{what} is {kind(needs)}, and {found} never fits", help)


def without_braces(expression: str) -> str:
    return f"write the expression itself: `{expression}`"


ADDRESS = "the address of an e-mail"


# E3xx: exact time ---------------------------------------------------------------------------------------------------

_ELSEWHERE = "a plain `on … when`, an `if` and a template allow it"


def inexact(span: Span, what: str, help: str) -> Diagnostic:
    message = f"a watched condition needs to know when it changes, and nobody can say when {what} changes with `now`"
    return _error("E321", span, message, f"{help}; {_ELSEWHERE}")


def time_alone(span: Span) -> Diagnostic:
    message = "what moves with `now` is no watched condition by itself"
    help = "compare it, for example `now - event_last_time_1 > 7d`"
    return _error("E322", span, message, f"{help}; {_ELSEWHERE}")


def not_a_whole_condition(span: Span, what: str) -> Diagnostic:
    message = f"in a watched condition, {what} can only stand as a whole condition"
    help = "join it to others by `and`, `or`, `not` or `if`, and compare it with nothing"
    return _error("E323", span, message, f"{help}; {_ELSEWHERE}")


THIS, THIS_CHOICE, THIS_COMPARISON = "this", "this choice", "a comparison with `now`"


def result_of(name: str) -> str:
    return f"the result of `{name}`"


COMPARE_LENGTHS = "compare the length of time itself, for example `now - event_last_time_1 > 7d`"
COMPARE_EACH = "compare with each value by itself and join the comparisons by `and` or `or`"
CHOOSE_CONDITIONS = "choose between whole comparisons, for example `now > A if C else now > B`"
READ_THE_CLOCK = "compare with `now`, or read the clock by `hour`, `weekday`, `date`, `today` or `during`"
SHIFT_BY_A_LENGTH = "it takes `now`, or `now` shifted by a duration that does not depend on `now`"


# E4xx: clauses and steps --------------------------------------------------------------------------------------------


def not_yet(span: Span, what: str) -> Diagnostic:
    return _error("E401", span, f"{what} cannot run yet in this version")


def clause_twice(span: Span, word: str, first: Span) -> Diagnostic:
    label = Label("first given here", first)
    return _error("E402", span, f"a flow can have `{word}` only once", None, (label,))


def clause_after_step(span: Span, word: str) -> Diagnostic:
    return _error("E403", span, f"`{word}` must stand before the flow's first step", "move this line up")


def clause_in_block(span: Span, word: str) -> Diagnostic:
    message = f"`{word}` belongs to the flow itself and cannot stand in a block of steps"
    return _error("E404", span, message, "move this line up, before the flow's first step")


def flow_without_start(span: Span, name: str) -> Diagnostic:
    message = f"nothing starts the flow `{name}`"
    return _error("E405", span, message, "say what starts it, with `on` or with `when`: for example `on any event`")


def flow_without_steps(span: Span, name: str) -> Diagnostic:
    return _error("E406", span, f"the flow `{name}` does nothing", "give it a step, such as `send web`")


def branch_without_if(span: Span, word: str, suggestion: str | None = None) -> Diagnostic:
    help = did_you_mean(suggestion) or "it stands directly below the steps of an `if`"
    return _error("E407", span, f"this `{word}` belongs to no `if`", help)


def limit_out_of_range(span: Span, most: int | None) -> Diagnostic:
    numbers = "at least 1" if most is None else f"from 1 to {most} when it has `per`"
    return _error("E408", span, f"the number of a limit must be {numbers}")


def limit_without_length(span: Span) -> Diagnostic:
    return _error("E409", span, "the window of a limit must be longer than 0s")


def seq_out_of_range(span: Span, most: int) -> Diagnostic:
    return _error("E410", span, f"the number of an event must be from 1 to {most}")


def not_writable(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return _error("E411", span, f"a flow cannot write `{name}`", did_you_mean(suggestion))


def part_twice(span: Span, word: str, first: Span) -> Diagnostic:
    label = Label("first given here", first)
    return _error("E412", span, f"a message can have `{word}` only once", None, (label,))


def message_without(span: Span, parts: Sequence[str]) -> Diagnostic:
    lines = listed([f'`{part} "Hello"`' for part in parts], "and")
    lacks = listed([f"no `{part}`" for part in parts], "and")
    return _error(
        "E413", span, f"this message has {lacks}", f"add {'lines' if parts[1:] else 'a line'} such as {lines}"
    )


def only_in_flows(span: Span, name: str) -> Diagnostic:
    return _error("E414", span, f"`{name}` can only be used in a flow that only events start")


def only_in_steps(span: Span, name: str) -> Diagnostic:
    return _error("E415", span, f"`{name}` can only be used in the steps, the `exit` and the `goal` of a flow")


def timeout_without_wait(span: Span) -> Diagnostic:
    help = "it stands directly below a `wait until` or its steps, and is indented like it"
    return _error("E416", span, "this `timeout` belongs to no `wait until`", help)


def arm_without_split(span: Span) -> Diagnostic:
    return _error("E417", span, "this arm belongs to no `split`", "the arms stand indented below a line `split:`")


def not_watchable(span: Span, name: str, help: str) -> Diagnostic:
    return _error("E418", span, f"`change` cannot watch `{name}`", help)


def wait_out_of_range(span: Span) -> Diagnostic:
    return _error("E419", span, "a wait must be from 1s to 365d long")


def goal_without_time(span: Span) -> Diagnostic:
    return _error("E420", span, "the time to reach a goal must be longer than nothing")


def percent_out_of_range(span: Span) -> Diagnostic:
    return _error("E421", span, "the percents of an arm must be from 1 to 100")


def percents_above_all(span: Span, total: int) -> Diagnostic:
    message = f"with this arm the percents of the `split` come to {total}, more than 100"
    return _error("E422", span, message, "who falls in no arm goes on below the `split`")


def arm_name_twice(span: Span, name: str, first: Span) -> Diagnostic:
    label = Label("first given here", first)
    return _error("E423", span, f"two arms of this `split` are called `{name}`", None, (label,))


def bad_url(span: Span, help: str) -> Diagnostic:
    return _error("E424", span, "this is no URL that a webhook can be sent to", help)


def variable_named_twice(span: Span, name: str) -> Diagnostic:
    return _error("E425", span, f"`{name}` is already sent with this webhook", "name each variable once")


# W5xx: lint ---------------------------------------------------------------------------------------------------------


def always_true(span: Span, reason: str | None) -> Diagnostic:
    return _warning("W501", span, "this is always true", reason)


def always_false(span: Span, reason: str | None) -> Diagnostic:
    return _warning("W502", span, "this is always false", reason)


def unreachable_step(span: Span) -> Diagnostic:
    return _warning("W503", span, "this step is never reached: every way to it ends in a `stop`", "take it out")


def dead_arm(span: Span, reason: str) -> Diagnostic:
    return _warning("W504", span, f"the steps below are never reached: {reason}")


def never_starts(span: Span, reason: str, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return _warning("W505", span, f"this flow never starts: {reason}", None, labels)


def dead_by_exit(span: Span, what: str, exit: Span) -> Diagnostic:
    message = f"{what} never reached, because the flow's `exit when` ends the run before"
    return _warning("W506", span, message, None, (Label("`exit when` stands here", exit),))


def true_already(span: Span) -> Diagnostic:
    return _warning("W507", span, "there is nothing to wait for: this is always true here already")


def idle_trigger(span: Span, reason: str, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return _warning("W508", span, f"this never starts the flow: {reason}", None, labels)


def braces_in_expression(span: Span, help: str) -> Diagnostic:
    return _warning("W509", span, "this text keeps its `{{ }}`: only messages are filled in", help)


def no_moment(span: Span, function: str) -> Diagnostic:
    return _warning("W510", span, f"this text writes no moment: `{function}` gives nothing for it", DAY)


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


# Parts of sentences and help lines that depend on the place ---------------------------------------------------------

JOIN_TEXTS = 'join texts with `+`: `"Dear " + (user_fullname or "friend")`'
COMMENT = "a comment begins with `#`"
NO_COLON = "leave the colon out"
LINK_OF_BUTTON = 'it stands behind its button: `button "Open" link "https://example.com/"`'
TEXT_PART = "a text begins with `text`"
NO_LOOPS = "there are no loops; a flow starts again with each event, and `wait until` waits for a condition"
UNLESS = "write `if not (…):`"
UNSET = "write `set NAME = None`"
ADD_ONE = "write `set NAME = (NAME or 0) + 1`"
PERCENT = "a share is written as a number: 0.5 for 50 %"
AMOUNT = "write an amount as a number, without its currency"
THOUSANDS = "write a number without signs between its digits, such as `1000` or `1.5`"
WHOLE_NUMBERS = "it holds whole numbers, at most 9007199254740991 either way"
UUID_IN_QUOTES = 'the UUID stands in quotes, as in `event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"`'
DAY = 'write a day as `datetime("2026-01-31")`, and a day and time as `datetime("2026-01-31T10:00")`'
CLOCK = 'compare the hour by `hour(now) >= 9`, or write `during("09:00-18:00")`'
CHOICE = "write `A if CONDITION else B`"
NO_COMPREHENSIONS = "there are no loops in expressions"
NEW_LINE = "begin a new line with it"
HERE = "here"
NOTHING = "nothing"
THIS_LINE = "this line"
WAIT_WITH_STEPS = "a `wait until` with steps below it"
OUTDENT = "a declaration stands at the beginning of its line"
PART_OF_MESSAGE = "it is a part of a message and stands indented below `send web:` or `send email:`"
NOT_IN = "behind a value, `not` begins `not in`"
SLICES = "a text's beginning and end are compared by `startswith` and `endswith`"
BRACKET_NOT = "put it in brackets with what follows it: `(not …)`"


PLAIN_URL = "the URL is written out as it is, without `{{ }}`; values are sent along by naming variables after `with`"
URL_START = "it begins with https:// or http:// and the name of a host"
URL_SPACES = "it cannot contain spaces or line breaks; write a space as %20"
URL_PORT = "after the name of the host, only a port from 1 to 65535 can follow the colon"
AT_EVENTS = "the variables of an event change with it: name the event itself after `on`, such as `on webclick`"
WITH_WHEN = "it is computed, not stored: a flow that starts when it turns true has a `when` and no `on`"
ON_IDENTIFY = "it is computed, not stored, and changes with an identify: write `on identify`"
NO_FIELD = "only what is stored can be watched: custom fields and standard variables, such as `user_city`"


def after(found: str) -> str:
    return f"after {found}"


def meant_set(name: str) -> str:
    return f"a variable is written with `set {name} = …`"


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


WHEN_ALONE = "a flow with `when` and without `on`"


def triggered_by(word: str) -> str:
    return f"`on {word}`"


def quoted(word: str) -> str:
    return f"`{word}`"


# E6xx: flow tests -----------------------------------------------------------------------------------------------------


def unknown_command(span: Span, found: str, known: Sequence[str], help: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return _error("E601", span, f"no command begins with `{found}`: there are {words}", help)


def declaration_outside(span: Span, word: str) -> Diagnostic:
    message = f"in a flow test, `{word}` is declared in an indented block"
    return _error("E602", span, message, "write `flow:` alone in a line, and indent the declarations below it")


def missing_part(span: Span, what: str, form: str | None) -> Diagnostic:
    return _error("E603", span, f"{what} is missing here", form)


def left_over(span: Span, found: str, form: str | None) -> Diagnostic:
    return _error("E604", span, f"`{found}` cannot stand here", form)


def part_of_command_twice(span: Span, what: str, first: Span) -> Diagnostic:
    return _error("E605", span, f"{what} can be given only once", None, (Label("first given here", first),))


def visitor_needs_quotes(span: Span, word: str) -> Diagnostic:
    message = f"`{word}` means something of its own in a flow test, so it is no visitor's name as it stands"
    return _error("E606", span, message, f'a visitor of that name is written in quotes: "{word}"')


def bad_identifier(span: Span, most: int | None) -> Diagnostic:
    bound = "" if most is None else f" and has at most {most}"
    return _error("E607", span, f"an id needs at least 1 character{bound}")


def times_out_of_range(span: Span, most: int) -> Diagnostic:
    return _error("E608", span, f"an event can be repeated from 1 to {most} times")


def bad_moment(span: Span, backwards: bool) -> Diagnostic:
    length = "or a length such as -10m" if backwards else "or how far the clock moves on, such as +30m"
    help = f"write it like 2026-01-01 10:00, 2026-01-01 10:00:30.250 or 2026-01-01 10:00 +08:00, {length}"
    return _error("E609", span, "this is no moment", help)


def clock_goes_back(span: Span, clock: str) -> Diagnostic:
    return _error("E610", span, f"the clock cannot go back: it shows {clock} UTC already")


def clock_too_far(span: Span) -> Diagnostic:
    return _error("E611", span, "the clock cannot go beyond the year 9999")


def zone_not_first(span: Span) -> Diagnostic:
    return _error("E612", span, "the zone is set once, before all other commands", "move this line to the top")


def cannot_load(span: Span, path: str, reason: str) -> Diagnostic:
    help = "the path is relative to the folder of the flow test"
    return _error("E613", span, f"the file `{path}` cannot be read: {reason}", help)


def bad_json(span: Span) -> Diagnostic:
    return _error("E614", span, "this is no JSON", 'names and texts stand in double quotes: {"page_url": "/"}')


def bad_value(span: Span, reason: str) -> Diagnostic:
    return _error("E615", span, reason)


def not_writable_here(span: Span, name: str, command: str, help: str | None) -> Diagnostic:
    return _error("E616", span, f"`{command}` cannot write `{name}`", help)


def unknown_flow(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return _error("E617", span, f"no flow is called `{name}`", did_you_mean(suggestion))


def no_such_arm(span: Span, flow: str, arm: str, suggestion: str | None) -> Diagnostic:
    return _error("E618", span, f'no split of the flow `{flow}` has an arm "{arm}"', did_you_mean(suggestion))


def unknown_channel(span: Span, name: str, known: Sequence[str], suggestion: str | None) -> Diagnostic:
    words = listed([f"`{word}`" for word in known], "and")
    return _error("E619", span, f"no channel is called `{name}`: there are {words}", did_you_mean(suggestion))


def bad_code(span: Span, code: str) -> Diagnostic:
    help = "codes are E or W and up to three digits, such as E2 for all errors of names"
    return _error("E620", span, f"`{code}` is no code of a diagnostic", help)


def value_never_fits(span: Span, name: str, kind: str) -> Diagnostic:
    return _error("E621", span, f"this value can never be written to `{name}`, which needs {KINDS[kind]}")


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
COMMAND_FORMS = {
    "zone": 'write it like `zone "Asia/Shanghai"`',
    "load": "write it like `load shop.flow`",
    "flow": "write `flow:` alone in its line, and declarations indented below it",
    "at": "write it like `at 2026-01-01 10:00` or `at +30m`",
    "track": 'write it like `track v1 webclick x5 at -10m id "a1" {"page_url": "/"}`',
    "visit": 'write it like `visit v1 {"page_url": "/"}`',
    "set": 'write it like `set v1 extra_field_TEXT_1 = "hello"`',
    "identify": 'write it like `identify v1 as "u-17" {"user_fullname": "Wei"}`',
    "arm": 'write it like `arm v1 offer_help "name"`',
    "expect": "write it like `expect v1: event_count_1 == 6`",
    "expect message": 'write it like `expect message v1 offer_help web "Hello"`',
    "expect segment": "write it like `expect segment heavy_clickers: v1, v2`",
    "expect run": "write it like `expect run v1 offer_help` or `expect no run v1 offer_help`",
    "expect goal": "write it like `expect goal v1 offer_help` or `expect no goal v1 offer_help`",
    "expect error": "write it like `expect error E2: event_count_9 > 1`",
    "expect messages": 'write `expect no messages`, or claim one like `expect message v1 offer_help web "Hello"`',
    "expect no message": "write `expect no messages`: it claims that none is left, of any visitor and any flow",
    "expect no": "write it like `expect no messages` or `expect no run v1 offer_help`",
}
"""How the commands of a flow test are written."""
