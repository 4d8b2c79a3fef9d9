"""Which variables can be read at a place, and of what type each is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from types import MappingProxyType

from grammar.kinds import ANY, Type
from grammar.names import (
    EVENT_VARIABLES,
    FIELD_TYPES,
    INSTANT_VARIABLES,
    RUN_VARIABLES,
    STANDARD_VARIABLES,
    TRACK_EVENT_VARIABLES,
)
from grammar.nodes import Script


class Place(Flag):
    """Where an expression stands: what can be read there beyond the visitor's variables."""

    ANYWHERE = 0
    EVENT = auto()
    """In a flow whose triggers are all events: the `track_event_…` variables."""
    RUN = auto()
    """In the `exit`, the `goal` and the steps of a flow, their templates included: the run's own times."""


PLACES = tuple(Place(value) for value in range(4))


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables of a place, by name."""

    types: Mapping[str, Type]

    def type_of(self, name: str) -> Type:
        """A variable's type; of an unknown name, anything."""
        return self.types.get(name, ANY)

    @staticmethod
    def of(script: Script, place: Place = Place.ANYWHERE) -> "Scope":
        """What the declarations of a program make known at a place."""
        fields = {declared.name: FIELD_TYPES[declared.type] for declared in script.fields}
        return Scope.build((event.seq for event in script.events), fields, place)

    @staticmethod
    def build(seqs: Iterable[int], fields: Mapping[str, Type], place: Place = Place.ANYWHERE) -> "Scope":
        """A scope of events 1, 2, … and custom fields that no script need declare (as for `whenflow eval`)."""
        types = {name: variable.type for name, variable in STANDARD_VARIABLES.items()}
        types.update(INSTANT_VARIABLES)
        types.update({f"{family}_{seq}": type_ for seq in seqs for family, type_ in EVENT_VARIABLES.items()})
        types.update({name: type_ | Type.NULL for name, type_ in fields.items() if name not in types})
        if Place.EVENT in place:
            types.update(TRACK_EVENT_VARIABLES)
        if Place.RUN in place:
            types.update(RUN_VARIABLES)
        return Scope(MappingProxyType(types))
