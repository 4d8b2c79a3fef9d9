"""Logs made at random, folded while they are made, as a shard lives; and the same logs folded again in other ways."""

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

from engine.order import in_order
from engine.owned_shard import LONGEST, OwnedShard
from engine.program import Program
from grammar.program import read_files
from variables.memory_store import MemoryShard
from variables.profile import Profile
from variables.store import (
    START,
    Commit,
    Entry,
    InboxMessage,
    Logged,
    Outgoing,
    Ownership,
    Shard,
    StoreUnavailable,
    Wanted,
)

NOW = 1_767_261_600_000
"""A Thursday, 10:00 UTC."""
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
UUID = {"webclick": "0fc050ec-cb6f-11e8-b697-00163e0c79f6", "checkout": "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"}
EVENTS = f"""
event 1 webclick "{UUID["webclick"]}"
event 2 checkout "{UUID["checkout"]}"
field nick text
field visits int
"""
FLOWS = """
segment busy "Busy":
    event_count_1 > 2 and now - event_last_time_1 < 20m

flow offer:
    on webclick
    when event_count_1 > 1 and visits != 5
    limit 2 per 1s
    set visits = (visits or 0) + 1
    send web "offer {{ visits }} {{ track_event_data }} to {{ nick }}"

flow thanks:
    on checkout, webclick
    when track_event_data.x or event_count_2 > 2
    limit 4
    send web "thanks {{ event_count_2 }}"
    convert "customer"

flow nudge:
    on webclick
    limit 3 per 1d
    exit when event_count_2 > 3
    goal event_last_time_2 > run_time within 40m
    hours "08:00-22:00" "mon-fri" "Asia/Shanghai"
    wait 10m
    send web "nudge {{ run_time }} {{ track_event_count }} {{ track_event_time }}"
    wait until event_count_2 > 1 or nick == "Bo" and now - step_time > 5m for 30m:
        set visits = (visits or 0) + 1
    timeout:
        send email:
            subject "Still there?"
            text "{{ step_time }} {{ visits }}"
            to "v@example.com"

flow away:
    when event_count_1 > 0 and now - event_last_time_1 > 15m
    send web "away {{ now }}"

flow morning:
    when hour(now) == 9 and event_count_1 > 0
    limit 5
    goal event_count_1 > 3 within 2h
    send web "morning {{ now }}"

flow busy_now:
    on enter busy, change nick
    set nick = "busy"
    split:
        50% "waits":
            wait 1s
            send web "busy {{ now }}"

flow busy_no_more:
    on leave busy
    set visits = 5
    send webhook "https://example.com/" with nick, visits
"""
NOTHING: Mapping[int, int] = {}


def program(
    flows: str = "", version: int = 1, resets: Mapping[int, int] | None = None, stops: Mapping[str, int] | None = None
) -> Program:
    checked = read_files([("t.flow", EVENTS + flows)])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, version, resets=resets, stops=stops)


PROGRAMS = {
    0: program(version=0),
    1: program(FLOWS, 1),
    2: program(FLOWS.replace("limit 4", "limit 9").replace("wait 10m", "wait 3m").replace("> 15m", "> 5m"), 2),
    3: program(FLOWS.replace("hour(now) == 9", "hour(now) >= 14").replace("flow away", "flow gone"), 3, {2: 3}),
    4: program(FLOWS.replace("< 20m", "< 40m"), 4, {2: 3}, {"nudge": 4}),
}


@dataclass(frozen=True, slots=True)
class State:
    """All that is to be the same, however and wherever the log was folded."""

    profiles: Sequence[Profile]
    inboxes: Sequence[Sequence[InboxMessage]]
    outbox: Sequence[Outgoing]
    counts: Mapping[str, int]
    dead: int


@dataclass(frozen=True, slots=True)
class Story:
    """A shard's log as it was recorded, with the owner's own entries; when it ends, and what it led to."""

    log: Sequence[Logged]
    visitors: tuple[str, ...]
    end: int
    lived: State


async def state_of(shard: Shard, visitors: Sequence[str]) -> State:
    profiles = await shard.load([Wanted(visitor) for visitor in visitors])
    return State(
        [replace(profile, fields=dict(profile.fields)) for profile in profiles],
        [await shard.inbox(visitor) for visitor in visitors],
        sorted(await shard.outbox(), key=lambda outgoing: outgoing.id),
        await shard.counts(),
        await shard.dead_letters(),
    )


class Versions:
    """Programs, ready. Asking for one lets others run, as fetching one does."""

    def __init__(self, programs: Mapping[int, Program] = PROGRAMS) -> None:
        self._programs = programs

    async def program(self, version: int) -> Program:
        await asyncio.sleep(0)
        return self._programs[version]


async def recover() -> None:
    await asyncio.sleep(0)


async def owner_of(shard: Shard, versions: Versions | None = None, longest: float = LONGEST) -> OwnedShard:
    versions = versions or Versions()
    taken = await shard.take("me", 60_000)
    assert isinstance(taken, Ownership)
    return OwnedShard(shard, versions, recover, taken, await versions.program(taken.program), longest=longest)


