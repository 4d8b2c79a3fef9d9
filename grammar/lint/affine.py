"""Sees through arithmetic with literals: what a comparison says of the one variable in it.

`event_count_1 * 2 + 1 > 9` says that `event_count_1 > 4`, and `t > now - 7d` that `now - t < 7d`. Only what is exact in
the language's own arithmetic is looked through: whole numbers, moments and durations, never floats.
"""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from math import isfinite

from grammar.kinds import Type
from grammar.lint.subjects import Subjects, difference
from grammar.nodes import Binary, Constant, ConstantValue, Expression, Name, Unary

_WHOLE = Type.BOOL | Type.INT | Type.NULL
_MOMENT = Type.DATETIME | Type.NULL
_TIME = Type.DATETIME | Type.DURATION | Type.NULL


DEEPEST = 12
"""Operations that are looked through; what is nested deeper is not understood."""


def constant_of(node: Expression, depth: int = DEEPEST) -> Constant | None:
    """The literal that an expression is, or that arithmetic with literals gives; None: it is none. Never infinite."""
    if isinstance(node, Constant):
        return node if not isinstance(node.value, float) or isfinite(node.value) else None
    if not depth:
        return None
    if isinstance(node, Unary) and node.operator == "-":
        operand = constant_of(node.operand, depth - 1)
        if operand is not None and isinstance(operand.value, int | float | timedelta):
            return Constant(node.span, -operand.value)
    if isinstance(node, Binary) and node.operator in ("+", "-", "*"):
        left, right = constant_of(node.left, depth - 1), constant_of(node.right, depth - 1)
        if left is not None and right is not None:
            value = _computed(node.operator, left.value, right.value)
            return None if value is None else Constant(node.span, value)
    return None


def _computed(operator: str, left: ConstantValue, right: ConstantValue) -> int | timedelta | None:
    """What is exact in any arithmetic."""
    if isinstance(left, int) and isinstance(right, int):
        return {"+": left + right, "-": left - right, "*": left * right}[operator]
    if isinstance(left, timedelta) and isinstance(right, timedelta) and operator != "*":
        return left + right if operator == "+" else left - right
    return None


@dataclass(frozen=True, slots=True)
class Affine:
    """`factor * subject + offset`, null exactly where the subject is."""

    subject: Expression
    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)

    @property
    def is_plain(self) -> bool:
        return self.factor == 1 and self.offset == 0

    @staticmethod
    def of(node: Expression, subjects: Subjects) -> "Affine":
        factor, offset = Fraction(1), Fraction(0)
        for _ in range(DEEPEST):
            step = _step(node)
            if step is None or subjects.type_of(step[0]) & ~_WHOLE:
                break
            node, scale, shift = step
            factor, offset = factor * scale, factor * shift + offset
        return Affine(node, factor, offset)


def _step(node: Expression) -> tuple[Expression, int, int] | None:
    """One operation with a whole number taken off: what it is done to, and its factor and offset."""
    if isinstance(node, Unary) and node.operator == "-":
        return node.operand, -1, 0
    if not isinstance(node, Binary):
        return None
    left, right = constant_of(node.left), constant_of(node.right)
    match node.operator, left, right:
        case "+", None, Constant(value=int(number)):
            return node.left, 1, number
        case "+", Constant(value=int(number)), None:
            return node.right, 1, number
        case "-", None, Constant(value=int(number)):
            return node.left, 1, -number
        case "-", Constant(value=int(number)), None:
            return node.right, -1, number
        case "*", None, Constant(value=int(number)) if number:
            return node.left, number, 0
        case "*", Constant(value=int(number)), None if number:
            return node.right, number, 0
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Elapsed:
    """`left op right` about time, brought to `subject op bound`, the subject being the difference of two moments.

    `turned`: the operator is to be turned round. `may_fail`: a side may also be null where the difference is not.
    """

    subject: Expression
    bound: timedelta
    turned: bool
    may_fail: bool

    @staticmethod
    def between(left: Expression, right: Expression, subjects: Subjects) -> "Elapsed | None":
        """None where the comparison is not of this sort."""
        one, other = linear(left, subjects), linear(right, subjects)
        if one is None or other is None:
            return None
        sum_ = one.minus(other)
        plus, minus, cancelled = _cancel(sum_.plus, sum_.less)
        if len(plus) != 1 or len(minus) != 1 or any(subjects.type_of(side) & ~_MOMENT for side in (*plus, *minus)):
            return None
        may_fail = sum_.may_fail or any(subjects.type_of(gone) != Type.DATETIME for gone in cancelled)
        if _before(plus[0], minus[0]):
            return Elapsed(difference(plus[0], minus[0]), -sum_.offset, False, may_fail)
        return Elapsed(difference(minus[0], plus[0]), sum_.offset, True, may_fail)


@dataclass(frozen=True, slots=True)
class Linear:
    """A sum of moments and durations, less some others, and a literal duration."""

    plus: tuple[Expression, ...] = ()
    less: tuple[Expression, ...] = ()
    offset: timedelta = timedelta(0)
    may_fail: bool = False

    def minus(self, other: "Linear") -> "Linear":
        return self.and_(Linear(other.less, other.plus, -other.offset, other.may_fail))

    def and_(self, other: "Linear") -> "Linear":
        may_fail = self.may_fail or other.may_fail
        return Linear(self.plus + other.plus, self.less + other.less, self.offset + other.offset, may_fail)


def linear(node: Expression, subjects: Subjects, depth: int = DEEPEST) -> Linear | None:
    """What a side of a comparison about time is the sum of; None if it is not (only) about time."""
    constant = constant_of(node)
    if constant is not None:
        return Linear(offset=constant.value) if isinstance(constant.value, timedelta) else None
    type_ = subjects.type_of(node)
    if type_ & ~_TIME or not type_ & ~Type.NULL or not depth:
        return None
    if isinstance(node, Unary):
        operand = linear(node.operand, subjects, depth - 1)
        return None if operand is None else Linear().minus(operand)
    if not isinstance(node, Binary) or node.operator not in ("+", "-"):
        return Linear((node,))
    left, right = linear(node.left, subjects, depth - 1), linear(node.right, subjects, depth - 1)
    if left is None or right is None:
        return None
    sum_ = left.and_(right) if node.operator == "+" else left.minus(right)
    if Type.DATETIME in type_:  # a moment so far away that there is none is null
        return Linear(sum_.plus, sum_.less, sum_.offset, True)
    return sum_


def _cancel(
    plus: tuple[Expression, ...], minus: tuple[Expression, ...]
) -> tuple[list[Expression], list[Expression], list[Expression]]:
    """Takes away what stands on both sides: what stays of each, and what went."""
    stays: list[Expression] = []
    rest, gone = list(minus), []
    for term in plus:
        if term in rest:
            rest.remove(term)
            gone.append(term)
        else:
            stays.append(term)
    return stays, rest, gone


def _before(one: Expression, other: Expression) -> bool:
    """Which of two moments a difference begins with: `now`, else the same at every place."""
    if isinstance(one, Name) and one.id == "now":
        return True
    if isinstance(other, Name) and other.id == "now":
        return False
    return hash(one) <= hash(other)
