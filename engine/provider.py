"""The variable provider: gives a function the values of the names that it reads."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from variables.catalogue import Variable
from variables.profile import Profile
from variables.values import Value

_NOTHING: Mapping[str, Value] = MappingProxyType({})


class Values(dict[str, Value]):
    """A visitor's values by name, each read out of the profile when it is first asked for.

    `own`: values that are no visitor's: of a run, or of the event at hand. `at_once`: variables that will be asked for
    in any case, and are cheaper to read together.
    """

    __slots__ = ("_profile", "_variables")

    def __init__(
        self,
        profile: Profile,
        variables: Mapping[str, Variable],
        own: Mapping[str, Value] = _NOTHING,
        at_once: Iterable[Variable] = (),
    ) -> None:
        self.update(own)
        get = profile.fields.get
        for variable in at_once:
            raw = get(variable.key)
            self[variable.name] = variable.default if raw is None else variable.reader(raw)
        self._profile, self._variables = profile, variables

    def __missing__(self, name: str) -> Value:
        if name == "visitor_id":
            return self._profile.visitor
        value = self[name] = self._variables[name].read(self._profile.fields)
        return value
