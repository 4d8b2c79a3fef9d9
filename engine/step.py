"""The core, a pure function: an item and a visitor's profile in, the profile after it and its messages out.

It does no I/O and reads no clock and no random source: `cause` carries the instant, the stamp of the log entry, or the
instant at which a timer is due. The same functions run in the processor, in flow tests and in explanations; replaying a
log gives the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from engine.decisions import Decision
from engine.instant import Instant, Versions
from engine.place import Place
from engine.program import Occurrence, Program
from engine.recording import Moment
from variables.catalogue import EventField
from variables.items import Content, Identify, Item, Ping, Receipt, SetFields, Track, Visit
from variables.profile import Profile, event_time, fold, having_met
from variables.runs import Run
from variables.store import EntryId, Era, Message, Outgoing
from variables.values import Value, moment


@dataclass(slots=True)
class Cause:
    """The item's place in the log: its entry, whose stamp is the instant, and its index in the entry's batch."""

    entry: EntryId
    index: int = 0


@dataclass(slots=True)
class Stepped:
    profile: Profile
    messages: Sequence[Message] = ()
    outgoing: Sequence[Outgoing] = ()
    conversions: Sequence[Run] = ()
    trace: Sequence[Decision] = ()
    moment: Moment | None = None
    """What there may be to record of it (`engine/recording.py`)."""


def step(profile: Profile, item: Item, cause: Cause, versions: Versions) -> Stepped:
    """One item. An item that is a second copy, or that the program does not know, leaves the profile as it is."""
    program, now = versions.program, cause.entry.stamp
    if isinstance(item.content, Receipt):
        return Stepped(_receive(profile, item, item.content, now, program))
    folded = fold(profile, item, now, program.catalogue)
    if folded is None:
        return Stepped(profile)
    occurrence = _occurrence(profile, folded, item, cause, program)
    if not (folded.runs or program.watches or program.may_start(occurrence)):
        return Stepped(folded)
    instant = Instant(folded, now, Place(cause.entry, cause.index + 1), versions)
    instant.item(profile, occurrence)
    return _stepped(instant, _HAPPENED[type(item.content)])


def pass_time(profile: Profile, until: EntryId, versions: Versions) -> Iterator[Stepped]:
    """All that time alone brings a visitor before a place in the log, each thing at its own instant, in order.

    A program is met at the entry from which on it holds, however late its turn comes: nothing else has happened to the
    visitor since. So what comes of it follows from the log, whenever and by whatever the visitor is touched.
    """
    while True:
        met = profile.program
        coming = versions.after(met) if profile.fields else None
        if coming is not None and coming.since >= until:
            coming = None
        end, held = until if coming is None else coming.since, versions.under(met)
        while (due := profile.due) is not None and due <= end.stamp:
            stepped = wake(profile, due, held)
            yield stepped
            profile = stepped.profile
        if coming is None:
            return
        stepped = meet(profile, coming, versions.under(coming.version))
        yield stepped
        profile = stepped.profile


def wake(profile: Profile, due: int, versions: Versions) -> Stepped:
    """A visitor's timer: time alone has brought an instant (milliseconds) at which something may happen."""
    instant = Instant(profile, due, Place(EntryId(due, 0)), versions)
    instant.time(due - 1)
    return _stepped(instant, "time")


def meet(profile: Profile, era: Era, versions: Versions) -> Stepped:
    """A visitor meets a program: what no longer holds is forgotten, and their conditions are set to their truth."""
    program, known = versions.program, profile.program
    profile = having_met(profile, program.version, program.resets)
    instant = Instant(profile, era.since.stamp, Place(era.since, 1), versions)
    instant.stop({flow for flow, version in program.stops.items() if version > known})
    instant.time(era.since.stamp)
    return _stepped(instant, "meeting")


def _stepped(instant: Instant, happened: str) -> Stepped:
    effects = instant.effects
    return Stepped(
        instant.profile,
        effects.messages,
        effects.outgoing,
        effects.conversions,
        effects.trace,
        (happened, instant.rounds, effects, instant.program),
    )


_HAPPENED: dict[type[Content], str] = {
    Track: "track",
    Visit: "visit",
    SetFields: "set",
    Identify: "identify",
    Ping: "ping",
}
"""What the moment of an item is called in a trace."""


# Receipts -------------------------------------------------------------------------------------------------------------

_RANKS = {"sent": 0, "shown": 1, "closed": 2, "clicked": 3}


def _receive(profile: Profile, item: Item, receipt: Receipt, now: int, program: Program) -> Profile:
    """A receipt never takes a message back to an earlier status, and says nothing of one not in the inbox.

    Nobody is born by one: the first item may be an edge, and a receipt starts no flow.
    """
    folded = fold(profile, item, now, program.catalogue) if profile.fields else None
    if folded is None:
        return profile
    known = folded.inbox.get(receipt.message)
    if known is None or _RANKS[receipt.status] <= _RANKS[known]:
        return folded
    return folded.with_status(receipt.message, receipt.status)


# What an item is to flows ---------------------------------------------------------------------------------------------


def _occurrence(before: Profile, folded: Profile, item: Item, cause: Cause, program: Program) -> Occurrence:
    match item.content:
        case Track() as track:
            event = program.catalogue.event(track.name, track.uuid)
            plan = program.plan(event)
            if plan.reads_event:
                return Occurrence(event, _of_event(folded, item, track, event, cause), data=track.data)
            return plan.happened
        case Visit():
            return Occurrence(visit=True)
        case Identify():
            user = folded.fields.get(b"ent_user_id")
            return Occurrence(identify=user is not None and user != before.fields.get(b"ent_user_id"))
    return Occurrence()


def _of_event(folded: Profile, item: Item, track: Track, event: EventField, cause: Cause) -> Mapping[str, Value]:
    """The `track_event_…` names, as they are at the start of what the event starts."""
    return {
        "track_event_seq": event.seq,
        "track_event_name": event.name,
        "track_event_uuid": event.uuid,
        "track_event_count": int(folded.fields[event.count]),
        "track_event_data": from_json(track.data),
        "track_event_time": moment(event_time(item, track, cause.entry.stamp)),
    }
