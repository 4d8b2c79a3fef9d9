"""What a visitor has done in one flow, in whatever version: starts, for the limits, and conversions."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Tally:
    """How many starts in all, when the last ones were (milliseconds, rising), and how many conversions."""

    KEPT: ClassVar[int] = 100
    """As many times as a limit with `per` may allow."""

    starts: int = 0
    conversions: int = 0
    times: tuple[int, ...] = ()

    def started(self, now: int) -> "Tally":
        return Tally(self.starts + 1, self.conversions, (*self.times[-(self.KEPT - 1) :], now))

    def converted(self) -> "Tally":
        return Tally(self.starts, self.conversions + 1, self.times)

    def allows(self, count: int, per: int | None, now: int) -> bool:
        """Whether one more start keeps the limit; one exactly `per` milliseconds after the oldest counted one does."""
        if per is None:
            return self.starts < count
        return len(self.times) < count or now - self.times[-count] >= per

    def next_start(self, count: int, per: int | None) -> int | None:
        """When the limit lets the next start through (milliseconds; 0: at any time), None if never."""
        if per is None:
            return 0 if self.starts < count else None
        return 0 if len(self.times) < count else self.times[-count] + per

    def write(self) -> bytes:
        return b" ".join(b"%d" % number for number in (self.starts, self.conversions, *self.times))

    @classmethod
    def read(cls, raw: bytes) -> "Tally":
        starts, conversions, *times = map(int, raw.split())
        return cls(starts, conversions, tuple(times))


NOTHING = Tally()
