"""Watched conditions: whether one holds, and until when (LANGUAGE.md section 5, "Time must be exact").

While nothing happens to a visitor, only time can change an answer. `Watched.look` gives with each answer the first
instant at which it may be another, so that one timer for that instant is all that is needed, and nobody polls. An
instant that comes too early does no harm: whoever looks then finds the same answer, and the next instant. One that came
too late would.

A condition is taken apart along its `and`, `or`, `not` and `if`, down to parts of the courses that the checker names
(`grammar/checker/exact_time.py`). While one part of an `and` is false, the others may turn as they like: so a visitor
who never clicked needs no timer for a condition on the days since the last click.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler, Environment
from engine.generate import window_of, zone_of
from engine.turns import DAYS, HOURS, bounds_of, next_turn
from grammar.checker.exact_time import Course, Courses, courses
from grammar.nodes import Binary, Boolean, Call, Comparison, Conditional, Constant, Expression, Link, Name, Unary
from grammar.walk import walk
from variables.values import MILLISECOND, Value, moment

NEVER = 2**62
"""The instant that does not come, in milliseconds."""
_HORIZON = 221_845_392_000_000
"""The year 9000: what turns later is not waited for. Short of the calendar's end, so that lengths can be added."""
_STEPS = 40
"""Turns of the clock that are looked at for another answer; then the condition is looked at anew."""

Look = Callable[[Environment, int], tuple[bool, int]]
"""From the values of the names that are read, and an instant: the answer, and the first instant after it at which time
alone may change it."""


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
            return _settled(self._truth(node))
        self.timed = True
        if course is Course.STEPPED:
            return _stepped(self._truth(node), self._turns(node))
        match node:
            case Name():
                return self.condition(self._compiler.derived[node.id])
            case Call(arguments=(Constant(value=str(segment)),)):
                return self.condition(self._compiler.segments[segment])
            case Unary():
                return _not(self._look(node.operand, known))
            case Boolean():
                settled, others = self._parted(node, known)
                return (_all if node.operator == "and" else _any)([*settled, *others])
            case Conditional():
                parts = (node.condition, node.then, node.otherwise)
                return _choice(*(self._look(part, known) for part in parts))
            case Comparison():
                return self._chain(node, known)
        raise AssertionError(f"{node}: the checker lets no such condition be watched")

    def _parted(self, node: Boolean, known: Courses) -> tuple[list[Look], list[Look]]:
        """The operands: first those that time does not change, as one look, since they may settle the matter."""
        free = tuple(operand for operand in node.operands if known.of(operand) is Course.FREE)
        others = [self._look(operand, known) for operand in node.operands if known.of(operand) is not Course.FREE]
        if not free:
            return [], others
        joined = free[0] if len(free) == 1 else Boolean(node.span, node.operator, free)
        return [_settled(self._truth(joined))], others

    # Comparisons

    def _chain(self, node: Comparison, known: Courses) -> Look:
        left, looks = node.first, []
        for link in node.links:
            comparison = Comparison(node.span, left, (link,))
            course = max(known.of(left), known.of(link.right))
            if course is Course.LINEAR:
                looks.append(self._line(comparison, link))
            elif course is Course.STEPPED:
                looks.append(_stepped(self._truth(comparison), self._turns(comparison)))
            else:
                looks.append(_settled(self._truth(comparison)))
            left = link.right
        return looks[0] if len(looks) == 1 else _all(looks)

    def _line(self, node: Comparison, link: Link) -> Look:
        """Two sides of which one moves with `now`."""
        turns = self._turns(node)
        if link.operator in ("is", "is not"):
            return _stepped(self._truth(node), turns)
        gap = self._value(Binary(node.span, "-", node.first, link.right))
        if link.operator not in ("==", "!="):
            truth = self._truth(node)
            return _crossing(truth, [truth], gap, turns)
        links = (Link(link.span, "<", link.right), Link(link.span, ">", link.right))
        orders = [self._truth(Comparison(node.span, node.first, (each,))) for each in links]
        return _crossing(self._truth(node), orders, gap, turns)

    # Readings of the clock

    def _turns(self, node: Expression) -> "list[_Turn]":
        """When the readings of the clock in an expression turn."""
        return [self._turn(part) for part in walk(node) if isinstance(part, Call) and self._reads_the_clock(part)]

    def _reads_the_clock(self, call: Call) -> bool:
        if call.function in ("today", "during"):
            return True
        if call.function not in ("hour", "weekday", "date"):
            return False
        return any(isinstance(part, Name) and part.id == "now" for part in walk(call.arguments[0]))

    def _turn(self, call: Call) -> "_Turn":
        zone = self._compiler.zone
        match call.function:
            case "during":
                window, zone = window_of(call, zone)
                return _Turn(None, bounds_of(window), zone)
            case "today":
                return _Turn(None, DAYS, zone_of(call.arguments, zone))
        shown, *rest = call.arguments
        return _Turn(self._value(shown), HOURS if call.function == "hour" else DAYS, zone_of(rest, zone))

    # Parts

    def _truth(self, node: Expression) -> Compiled:
        return self._noted(self._compiler.condition(node))

    def _value(self, node: Expression) -> Compiled:
        return self._noted(self._compiler.value(node))

    def _noted(self, compiled: Compiled) -> Compiled:
        self.reads |= compiled.reads
        return compiled


