"""What an author most likely meant who joined two values of unlike types: his own text, mended."""

import re
from collections.abc import Callable

from grammar import wording
from grammar.kinds import NUMBER, Type
from grammar.literals import moment
from grammar.names import FUNCTIONS
from grammar.nodes import Binary, Boolean, Call, Comparison, Conditional, Constant, Expression, Name, Unary
from grammar.walk import children, walk

_LONGEST = 100
"""Characters of a suggestion; a longer one would hide what it changes."""
_MOST_DAYS = 400
_EQUALITY, _ORDERING, _MEMBERSHIP = ("==", "!="), ("<", "<=", ">", ">="), ("in", "not in")
_COMPARISONS = (*_EQUALITY, *_ORDERING)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SUMS = ("+", "-")
_PLAIN_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,10})?", re.ASCII)
_DURATION = re.compile(r"(?:[1-9][0-9]{0,4}[wdhms])+", re.ASCII)
_BRACES = re.compile(r"\s*\{\{\s*([^{}]*[^{}\s])\s*\}\}\s*")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def repaired(left: Expression, left_type: Type, operator: str, right: Expression, right_type: Type) -> str | None:
    """A help line that shows `left operator right` as it was probably meant; None if there is nothing near."""
    one, other = _family(left_type), _family(right_type)
    before, after = left.span.text, right.span.text
    if operator == "-" and (one, other) == (Type.DURATION, Type.DATETIME):
        return _shown(f"{_bracketed(right)} - {_bracketed(left)}")
    if operator in _EQUALITY and one is not None and right_type & ~Type.NULL == Type.LIST:
        return _shown(f"{before} {'in' if operator == '==' else 'not in'} {after}")
    if (inside := expression_in_braces(left)) is not None:
        return _shown(f"{inside} {operator} {after}")
    if (inside := expression_in_braces(right)) is not None:
        return _shown(f"{before} {operator} {inside}")
    for repair in _REPAIRS:
        mended = repair(right, other, one, operator)
        if mended is not None:
            return _shown(f"{before} {operator} {mended}")
        mended = repair(left, one, other, operator)
        if mended is not None:
            return _shown(f"{mended} {operator} {after}")
    return None


def member_as_call(value: Expression, name: str) -> str | None:
    """A help line for `now.hour`: `hour(now)`; None if there is no such function of one value."""
    if name in FUNCTIONS and FUNCTIONS[name].least == 1:
        return _shown(f"{name}({value.span.text})")
    if name in ("length", "size", "count"):
        return _shown(f"len({value.span.text})")
    if name in _UNITS and isinstance(value, Name | Binary):
        length = f"(now - {value.span.text})" if isinstance(value, Name) else _bracketed(value)
        return _shown(f"{length} / 1{name[0]}")
    return None


def refitted(value: Expression, type_: Type, field: Type) -> str | None:
    """A help line that shows a value as it can be written to a field of another type; None if there is none near."""
    kinds, own, written = field & ~Type.NULL, _family(type_), value.span.text
    inside = expression_in_braces(value)
    if inside is not None:
        return wording.without_braces(inside)
    fits: str | None = None
    match kinds:
        case Type.DATETIME if own == Type.DURATION:
            fits = f"now + {_bracketed(value)}"
        case Type.TEXT if own is not None:
            fits = _bare_number(value, own, Type.TEXT, "==") or f"text({written})"
        case Type.INT | Type.FLOAT if own == Type.TEXT and isinstance(value, Constant):
            fits = _quoted_number(value, own, NUMBER, "==")
        case Type.INT | Type.FLOAT if own == Type.TEXT:
            fits = f"{'int' if kinds == Type.INT else 'float'}({written})"
        case Type.INT | Type.FLOAT if own == Type.DURATION:
            fits = f"{_bracketed(value)} {'//' if kinds == Type.INT else '/'} 1d"
        case Type.BOOL if own == NUMBER:
            constant = value.value if isinstance(value, Constant) else None
            fits = str(bool(constant)) if constant in (0, 1) else f"{_bracketed(value)} > 0"
    return None if fits is None else _shown(fits)


def expression_in_braces(value: Expression) -> str | None:
    """What stands in a text that is nothing but one `{{ … }}`."""
    text = value.value if isinstance(value, Constant) else None
    match = _BRACES.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    return match[1] if match else None


def _shown(suggestion: str) -> str | None:
    if len(suggestion) > _LONGEST or "\n" in suggestion:
        return None
    return wording.did_you_mean(suggestion)


def _family(type_: Type) -> Type | None:
    """The one family that a type belongs to, apart from null."""
    kinds = type_ & ~Type.NULL
    for family in (NUMBER, Type.TEXT, Type.DATETIME, Type.DURATION):
        if kinds and kinds in family:
            return family
    return None


# Each takes an operand, its family, that of the other operand, and the operator; it gives the operand mended.

_Repair = Callable[[Expression, Type | None, Type | None, str], str | None]


