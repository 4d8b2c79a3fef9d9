"""What the engine decided about a visitor, and why: the lines of a trace."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """What came of a flow or of one of its runs. The values are stored in traces: none of them changes its meaning."""

    STARTED = "started"
    LIMIT = "limit"
    """Refused: the limit is reached. `until`: when it lets the next start through, None if never."""
    IN_PROGRESS = "in progress"
    """Refused: the run `run` of it is in progress; it waits at `step`, until `until`."""
    EXIT = "exit"
    """Refused: its exit holds already."""
    DROPPED = "dropped"
    """Flows have started each other 16 times at one instant; `detail` names them."""

    SENT = "sent"
    """`detail`: the message's id."""
    NO_ADDRESS = "no address"
    """An e-mail was not sent."""
    HELD = "held"
    """A message has to wait for the flow's hours, which open at `until`."""
    BRANCHED = "branched"
    """`detail`: the number of the arm of an `if` whose condition held, from 0; nothing if none did."""
    DIVIDED = "divided"
    """`detail`: the arm of a split; nothing if it was none."""
    MISFIT = "misfit"
    """A `set` wrote nothing; `detail`: what the field needs."""
    WAITS = "waits"
    """A wait began, which ends at `until` by itself."""
    WENT_ON = "went on"
    """A wait of some length is over, or the hours have opened."""
    REACHED = "reached"
    """What a run waited for is true."""
    TIMED_OUT = "timed out"
    """What a run waited for did not come true in time."""
    CONVERTED = "converted"
    """The goal was reached."""
    EXITED = "exited"
    """Ended: the exit came true."""
    STOPPED = "stopped"
    """Ended: the flow was stopped."""
    ENDED = "ended"
    """Ended: there are no more steps."""


REFUSALS = frozenset({Outcome.LIMIT, Outcome.IN_PROGRESS, Outcome.EXIT})


class Decision(NamedTuple):
    """Something that came of a flow.

    Of a run: `run` is its id, `version` the program's that it keeps to, `step` the number of the step at hand. `until`
    is an instant in milliseconds.
    """

    flow: str
    outcome: Outcome
    detail: str = ""
    run: str = ""
    version: int | None = None
    step: int | None = None
    until: int | None = None
