"""Checks the arguments that must be written out: patterns, zones, windows, days, formats, segment names, digits."""

from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from grammar import wording
from grammar.diagnostics import Diagnostic
from grammar.literals import days, is_format, looks_like_zone, window
from grammar.names import FUNCTIONS, ROUND_DIGITS, Sort
from grammar.nodes import Call, Constant, Expression, Name, Unary
from grammar.patterns import BadPattern, compile_pattern
from grammar.source import Span
from grammar.suggest import Suggestions


def check_call(call: Call, segments: Mapping[str, object], suggestions: Suggestions) -> Diagnostic | None:
    """The first thing that is wrong with the arguments of a known function, or None."""
    function = FUNCTIONS[call.function]
    count = len(call.arguments)
    if count < function.least or (function.most is not None and count > function.most):
        return wording.wrong_number_of_arguments(call.span, call.function, function.least, function.most, count)
    for position, argument in enumerate(call.arguments):
        sort = function.sort(position, count)
        found = _check_literal(call, argument, sort, segments, suggestions) if sort else None
        if found is not None:
            return found
    return None


def _check_literal(
    call: Call, argument: Expression, sort: Sort, segments: Mapping[str, object], suggestions: Suggestions
) -> Diagnostic | None:
    if sort is Sort.DIGITS:
        return _check_digits(call, argument)
    if not isinstance(argument, Constant) or not isinstance(argument.value, str):
        is_segment = sort is Sort.SEGMENT and isinstance(argument, Name) and argument.id in segments
        help = wording.did_you_mean(f'in_segment("{argument.span.text}")') if is_segment else None
        return wording.literal_needed(argument.span, call.function, wording.SORTS[sort], help)
    return literal_fault(argument.value, argument.span, sort, segments, suggestions)


def literal_fault(
    value: str, span: Span, sort: Sort, segments: Mapping[str, object], suggestions: Suggestions
) -> Diagnostic | None:
    """What is wrong with a text that must be of this sort, or None."""
    match sort:
        case Sort.PATTERN:
            reason = pattern_fault(value)
            return wording.bad_pattern(span, reason) if reason is not None else None
        case Sort.WINDOW:
            return wording.bad_window(span) if window(value) is None else None
        case Sort.DAYS:
            return wording.bad_days(span) if days(value) is None else None
        case Sort.FORMAT:
            return None if is_format(value) else wording.bad_format(span)
        case Sort.SEGMENT:
            known = value in segments
            return None if known else wording.unknown_segment(span, value, suggestions.nearest(value, segments))
        case Sort.ZONE:
            return zone_fault(value, span, suggestions)
        case Sort.DAYS_OR_ZONE:
            likely = Sort.ZONE if looks_like_zone(value) else Sort.DAYS
            return literal_fault(value, span, likely, segments, suggestions)
        case Sort.DIGITS:
            return None


def _check_digits(call: Call, argument: Expression) -> Diagnostic | None:
    sign, number = 1, argument
    if isinstance(number, Unary) and number.operator == "-":
        sign, number = -1, number.operand
    if not isinstance(number, Constant) or number.kind is not int:
        return wording.literal_needed(argument.span, call.function, wording.SORTS[Sort.DIGITS])
    if isinstance(number.value, int) and sign * number.value in ROUND_DIGITS:
        return None
    return wording.digits_out_of_range(argument.span, ROUND_DIGITS[0], ROUND_DIGITS[-1])


def pattern_fault(pattern: str) -> str | None:
    """Why a pattern cannot be taken; None if it can."""
    try:
        compile_pattern(pattern)
    except BadPattern as bad:
        return str(bad)
    return None


def is_zone(name: str) -> bool:
    """Whether the time-zone data know a zone."""
    return name in _zones()


def zone_fault(name: str, span: Span, suggestions: Suggestions) -> Diagnostic | None:
    """What is wrong with a zone that stands by itself, or None."""
    if is_zone(name):
        return None
    has_offset = any(char in "+0123456789" for char in name)  # of `GMT+8` no zone near is the one that is meant
    return wording.bad_zone(span, name, None if has_offset else suggestions.nearest(name, _zones()))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
