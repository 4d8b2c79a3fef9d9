"""The names that the language knows of itself: words, variables, functions (LANGUAGE.md sections 1, 3, 4, 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from types import MappingProxyType

from grammar.kinds import ANY, Type

CONSTANTS: Mapping[str, bool | None] = MappingProxyType(
    {
        **dict.fromkeys(("None", "null", "NULL"), None),
        **dict.fromkeys(("True", "true", "TRUE"), True),
        **dict.fromkeys(("False", "false", "FALSE"), False),
    }
)
"""The reserved words that are values."""

RESERVED_WORDS = frozenset({"if", "elif", "else", "and", "or", "not", "in", "is", "for", *CONSTANTS})

FIELD_TYPES: Mapping[str, Type] = MappingProxyType(
    {"text": Type.TEXT, "int": Type.INT, "float": Type.FLOAT, "bool": Type.BOOL, "datetime": Type.DATETIME}
)
"""The types that a custom field may be declared with. A field is null until it is set."""


# Words that begin lines ----------------------------------------------------------------------------------------------

DECLARATIONS = ("event", "field", "segment", "flow")
CLAUSES = ("on", "when", "limit", "hours", "exit", "goal")
STEPS = ("send", "if", "set", "convert", "wait", "split", "stop")
WEB_PARTS = ("text", "button", "sender")
EMAIL_PARTS = ("subject", "text", "html", "to")
MESSAGE_PARTS = tuple(dict.fromkeys((*WEB_PARTS, *EMAIL_PARTS)))


# Variables ----------------------------------------------------------------------------------------------------------


class Writer(Flag):
    """Who may write a variable directly: a page, a server (server-sent items), `set` in a flow."""

    NOBODY = 0
    PAGE = auto()
    SERVER = auto()
    FLOW = auto()


_ALL = Writer.PAGE | Writer.SERVER | Writer.FLOW


@dataclass(frozen=True, slots=True)
class Variable:
    """A standard variable. `by_visit`: a `visit` item carries it. `derived`: computed from others when read."""

    name: str
    type: Type
    writers: Writer = Writer.NOBODY
    by_visit: bool = False
    derived: bool = False


def _table(*variables: Variable) -> Mapping[str, Variable]:
    return MappingProxyType({variable.name: variable for variable in variables})


_TEXT = Type.TEXT | Type.NULL
_DATETIME = Type.DATETIME | Type.NULL

STANDARD_VARIABLES = _table(
    Variable("user_fullname", _TEXT, _ALL),
    Variable("user_email", _TEXT, _ALL),
    Variable("user_mobile", _TEXT, _ALL),
    Variable("user_language", _TEXT, _ALL, by_visit=True),
    Variable("user_country", _TEXT, _ALL, by_visit=True),
    Variable("user_city", _TEXT, _ALL, by_visit=True),
    Variable("customer_user_type", _TEXT, Writer.SERVER | Writer.FLOW),
    Variable("ent_user_id", _TEXT),
    Variable("browser_name", _TEXT, by_visit=True),
    Variable("browser_language", _TEXT, by_visit=True),
    Variable("os_name", _TEXT, by_visit=True),
    Variable("device_type", _TEXT, by_visit=True),
    Variable("user_channel", _TEXT, _ALL, by_visit=True),
    Variable("page_url", _TEXT, by_visit=True),
    Variable("page_title", _TEXT, by_visit=True),
    Variable("landing_page", _TEXT, by_visit=True),
    Variable("referrer", _TEXT, by_visit=True),
    Variable("user_web_sessions", Type.INT),
    Variable("ent_user_createtime", _DATETIME, _ALL),
    Variable("first_seen_time", _DATETIME),
    Variable("last_seen_time", _DATETIME),
    Variable("is_anonymous_user", Type.BOOL, derived=True),
    Variable("is_online", Type.BOOL, derived=True),
)

INSTANT_VARIABLES: Mapping[str, Type] = MappingProxyType({"now": Type.DATETIME, "visitor_id": Type.TEXT})
"""Known at every evaluation and written by nobody."""

EVENT_VARIABLES: Mapping[str, Type] = MappingProxyType(
    {
        "event_count": Type.INT,
        "event_first_time": _DATETIME,
        "event_last_time": _DATETIME,
        "event_last_data": Type.JSON,
    }
)
"""The families of variables that each declared event has: `event_count` stands for `event_count_N`."""

TRACK_EVENT_VARIABLES: Mapping[str, Type] = MappingProxyType(
    {
        "track_event_seq": Type.INT,
        "track_event_name": Type.TEXT,
        "track_event_uuid": Type.TEXT,
        "track_event_count": Type.INT,
        "track_event_data": Type.JSON,
        "track_event_time": Type.DATETIME,
    }
)
"""The event that started this run; only in a flow whose triggers are all events."""

RUN_VARIABLES: Mapping[str, Type] = MappingProxyType({"run_time": Type.DATETIME, "step_time": _DATETIME})
"""Only in a flow's `exit`, `goal` and steps."""