# Looks ----------------------------------------------------------------------------------------------------------------


def _settled(truth: Compiled) -> Look:
    """What time does not change."""
    evaluate = truth.evaluate
    return lambda environment, now: (bool(evaluate(environment, moment(now))), NEVER)


def _not(inner: Look) -> Look:
    def look(environment: Environment, now: int) -> tuple[bool, int]:
        truth, until = inner(environment, now)
        return not truth, until

    return look


def _all(looks: Sequence[Look]) -> Look:
    return _joined(looks, decisive=False)


def _any(looks: Sequence[Look]) -> Look:
    return _joined(looks, decisive=True)


def _joined(looks: Sequence[Look], decisive: bool) -> Look:
    """An answer that is `decisive` while one of them is: until the last of those turns. Else, until the first turns."""

    def look(environment: Environment, now: int) -> tuple[bool, int]:
        decided, undecided = -1, NEVER
        for one in looks:
            truth, until = one(environment, now)
            if truth is decisive:
                if until >= NEVER:
                    return decisive, NEVER
                decided = max(decided, until)
            else:
                undecided = min(undecided, until)
        return (decisive, decided) if decided >= 0 else (not decisive, undecided)

    return look


def _choice(condition: Look, then: Look, otherwise: Look) -> Look:
    def look(environment: Environment, now: int) -> tuple[bool, int]:
        chosen, turned = condition(environment, now)
        truth, until = (then if chosen else otherwise)(environment, now)
        return truth, min(turned, until)

    return look


@dataclass(frozen=True, slots=True)
class _Turn:
    """A reading of the clock: when it turns. `shown`: the moment that is read, if it is not `now` itself."""

    shown: Compiled | None
    bounds: tuple[int, ...]
    zone: ZoneInfo

    def after(self, environment: Environment, now: int) -> int:
        """The first instant after `now` at which it may show something else."""
        instant = moment(now)
        shown = instant if self.shown is None else self.shown.evaluate(environment, instant)
        turn = next_turn(shown, self.bounds, self.zone) if isinstance(shown, datetime) else None
        return NEVER if turn is None else now - (shown - turn) // MILLISECOND


def _next_turn(turns: Sequence[_Turn], environment: Environment, now: int) -> int:
    return min((turn.after(environment, now) for turn in turns), default=NEVER)


def _stepped(truth: Compiled, turns: Sequence[_Turn]) -> Look:
    """What changes only where a reading of the clock turns: looks at the next turns, until one has another answer."""
    evaluate = truth.evaluate

    def look(environment: Environment, now: int) -> tuple[bool, int]:
        answer, at = bool(evaluate(environment, moment(now))), now
        for _ in range(_STEPS):
            at = _next_turn(turns, environment, at)
            if at >= _HORIZON:
                return answer, NEVER
            if bool(evaluate(environment, moment(at))) is not answer:
                break
        return answer, at

    return look


def _crossing(truth: Compiled, orders: Sequence[Compiled], gap: Compiled, turns: Sequence[_Turn]) -> Look:
    """A comparison of two sides that move evenly between the turns of the clock, so that each order turns once there.

    `orders`: what has to be watched of the sides' order; `gap`: how far they are apart.
    """

    def look(environment: Environment, now: int) -> tuple[bool, int]:
        is_true = _in_time(truth, environment)
        watched_orders = [is_true if order is truth else _in_time(order, environment) for order in orders]
        apart = _in_time(gap, environment)
        answer, at = bool(is_true(now)), now
        for _ in range(_STEPS):
            turn = min(_next_turn(turns, environment, at), _HORIZON)
            guess = _meeting(apart, at)
            met = min(_turned(order, guess, at, turn) for order in watched_orders)
            if met < turn:
                return answer, met
            if turn == _HORIZON:
                return answer, NEVER
            at = turn
            if bool(is_true(at)) is not answer:
                break
        return answer, at

    return look


def _in_time(compiled: Compiled, environment: Environment) -> Callable[[int], Value]:
    """A function of the instant alone: what it reads beside that is read once."""
    run, values = compiled.run, [environment[name] for name in compiled.order]
    return lambda at: run(values, moment(at))


def _turned(order: Callable[[int], Value], guess: int, now: int, end: int) -> int:
    """The first instant after `now` and before `end` at which an order is another; `end` if there is none.

    Nearly always it is where the sides are guessed to meet, or just after it.
    """
    answer, low, high = bool(order(now)), now, end
    for instant in (guess + 1, guess, guess - 1):
        if low < instant < high:
            if bool(order(instant)) is answer:
                low = instant
            else:
                high = instant
    if high == end:
        if end - 1 <= low or bool(order(end - 1)) is answer:
            return end
        high = end - 1
    while high - low > 1:
        middle = (low + high) // 2
        if bool(order(middle)) is answer:
            low = middle
        else:
            high = middle
    return high


def _meeting(gap: Callable[[int], Value], now: int) -> int:
    """About when the gap between two sides is closed, if it goes on closing as it does now."""
    here, later = _number(gap(now)), _number(gap(now + _APART))
    if here is None or later is None or here == later:
        return now
    return round(min(max(here / (here - later), -1e6), 1e6) * _APART) + now


_APART = 86_400_000
"""Milliseconds between the two instants that a gap's slope is taken from."""


def _number(value: Value) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
