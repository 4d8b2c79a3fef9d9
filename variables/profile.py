"""A visitor's profile, and the fold that an item makes of it (DESIGN.md section 4).

The laws (tests/variables/test_profile.py states them): permuting or batching tracked events differently gives the same
event variables, and an item that is recognised as a second copy changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from variables.catalogue import Catalogue, EventField, event_keys
from variables.items import BadItem, Identify, Item, Receipt, SetFields, Track, Visit
from variables.runs import Run
from variables.seen_items import take_id, take_number
from variables.tally import NO_TALLIES, Tallies, Tally

Fields = Mapping[bytes, bytes]
"""A profile's hash as it lies in Redis: variable names (and a few names with a dot, Whenflow's own) to values."""

CLIENTS = b".c"
"""The numbers taken of the visitor's clients. These names are short: every visitor has them."""
IDS = b".i"
"""The ids taken."""
NUMBER = b".v"
"""The visitor's dense number in the shard."""
DUE = b".d"
"""When the visitor's timer is due."""
PROGRAM = b".p"
"""The version of the last program that this visitor has met."""

DAY = 86_400_000
OLDEST_EVENT = 30 * DAY
SESSION_GAP = 30 * 60_000
"""Milliseconds without a sign of life after which a visit opens a new web session."""


@dataclass(slots=True)
class Profile:
    """All that is kept of one visitor. It never changes; frozen, it would take four times as long to make.

    `tallies`: by flow, in whatever version. `runs`: by id.
    `inbox`: the status of the messages sent to this visitor, as far as the item at hand is concerned with them.
    """

    visitor: str
    fields: Fields
    tallies: Tallies = NO_TALLIES
    runs: Mapping[str, Run] = field(default_factory=dict)
    inbox: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def new(cls, visitor: str) -> "Profile":
        return cls(visitor, {})

    def with_fields(self, fields: Fields) -> "Profile":
        """The same visitor with other fields."""
        return Profile(self.visitor, fields, self.tallies, self.runs, self.inbox)

    def with_tally(self, flow: str, tally: Tally) -> "Profile":
        """The same visitor with another tally of a flow."""
        return Profile(self.visitor, self.fields, self.tallies.having(flow, tally), self.runs, self.inbox)

    def with_run(self, run: Run) -> "Profile":
        """The same visitor with a run as it is now: kept while it goes on, and then while its goal may be reached."""
        is_kept = run.in_progress or run.goal is not None
        if not is_kept and run.id not in self.runs:  # most runs begin and end at one instant
            return self
        runs = dict(self.runs)
        if is_kept:
            runs[run.id] = run
        else:
            del runs[run.id]
        return Profile(self.visitor, self.fields, self.tallies, runs, self.inbox)

    def with_status(self, message: str, status: str) -> "Profile":
        """The same visitor with another status of a message."""
        return Profile(self.visitor, self.fields, self.tallies, self.runs, {**self.inbox, message: status})

    def armed(self, due: int | None) -> "Profile":
        """The same visitor with another timer, or none."""
        if due == self.due:
            return self
        fields = dict(self.fields)
        write_all(fields, {DUE: None if due is None else b"%d" % due})
        return self.with_fields(fields)

    @property
    def program(self) -> int:
        """The version of the last program that this visitor has met."""
        return int(self.fields.get(PROGRAM, b"0"))

    @property
    def due(self) -> int | None:
        """The next instant (milliseconds) at which time alone may do something to this visitor."""
        raw = self.fields.get(DUE)
        return None if raw is None else int(raw)


_WRITING = (Visit, SetFields, Identify)


def fold(profile: Profile, item: Item, stamp: int, catalogue: Catalogue) -> Profile | None:
    """The profile after an item that the log stamped `stamp` (milliseconds).

    None if the item changes nothing: a second copy, or one that this version of the catalogue does not know.
    """
    fields = dict(profile.fields)
    if not _counted(fields, item):
        return None
    content = item.content
    try:
        if isinstance(content, Track):
            event = catalogue.event(content.name, content.uuid)
            _count(fields, event, event_time(item, content, stamp), item.n or 0, content.data)
        elif isinstance(content, _WRITING):
            if isinstance(content, Visit):
                _open_session(fields, stamp)
            write_all(fields, catalogue.writes(content, from_server=item.from_server))
    except BadItem:
        return None
    if _is_the_visitors_own(item):
        _see(fields, stamp)
    return profile.with_fields(fields)


