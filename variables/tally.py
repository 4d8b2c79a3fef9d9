"""What a visitor has done in each flow, in whatever version: starts, for the limits, and conversions."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

KEPT = 100
"""Starts whose times are kept: as many as a limit with `per` may allow."""


class Tally(NamedTuple):
    """How many starts in all, when the last ones were (milliseconds, rising), and how many conversions."""

    starts: int = 0
    conversions: int = 0
    times: tuple[int, ...] = ()

    def started(self, now: int) -> "Tally":
        return Tally(self.starts + 1, self.conversions, (*self.times[-(KEPT - 1) :], now))

    def converted(self) -> "Tally":
        return Tally(self.starts, self.conversions + 1, self.times)

    def allows(self, count: int, per: int | None, now: int) -> bool:
        """Whether one more start keeps a limit of `count`, in all or in any `per` milliseconds."""
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
        """Raises ValueError for what is no tally."""
        starts, conversions, *times = map(int, raw.split())
        return cls(starts, conversions, tuple(times))


NOTHING = Tally()
_NONE_STORED: Mapping[bytes, bytes] = MappingProxyType({})
_NONE_NEW: Mapping[str, Tally] = MappingProxyType({})


class Tallies(Mapping[str, Tally]):
    """A visitor's tallies by flow: as they are stored, each read when it is asked for, and those that are `new` since.

    Immutable. Asking for one that is stored and is no tally raises ValueError.
    """

    __slots__ = ("_stored", "new")

    def __init__(self, stored: Mapping[bytes, bytes] = _NONE_STORED, new: Mapping[str, Tally] = _NONE_NEW) -> None:
        self._stored = stored
        self.new = new

    def having(self, flow: str, tally: Tally) -> "Tallies":
        """The same ones, but for one."""
        return Tallies(self._stored, {**self.new, flow: tally})

    def of(self, flow: str) -> Tally:
        """A flow's tally, whether or not the visitor has done anything in it."""
        if flow in self.new:
            return self.new[flow]
        raw = self._stored.get(flow.encode())
        return NOTHING if raw is None else Tally.read(raw)

    def starts(self, flow: str) -> int:
        """How many starts of a flow there were in all: of a tally that is stored, the first number."""
        if self.new and flow in self.new:
            return self.new[flow].starts
        raw = self._stored.get(flow.encode())
        return 0 if raw is None else int(raw[: raw.index(b" ")])

    def __getitem__(self, flow: str) -> Tally:
        return self.new[flow] if flow in self.new else Tally.read(self._stored[flow.encode()])

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(key.decode() for key in self._stored), **self.new})

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"Tallies({self._stored!r}, {self.new!r})"


NO_TALLIES = Tallies()
