"""The rules of type inference, one for each class of node. Used through `grammar.types`.

Three facts shape the rules of arithmetic. A float result that would not be finite is null, so most float arithmetic may
be null. Turning an int that was computed into a float may overflow to null; an int that is read or written plainly
("modest") cannot. And a product of ints is null beyond a size that only `int` and `round` can lead to: all else that an
expression may hold is too short for it.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache, reduce
from operator import or_

from grammar.kinds import ANY, NUMBER, Type
from grammar.names import FUNCTIONS
from grammar.nodes import (
    Binary,
    BinaryOperator,
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Index,
    ListDisplay,
    Member,
    Name,
    Unary,
)
from grammar.scope import Scope
from grammar.walk import inside_out, walk

_NOTHING = Type(0)
_WHOLE = Type.BOOL | Type.INT
_IN_JSON = NUMBER | Type.NULL | Type.TEXT | Type.LIST
"""The kinds inside JSON that operators know; objects take part in none."""


def types_of(expression: Expression, scope: Scope) -> dict[int, Type]:
    """The type of every node, by the node's identity."""
    found: dict[int, Type] = {}
    for node, inside in inside_out(expression):
        found[id(node)] = type_of(node, [found[id(child)] for child in inside], scope)
    return found


def type_of(node: Expression, types: Sequence[Type], scope: Scope) -> Type:
    """The type of a node whose children (as `walk.children` gives them) have these types."""
    match node:
        case Name():
            return scope.type_of(node.id)
        case Constant():
            return _CONSTANTS[node.kind]
        case Binary():
            return _binary(node, types[0], types[1])
        case Comparison():
            return Type.BOOL
        case Boolean():
            return _boolean(node, types)
        case Unary():
            return Type.BOOL if node.operator == "not" else _negative(node, types[0])
        case Call():
            return _call(node, types)
        case Conditional():
            return types[0] | types[2]
        case ListDisplay():
            return Type.LIST
        case Member():
            return _read(types[0], Type.NULL)
        case Index():
            return _read(types[0], ANY)


_CONSTANTS: dict[type, Type] = {
    type(None): Type.NULL,
    bool: Type.BOOL,
    int: Type.INT,
    float: Type.FLOAT,
    str: Type.TEXT,
    timedelta: Type.DURATION,
}


def _boolean(node: Boolean, types: Sequence[Type]) -> Type:
    """An operand is the result. Of `or` only the last can give its null: the others are passed over when false."""
    union = reduce(or_, types)
    if node.operator == "or":
        passed_over = reduce(or_, types[:-1]) & ~Type.NULL
        union = passed_over | types[-1]
    return union


def _read(container: Type, of_list: Type) -> Type:
    """Reading inside json gives json; inside a list of the language's own `of_list`; anywhere else null."""
    result = Type.JSON if Type.JSON in container else Type.NULL
    return result | of_list if Type.LIST in container else result


def _negative(node: Unary, operand: Type) -> Type:
    kinds = _expand(operand)
    result = kinds & Type.FLOAT
    if kinds & _WHOLE:
        result |= Type.INT
    if Type.DURATION in kinds:
        # The least duration has no opposite; a literal is never that long.
        result |= Type.DURATION if isinstance(node.operand, Constant) else Type.DURATION | Type.NULL
    return result | Type.NULL if kinds & ~(NUMBER | Type.DURATION) else result


# Arithmetic ---------------------------------------------------------------------------------------------------------


def _binary(node: Binary, left: Type, right: Type) -> Type:
    modest = _is_modest(node.left), _is_modest(node.right)
    result = _arithmetic(node.operator, left, right, *modest, _divisor(node.right))
    if node.operator == "*" and left & _WHOLE and right & _WHOLE and may_be_huge(node):
        return result | Type.NULL
    return result


def may_be_huge(node: Expression) -> bool:
    """Whether an int of more than some thousand digits could come of it."""
    return any(isinstance(part, Call) and part.function in ("int", "round") for part in walk(node))


def _is_modest(node: Expression) -> bool:
    """Whether an int of this node is surely small enough to be a float: it was read or written, not computed."""
    return isinstance(node, Constant | Name)


def _divisor(node: Expression) -> float:
    """The size of a literal number or duration (in seconds); 0 for anything that may be zero."""
    if isinstance(node, Unary) and node.operator == "-":
        node = node.operand
    if not isinstance(node, Constant):
        return 0
    if isinstance(node.value, timedelta):
        return abs(node.value.total_seconds())
    return abs(node.value) if isinstance(node.value, int | float) else 0


@lru_cache(maxsize=4096)
def _arithmetic(
    operator: BinaryOperator, left: Type, right: Type, modest_left: bool, modest_right: bool, divisor: float
) -> Type:
    result = _NOTHING
    for one in _expand(left):
        for other in _expand(right):
            result |= _pair(operator, one, other, modest_left, modest_right, divisor)
    return result


