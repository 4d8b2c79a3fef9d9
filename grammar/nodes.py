"""The syntax tree: frozen nodes with their spans. Two trees are equal when they mean the same; spans do not count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Literal as OneOf

from grammar.source import Span


@dataclass(frozen=True, slots=True)
class Node:
    span: Span = field(compare=False, repr=False)


# Expressions ----------------------------------------------------------------------------------------------------------

ConstantValue = None | bool | int | float | str | timedelta

UnaryOperator = OneOf["-", "not"]
BinaryOperator = OneOf["+", "-", "*", "/", "//", "%"]
BooleanOperator = OneOf["and", "or"]
ComparisonOperator = OneOf["<", "<=", ">", ">=", "==", "!=", "in", "not in", "is", "is not"]
MIRRORED: Mapping[ComparisonOperator, ComparisonOperator] = MappingProxyType(
    {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
)
"""`a < b` is `b > a`: the operators that say the same of sides that have changed places."""


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal; a duration is a timedelta. `1 == True` in Python, so the type takes part in equality."""

    value: ConstantValue
    kind: type = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", type(self.value))


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable; NFKC-normalised."""

    id: str


@dataclass(frozen=True, slots=True)
class ListDisplay(Node):
    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`value.name`: reads a key of a json object."""

    value: "Expression"
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`value[index]`: reads a key of a json object or an element of a list."""

    value: "Expression"
    index: "Expression"


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of LANGUAGE.md section 5. `name_span` is where its name stands."""

    function: str
    arguments: tuple["Expression", ...]
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: UnaryOperator
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: BinaryOperator
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    """`a and b and c` is one node with three operands."""

    operator: BooleanOperator
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Link(Node):
    """One link of a chain of comparisons: the operator and what stands to its right."""

    operator: ComparisonOperator
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`first op right [op right …]`; the right of `is` and `is not` is always the constant None."""

    first: "Expression"
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`then if condition else otherwise`."""

    condition: "Expression"
    then: "Expression"
    otherwise: "Expression"


Expression = Constant | Name | ListDisplay | Member | Index | Call | Unary | Binary | Boolean | Comparison | Conditional


@dataclass(frozen=True, slots=True)
class Template(Node):
    """A text with `{{ … }}`: the plain stretches and the expressions between them, in order; no empty stretches."""

    parts: tuple[str | Expression, ...]


# Declarations ---------------------------------------------------------------------------------------------------------

FieldType = OneOf["text", "int", "float", "bool", "datetime"]


@dataclass(frozen=True, slots=True)
class Event(Node):
    """An event field. `uuid` is lower case and trimmed."""

    seq: int
    name: str
    uuid: str
    description: str | None
    seq_span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)
    uuid_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field(Node):
    name: str
    type: FieldType
    description: str | None
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Segment(Node):
    name: str
    title: str | None
    condition: Expression
    name_span: Span = field(compare=False, repr=False)


# What starts a flow


@dataclass(frozen=True, slots=True)
class OnEvent(Node):
    """`on webclick`: the event declared under that name."""

    name: str


@dataclass(frozen=True, slots=True)
class OnEventSeq(Node):
    """`on event 3`: the event declared under that SEQ."""

    seq: int


@dataclass(frozen=True, slots=True)
class OnAnyEvent(Node):
    """`on any event`."""


@dataclass(frozen=True, slots=True)
class OnVisit(Node):
    """`on visit`: the item, never an event of that name."""


@dataclass(frozen=True, slots=True)
class OnIdentify(Node):
    """`on identify`: `ent_user_id` gets a value that it did not have."""


@dataclass(frozen=True, slots=True)
class OnEnter(Node):
    """`on enter SEGMENT`."""

    segment: str
    segment_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OnLeave(Node):
    """`on leave SEGMENT`."""

    segment: str
    segment_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class OnChange(Node):
    """`on change FIELD`: the value or its type differs after an item or a round. FIELD is any stored variable."""

    variable: str
    variable_span: Span = field(compare=False, repr=False)


Trigger = OnEvent | OnEventSeq | OnAnyEvent | OnVisit | OnIdentify | OnEnter | OnLeave | OnChange