async def fold_on(owned: OwnedShard, shard: Shard, sizes: Iterator[int], turns: int = 10**6) -> bool:
    """Folds what is there and due, so many entries and timers at once, for so many turns; whether all was folded."""
    for _ in range(turns):
        happenings = in_order(await shard.read(owned.state.position, next(sizes)))
        if not happenings:
            return True
        await owned.fold(happenings)
    return False


# A story


GAPS = (0, 0, 1, 300, SECOND, MINUTE, 4 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, 5 * HOUR, 30 * HOUR)


async def story_of(seed: int) -> Story:
    """Visitors who come, come late, come twice or never again; programs; an owner who is away now and then."""
    chance = random.Random(seed)  # noqa: S311
    numbers = dict.fromkeys(("v1", "v2", "v3", "访客"), 0)
    clock = NOW
    shard = MemoryShard(lambda: clock)
    await shard.append_program(1)
    owned = await owner_of(shard)
    version, bodies = 1, list[bytes]()
    for number in range(1, chance.randrange(5, 40)):
        clock += chance.choice(GAPS)
        if chance.random() < 0.1 and version < 4:
            version += 1
            await shard.append_program(version)
        elif chance.random() < 0.85:
            visitor = chance.choice(list(numbers))
            sent = [message.id for message in await shard.inbox(visitor)]
            items: list[Any] = []
            for _ in range(chance.randrange(1, 4)):
                numbers[visitor] += chance.choice([0, 1, 1, 1])
                items.append(_item(chance, numbers[visitor], clock))
            if chance.random() < 0.3:
                status = chance.choice(["shown", "closed", "clicked"])
                items.append({"receipt": {"message": chance.choice([*sent, "none"]), "status": status}})
            body = json.dumps({"visitor": visitor, "client": "c", "items": items}).encode()
            bodies.append(chance.choice([body] * 16 + [chance.choice([*bodies, body]), b"broken"]))
            rejected = (0,) if chance.random() < 0.1 else ()
            await shard.append("s", number, [Entry(bodies[-1], rejected, chance.random() < 0.2)])
        if chance.random() < 0.6:
            await fold_on(owned, shard, repeat(chance.choice([1, 3, 100])), chance.randrange(1, 20))
    await fold_on(owned, shard, repeat(100))
    clock += chance.choice([SECOND, 20 * MINUTE, 50 * HOUR])
    await fold_on(owned, shard, repeat(100))
    log = list(await shard.wait(START, 10**6, 1))
    return Story(log, tuple(numbers), clock, await state_of(shard, tuple(numbers)))


def track(name: str = "webclick", data: object = None, **more: object) -> dict[str, Any]:
    return {"track_event": {"event_name": name, "event_uuid": UUID[name], "event_data": data, **more}}


def _item(chance: random.Random, n: int, now: int) -> Any:
    item = chance.choice(
        [
            track(data={"x": chance.randrange(3)}),
            track(data="text"),
            track(),
            track(event_timestamp=now - chance.choice([SECOND, 12 * MINUTE, 50 * HOUR])),
            track("checkout", {"x": chance.randrange(3)}),
            track("checkout"),
            {"set": {"nick": chance.choice(["Bo", None, 5]), "visits": chance.randrange(7)}},
            {"visit": {"page_url": "/"}},
            {"identify": {"ent_user_id": f"u{chance.randrange(2)}"}},
            {"ping": {}},
            {"set": {"nothing": 1}},
            "no item",
        ]
    )
    return {"n": n, **item} if isinstance(item, dict) and chance.random() < 0.8 else item


# The story again


class Replaying(MemoryShard):
    """A shard whose log was recorded: what the owner adds to it is there already. Some answers get lost."""

    faults = 0.0
    chance = random.Random(0)  # noqa: S311

    def __init__(self, story: Story) -> None:
        super().__init__(lambda: story.end)
        self._log = list(story.log)
        self._last_id = story.log[-1].id

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Profile]:
        if self.chance.random() < self.faults:
            raise StoreUnavailable("no answer")
        return await super().load(wanted)

    async def commit(self, commit: Commit) -> int | None:
        for _ in range(2):
            if self.chance.random() < self.faults:
                raise StoreUnavailable("no answer")
            due = await super().commit(replace(commit, entries=()))
        return due


async def replayed(
    story: Story,
    sizes: Iterator[int],
    *,
    turns: Callable[[], int] = lambda: 10**6,
    faults: float = 0.0,
    longest: float = LONGEST,
) -> State:
    """Folds a story's log by owners who come one after another, each for so many turns."""
    shard = Replaying(story)
    shard.faults, shard.chance = faults, random.Random(len(story.log))  # noqa: S311
    done = False
    while not done:
        owned = await owner_of(shard, longest=longest)
        try:
            done = await fold_on(owned, shard, sizes, turns())
        except StoreUnavailable:
            continue
    shard.faults = 0
    return await state_of(shard, story.visitors)
