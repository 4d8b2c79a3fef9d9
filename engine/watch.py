"""Watched conditions: whether one holds, and until when (LANGUAGE.md section 5, "Time must be exact").

While nothing happens to a visitor, only time can change an answer. `Watched.look` gives with each answer the first
instant at which it may be another, so that one timer for that instant is all that is needed, and nobody polls. An
instant that comes too early does no harm: whoever looks then finds the same answer, and the next instant. One that came
too late would.

A condition is taken apart along its `and`, `or`, `not` and `if`, down to parts of the courses that the checker names
(`grammar/checker/exact_time.py`). While one part of an `and` is false, the others may turn as they like: so a visitor
who never clicked needs no timer for a condition on the days since the last click.
"""

from dataclasses import dataclass, field

from engine.compile import Compiled, Compiler
from engine.generate import window_of, zone_of
from engine.looks import Look, Turn, all_of, any_of, choice, crossing, negated, passing, settled, stepped
from engine.turns import DAYS, HOURS, bounds_of
from grammar.checker.exact_time import Course, Courses, courses
from grammar.kinds import Type
from grammar.nodes import (
    MIRRORED,
    Binary,
    Boolean,
    Call,
    Comparison,
    ComparisonOperator,
    Conditional,
    Constant,
    Expression,
    Link,
    Name,
    Unary,
)
from grammar.types import infer
from grammar.walk import walk


@dataclass(frozen=True, slots=True)
class Watched:
    """A condition that is watched. `reads`: the names whose values `look` wants. `timed`: whether time can turn it."""

    look: Look
    reads: frozenset[str]
    timed: bool
    compiled: Compiled = field(repr=False)
    """The condition as a whole, for whoever asks for its truth alone."""


def watched(expression: Expression, compiler: Compiler) -> Watched:
    """Compiles a condition that the checker found exact."""
    builder = _Builder(compiler)
    look = builder.condition(expression)
    return Watched(look, frozenset(builder.reads), builder.timed, compiler.condition(expression))


class _Builder:
    """Builds the looks of one condition, with the segments and derived names that it is made of."""

    def __init__(self, compiler: Compiler) -> None:
        self.reads: set[str] = set()
        self.timed = False
        self._compiler = compiler

    def condition(self, expression: Expression) -> Look:
        """A whole condition: an expression with courses of its own."""
        return self._look(expression, courses(expression))

    def _look(self, node: Expression, known: Courses) -> Look:
        course = known.of(node)
        if course is Course.FREE:
            return settled(self._truth(node))
        self.timed = True
        if course is Course.STEPPED:
            return stepped(self._truth(node), self._turns(node))
        match node:
            case Name():
                return self.condition(self._compiler.derived[node.id])
            case Call(arguments=(Constant(value=str(segment)),)):
                return self.condition(self._compiler.segments[segment])
            case Unary():
                return negated(self._look(node.operand, known))
            case Boolean():
                return (all_of if node.operator == "and" else any_of)(self._parts(node, known))
            case Conditional():
                parts = (node.condition, node.then, node.otherwise)
                return choice(*(self._look(part, known) for part in parts))
            case Comparison():
                return self._chain(node, known)
        raise AssertionError(f"{node}: the checker lets no such condition be watched")

    def _parts(self, node: Boolean, known: Courses) -> list[Look]:
        """The operands: first those that time does not change, as one look, since they may settle the matter."""
        free = tuple(operand for operand in node.operands if known.of(operand) is Course.FREE)
        others = [self._look(operand, known) for operand in node.operands if known.of(operand) is not Course.FREE]
        if not free:
            return others
        joined = free[0] if len(free) == 1 else Boolean(node.span, node.operator, free)
        return [settled(self._truth(joined)), *others]

    # Comparisons

    def _chain(self, node: Comparison, known: Courses) -> Look:
        left, looks = node.first, []
        for link in node.links:
            comparison = Comparison(node.span, left, (link,))
            course = max(known.of(left), known.of(link.right))
            if course is Course.LINEAR:
                looks.append(self._line(comparison, link, known))
            elif course is Course.STEPPED:
                looks.append(stepped(self._truth(comparison), self._turns(comparison)))
            else:
                looks.append(settled(self._truth(comparison)))
            left = link.right
        return looks[0] if len(looks) == 1 else all_of(looks)

    def _line(self, node: Comparison, link: Link, known: Courses) -> Look:
        """Two sides of which one moves with `now`."""
        turns = self._turns(node)
        if link.operator in ("is", "is not"):
            return stepped(self._truth(node), turns)
        gap = self._value(Binary(node.span, "-", node.first, link.right))
        if link.operator not in ("==", "!="):
            truth, bound = self._truth(node), self._bound(node, link, known)
            look = crossing(truth, [truth], gap, turns)
            return look if bound is None else passing(*bound, look)
        links = (Link(link.span, "<", link.right), Link(link.span, ">", link.right))
        orders = [self._truth(Comparison(node.span, node.first, (each,))) for each in links]
        return crossing(self._truth(node), orders, gap, turns)

    def _bound(self, node: Comparison, link: Link, known: Courses) -> tuple[ComparisonOperator, Compiled] | None:
        """The moment that `now` is compared with, and how, where a comparison says no more than that.

        `now - since < 7d` says `now < since + 7d`; other sides may be of types, or at ends of the calendar, at which
        the one is not the other.
        """
        operator, left, right = link.operator, node.first, link.right
        if known.of(right) is not Course.FREE:
            operator, left, right = MIRRORED[operator], right, left
        if known.of(right) is not Course.FREE:
            return None
        match left:
            case Name():
                return operator, self._value(right)
            case Binary(operator="-", left=Name(id="now"), right=since) if self._is_moment(since, known):
                return operator, self._value(Binary(node.span, "+", since, right))
            case Binary(operator="-", left=until, right=Name(id="now")) if self._is_moment(until, known):
                return MIRRORED[operator], self._value(Binary(node.span, "-", until, right))
        return None

    def _is_moment(self, node: Expression, known: Courses) -> bool:
        """Whether this is a moment, or null, and stands still."""
        return known.of(node) is Course.FREE and not infer(node, self._compiler.scope) & ~(Type.DATETIME | Type.NULL)

    # Readings of the clock

    def _turns(self, node: Expression) -> "list[Turn]":
        """When the readings of the clock in an expression turn."""
        return [self._turn(part) for part in walk(node) if isinstance(part, Call) and self._reads_the_clock(part)]

    def _reads_the_clock(self, call: Call) -> bool:
        if call.function in ("today", "during"):
            return True
        if call.function not in ("hour", "weekday", "date"):
            return False
        return any(isinstance(part, Name) and part.id == "now" for part in walk(call.arguments[0]))

    def _turn(self, call: Call) -> "Turn":
        zone = self._compiler.zone
        match call.function:
            case "during":
                window, zone = window_of(call, zone)
                return Turn(None, bounds_of(window), zone)
            case "today":
                return Turn(None, DAYS, zone_of(call.arguments, zone))
        shown, *rest = call.arguments
        return Turn(self._value(shown), HOURS if call.function == "hour" else DAYS, zone_of(rest, zone))

    # Parts

    def _truth(self, node: Expression) -> Compiled:
        return self._noted(self._compiler.condition(node))

    def _value(self, node: Expression) -> Compiled:
        return self._noted(self._compiler.value(node))

    def _noted(self, compiled: Compiled) -> Compiled:
        self.reads |= compiled.reads
        return compiled
