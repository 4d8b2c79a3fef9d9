"""Looks: functions that tell whether something holds, and until when. `engine/watch.py` puts a condition's together.

They ask code that was compiled from the condition, at instants that they choose.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Environment
from engine.turns import next_turn
from grammar.nodes import ComparisonOperator
from variables.values import EPOCH, MILLISECOND, Value, moment

NEVER = 2**62
"""The instant that does not come, in milliseconds."""
_HORIZON = 221_845_392_000_000
"""The year 9000: what turns later is not waited for. Short of the calendar's end, so that lengths can be added."""
_STEPS = 40
"""Turns of the clock that are looked at for another answer; then the condition is looked at anew."""

Look = Callable[[Environment, int], tuple[bool, int]]
"""From the values of the names that are read, and an instant: the answer, and the first instant after it at which time
alone may change it."""


def settled(truth: Compiled) -> Look:
    """What time does not change."""
    evaluate = truth.evaluate
    return lambda environment, now: (bool(evaluate(environment, moment(now))), NEVER)


def negated(inner: Look) -> Look:
    def look(environment: Environment, now: int) -> tuple[bool, int]:
        truth, until = inner(environment, now)
        return not truth, until

    return look


def all_of(looks: Sequence[Look]) -> Look:
    return _joined(looks, decisive=False)


def any_of(looks: Sequence[Look]) -> Look:
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


def choice(condition: Look, then: Look, otherwise: Look) -> Look:
    def look(environment: Environment, now: int) -> tuple[bool, int]:
        chosen, turned = condition(environment, now)
        truth, until = (then if chosen else otherwise)(environment, now)
        return truth, min(turned, until)

    return look


@dataclass(frozen=True, slots=True)
class Turn:
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


def _next_turn(turns: Sequence[Turn], environment: Environment, now: int) -> int:
    return min((turn.after(environment, now) for turn in turns), default=NEVER)


def stepped(truth: Compiled, turns: Sequence[Turn]) -> Look:
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


def passing(operator: ComparisonOperator, bound: Compiled, otherwise: Look) -> Look:
    """`now OP bound`, for one of the four orders; `otherwise` looks where the bound turns out to be no moment."""
    includes_bound, is_after = operator in (">=", "<"), operator in (">", ">=")
    evaluate = bound.evaluate

    def look(environment: Environment, now: int) -> tuple[bool, int]:
        meets = evaluate(environment, EPOCH)
        if not isinstance(meets, datetime):
            return otherwise(environment, now)
        since = meets - EPOCH
        turn = -(-since // MILLISECOND) if includes_bound else since // MILLISECOND + 1
        has_passed = now >= turn
        return has_passed is is_after, NEVER if has_passed or turn >= _HORIZON else turn

    return look


def crossing(truth: Compiled, orders: Sequence[Compiled], gap: Compiled, turns: Sequence[Turn]) -> Look:
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
