"""The catalogue: the event fields and the variables that an app's program declares, beside the standard ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Self

from grammar.names import STANDARD_VARIABLES, Writer
from grammar.nodes import Script
from grammar.types import Type
from variables.items import BadItem, Identify, SetFields, Visit
from variables.values import READERS, Kind, Misfit, Value, write

Fields = Visit | SetFields | Identify
"""What an item that writes fields says."""

KINDS: Mapping[Type, Kind] = {
    Type.TEXT: "text",
    Type.INT: "int",
    Type.FLOAT: "float",
    Type.BOOL: "bool",
    Type.DATETIME: "datetime",
    Type.JSON: "json",
}
"""How a variable of a type is stored."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One stored variable. `default` is its value where nothing is stored: 0 for counts, else null."""

    name: str
    kind: Kind
    default: Value = None
    writers: Writer = Writer.NOBODY
    by_visit: bool = False
    key: bytes = field(init=False)
    reader: Callable[[bytes], Value] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.name.encode())
        object.__setattr__(self, "reader", READERS[self.kind])

    def read(self, fields: Mapping[bytes, bytes]) -> Value:
        raw = fields.get(self.key)
        return self.default if raw is None else self.reader(raw)


@dataclass(frozen=True, slots=True)
class EventField:
    """A declared event, and the names of its variables in a profile."""

    seq: int
    name: str
    uuid: str
    description: str | None = None
    count: bytes = field(init=False)
    first_time: bytes = field(init=False)
    last_time: bytes = field(init=False)
    last_data: bytes = field(init=False)
    last_n: bytes = field(init=False)
    """Whenflow's own: the number of the latest event, which decides among events of one instant."""

    def __post_init__(self) -> None:
        for name in ("count", "first_time", "last_time", "last_data"):
            object.__setattr__(self, name, f"event_{name}_{self.seq}".encode())
        object.__setattr__(self, "last_n", f".n{self.seq}".encode())


def event_keys(seq: int) -> tuple[bytes, ...]:
    """All that a profile keeps of the event with this SEQ, whether it is declared now or was once."""
    event = EventField(seq, "", "")
    return event.count, event.first_time, event.last_time, event.last_data, event.last_n


@dataclass(frozen=True, slots=True)
class Catalogue:
    events: Mapping[str, EventField]
    """By name."""
    variables: Mapping[str, Variable]

    @classmethod
    def of(cls, script: Script) -> Self:
        """The catalogue of a checked program."""
        events = {e.name: EventField(e.seq, e.name, e.uuid, e.description) for e in script.events}
        custom = (Variable(f.name, f.type, None, Writer.PAGE | Writer.SERVER | Writer.FLOW) for f in script.fields)
        variables = [*_STANDARD, *custom, *(v for event in events.values() for v in _of_event(event))]
        return cls(events, {variable.name: variable for variable in variables})

    def with_open_visits(self) -> "Catalogue":
        """The same, but a visit may carry any standard variable: so that a flow test can set a visitor up."""
        opened = {v.name: replace(v, by_visit=True) for v in _STANDARD}
        return Catalogue(self.events, {**self.variables, **opened})

    def event(self, name: str, uuid: str) -> EventField:
        """The event field that carries this name and this UUID. Raises BadItem, which names the one that is wrong."""
        event = self.events.get(name)
        if event is None:
            raise BadItem("unknown_event", f'no event field has the name "{name}"{_nearest(name, self.events)}')
        if event.uuid != uuid:
            raise BadItem("unknown_event", f'the event field "{name}" has another UUID than "{uuid}"')
        return event

    def writes(self, content: Fields, *, from_server: bool) -> dict[bytes, bytes | None]:
        """What an item writes into a profile: bytes, or None for what it unsets. Raises BadItem."""
        who = Writer.SERVER if from_server else Writer.PAGE
        return dict(self._write(name, value, who, content) for name, value in content.values.items())

    def _write(self, name: str, value: Value, who: Writer, content: Fields) -> tuple[bytes, bytes | None]:
        variable = self.variables.get(name)
        if variable is None:
            raise BadItem("unknown_field", f'no field has the name "{name}"{_nearest(name, self.variables)}')
        carried = isinstance(content, Visit) and variable.by_visit
        names_the_user = isinstance(content, Identify) and name == "ent_user_id"
        if not (variable.writers & who or carried or names_the_user):
            only = ", only with the admin token" if variable.writers & Writer.SERVER else ""
            raise BadItem("not_writable", f"{name} cannot be written by this item{only}")
        try:
            return variable.key, write(value, variable.kind)
        except Misfit as misfit:
            raise BadItem("bad_value", f"{name} {misfit}") from None


def _default(type_: Type) -> Value:
    return None if Type.NULL in type_ else 0


def _nearest(name: str, names: Mapping[str, object]) -> str:
    close = get_close_matches(name, names, 1)
    return f'; did you mean "{close[0]}"?' if close else ""


_STANDARD = tuple(
    Variable(
        standard.name, KINDS[standard.type & ~Type.NULL], _default(standard.type), standard.writers, standard.by_visit
    )
    for standard in STANDARD_VARIABLES.values()
    if not standard.derived
)


def _of_event(event: EventField) -> tuple[Variable, ...]:
    return (
        Variable(f"event_count_{event.seq}", "int", 0),
        Variable(f"event_first_time_{event.seq}", "datetime"),
        Variable(f"event_last_time_{event.seq}", "datetime"),
        Variable(f"event_last_data_{event.seq}", "json"),
    )


EMPTY = Catalogue.of(Script(()))
"""Of an app that has no program yet: the standard variables alone."""
