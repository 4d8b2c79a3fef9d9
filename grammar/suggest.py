"""Finds the name that an author most likely meant."""

import unicodedata
from collections.abc import Iterable

_LOOK_ALIKE = str.maketrans(
    "авеікмнорстухѕјԁԛԝһӏγαβεικνορτυχ",
    "abeikmhopctyxsjdqwhlyabeikvoptux",
)
"""Cyrillic and Greek small letters that look like Latin ones (from Unicode's confusables, the common ones)."""


class Suggestions:
    """Answers "did you mean"; the costly comparison is done for the first few hundred names only.

    A file of a megabyte may hold a hundred thousand unknown names, and must still be checked in seconds.
    """

    def __init__(self, budget: int = 300) -> None:
        self._budget = budget

    def nearest(self, name: str, known: Iterable[str]) -> str | None:
        """The known name that `name` most resembles (of equals the first by alphabet), or None if none is near."""
        if self._budget <= 0 or len(name) > 80:
            return None
        self._budget -= 1
        skeleton = _skeleton(name)
        best, least = None, max(1, min(4, (len(skeleton) + 1) // 4))
        for candidate in known:
            if candidate == name:
                continue
            distance = _distance(skeleton, _skeleton(candidate), least)
            if distance < least or (distance == least and (best is None or candidate < best)):
                best, least = candidate, distance
        return best if best is None or least < len(skeleton) else None


def _skeleton(name: str) -> str:
    """The same for names that differ only in letter case or in the script of letters that look alike."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_LOOK_ALIKE)


def _distance(left: str, right: str, most: int) -> int:
    """How many letters are left out, added, changed or swapped (optimal string alignment); above `most` any number."""
    if abs(len(left) - len(right)) > most or len(set(left) ^ set(right)) > 2 * most:
        return most + 1
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for row, char in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            cost = min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (char != other))
            if row > 1 and column > 1 and char == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) > most:
            return most + 1
        before, previous = previous, current
    return previous[-1]
