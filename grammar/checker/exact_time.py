"""Checks that the instant at which time alone changes a watched condition can be known (LANGUAGE.md section 5).

Segments, edge-triggered `when`s, `exit when`, `goal` and `wait until` are watched. What may stand there is this
grammar; every part has a `Course`, which says how it changes while the visitor's variables stay as they are:

    condition := FREE | STEPPED
               | side OP side [OP side …]               OP is == != < <= > >= or `is [not] None`        TRUTH
               | is_online | in_segment("…")                                                            TRUTH
               | condition and|or condition | not condition | condition if condition else condition     TRUTH
    side      := FREE | STEPPED
               | now | side + side | side - side | -side                                                LINEAR
               | side * value | value * side | side / value      value is FREE or STEPPED               LINEAR
    STEPPED   := hour(shift) | weekday(shift) | date(shift) | today() | during("…")
               | any expression of FREE and STEPPED parts, one of them STEPPED
    shift     := now | shift + FREE | shift - FREE | FREE + shift
    FREE      := any expression without now, is_online, today, during and in_segment

So what the types allow of `side / value` is a number or a length divided by a number, or a length divided by a length.

Who computes until when an answer holds needs no more than the courses: FREE never changes by itself. STEPPED changes
only at instants of the calendar that its clock readings name (each moved by its shift), and is constant between them.
LINEAR is a + b * now, with a and b constant between those instants, so that a comparison of two sides changes where the
two lines meet. TRUTH is put together from such comparisons and from other watched conditions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.nodes import Binary, Boolean, Call, Comparison, Conditional, Expression, ListDisplay, Name, Unary
from grammar.walk import children, inside_out, walk

_READINGS = frozenset({"hour", "weekday", "date"})
"""Functions that read the clock at a moment."""
_INSTEAD = {
    **dict.fromkeys(("abs", "int", "float", "round"), wording.COMPARE_LENGTHS),
    **dict.fromkeys(("min", "max"), wording.COMPARE_EACH),
}
"""What to write instead of a function of `now`."""


class Course(IntEnum):
    """How an expression changes while time passes and nothing happens."""

    FREE = 0
    """Not at all."""
    STEPPED = 1
    """At instants of the calendar."""
    LINEAR = 2
    """Evenly with `now`: a side of a comparison."""
    TRUTH = 3
    """When a comparison or a segment in it turns: a whole condition."""


@dataclass(frozen=True, slots=True)
class Courses:
    """The courses of all nodes of one expression. Keeps the expression, since nodes are known by identity."""

    expression: Expression
    _by_id: Mapping[int, Course]

    def of(self, node: Expression) -> Course:
        """The course of a node of this expression. Raises KeyError for a node of another."""
        return self._by_id[id(node)]


def courses(expression: Expression) -> Courses:
    """The courses of an expression that was checked to be exact."""
    return _Classifier(Diagnostics(), frozenset()).classify(expression)


def check_exact_time(expression: Expression, report: Diagnostics, faulty: frozenset[int] | set[int]) -> None:
    """Reports each smallest part that is not of the grammar above, as the condition that it is.

    Nothing is said of `faulty` nodes (by identity): what is wrong with them was told already.
    """
    _Classifier(report, faulty).check(expression)


class _Classifier:
    """Goes through an expression bottom-up. What was reported counts as FREE, so that it is told once."""

    def __init__(self, report: Diagnostics, faulty: frozenset[int] | set[int]) -> None:
        self._report, self._faulty = report, faulty
        self._found: dict[int, Course] = {}

    def classify(self, expression: Expression) -> Courses:
        for node, inside in inside_out(expression):
            is_known = id(node) not in self._faulty
            self._found[id(node)] = self._course(node, inside) if is_known else Course.FREE
        return Courses(expression, self._found)

    def check(self, expression: Expression) -> None:
        if self.classify(expression).of(expression) is Course.LINEAR:
            self._report.add(wording.time_alone(expression.span))

    def _course(self, node: Expression, inside: tuple[Expression, ...]) -> Course:
        most = max((self._found[id(child)] for child in inside), default=Course.FREE)
        match node:
            case Name():
                return {"now": Course.LINEAR, "is_online": Course.TRUTH}.get(node.id, Course.FREE)
            case Call():
                return self._call(node, most)
            case Boolean() | Unary(operator="not"):
                return self._condition(inside, most)
            case Conditional():
                return self._conditional(node, most)
        if most <= Course.STEPPED:
            return most
        if most is Course.TRUTH:
            return self._truth_as_value(inside)
        match node:
            case Comparison():
                return self._comparison(node)
            case Binary():
                return self._binary(node)
            case Unary():
                return Course.LINEAR
        help = wording.COMPARE_EACH if isinstance(node, ListDisplay) else wording.READ_THE_CLOCK
        return self._complain(wording.inexact(node.span, wording.THIS, help))

    # Conditions

    def _condition(self, operands: tuple[Expression, ...], most: Course) -> Course:
        """Of `and`, `or` and `not`, all operands are conditions where the whole is one."""
        if most < Course.LINEAR:
            return most
        for operand in operands:
            if self._found[id(operand)] is Course.LINEAR:
                self._complain(wording.time_alone(operand.span))
        found = {self._found[id(operand)] for operand in operands}
        return max(found - {Course.LINEAR}, default=Course.FREE)

    def _conditional(self, node: Conditional, most: Course) -> Course:
        """Where the whole is a condition, all three parts are; a choice between sides is no side."""
        if Course.LINEAR in (self._found[id(node.then)], self._found[id(node.otherwise)]):
            return self._complain(wording.inexact(node.span, wording.THIS_CHOICE, wording.CHOOSE_CONDITIONS))
        return self._condition(children(node), most)

    def _truth_as_value(self, inside: tuple[Expression, ...]) -> Course:
        """Something computes with the truth of a condition: the first condition in each part is the offender."""
        for part in inside:
            if self._found[id(part)] is Course.TRUTH:
                leaf = next(node for node in walk(part) if self._is_single_condition(node))
                self._complain(wording.not_a_whole_condition(leaf.span, _named(leaf)))
        return Course.FREE

    def _is_single_condition(self, node: Expression) -> bool:
        return self._found[id(node)] is Course.TRUTH and isinstance(node, Name | Call | Comparison)

    # Sides

    def _comparison(self, node: Comparison) -> Course:
        left, course = node.first, Course.TRUTH
        for link in node.links:
            moves = Course.LINEAR in (self._found[id(left)], self._found[id(link.right)])
            if moves and link.operator in ("in", "not in"):
                span = left.span.to(link.right.span)
                course = self._complain(wording.inexact(span, wording.THIS, wording.COMPARE_EACH))
            left = link.right
        return course

    def _binary(self, node: Binary) -> Course:
        """At least one operand moves with `now`."""
        right, both = self._found[id(node.right)], self._found[id(node.left)] is self._found[id(node.right)]
        if (
            node.operator in ("+", "-")
            or (node.operator == "*" and not both)
            or (node.operator == "/" and right is not Course.LINEAR)
        ):
            return Course.LINEAR
        what = wording.result_of(node.operator)
        return self._complain(wording.inexact(node.span, what, wording.COMPARE_LENGTHS))

    def _call(self, node: Call, most: Course) -> Course:
        name = node.function
        if name in ("today", "during"):
            return Course.STEPPED
        if name == "in_segment":
            return Course.TRUTH
        if most is Course.TRUTH:
            return self._truth_as_value(node.arguments)
        if most < Course.LINEAR:
            return most
        if name not in _READINGS:
            return self._complain(
                wording.inexact(node.span, wording.result_of(name), _INSTEAD.get(name, wording.READ_THE_CLOCK))
            )
        if self._is_shift(node.arguments[0]):
            return Course.STEPPED
        return self._complain(wording.inexact(node.span, wording.result_of(name), wording.SHIFT_BY_A_LENGTH))

    def _is_shift(self, node: Expression) -> bool:
        while isinstance(node, Binary):
            if node.operator in ("+", "-") and self._found[id(node.right)] is Course.FREE:
                node = node.left
            elif node.operator == "+" and self._found[id(node.left)] is Course.FREE:
                node = node.right
            else:
                return False
        return isinstance(node, Name) and node.id == "now"

    def _complain(self, diagnostic: Diagnostic) -> Course:
        self._report.add(diagnostic)
        return Course.FREE


def _named(condition: Expression) -> str:
    match condition:
        case Name():
            return wording.quoted(condition.id)
        case Call():
            return wording.quoted(condition.function)
    return wording.THIS_COMPARISON
