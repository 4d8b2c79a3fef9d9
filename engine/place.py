"""Where in the log an instant of a visitor's stands."""

from typing import NamedTuple

from variables.store import EntryId


class Place(NamedTuple):
    """An item, by its index in its entry from 1. An entry about programs has no items: there a meeting is the first; a
    timer stands before all entries of its instant.
    """

    entry: EntryId
    item: int = 0

    def __str__(self) -> str:
        """Texts of these sort as the instants follow each other."""
        return f"{self.entry.stamp:013}-{self.entry.sequence:06x}-{self.item:03x}"
