"""What an editor offers: the names of a program and of the language, with what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from grammar import reference
from grammar.names import (
    PREDECLARED_SEGMENTS,
    RESERVED_WORDS,
    STANDARD_VARIABLES,
    Writer,
    event_variable,
)
from grammar.nodes import Event, Script
from grammar.scope import PLACES, Place, Scope

_TRIGGER_WORDS = frozenset(reference.TRIGGERS)


class Kind(Enum):
    VARIABLE = auto()
    FUNCTION = auto()
    EVENT = auto()
    SEGMENT = auto()
    FIELD = auto()
    KEYWORD = auto()
    TYPE = auto()
    VALUE = auto()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that may be written: `detail` is short (a type, a signature), `doc` a sentence or two."""

    label: str
    kind: Kind
    detail: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """All that a program's author may name."""

    variables: Mapping[Place, Mapping[str, Item]]
    functions: tuple[Item, ...]
    events: tuple[Item, ...]
    event_texts: tuple[Item, ...]
    seqs: tuple[Item, ...]
    segments: tuple[Item, ...]

    @property
    def everywhere(self) -> Mapping[str, Item]:
        return self.variables[Place.EVENT | Place.RUN]

    def at(self, place: Place) -> Mapping[str, Item]:
        return self.variables[place]

    @property
    def stored(self) -> tuple[Item, ...]:
        """The variables that are kept for a visitor, and so can change."""
        return tuple(item for name, item in self.at(Place.ANYWHERE).items() if _is_stored(name))

    @property
    def writable(self) -> tuple[Item, ...]:
        """What `set` can write."""
        return tuple(item for item in self.stored if item.kind is Kind.FIELD or _is_writable(item.label))


def _is_stored(name: str) -> bool:
    standard = STANDARD_VARIABLES.get(name)
    return (
        not standard.derived if standard else reference.variable_type(name) is None or event_variable(name) is not None
    )


def _is_writable(name: str) -> bool:
    standard = STANDARD_VARIABLES.get(name)
    return standard is not None and Writer.FLOW in standard.writers


@lru_cache(maxsize=8)
def _known(declarations: "_Identity") -> Known:
    script = declarations.script
    events: dict[int, Event] = {}
    for event in script.events:
        events.setdefault(event.seq, event)
    return Known(
        variables={place: _variables(script, events, place) for place in PLACES},
        functions=tuple(
            Item(one.name, Kind.FUNCTION, one.signature, one.doc) for one in reference.FUNCTION_REFERENCES.values()
        ),
        events=tuple(_event_item(event, _as_trigger(event)) for event in events.values()),
        event_texts=tuple(_event_item(event, quoted(event.name)[1:-1]) for event in events.values()),
        seqs=tuple(_event_item(event, str(event.seq)) for event in events.values()),
        segments=_segments(script),
    )


class _Identity:
    """A script as a key: trees may be deep, and their hash would go all through them."""

    __slots__ = ("script",)

    def __init__(self, script: Script) -> None:
        self.script = script

    def __hash__(self) -> int:
        return id(self.script)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.script is other.script


def known(script: Script) -> Known:
    """What may be named in a program; computed once for a program."""
    return _known(_Identity(script))


def _variables(script: Script, events: Mapping[int, Event], place: Place) -> Mapping[str, Item]:
    descriptions = {declared.name: declared.description for declared in script.fields}
    return {
        name: _variable(name, reference.shown_type(type_), events, descriptions)
        for name, type_ in Scope.of(script, place).types.items()
    }


def _variable(name: str, type_: str, events: Mapping[int, Event], fields: Mapping[str, str | None]) -> Item:
    event = event_variable(name)
    doc = reference.VARIABLES.get(reference.entry_of(name))
    if doc is None:
        return Item(name, Kind.FIELD, type_, fields.get(name) or reference.FIELD_SENTENCE)
    if event is not None:
        doc = f"{reference.event_sentence(event[1], events[event[1]].name)} {doc}"
    return Item(name, Kind.VARIABLE, type_, doc)


def _segments(script: Script) -> tuple[Item, ...]:
    declared = {segment.name: segment.title or "" for segment in script.segments}
    titles = {**dict.fromkeys(PREDECLARED_SEGMENTS, reference.PREDECLARED_SENTENCE), **declared}
    return tuple(Item(name, Kind.SEGMENT, reference.SEGMENTS.get(name, ""), title) for name, title in titles.items())


def _event_item(event: Event, label: str) -> Item:
    return Item(label, Kind.EVENT, reference.event_sentence(event.seq, event.name), event.description or "")


def _as_trigger(event: Event) -> str:
    """How `on` names an event: `visit` and `identify` are the items there, and the other words need quotes."""
    name = event.name
    if name in ("visit", "identify"):
        return f"event {event.seq}"
    return quoted(name) if name in _TRIGGER_WORDS else written_name(event)


def written_name(event: Event) -> str:
    """How an event's name is declared: as a word, or as a text if it is none."""
    name = event.name
    return name if name.isidentifier() and name not in RESERVED_WORDS else quoted(name)


def quoted(text: str) -> str:
    """A text literal that means this text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def words(table: Mapping[str, reference.Word]) -> list[Item]:
    return [Item(name, Kind.KEYWORD, word.form, word.doc) for name, word in table.items()]


def keywords(*names: str) -> list[Item]:
    return [Item(name, Kind.KEYWORD) for name in names]