# Clauses


@dataclass(frozen=True, slots=True)
class Limit(Node):
    """At most `count` starts for a visitor: in all, or in any window `per`. `limit once` is a count of 1 in all."""

    count: int
    per: timedelta | None


@dataclass(frozen=True, slots=True)
class Hours(Node):
    """When messages may go out, as written: the window "HH:MM-HH:MM", the days (None: all), the zone (None: the app's).

    Each is a Constant of a text, so that what is wrong with it can be shown where it stands.
    """

    window: Constant
    days: Constant | None
    zone: Constant | None


@dataclass(frozen=True, slots=True)
class Goal(Node):
    """`goal EXPR within DURATION`."""

    condition: Expression
    within: timedelta


# Steps


@dataclass(frozen=True, slots=True)
class Button(Node):
    label: Template
    link: Template


@dataclass(frozen=True, slots=True)
class SendWeb(Node):
    text: Template
    button: Button | None = None
    sender: Template | None = None


@dataclass(frozen=True, slots=True)
class SendEmail(Node):
    """`to` None: the default, `user_email`."""

    subject: Template
    text: Template
    html: Template | None = None
    to: Expression | None = None


@dataclass(frozen=True, slots=True)
class SendWebhook(Node):
    """A POST to a literal URL with the values of the variables named."""

    url: str
    variables: tuple[Name, ...]
    url_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arm(Node):
    """One `if` or `elif` with the steps below it."""

    condition: Expression
    steps: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class If(Node):
    arms: tuple[Arm, ...]
    otherwise: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Share(Node):
    """One arm of a `split`: its whole percents, its name, its steps."""

    percent: int
    name: str | None
    steps: tuple["Step", ...]
    percent_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Split(Node):
    """Divides the visitors by a hash; who falls in no arm goes on below."""

    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Wait(Node):
    """`wait DURATION`."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class WaitUntil(Node):
    """`wait until EXPR for DURATION`, the steps for when EXPR came true, and those for when it did not in time."""

    condition: Expression
    at_most: timedelta
    steps: tuple["Step", ...]
    timeout: tuple["Step", ...]


@dataclass(frozen=True, slots=True)
class Set(Node):
    """`set NAME = EXPR`; `convert "TYPE"` is the same with `customer_user_type` and a constant (see Convert)."""

    name: str
    value: Expression
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Convert(Node):
    """`convert "TYPE"`: sets `customer_user_type`."""

    type: str


@dataclass(frozen=True, slots=True)
class Stop(Node):
    pass


Send = SendWeb | SendEmail | SendWebhook
Step = SendWeb | SendEmail | SendWebhook | If | Split | Wait | WaitUntil | Set | Convert | Stop


@dataclass(frozen=True, slots=True)
class Flow(Node):
    """A flow without triggers is started by its `when`, at the instant that it turns true (edge-triggered)."""

    name: str
    title: str | None
    triggers: tuple[Trigger, ...]
    when: Expression | None
    limit: Limit | None
    hours: Hours | None
    exit: Expression | None
    goal: Goal | None
    steps: tuple[Step, ...]
    name_span: Span = field(compare=False, repr=False)
    broken: bool = field(default=False, compare=False, repr=False)
    """Whether a line of it that could not be read may have been its `on`. What that may have said is not missed."""

    @property
    def is_edge_triggered(self) -> bool:
        """Whether its `when` starts it, at the instant that it turns true."""
        return self.when is not None and not self.triggers and not self.broken

    @property
    def is_started_by_events(self) -> bool:
        """Whether all its triggers are events, so that each run has the one that started it."""
        return all(isinstance(one, OnEvent | OnEventSeq | OnAnyEvent) for one in self.triggers) and (
            bool(self.triggers) or self.broken
        )


Declaration = Event | Field | Segment | Flow


@dataclass(frozen=True, slots=True)
class Script:
    """All the declarations of one program, in the order of the files and of the lines in them."""

    declarations: tuple[Declaration, ...]
    broken: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Names and numbers that stand in declarations that could not be read. Nothing of these is called unknown."""

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Event))

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Field))

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Segment))

    @property
    def flows(self) -> tuple[Flow, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Flow))
