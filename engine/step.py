"""The core, a pure function: an item and a visitor's profile in, the profile after it and its messages out.

It does no I/O and reads no clock and no random source: a place in the log carries the instant, the stamp of its entry,
or the instant at which a timer is due. The same functions run in the processor, in flow tests and in explanations;
replaying a log gives the same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from engine.decisions import Decision
from engine.instant import Instant, Versions
from engine.place import Place
from engine.program import NOTHING_HAPPENED, Occurrence, Plan, Program
from engine.recording import recorded, recorded_event
from variables.catalogue import EventField
from variables.items import Content, Identify, Item, Ping, Receipt, SetFields, Track, Visit
from variables.profile import DUE, Profile, event_time, fold, having_met
from variables.runs import Run
from variables.store import EntryId, Era, Message, Outgoing
from variables.values import Value, moment


@dataclass(slots=True)
class Stepped:
    profile: Profile
    messages: Sequence[Message] = ()
    outgoing: Sequence[Outgoing] = ()
    conversions: Sequence[Run] = ()
    trace: Sequence[Decision] = ()
    record: bytes | None = None
    """What becomes a trace (`engine/traces.py`), if it could concern a flow."""


def step(profile: Profile, item: Item, place: Place, versions: Versions) -> Stepped:
    """One item. An item that is a second copy, or that the program does not know, leaves the profile as it is."""
    program, now, content = versions.program, place.entry.stamp, item.content
    if isinstance(content, Receipt):
        return Stepped(_receive(profile, item, content, now, program))
    folded = fold(profile, item, now, program.catalogue)
    if folded is None:
        return Stepped(profile)
    if isinstance(content, Track):
        event = program.catalogue.events[content.name]
        plan = program.plan(event)
        occurrence = plan.happened
        if plan.reads_event:
            occurrence = Occurrence(event, _of_event(folded, item, content, event, now), data=content.data)
        if not (program.compares or folded.runs or DUE in folded.fields):
            return _start(profile, folded, occurrence, plan, place, versions)
    else:
        occurrence = _occurrence(profile, folded, content)
        if not (folded.runs or program.watches or program.starts_otherwise):
            return Stepped(folded)
    instant = Instant(folded, place, versions)
    instant.item(profile, occurrence)
    return _stepped(instant, _HAPPENED[type(content)])


def _start(
    before: Profile, folded: Profile, occurrence: Occurrence, plan: Plan, place: Place, versions: Versions
) -> Stepped:
    """An event of a visitor who is in no flow, where nothing but it can start one.

    Nearly all events start none, for none is called for or all are used up: that is asked first, and then all is said.
    """
    if not plan.flows:
        return Stepped(folded)
    now, program = place.entry.stamp, versions.program
    called = plan.called_for(folded, program.catalogue.variables, occurrence.track, moment(now))
    refusals = [refusal for flow in called if (refusal := flow.refusal(folded.tallies, now)) is not None]
    if len(refusals) < len(called):
        instant = Instant(folded, place, versions)
        instant.item(before, occurrence, called)
        return _stepped(instant, "track")
    return Stepped(folded, trace=refusals, record=recorded_event(place, occurrence, folded.fields, refusals, program))


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
    instant = Instant(profile, Place(EntryId(due, 0)), versions)
    instant.time(due - 1)
    return _stepped(instant, "time")


def meet(profile: Profile, era: Era, versions: Versions) -> Stepped:
    """A visitor meets a program: what no longer holds is forgotten, and their conditions are set to their truth."""
    program, known = versions.program, profile.program
    profile = having_met(profile, program.version, program.resets)
    instant = Instant(profile, Place(era.since, 1), versions)
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
        recorded(happened, instant.rounds, effects, instant.program),
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


def _occurrence(before: Profile, folded: Profile, content: Content) -> Occurrence:
    """What an item is that is no event."""
    if isinstance(content, Visit):
        return Occurrence(visit=True)
    if isinstance(content, Identify):
        user = folded.fields.get(b"ent_user_id")
        return Occurrence(identify=user is not None and user != before.fields.get(b"ent_user_id"))
    return NOTHING_HAPPENED


def _of_event(folded: Profile, item: Item, track: Track, event: EventField, now: int) -> Mapping[str, Value]:
    """The `track_event_…` names, as they are at the start of what the event starts."""
    return {
        "track_event_seq": event.seq,
        "track_event_name": event.name,
        "track_event_uuid": event.uuid,
        "track_event_count": int(folded.fields[event.count]),
        "track_event_data": from_json(track.data),
        "track_event_time": moment(event_time(item, track, now)),
    }