UNSUPPORTED_VARIABLE = "is_assigned_user"
"""The replaced product has it; Whenflow has no agents and says so."""

PREDECLARED_SEGMENTS = ("online", "new", "active")

_EVENT_VARIABLE = re.compile(rf"({'|'.join(EVENT_VARIABLES)})_(0|[1-9][0-9]{{0,17}})")


def event_variable(name: str) -> tuple[str, int] | None:
    """Family and SEQ of an event variable's name: `event_count_3` is ("event_count", 3)."""
    match = _EVENT_VARIABLE.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def is_taken(name: str) -> bool:
    """Whether a custom field may not be called so: the language knows the name already."""
    return (
        name in RESERVED_WORDS
        or name in FUNCTIONS
        or name in STANDARD_VARIABLES
        or name in INSTANT_VARIABLES
        or name in TRACK_EVENT_VARIABLES
        or name in RUN_VARIABLES
        or name == UNSUPPORTED_VARIABLE
        or event_variable(name) is not None
    )


# Functions ----------------------------------------------------------------------------------------------------------


class Sort(Enum):
    """What a parameter that takes only a literal wants in it."""

    PATTERN = auto()
    ZONE = auto()
    WINDOW = auto()
    DAYS = auto()
    DAYS_OR_ZONE = auto()
    FORMAT = auto()
    SEGMENT = auto()
    DIGITS = auto()


ROUND_DIGITS = range(-15, 16)


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments (`most` None: any number), which of them must be literals and of what sort.

    `result` holds every value that it can give; `grammar.types` narrows it by the arguments.
    """

    name: str
    least: int
    most: int | None
    result: Type
    literals: Mapping[int, Sort] = field(default_factory=dict)

    def sort(self, position: int, count: int) -> Sort | None:
        """What literal the argument at `position` of `count` must be. `during` may leave out the days alone."""
        sort = self.literals.get(position)
        return Sort.DAYS_OR_ZONE if sort is Sort.DAYS and count == position + 1 else sort


_MAYBE_INT = Type.INT | Type.NULL
_MAYBE_NUMBER = Type.INT | Type.FLOAT | Type.NULL

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        function.name: function
        for function in (
            Function("len", 1, 1, _MAYBE_INT),
            Function("abs", 1, 1, _MAYBE_NUMBER | Type.DURATION),
            Function("min", 1, None, ANY),
            Function("max", 1, None, ANY),
            Function("round", 1, 2, _MAYBE_NUMBER, {1: Sort.DIGITS}),
            Function("int", 1, 1, _MAYBE_INT),
            Function("float", 1, 1, Type.FLOAT | Type.NULL),
            Function("text", 1, 1, _TEXT),
            Function("lower", 1, 1, _TEXT),
            Function("upper", 1, 1, _TEXT),
            Function("strip", 1, 1, _TEXT),
            Function("startswith", 2, 2, Type.BOOL),
            Function("endswith", 2, 2, Type.BOOL),
            Function("matches", 2, 2, Type.BOOL, {1: Sort.PATTERN}),
            Function("date", 1, 2, _DATETIME, {1: Sort.ZONE}),
            Function("today", 0, 1, _DATETIME, {0: Sort.ZONE}),
            Function("datetime", 1, 2, _DATETIME, {1: Sort.ZONE}),
            Function("hour", 1, 2, _MAYBE_INT, {1: Sort.ZONE}),
            Function("weekday", 1, 2, _MAYBE_INT, {1: Sort.ZONE}),
            Function("during", 1, 3, Type.BOOL | Type.NULL, {0: Sort.WINDOW, 1: Sort.DAYS, 2: Sort.ZONE}),
            Function("in_segment", 1, 1, Type.BOOL, {0: Sort.SEGMENT}),
            Function("format_time", 2, 3, _TEXT, {1: Sort.FORMAT, 2: Sort.ZONE}),
        )
    }
)
