"""From one view of a visitor to the next: before and after an item, a run's steps, or a stretch of time."""

from engine.program import Occurrence, Program
from engine.provider import Values
from variables.profile import Fields, Profile


class View:
    """A profile at an instant (milliseconds), with the values that were read of it so far."""

    __slots__ = ("_values", "at", "profile")

    def __init__(self, profile: Profile, at: int) -> None:
        self.profile = profile
        self.at = at
        self._values: Values | None = None

    def values(self, program: Program) -> Values:
        """Conditions read one variable again and again: of one view it is read once."""
        if self._values is None:
            self._values = Values(self.profile, program.catalogue.variables)
        return self._values


class Passage:
    """From one view of a visitor to the next: what an edge is the difference of."""

    __slots__ = ("_changed", "after", "before", "takes_time")

    def __init__(self, before: View, after: View) -> None:
        self.before = before
        self.after = after
        self.takes_time = before.at < after.at
        self._changed: frozenset[str] | None = None

    @property
    def is_birth(self) -> bool:
        """Before a visitor's first item no condition is true."""
        return not self.before.profile.fields

    @property
    def changed(self) -> frozenset[str]:
        """The variables whose values differ. Found when first asked for: most items concern nobody who would ask."""
        if self._changed is None:
            self._changed = names_changed(self.before.profile.fields, self.after.profile.fields)
        return self._changed


Round = tuple[Occurrence, Passage, int]
"""One round of an instant: what had happened, what the `when`s were tested on, and how long the trace was after it."""


def names_changed(before: Fields, after: Fields) -> frozenset[str]:
    """The variables whose values differ; names with a leading dot are Whenflow's own."""
    if before is after:
        return frozenset()
    earlier = before.get
    different = [key for key, raw in after.items() if earlier(key) != raw]
    different += before.keys() - after.keys()
    return frozenset([key.decode() for key in different if not key.startswith(b".")])