def _pair(
    operator: BinaryOperator, left: Type, right: Type, modest_left: bool, modest_right: bool, divisor: float
) -> Type:
    """The type of `left operator right` for two single kinds."""
    if left in NUMBER and right in NUMBER:
        modest = (modest_left or left is Type.FLOAT) and (modest_right or right is Type.FLOAT)
        return _numbers(operator, Type.FLOAT in left | right, modest, divisor)
    if operator == "+" and left is right and left in Type.TEXT | Type.LIST:
        return left | Type.NULL
    if Type.DATETIME in left | right:
        return _moments(operator, left, right)
    if Type.DURATION in left | right:
        return _durations(operator, left, right, divisor)
    return Type.NULL


def _numbers(operator: BinaryOperator, some_float: bool, modest: bool, divisor: float) -> Type:
    if operator in ("+", "-", "*"):
        return Type.FLOAT | Type.NULL if some_float else Type.INT
    if operator == "/":
        return Type.FLOAT if modest and divisor >= 1 else Type.FLOAT | Type.NULL
    if not some_float:
        return Type.INT if divisor else Type.INT | Type.NULL
    surely = divisor >= 1 if operator == "//" else divisor > 0
    return Type.FLOAT if modest and surely else Type.FLOAT | Type.NULL


def _moments(operator: BinaryOperator, left: Type, right: Type) -> Type:
    if operator == "-" and left is right:
        return Type.DURATION
    if operator in ("+", "-") and left is Type.DATETIME and right is Type.DURATION:
        return Type.DATETIME | Type.NULL
    if operator == "+" and left is Type.DURATION and right is Type.DATETIME:
        return Type.DATETIME | Type.NULL
    return Type.NULL


def _durations(operator: BinaryOperator, left: Type, right: Type, divisor: float) -> Type:
    if left is right:
        if operator == "*":
            return Type.NULL
        by_zero = Type.NULL if operator not in ("+", "-") and not divisor else _NOTHING
        return {
            "+": Type.DURATION | Type.NULL,
            "-": Type.DURATION | Type.NULL,
            "/": Type.FLOAT,
            "//": Type.INT,
            "%": Type.DURATION,
        }[operator] | by_zero
    if operator == "*" and (left in NUMBER or right in NUMBER):
        return Type.DURATION | Type.NULL
    if operator == "/" and right in NUMBER:
        return Type.DURATION if divisor >= 1 else Type.DURATION | Type.NULL
    return Type.NULL


def _expand(type_: Type) -> Type:
    """A type with JSON replaced by the kinds that a JSON value can be for an operator."""
    return (type_ & ~Type.JSON) | _IN_JSON if Type.JSON in type_ else type_


# Functions ----------------------------------------------------------------------------------------------------------

_NEVER_NULL_FOR: dict[str, Type] = {
    "len": Type.TEXT | Type.LIST,
    "lower": Type.TEXT,
    "upper": Type.TEXT,
    "strip": Type.TEXT,
    "int": NUMBER,
}
"""With such an argument the function gives no null."""


def _call(node: Call, types: Sequence[Type]) -> Type:
    function = FUNCTIONS.get(node.function)
    if function is None or not types:
        return function.result if function else ANY
    argument = types[0]
    if node.function in ("min", "max"):
        return _extreme(types)
    if node.function in _NEVER_NULL_FOR:
        return function.result & ~Type.NULL if argument in _NEVER_NULL_FOR[node.function] else function.result
    if node.function in ("text", "float"):
        surely = Type.FLOAT | Type.BOOL | (Type.INT if _is_modest(node.arguments[0]) else _NOTHING)
        if node.function == "text":
            surely |= Type.TEXT | Type.DURATION
        return function.result & ~Type.NULL if argument in surely else function.result
    if node.function == "abs":
        return _absolute(argument)
    if node.function == "round":
        return _rounded(argument, to_digits=len(types) > 1)
    return function.result


def _absolute(argument: Type) -> Type:
    kinds = _expand(argument)
    result = kinds & Type.FLOAT
    if kinds & _WHOLE:
        result |= Type.INT
    if Type.DURATION in kinds:
        result |= Type.DURATION | Type.NULL
    return result | Type.NULL if kinds & ~(NUMBER | Type.DURATION) else result


def _rounded(argument: Type, *, to_digits: bool) -> Type:
    kinds = _expand(argument)
    result = Type.INT if kinds & (NUMBER if not to_digits else _WHOLE) else _NOTHING
    if to_digits:
        result |= kinds & Type.FLOAT
    return result | Type.NULL if kinds & ~NUMBER else result


def _extreme(types: Sequence[Type]) -> Type:
    """`min` and `max` give one of their arguments, or null if these are not all alike."""
    if len(types) == 1:
        return _read(types[0], ANY)
    union = reduce(or_, types)
    alike = any(union in kinds for kinds in (NUMBER, Type.TEXT, Type.DATETIME, Type.DURATION))
    return union if alike else union | Type.NULL
