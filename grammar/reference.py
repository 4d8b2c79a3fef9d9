"""What each word of the language is for, in one line: for editors, and for the language's own page.

One table for each kind of word; a test holds that they are complete. `N` stands for the number of an event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from grammar.kinds import ANY, Type
from grammar.names import (
    EVENT_VARIABLES,
    FUNCTIONS,
    INSTANT_VARIABLES,
    RUN_VARIABLES,
    STANDARD_VARIABLES,
    TRACK_EVENT_VARIABLES,
    Writer,
    event_variable,
)

_KIND_NAMES = {
    Type.BOOL: "bool",
    Type.INT: "int",
    Type.FLOAT: "float",
    Type.TEXT: "text",
    Type.DATETIME: "datetime",
    Type.DURATION: "duration",
    Type.LIST: "list",
}


def shown_type(type_: Type) -> str:
    """A type as authors know it: `datetime?` is a moment or null; json may be null anyway."""
    if type_ == ANY:
        return "any value"
    if Type.JSON in type_:
        return "json"
    kinds = [name for kind, name in _KIND_NAMES.items() if kind in type_]
    if not kinds:
        return "null"
    null = "?" if Type.NULL in type_ else ""
    return f"{' or '.join(kinds)}{null}" if len(kinds) == 1 or not null else f"({' or '.join(kinds)})?"


# Variables ----------------------------------------------------------------------------------------------------------

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "event_count_N": "How often the event happened; 0 if never.",
        "event_first_time_N": "When the event first happened, whatever the order of arrival; null if never.",
        "event_last_time_N": "When the event last happened, whatever the order of arrival; null if never.",
        "event_last_data_N": "The data of the latest event; null if never.",
        "track_event_seq": "The number of the event that started this run.",
        "track_event_name": "The name of the event that started this run.",
        "track_event_uuid": "The UUID of the event that started this run.",
        "track_event_count": "How often the event that started this run had happened by then.",
        "track_event_data": "The data of the event that started this run.",
        "track_event_time": "When the event that started this run happened.",
        "run_time": "When this run started.",
        "step_time": "When the present wait began; null outside a wait.",
        "now": "The instant of this evaluation.",
        "visitor_id": "The visitor's id.",
        "user_fullname": "The visitor's full name.",
        "user_email": "The visitor's e-mail address; where e-mails go unless `to` says otherwise.",
        "user_mobile": "The visitor's mobile number.",
        "user_language": "The visitor's language.",
        "user_country": "The visitor's country.",
        "user_city": "The visitor's city.",
        "customer_user_type": "What kind of customer the visitor is; `convert` sets it.",
        "ent_user_id": "The visitor's id in your own system; null while anonymous.",
        "browser_name": "The name of the visitor's browser.",
        "browser_language": "The language that the visitor's browser asks for.",
        "os_name": "The visitor's operating system.",
        "device_type": "The kind of device that the visitor uses.",
        "user_channel": "The channel by which the visitor came.",
        "page_url": "The address of the page last visited.",
        "page_title": "The title of the page last visited.",
        "landing_page": "The page on which the visit began.",
        "referrer": "The page from which the visitor came.",
        "user_web_sessions": "How many sessions the visitor has had on the site.",
        "ent_user_createtime": "When the visitor's account was made in your own system.",
        "first_seen_time": "The earliest moment at which the visitor was seen.",
        "last_seen_time": "The latest moment at which the visitor was seen.",
        "is_anonymous_user": "Whether the visitor has no `ent_user_id`.",
        "is_online": "Whether the visitor was seen within the last 2 minutes.",
    }
)
"""A line for each variable; the four of an event under their names with `N`."""

_TYPES: Mapping[str, Type] = MappingProxyType(
    {
        **{f"{family}_N": type_ for family, type_ in EVENT_VARIABLES.items()},
        **TRACK_EVENT_VARIABLES,
        **RUN_VARIABLES,
        **INSTANT_VARIABLES,
        **{name: variable.type for name, variable in STANDARD_VARIABLES.items()},
    }
)


def entry_of(variable: str) -> str:
    """Under which name `VARIABLES` has a variable: `event_count_3` is `event_count_N`."""
    event = event_variable(variable)
    return variable if event is None else f"{event[0]}_N"


def variable_type(variable: str) -> Type | None:
    """The type of a variable that the language has of itself; None if it has none of that name."""
    return _TYPES.get(entry_of(variable))


# Functions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """`parameters` as an author reads them, those that may be left out in square brackets."""

    name: str
    parameters: str
    doc: str

    @property
    def signature(self) -> str:
        return f"{self.name}({self.parameters}) -> {shown_type(FUNCTIONS[self.name].result)}"


_ZONE = "A zone left out is the app's."

FUNCTION_REFERENCES: Mapping[str, FunctionReference] = MappingProxyType(
    {
        name: FunctionReference(name, parameters, doc)
        for name, parameters, doc in (
            ("len", "x", "The length of a text in characters, or of a list or a json object in members."),
            ("abs", "x", "A number or duration without its sign."),
            ("min", "a, b, …", "The least of several values, or of the members of one list."),
            ("max", "a, b, …", "The greatest of several values, or of the members of one list."),
            ("round", "x[, n]", "A number rounded, to n digits if given; a half goes to the even neighbour."),
            ("int", "x", "A value as a whole number; null if it is none."),
            ("float", "x", "A value as a number with a fraction; null if it is none."),
            ("text", "x", "A value as a message would print it; null of null."),
            ("lower", "text", "A text in small letters."),
            ("upper", "text", "A text in capital letters."),
            ("strip", "text", "A text without white space at its ends."),
            ("startswith", "text, prefix", "Whether a text begins with another."),
            ("endswith", "text, suffix", "Whether a text ends with another."),
            ("matches", 'text, "PATTERN"', "Whether a pattern (RE2) is found anywhere in a text."),
            ("date", 'x[, "ZONE"]', f"The first instant of that day. {_ZONE}"),
            ("today", '["ZONE"]', f"The first instant of the present day. {_ZONE}"),
            ("datetime", 'x[, "ZONE"]', "A moment from an ISO text or from unix seconds. " + _ZONE),
            ("hour", 't[, "ZONE"]', f"The hour of a moment, 0 to 23. {_ZONE}"),
            ("weekday", 't[, "ZONE"]', f"The day of the week of a moment; 1 is Monday. {_ZONE}"),
            (
                "during",
                '"HH:MM-HH:MM"[, "mon-fri"][, "ZONE"]',
                f"Whether it is now within a window of the day, on these days. {_ZONE}",
            ),
            ("in_segment", '"NAME"', "Whether the visitor is in a segment."),
            ("format_time", 't, "FORMAT"[, "ZONE"]', f"A moment as a text, such as `%d %B %Y`. {_ZONE}"),
        )
    }
)

# Words --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """A word that begins a line or follows such a word: how it is written, and what it does."""

    form: str
    doc: str


def _words(*words: tuple[str, str, str]) -> Mapping[str, Word]:
    return MappingProxyType({name: Word(form, doc) for name, form, doc in words})


DECLARATIONS = _words(
    ("event", 'event SEQ NAME "UUID" ["description"]', "An event field: what pages report under this name and UUID."),
    ("field", 'field NAME TYPE ["description"]', "A custom field of the visitors; null until it is set."),
    ("segment", 'segment NAME ["title"]:', "A live set of visitors: all for whom the condition below it is true."),
    ("flow", 'flow NAME ["title"]:', "What to do, to whom and when: clauses first, then steps."),
)

CLAUSES = _words(
    ("on", "on TRIGGER, …", "What starts the flow."),
    ("when", "when CONDITION", "With `on`: tested each time. Without: the flow starts when it turns true."),
    ("limit", "limit once | limit N [per DURATION]", "How often one visitor may start the flow."),
    ("hours", 'hours "HH:MM-HH:MM" ["mon-fri"] ["ZONE"]', "Outside these hours messages wait."),
    ("exit", "exit when CONDITION", "Ends a run in progress at the instant the condition is true."),
    ("goal", "goal CONDITION within DURATION", "Counts one conversion if the condition turns true in time."),
)

STEPS = _words(
    ("send", "send web | email | webhook …", "Sends a message to the visitor, or a request to a server."),
    ("set", "set NAME = VALUE", "Writes a custom field or a variable that may be written."),
    ("convert", 'convert "TYPE"', "Sets `customer_user_type`."),
    ("wait", "wait DURATION | wait until CONDITION for DURATION", "Waits, or waits for a condition."),
    ("if", "if CONDITION:", "Takes the steps below if the condition is true."),
    ("split", "split:", "Divides the visitors by percents; the same visitor always gets the same arm."),
    ("stop", "stop", "Ends the run."),
)

BRANCHES = _words(
    ("elif", "elif CONDITION:", "Takes the steps below if no condition above was true and this one is."),
    ("else", "else:", "Takes the steps below if no condition above was true."),
    ("timeout", "timeout:", "Takes the steps below if the condition of the wait was not true in time."),
)

CHANNELS = _words(
    ("web", 'send web "TEXT" | send web:', "A message on the visitor's page."),
    ("email", "send email:", "An e-mail, with `subject` and `text` below it."),
    ("webhook", 'send webhook "URL" [with NAME, …]', "A signed request to a server, with the named variables."),
)

WEB_PARTS = _words(
    ("text", 'text "TEXT"', "What the message says."),
    ("button", 'button "LABEL" link "URL"', "A button below the message, and where it leads."),
    ("sender", 'sender "NAME"', "From whom the message comes."),
)

EMAIL_PARTS = _words(
    ("subject", 'subject "TEXT"', "The subject of the e-mail."),
    ("text", 'text "TEXT"', "The e-mail as plain text."),
    ("html", 'html "TEXT"', "The e-mail as HTML; values in it are escaped."),
    ("to", "to VALUE", "The address; `user_email` if left out. Null: it is not sent."),
)

TRIGGERS = _words(
    ("any", "on any event", "Each event, whichever it is."),
    ("event", "on event SEQ", "The event declared under this number."),
    ("visit", "on visit", "Each page that the visitor opens."),
    ("identify", "on identify", "The visitor gets an `ent_user_id` that it did not have."),
    ("enter", "on enter SEGMENT", "The visitor comes into a segment."),
    ("leave", "on leave SEGMENT", "The visitor falls out of a segment."),
    ("change", "on change FIELD", "The value of a field or variable changes."),
)

FIELD_TYPES = MappingProxyType(
    {
        "text": "Any text.",
        "int": "A whole number, within ±(2^53 − 1).",
        "float": "A number.",
        "bool": "True or False.",
        "datetime": "A moment.",
    }
)

SEGMENTS: Mapping[str, str] = MappingProxyType(
    {"online": "is_online", "new": "first_seen_time >= today()", "active": "now - last_seen_time < 30d"}
)
"""The predeclared segments and their conditions."""


def event_sentence(seq: int, name: str) -> str:
    """Whose an event variable is."""
    return f"Event {seq}, `{name}`."


def writers_sentence(variable: str) -> str | None:
    """Whether `set` may write a standard variable; None for what is none."""
    standard = STANDARD_VARIABLES.get(variable)
    if standard is None:
        return None
    return "`set` can write it." if Writer.FLOW in standard.writers else "`set` cannot write it."


FIELD_SENTENCE = "A custom field; null until it is set."
PREDECLARED_SENTENCE = "A segment that the language declares of itself."


def variables_of_event(seq: int) -> str:
    """Which variables an event has."""
    return "Its variables are " + ", ".join(f"`{family}_{seq}`" for family in EVENT_VARIABLES) + "."
