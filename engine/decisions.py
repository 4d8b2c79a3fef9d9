"""What the engine decided about a visitor, and why: the lines of a trace."""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(slots=True)
class Decision:
    """Something that came of a flow; `detail` says more where there is more to say."""

    flow: str
    outcome: Outcome
    detail: str = ""
