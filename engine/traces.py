"""A trace: what one moment of a visitor was to flows, packed small, so that it can be explained later.

There is one record for each moment that could concern flows, not one for each flow that was tested. It holds what
happened, the raw values of the variables that conditions read, as the conditions saw them, and the decisions that came
of it. All else follows from these: `engine.explanation` evaluates again, by the program of the record's version.

A record is msgpack, an array:

| | |
|---|---|
| mark | of the variables' order, see `Layout` |
| version | of the program that held |
| place | of the moment in the log: its entry's stamp and sequence, and its index there |
| what | happened: `track visit set identify ping time meeting` |
| event | its data as JSON, its time in milliseconds, its count; nil where no flow reads anything of it |
| rounds | SEQ of the event or nil, the variables in the layout's order, decisions, and nil or the rest of a `Seen` |

A value that was too long to be kept is its length, an int, in place of its bytes. A decision that is but the name of a
flow says that it is refused for good, since its limit is reached: most are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from zlib import crc32

import msgpack

from engine.compile import Compiled
from engine.decisions import Decision, Outcome
from engine.flows import ReadyFlow
from engine.graph import Branch, Email, Watch
from engine.place import Place
from variables.store import EntryId

Raw = bytes | int | None
"""A value as the profile has it; the length of one that was left out; None where there was none."""


class Seen(NamedTuple):
    """One round of a moment, read from a record.

    `seq`: of the event that happened. `fields` are in the layout's order. `before`: by their places there, those that
    were other before, as far as edges read them. `since`: the instant (milliseconds) from which time alone has passed.
    `is_birth`: there was nothing of the visitor before. `identify`: `ent_user_id` got a value that it did not have.
    """

    seq: int | None
    fields: Sequence[Raw]
    decisions: Sequence[Decision]
    before: Mapping[int, Raw]
    since: int | None
    is_birth: bool
    identify: bool
    entered: Sequence[str]
    left: Sequence[str]
    changed: Sequence[str]


_NO_MORE: Sequence[Any] = ({}, None, False, False, (), (), ())


@dataclass(frozen=True, slots=True)
class Record:
    """A record, read. `event`: data, time, count."""

    mark: int
    version: int
    place: str
    what: str
    event: tuple[Raw, int, int] | None
    rounds: Sequence[Seen]

    @property
    def now(self) -> int:
        """The instant, in milliseconds."""
        return instant_of(self.place)

    @classmethod
    def read(cls, raw: bytes) -> "Record | None":
        """None for what is no record, or one of another version of Whenflow."""
        try:
            mark, version, place, what, event, rounds = msgpack.unpackb(
                raw, strict_map_key=False, unicode_errors="surrogatepass"
            )
            stamp, sequence, index = place
            at = str(Place(EntryId(stamp, sequence), index))
            return cls(mark, version, at, what, event and tuple(event), [_seen(*each) for each in rounds])
        except (ValueError, TypeError, msgpack.UnpackException):
            return None


def instant_of(place: str) -> int:
    """The instant (milliseconds) of a moment by its place, and of a run's start by its id."""
    return int(place[:13])


def _seen(seq: int | None, fields: Sequence[Raw], decisions: Sequence[Any], more: Sequence[Any] | None) -> Seen:
    return Seen(seq, fields, [_decision(each) for each in decisions], *(more or _NO_MORE))


def _decision(packed: Any) -> Decision:
    if isinstance(packed, str):
        return Decision(packed, Outcome.LIMIT)
    flow, outcome, *rest = packed
    return Decision(flow, Outcome(outcome), *rest)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which variables the records of a program hold, in which order. `watched`: those that edges read.

    `mark` tells whether a record has this order: another version of Whenflow may find that a program reads other names.
    """

    keys: tuple[bytes, ...]
    watched: frozenset[str]
    mark: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", crc32(b" ".join(self.keys)))

    @classmethod
    def of(cls, flows: Sequence[ReadyFlow], tested: Iterable[frozenset[str]], variables: Iterable[str]) -> Self:
        """`tested`: what the `when`s of events read."""
        edges = frozenset[str]().union(*(flow.edge.compiled.reads for flow in flows if flow.edge is not None))
        reads = edges.union(*tested, *(each.reads for flow in flows for each in _conditions(flow)))
        reads = reads.union(*(flow.triggers.changes for flow in flows))
        return cls(tuple(sorted(name.encode() for name in reads.intersection(variables))), edges)


def _conditions(flow: ReadyFlow) -> Iterator[Compiled]:
    """What decides about a flow and its runs, beside the `when` of an event; an e-mail's address is among it."""
    watched = [flow.edge, flow.exit, None if flow.goal is None else flow.goal.condition]
    for step in flow.graph.steps:
        if isinstance(step, Watch):
            watched.append(step.condition)
        elif isinstance(step, Branch):
            yield from (condition for condition, _ in step.arms)
        elif isinstance(step, Email):
            yield step.to
    yield from (each.compiled for each in watched if each is not None)
    if flow.when is not None:
        yield flow.when
