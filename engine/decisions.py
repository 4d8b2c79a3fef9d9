"""What the engine decided about a visitor, and why: the lines of a trace."""

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    STARTED = "started"
    LIMIT = "refused: the limit is reached"
    IN_PROGRESS = "refused: a run of it is in progress"
    EXIT = "refused: its exit holds already"
    EXITED = "ended: its exit came true"
    STOPPED = "ended: the flow was stopped"
    NO_ADDRESS = "not sent: there is no address"
    CONVERTED = "its goal was reached"
    DROPPED = "dropped: flows have started each other 16 times at one instant"


class Decision(NamedTuple):
    """Something that came of a flow; `detail` says more where there is more to say."""

    flow: str
    outcome: Outcome
    detail: str = ""
