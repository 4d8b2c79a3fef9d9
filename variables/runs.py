"""A run: one visitor's way through one version of one flow, as it is kept while it waits."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic_core import from_json, to_json

from variables.values import Value


@dataclass(slots=True)
class Run:
    """One run; it never changes. Instants are milliseconds. `id` names it for good; ids of one visitor sort by age.

    `at`: the step at which it waits; None: it has ended, and only its goal is still looked for.
    `since`: when its wait began, None where it only waits for its hours. `due`: when that wait ends by itself.
    `event`: what the flow reads of the event that started it, by name. `goal`: until when a conversion counts, None if
    the flow has no goal or it was reached. `arms`: those of its splits that it went through.
    """

    id: str
    flow: str
    version: int
    started: int
    at: int | None = 0
    since: int | None = None
    due: int | None = None
    event: Mapping[str, Value] | None = None
    goal: int | None = None
    arms: tuple[str, ...] = ()

    @property
    def in_progress(self) -> bool:
        return self.at is not None

    def waiting(self, at: int | None, since: int | None, due: int | None) -> "Run":
        """The same run, where and until when it waits now; `at` None: it has ended."""
        return Run(self.id, self.flow, self.version, self.started, at, since, due, self.event, self.goal, self.arms)

    def write(self) -> bytes:
        """Compact JSON; what is not there is left out. Moments of the event are milliseconds already."""
        kept = {name: value for name in _KEPT if (value := getattr(self, name)) not in (None, ())}
        return to_json(kept)

    @classmethod
    def read(cls, id: str, raw: bytes) -> "Run":
        """Raises ValueError for what is no run."""
        kept = from_json(raw)
        if not isinstance(kept, dict) or not {"flow", "version", "started"} <= kept.keys() <= set(_KEPT):
            raise ValueError(f"{id} is no run")
        kept.setdefault("at", None)
        kept["arms"] = tuple(kept.get("arms", ()))
        if not isinstance(kept["flow"], str) or not isinstance(kept["version"], int):
            raise ValueError(f"{id} is no run of a flow's version")
        return cls(id, **kept)


_KEPT = ("flow", "version", "started", "at", "since", "due", "event", "goal", "arms")