def _quoted_number(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`event_count_1 > "5"`."""
    if own == Type.TEXT and other == NUMBER and operator != "+" and isinstance(node, Constant):
        return node.value if isinstance(node.value, str) and _PLAIN_NUMBER.fullmatch(node.value) else None
    return None


def _quoted_duration(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`now - event_last_time_1 > "7d"`."""
    if own == Type.TEXT and other == Type.DURATION and operator != "in" and isinstance(node, Constant):
        return node.value if isinstance(node.value, str) and _DURATION.fullmatch(node.value) else None
    return None


def _bare_number(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`user_mobile == 139`, `5 in user_city`."""
    if own == NUMBER and other == Type.TEXT and operator in (*_EQUALITY, *_MEMBERSHIP) and isinstance(node, Constant):
        return None if isinstance(node.value, bool) else f'"{node.span.text.strip("() ")}"'
    return None


def _number_without_unit(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`now - event_last_time_1 > 7`, `now - 7`: days, unless there are too many of them."""
    if own != NUMBER or not isinstance(node, Constant) or node.kind is not int or not isinstance(node.value, int):
        return None
    is_length = (other == Type.DURATION and operator in (*_COMPARISONS, *_SUMS)) or (
        other == Type.DATETIME and operator in _SUMS
    )
    return f"{node.value}{'d' if 0 < node.value <= _MOST_DAYS else 's'}" if is_length else None


def _quoted_moment(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`event_last_time_1 > "2026-01-01"`, and `"2026-01-01 10:00"`, which `datetime` reads only with its `T`."""
    text = node.value if isinstance(node, Constant) else None
    if other != Type.DATETIME or operator not in (*_COMPARISONS, "-") or not isinstance(text, str):
        return None
    if moment(text) is not None:
        return f"datetime({node.span.text})"
    return f"datetime({node.span.text.replace(' ', 'T', 1)})" if moment(text.replace(" ", "T", 1)) is not None else None


def _unquoted_day(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`trial_ends > 2026-12-24`."""
    is_day = isinstance(node, Binary) and other == Type.DATETIME and _ISO_DAY.fullmatch(node.span.text)
    return f'datetime("{node.span.text}")' if is_day and operator in _COMPARISONS and moment(node.span.text) else None


def _weekday(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`weekday(now) == "mon"`."""
    day = node.value[:3].lower() if isinstance(node, Constant) and isinstance(node.value, str) else ""
    return str(_DAYS.index(day) + 1) if day in _DAYS and other == NUMBER and operator in _EQUALITY else None


def _quoted_bool(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`is_online == "true"`."""
    word = node.value.lower() if isinstance(node, Constant) and isinstance(node.value, str) else ""
    is_bool = other == NUMBER and operator in _EQUALITY
    return {"true": "True", "yes": "True", "false": "False", "no": "False"}.get(word) if is_bool else None


def _unix_time(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`first_seen_time > 1767225600`."""
    if own == NUMBER and other == Type.DATETIME and operator in _COMPARISONS and isinstance(node, Constant):
        return None if isinstance(node.value, bool) else f"datetime({node.span.text})"
    return None


def _moment_for_length(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`event_last_time_1 > 7d`: how long ago was meant."""
    if own == Type.DATETIME and other == Type.DURATION and operator in _COMPARISONS and not _reads_now(node):
        return f"now - {_bracketed(node)}"
    return None


def _printed(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`"clicks: " + event_count_1`."""
    return f"text({node.span.text})" if own != Type.TEXT and other == Type.TEXT and operator == "+" else None


def _as_number(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`user_mobile > 5`."""
    if own == Type.TEXT and other == NUMBER and operator not in ("+", *_MEMBERSHIP) and not isinstance(node, Constant):
        return f"int({node.span.text})"
    return None


def _one_member(node: Expression, own: Type | None, other: Type | None, operator: str) -> str | None:
    """`event_count_1 in 5`."""
    return f"[{node.span.text}]" if operator in _MEMBERSHIP and own == other and own != Type.TEXT else None


_REPAIRS: tuple[_Repair, ...] = (
    _quoted_number,
    _quoted_duration,
    _bare_number,
    _number_without_unit,
    _quoted_moment,
    _unquoted_day,
    _weekday,
    _quoted_bool,
    _unix_time,
    _moment_for_length,
    _printed,
    _as_number,
    _one_member,
)


def _reads_now(node: Expression) -> bool:
    return any(
        (isinstance(inside, Name) and inside.id == "now") or (isinstance(inside, Call) and inside.function == "today")
        for inside in walk(node)
    )


def _bracketed(node: Expression) -> str:
    """Its text, in brackets unless it stands in some or needs none beside `-`."""
    text = node.span.text
    if not isinstance(node, Binary | Boolean | Comparison | Conditional | Unary):
        return text
    is_bracketed = text.startswith("(") and children(node)[0].span.start > node.span.start
    return text if is_bracketed else f"({text})"
