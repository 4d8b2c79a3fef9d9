"""The variable provider: gives a function the values of the names that it reads."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from variables.catalogue import Variable
from variables.profile import Fields, Profile
from variables.values import Value

_NOTHING: Mapping[str, Value] = MappingProxyType({})


class Values(dict[str, Value]):
    """A visitor's values by name, each read out of the profile when it is first asked for.

    `own`: values that are no visitor's: of a run, or of the event at hand.
    """

    __slots__ = ("_profile", "_variables")

    def __init__(
        self, profile: Profile, variables: Mapping[str, Variable], own: Mapping[str, Value] = _NOTHING
    ) -> None:
        self.update(own)
        self._profile, self._variables = profile, variables

    def __missing__(self, name: str) -> Value:
        if name == "visitor_id":
            return self._profile.visitor
        value = self[name] = self._variables[name].read(self._profile.fields)
        return value


Reader = Callable[[Fields], Sequence[Value]]


def reader_of(variables: Sequence[Variable]) -> Reader:
    """What reads all of these out of a profile's fields, in their order: cheaper than to look for each by its name."""
    parts = [(variable.key, variable.reader, variable.default) for variable in variables]

    def read(fields: Fields) -> Sequence[Value]:
        get = fields.get
        return [default if (raw := get(key)) is None else reader(raw) for key, reader, default in parts]

    return read
