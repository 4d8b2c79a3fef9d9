"""The variable provider: gives a function the values of the names that it reads."""

from collections.abc import Mapping
from types import MappingProxyType

from variables.catalogue import Variable
from variables.profile import Profile
from variables.values import Value

_NOTHING: Mapping[str, Value] = MappingProxyType({})


class Values(dict[str, Value]):
    """A visitor's values by name, each read out of the profile when it is first asked for.

    `own`: values that are no visitor's: of a run, or of the event at hand.
    """

    __slots__ = ("_fields", "_variables")

    def __init__(
        self, profile: Profile, variables: Mapping[str, Variable], own: Mapping[str, Value] = _NOTHING
    ) -> None:
        super().__init__(own)
        self["visitor_id"] = profile.visitor
        self._fields, self._variables = profile.fields, variables

    def __missing__(self, name: str) -> Value:
        value = self[name] = self._variables[name].read(self._fields)
        return value
