"""E101 … E119, E161 … E169: characters, indentation, and literals by themselves."""

from grammar.diagnostics import Diagnostic, Label
from grammar.source import Span
from grammar.wording.sentences import did_you_mean, error


def unknown_character(span: Span, shown: str, help: str | None) -> Diagnostic:
    return error("E101", span, f"{shown} has no meaning here", help)


def typographic_character(span: Span, char: str, use: str) -> Diagnostic:
    instead = "an ordinary space" if use == " " else f"`{use}`"
    shown = f"U+{ord(char):04X}" if use == " " else f"`{char}`"
    return error("E102", span, f"{shown} is not a character of the language", f"use {instead} instead")


def tab(span: Span) -> Diagnostic:
    return error("E103", span, "there is a tab here", "indent and align with spaces only")


def not_utf8(span: Span) -> Diagnostic:
    return error("E104", span, "the file is not valid UTF-8 here", "save the file in the encoding UTF-8")


FILE = "the file"
FORMATTED_FILE = "the file in its canonical layout"


def file_too_large(span: Span, size: int, most: int, what: str = FILE) -> Diagnostic:
    message = f"{what} is too large: {size} bytes, and at most {most} are allowed"
    return error("E105", span, message, "divide it into several files")


# E106 … E108: lines and blocks ----------------------------------------------------------------------------------------


def unmatched_indentation(span: Span) -> Diagnostic:
    message = "this line is indented like none of the lines above that it could belong to"
    return error("E106", span, message, "indent it exactly as the other lines of its block")


def unexpected_indentation(span: Span) -> Diagnostic:
    message = "this line is indented, but no block begins above it"
    return error("E107", span, message, "a block stands below a line that ends with a colon")


def missing_block(span: Span, what: str) -> Diagnostic:
    return error("E108", span, f"nothing stands below {what}", "indent at least one line below it by four spaces")


# E109 … E119: literals and brackets -----------------------------------------------------------------------------------


def unclosed_text(span: Span, quote: str) -> Diagnostic:
    help = f"close it with {quote}" if len(quote) == 3 else f'close it with {quote}, or use """ for several lines'
    return error("E109", span, "this text is not closed", help)


def bad_escape(span: Span, escape: str, needs: str) -> Diagnostic:
    return error("E110", span, f"`{escape}` needs {needs}", "for a backslash itself write two of them")


def forbidden_in_text(span: Span) -> Diagnostic:
    return error("E111", span, "a text cannot contain the character NUL or half of a surrogate pair")


def text_too_long(span: Span, most: int) -> Diagnostic:
    return error("E112", span, f"this text is too long: at most {most // 1024} KiB are allowed")


def bad_number(span: Span, written: str, help: str | None) -> Diagnostic:
    return error("E113", span, f"`{written}` is neither a number nor a duration", help)


def int_too_long(span: Span, most: int) -> Diagnostic:
    return error("E114", span, f"this number is too long: at most {most} digits are allowed")


def duration_order(span: Span) -> Diagnostic:
    message = "the units of a duration go from large to small, each once"
    return error("E115", span, message, "write it like 1w2d3h4m5s")


def duration_too_long(span: Span, most: int) -> Diagnostic:
    return error("E116", span, f"this duration is too long: at most {most}d are allowed")


def number_too_large(span: Span) -> Diagnostic:
    return error("E117", span, "this number is too large")


def unclosed_bracket(span: Span, bracket: str, closing: str) -> Diagnostic:
    return error("E118", span, f"this `{bracket}` is not closed", f"close it with `{closing}`")


def unmatched_bracket(span: Span, bracket: str, opening: Span | None) -> Diagnostic:
    does = "closes nothing" if opening is None else "does not fit the bracket that is open"
    labels = () if opening is None else (Label("the bracket that is open", opening),)
    return error("E119", span, f"this `{bracket}` {does}", None, labels)


# E161 … E169: literals with a meaning ---------------------------------------------------------------------------------


def bad_pattern(span: Span, reason: str) -> Diagnostic:
    return error("E161", span, f"this is no valid pattern: {reason}", "patterns are written as RE2 has them")


def bad_zone(span: Span, zone: str, suggestion: str | None) -> Diagnostic:
    help = did_you_mean(suggestion) or 'zones are named like "Asia/Shanghai" or "UTC"'
    return error("E162", span, f'there is no time zone "{zone}"', help)


def bad_window(span: Span) -> Diagnostic:
    message = "this is no window of the day"
    return error("E163", span, message, 'write it like "09:00-18:00"; start and end differ, and the end may be 24:00')


def bad_days(span: Span) -> Diagnostic:
    return error("E164", span, "these are no days of the week", 'write them like "mon", "mon-fri" or "mon,wed,fri"')


def bad_format(span: Span) -> Diagnostic:
    help = "the directives are %Y %y %m %d %H %I %M %S %p %j %a %A %b %B %z and %%"
    return error("E165", span, "this format has a directive that does not exist", help)


def bad_uuid(span: Span) -> Diagnostic:
    message = "this is no UUID"
    return error("E166", span, message, "a UUID has 8, 4, 4, 4 and 12 hexadecimal digits, joined by hyphens")


def unclosed_braces(span: Span) -> Diagnostic:
    return error(
        "E167", span, "this `{{` is not closed", "close it with `}}`; for the braces themselves write {{ '{{' }}"
    )


def empty_braces(span: Span) -> Diagnostic:
    return error("E168", span, "nothing stands between `{{` and `}}`", "put a value there, such as {{ user_fullname }}")


def bad_link(span: Span) -> Diagnostic:
    message = "a link must begin with https://, http:// or /, written out"
    return error("E169", span, message, 'values can follow: "https://example.com/{{ user_city }}"')


# Parts of these sentences ---------------------------------------------------------------------------------------------

AMOUNT = "write an amount as a number, without its currency"
THOUSANDS = "write a number without signs between its digits, such as `1000` or `1.5`"
WHOLE_NUMBERS = "it holds whole numbers, at most 9007199254740991 either way"
UUID_IN_QUOTES = 'the UUID stands in quotes, as in `event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"`'
DAY = 'write a day as `datetime("2026-01-31")`, and a day and time as `datetime("2026-01-31T10:00")`'
CLOCK = 'compare the hour by `hour(now) >= 9`, or write `during("09:00-18:00")`'