def without_reset_events(profile: Profile, resets: Mapping[int, int]) -> Profile:
    """The profile without what was counted of events that a program has since given another UUID.

    `resets`: SEQ to the version that did it. Done when the visitor meets the program: nobody has to wait for it.
    """
    if not resets:
        return profile
    known = int(profile.fields.get(PROGRAM, b"0"))
    if known >= max(resets.values()):
        return profile
    gone = {key for seq, version in resets.items() if version > known for key in event_keys(seq)}
    fields = {key: raw for key, raw in profile.fields.items() if key not in gone}
    return profile.with_fields(fields)


def having_met(profile: Profile, version: int, resets: Mapping[int, int]) -> Profile:
    """The profile of a visitor who has met a program of this version, with these resets."""
    profile = without_reset_events(profile, resets)
    return profile.with_fields({**profile.fields, PROGRAM: b"%d" % version})


def _counted(fields: dict[bytes, bytes], item: Item) -> bool:
    """Whether the item is here for the first time, as far as its sender lets us know; remembers it."""
    if item.client is not None and item.n is not None:
        numbers = take_number(fields.get(CLIENTS, b""), item.client, item.n)
        if numbers is None:
            return False
        fields[CLIENTS] = numbers
    if item.id is not None:
        ids = take_id(fields.get(IDS, b""), item.id)
        if ids is None:
            return False
        fields[IDS] = ids
    return True


def event_time(item: Item, track: Track, stamp: int) -> int:
    """When the event happened: the page's time, its clock's error mended, never after arrival nor 30 days before it."""
    if track.time is None:
        return stamp
    return max(stamp - OLDEST_EVENT, min(stamp, track.time + item.clock_error))


def _count(fields: dict[bytes, bytes], event: EventField, time: int, n: int, data: bytes) -> None:
    """Count, least time, and the greatest of (time, number, data): none of them asks in which order events came."""
    count = int(fields.get(event.count, b"0"))
    fields[event.count] = b"%d" % (count + 1)
    if count == 0:
        fields[event.first_time] = b"%d" % time
    else:
        last = int(fields[event.last_time])
        if time < last:  # else it cannot be the first one either
            if time < int(fields[event.first_time]):
                fields[event.first_time] = b"%d" % time
            return
        if time == last and (n, data) <= (int(fields.get(event.last_n, b"0")), fields[event.last_data]):
            return
    fields[event.last_time] = b"%d" % time
    fields[event.last_data] = data
    if n:
        fields[event.last_n] = b"%d" % n
    else:
        fields.pop(event.last_n, None)


def _open_session(fields: dict[bytes, bytes], stamp: int) -> None:
    last_seen = fields.get(b"last_seen_time")
    if last_seen is None or b"user_web_sessions" not in fields or stamp - int(last_seen) >= SESSION_GAP:
        fields[b"user_web_sessions"] = b"%d" % (int(fields.get(b"user_web_sessions", b"0")) + 1)


def _is_the_visitors_own(item: Item) -> bool:
    content = item.content
    if isinstance(content, Receipt):
        return False
    return not (item.from_server and isinstance(content, SetFields | Identify))


def _see(fields: dict[bytes, bytes], stamp: int) -> None:
    raw = b"%d" % stamp
    first = fields.get(b"first_seen_time")
    if first is None or stamp < int(first):
        fields[b"first_seen_time"] = raw
    last = fields.get(b"last_seen_time")
    if last is None or stamp > int(last):
        fields[b"last_seen_time"] = raw


def write_all(fields: dict[bytes, bytes], writes: Mapping[bytes, bytes | None]) -> None:
    """Writes values into fields; None takes the field away."""
    for key, raw in writes.items():
        if raw is None:
            fields.pop(key, None)
        else:
            fields[key] = raw
