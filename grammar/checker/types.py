"""Checks the types of an expression before anything runs (LANGUAGE.md section 5, "Types").

One rule decides everything: an operation is an error only if, whatever its operands hold, it could give nothing but
what the language gives in place of a failure: null of arithmetic, of a function and of reading, "no" of a comparison
("yes" of its negation). So nothing that may be right is ever refused:

- of a union it is enough that one member fits;
- json fits anything and is looked at when it runs: an operator with json on one side is no error;
- None may be compared with anything; and two values that may both be null may be equal;
- what is in a list is not known to the types, so anything may be in one.

The type of a faulty operation is taken to be anything, so that one mistake is told once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache

from grammar import wording
from grammar.checker.repairs import member_as_call, repaired
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.inference import type_of
from grammar.kinds import ANY, LARGEST_INT, NUMBER, Type
from grammar.names import CONSTANTS
from grammar.nodes import (
    Binary,
    Boolean,
    Call,
    Comparison,
    Constant,
    Expression,
    Index,
    Link,
    Member,
    Unary,
)
from grammar.scope import Scope
from grammar.walk import inside_out

ORDERED = (NUMBER, Type.TEXT, Type.DATETIME, Type.DURATION, Type.LIST)
"""Families of kinds: the members of one can be ordered, and equal one another; those of two cannot."""

_MOMENT = Type.DATETIME | Type.TEXT | Type.INT | Type.FLOAT
_TAKES: dict[str, tuple[Type, ...]] = {
    "len": (Type.TEXT | Type.LIST,),
    "abs": (NUMBER | Type.DURATION,),
    "round": (NUMBER,),
    "int": (NUMBER | Type.TEXT,),
    "float": (NUMBER | Type.TEXT,),
    "lower": (Type.TEXT,),
    "upper": (Type.TEXT,),
    "strip": (Type.TEXT,),
    "startswith": (Type.TEXT, Type.TEXT),
    "endswith": (Type.TEXT, Type.TEXT),
    "matches": (Type.TEXT,),
    "date": (_MOMENT,),
    "datetime": (_MOMENT,),
    "hour": (Type.DATETIME,),
    "weekday": (Type.DATETIME,),
    "format_time": (Type.DATETIME,),
}
"""What the arguments of a function may be, beside json. `text` takes anything; literals are checked elsewhere."""

_FITS: dict[Type, Type] = {
    Type.TEXT: Type.TEXT,
    Type.INT: Type.INT | Type.FLOAT,
    Type.FLOAT: Type.INT | Type.FLOAT,
    Type.BOOL: Type.BOOL,
    Type.DATETIME: _MOMENT,
}
"""What `variables.values.write` can write into a field of a type (a float only if it is whole, a text only if ISO)."""


def check_types(expression: Expression, scope: Scope, report: Diagnostics, faulty: set[int]) -> Type:
    """Reports each operation that no member of its operands' types fits; returns the type of the whole.

    `faulty` are the nodes (by identity) in which something wrong was found already: they may be of any type. Those that
    are found now are added.
    """
    types: dict[int, Type] = {}
    for node, parts in inside_out(expression):
        inside = [types[id(part)] for part in parts]
        found = list(_faults(node, inside)) if parts and id(node) not in faulty else ()
        for diagnostic in found:
            report.add(diagnostic)
        if found or _is_stand_in(node):
            faulty.add(id(node))
        types[id(node)] = ANY if id(node) in faulty else _type(node, inside, scope)
    return types[id(expression)]


def _type(node: Expression, inside: Sequence[Type], scope: Scope) -> Type:
    """The inferred type; but inference looks into json to find that `json * "a"` is null, and json fits anything."""
    type_ = type_of(node, inside, scope)
    return ANY if type_ == Type.NULL and any(Type.JSON in operand for operand in inside) else type_


def fits(type_: Type, field: Type) -> bool:
    """Whether some value of a type can be written into a field of another; null always can, since it unsets."""
    kinds = type_ & ~Type.NULL
    return not kinds or Type.JSON in kinds or bool(kinds & _FITS[field & ~Type.NULL])


def is_written_misfit(value: Expression, field: Type) -> bool:
    """Whether a value that is written out never fits a field that its type does fit: `1.5`, or `"yesterday"`."""
    is_negative = isinstance(value, Unary) and value.operator == "-"
    literal = value.operand if isinstance(value, Unary) and is_negative else value
    written = literal.value if isinstance(literal, Constant) else None
    match field & ~Type.NULL, written:
        case Type.INT, int() | float():
            return abs(written) > LARGEST_INT or written != int(written)
        case Type.DATETIME, str() if not is_negative:
            return not _is_moment(written)
        case _:
            return False


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def is_alike(left: Type, right: Type) -> bool:
    """Whether some value of the one type and some of the other are of one family, so that they can be ordered."""
    return any(left & family and right & family for family in ORDERED)


def _is_stand_in(node: Expression) -> bool:
    """Whether the parser put this None in the place of something that it could not read."""
    if not isinstance(node, Constant) or node.value is not None:
        return False
    return node.span.text.strip("() \n") not in CONSTANTS


def _faults(node: Expression, types: Sequence[Type]) -> Iterator[Diagnostic]:
    found: Diagnostic | None = None
    match node:
        case Boolean():
            pass
        case Comparison():
            yield from _comparison(node, types)
        case Binary():
            found = _binary(node, types[0], types[1])
        case Unary(operator="-"):
            if not _may_be(types[0], NUMBER | Type.DURATION):
                found = wording.no_opposite(node.span, types[0])
        case Call():
            found = _call(node, types)
        case Member():
            if Type.JSON not in types[0]:
                found = wording.no_members(node.span, types[0], node.name, member_as_call(node.value, node.name))
        case Index():
            found = _index(node, types[0], types[1])
    if found is not None:
        yield found


def _may_be(type_: Type, kinds: Type) -> bool:
    return bool(type_ & (kinds | Type.JSON))


# Operators ----------------------------------------------------------------------------------------------------------


def _binary(node: Binary, left: Type, right: Type) -> Diagnostic | None:
    if Type.JSON in left | right or type_of(node, [left, right], _NO_NAMES) != Type.NULL:
        return None
    help = repaired(node.left, left, node.operator, node.right, right)
    return wording.no_arithmetic(node.span, node.operator, left, right, help)


_NO_NAMES = Scope({})


def _comparison(node: Comparison, types: Sequence[Type]) -> Iterator[Diagnostic]:
    left = node.first
    for place, link in enumerate(node.links):
        found = _link(left, types[place], link, types[place + 1])
        if found is not None:
            yield found
        left = link.right


def _link(left: Expression, left_type: Type, link: Link, right_type: Type) -> Diagnostic | None:
    operator, right = link.operator, link.right
    if left_type == Type.NULL or right_type == Type.NULL or _comparable(left_type, operator, right_type):
        return None
    span = left.span.to(right.span)
    help = repaired(left, left_type, operator, right, right_type)
    if operator in ("in", "not in"):
        return wording.no_membership(span, left_type, right_type, help)
    if operator in ("==", "!="):
        return wording.never_equal(span, operator, left_type, right_type, help)
    return wording.no_order(span, left_type, right_type, help)


@cache
def _comparable(left: Type, operator: str, right: Type) -> bool:
    if Type.JSON in left | right:
        return True
    if operator in ("in", "not in"):
        return Type.LIST in right or (Type.TEXT in left and Type.TEXT in right)
    if operator in ("==", "!=") and Type.NULL in left and Type.NULL in right:
        return True
    return is_alike(left, right)


# Reading ------------------------------------------------------------------------------------------------------------


def _index(node: Index, container: Type, index: Type) -> Diagnostic | None:
    if not _may_be(container, Type.LIST):
        reads_text = Type.TEXT in container and _may_be(index, Type.INT | Type.BOOL)
        return None if reads_text else wording.no_elements(node.span, container)
    if Type.JSON in container or _may_be(index, Type.INT | Type.BOOL):
        return None
    return wording.no_index(node.index.span, index)


# Functions ----------------------------------------------------------------------------------------------------------


def _call(node: Call, types: Sequence[Type]) -> Diagnostic | None:
    if node.function in ("min", "max"):
        return _extreme(node, types)
    for argument, type_, takes in zip(node.arguments, types, _TAKES.get(node.function, ()), strict=False):
        if not _may_be(type_, takes):
            return wording.wrong_argument(argument.span, node.function, type_, takes)
    return None


def _extreme(node: Call, types: Sequence[Type]) -> Diagnostic | None:
    """`min` and `max` take one list, or several values of one family."""
    if len(types) == 1:
        return (
            None if _may_be(types[0], Type.LIST) else wording.one_list(node.arguments[0].span, node.function, types[0])
        )
    if any(all(_may_be(type_, family) for type_ in types) for family in ORDERED):
        return None
    return wording.unlike_arguments(node.span, node.function, types)
