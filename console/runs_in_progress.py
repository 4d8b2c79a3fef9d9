"""Where the runs of an app's flows are, and how many reached their goal, as its shards count them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic_core import from_json

from engine.graph import Place


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """So many runs of one version of a flow that wait at one step (by its number in the flow, from 0).

    `place`: the step's line in that version's text, where it was looked for and found.
    """

    flow: str
    version: int
    step: int
    count: int
    place: Place | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """As the admin API gives it (docs/http.md)."""
        line = dict.fromkeys(("file", "line", "text")) if self.place is None else asdict(self.place)
        return {"flow": self.flow, "version": self.version, "step": self.step, "count": self.count, **line}


def waiting(shards: Iterable[Mapping[str, int]]) -> Sequence[Waiting]:
    """Out of the shards' counters (`engine.folding.run_count` names them), in order."""
    counts: Counter[tuple[str, int, int]] = Counter()
    for counters in shards:
        for name, count in counters.items():
            kind, *place = from_json(name)
            if kind == "run":
                counts[tuple(place)] += count
    return sorted(Waiting(*place, count) for place, count in counts.items() if count)


def conversions(shards: Iterable[Mapping[str, int]]) -> Sequence[tuple[str, str, int]]:
    """Each flow's conversions by the arms that the runs went through (`short/b`), in order."""
    counts: Counter[tuple[str, str]] = Counter()
    for counters in shards:
        for name, count in counters.items():
            kind, *rest = from_json(name)
            if kind == "goal":
                flow, *arms = rest
                counts[flow, "/".join(arms)] += count
    return sorted((flow, arms, count) for (flow, arms), count in counts.items())
