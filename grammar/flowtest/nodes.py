"""The commands of a flow test (LANGUAGE.md section 8), with their places. What they name is looked up later."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from grammar.nodes import Declaration, Expression
from grammar.source import Span

Time = datetime | timedelta
"""A moment (in UTC), or how far it lies from the clock."""


@dataclass(frozen=True, slots=True)
class Word:
    """A name or a text, and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Json:
    """JSON as it is written, comments blanked; whether it can be read is looked at later."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Command:
    span: Span


# What happens ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Zone(Command):
    """`zone "UTC"`: the app's time zone."""

    name: Word


@dataclass(frozen=True, slots=True)
class Load(Command):
    """`load shop.flow`: a path relative to the flow test."""

    path: Word


@dataclass(frozen=True, slots=True)
class Declare(Command):
    """`flow:` and declarations below it. `broken`: names in declarations that could not be read."""

    declarations: tuple[Declaration, ...]
    broken: frozenset[str]


@dataclass(frozen=True, slots=True)
class At(Command):
    """`at TIME`: moves the clock."""

    time: Time
    time_span: Span


@dataclass(frozen=True, slots=True)
class Track(Command):
    """`track V EVENT [xN] [at TIME] [id "…"] [JSON]`."""

    visitor: Word
    event: Word
    times: int = 1
    time: Time | None = None
    id: Word | None = None
    data: Json | None = None


@dataclass(frozen=True, slots=True)
class Visit(Command):
    """`visit V [JSON]`."""

    visitor: Word
    values: Json | None = None


@dataclass(frozen=True, slots=True)
class SetField(Command):
    """`set V NAME = EXPR`, as a server would."""

    visitor: Word
    name: Word
    value: Expression


@dataclass(frozen=True, slots=True)
class Identify(Command):
    """`identify V as "USER" [JSON]`."""

    visitor: Word
    user: Word
    values: Json | None = None


@dataclass(frozen=True, slots=True)
class ChooseArm(Command):
    """`arm V FLOW "ARM"`: which arm of the flow's splits a visitor gets."""

    visitor: Word
    flow: Word
    arm: Word


# What is claimed ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expect(Command):
    """A claim about this instant."""


@dataclass(frozen=True, slots=True)
class ExpectMessage(Expect):
    """`expect message V FLOW [CHANNEL ["TEXT"]]`: the visitor's next message that nothing has claimed yet."""

    visitor: Word
    flow: Word
    channel: Word | None = None
    text: Word | None = None


@dataclass(frozen=True, slots=True)
class ExpectNoMessages(Expect):
    pass


@dataclass(frozen=True, slots=True)
class ExpectThat(Expect):
    """`expect V: EXPR`."""

    visitor: Word
    condition: Expression


@dataclass(frozen=True, slots=True)
class ExpectSegment(Expect):
    """`expect segment NAME: V, …`: exactly these visitors."""

    segment: Word
    visitors: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class ExpectRun(Expect):
    """`expect [no] run V FLOW`: whether a run is in progress."""

    visitor: Word
    flow: Word
    wanted: bool


@dataclass(frozen=True, slots=True)
class ExpectGoal(Expect):
    """`expect [no] goal V FLOW`: whether a conversion was counted."""

    visitor: Word
    flow: Word
    wanted: bool


@dataclass(frozen=True, slots=True)
class ExpectError(Expect):
    """`expect error CODE: EXPR`: the expression stays text, since what is wrong with it is the point."""

    code: Word
    expression: Span


@dataclass(frozen=True, slots=True)
class FlowTest:
    """The commands of a file that could be read, in order."""

    commands: tuple[Command, ...]
