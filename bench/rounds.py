"""Timing contenders in turns, so that whatever else the machine does falls on all of them alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from timeit import Timer
from typing import Any

SLOT = 0.005
"""Seconds that one contender runs for in one round."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A Python expression over some names. As text, so that no wrapper's call is measured with it."""

    name: str
    code: str
    names: dict[str, Any] = field(repr=False)

    def answer(self) -> object:
        return eval(self.code, self.names)  # noqa: S307 (our own text)

    def timer(self) -> Timer:
        return Timer(self.code, globals=self.names)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds per evaluation of each contender, round by round."""

    by_name: dict[str, list[float]]

    def median(self, name: str) -> float:
        return median(self.by_name[name])

    def ratio(self, name: str, other: str) -> float:
        """The median, over the rounds, of how many times `other`'s time `name` takes in the same round."""
        pairs = zip(self.by_name[name], self.by_name[other], strict=True)
        return median(mine / others for mine, others in pairs)


def in_turns(contenders: Sequence[Contender], rounds: int) -> Times:
    """Times the contenders A B C … C B A …, each for about `SLOT` in every round."""
    timers = {contender.name: contender.timer() for contender in contenders}
    numbers = {name: _evaluations(timer) for name, timer in timers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    order = list(timers)
    for _ in range(rounds):
        for name in order:
            seconds[name].append(timers[name].timeit(numbers[name]) / numbers[name])
        order.reverse()
    return Times(seconds)


def _evaluations(timer: Timer) -> int:
    """How many evaluations fill a slot."""
    number = 1
    while (took := timer.timeit(number)) < SLOT / 5:
        number *= 2
    return max(1, round(number * SLOT / took))
