"""A batch, folded: what comes of it does not depend on how the log was cut, and what is broken stands alone."""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.folding import Folding
from engine.instant import Versions
from engine.order import Happening
from engine.program import Program
from grammar.program import read_files
from variables.memory_store import MemoryShard
from variables.profile import NUMBER, PROGRAM, Profile
from variables.store import START, Commit, Entry, EntryId, InboxMessage, Logged, Message, Ownership, Timer, Wanted
from variables.tally import Tally


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is set aside is logged with its whole traceback: too much for logs that are broken on purpose."""
    with capture_logs():
        yield


NOW = 1_767_261_600_000
UUID = {"webclick": "0fc050ec-cb6f-11e8-b697-00163e0c79f6", "checkout": "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"}
EVENTS = f"""
event 1 webclick "{UUID["webclick"]}"
event 2 checkout "{UUID["checkout"]}"
field nick text
field visits int
"""
FLOWS = """
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
"""


def program(flows: str = "", version: int = 1, resets: Mapping[int, int] | None = None) -> Program:
    checked = read_files([("t.flow", EVENTS + flows)])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, version, resets=resets)


GREET = program('\nflow greet:\n    on webclick\n    send web "hi"\n')
Item = dict[str, Any]
PING: Item = {"ping": {}}


def track(name: str = "webclick", data: object = None) -> Item:
    return {"track_event": {"event_name": name, "event_uuid": UUID[name], "event_data": data}}


def logged(visitor: str, *items: Any, at: int = NOW, sequence: int = 0, **entry: Any) -> Logged:
    body = json.dumps({"visitor": visitor, "client": f"{visitor} page", "items": items}).encode()
    return Logged(EntryId(at, sequence), Entry(body, **entry))


def stored(visitor: str = "v", number: int = 0, **fields: str) -> Profile:
    """A profile that is in the store already, of a visitor who has met the program."""
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    return Profile(visitor, {NUMBER: b"%d" % number, PROGRAM: b"1", **raw}, {}, {})


def fold(
    happenings: Sequence[Happening],
    profiles: Iterable[Profile] = (),
    program: Program = GREET,
    visitors: int = 10,
) -> Folding:
    """Folds happenings; who is not in `profiles` was never there."""
    folding = Folding(happenings, Versions(program), visitors)
    known = {profile.visitor: profile for profile in profiles}
    loaded = [known.get(wanted.visitor, Profile.new(wanted.visitor)) for wanted in folding.wanted()]
    assert len(list(folding.fold(loaded))) == len(happenings), "a turn for the caller after each"
    return folding


# What is loaded


def test_each_visitor_is_wanted_once_with_the_messages_that_receipts_speak_of() -> None:
    receipt = {"receipt": {"message": "m1", "status": "shown"}}
    happenings: list[Happening] = [
        logged("a", PING, receipt),
        Timer(NOW, 3, "b"),
        logged("b", PING),
        logged("a", receipt, {"receipt": {"message": "m2", "status": "closed"}}),
    ]
    wanted = Folding(happenings, Versions(GREET), 0).wanted()
    assert sorted(wanted, key=lambda one: one.visitor) == [Wanted("a", ("m1", "m2")), Wanted("b")]


# What is written


def test_a_change_says_only_what_is_different() -> None:
    before = stored(nick="Bo", visits="3", first_seen_time="1", last_seen_time=str(NOW))
    folding = fold([logged("v", {"set": {"nick": "Bo", "visits": None}})], [before])
    [change] = folding.changes()
    assert change.fields == {b"visits": None}
    assert (change.tallies, change.statuses, change.new_number, change.timer) == ({}, {}, None, None)
    assert folding.visitors == 10


def test_what_changes_nothing_is_not_written() -> None:
    item = {"n": 1, **track()}
    once = fold([logged("v", item)])
    [change] = once.changes()
    after = Profile("v", {key: raw for key, raw in change.fields.items() if raw is not None}, {}, {})
    assert list(fold([logged("v", item)], [after]).changes()) == []


def test_a_new_visitor_gets_the_next_number() -> None:
    folding = fold([logged("a", PING), logged("b", PING), logged("a", PING), logged("c", PING)], [stored("b", 4)])
    numbers = {change.visitor: (change.new_number, change.fields.get(NUMBER)) for change in folding.changes()}
    assert numbers == {"a": (10, b"10"), "b": (None, None), "c": (11, b"11")}
    assert folding.visitors == 12


@pytest.mark.parametrize("item", [{"set": {"nick": 5}}, {"pong": {}}, {"set": {"nothing such": 1}}])
@pytest.mark.parametrize("resets", [{}, {1: 3}])
def test_somebody_of_whom_nothing_was_taken_was_never_there(item: Item, resets: Mapping[int, int]) -> None:
    folding = fold([logged("v", item)], program=program(resets=resets))
    assert list(folding.changes()) == []
    assert folding.visitors == 10


def test_a_message_its_start_and_its_receipt_may_come_in_one_batch() -> None:
    [message] = fold([logged("v", track())]).messages
    receipt = {"receipt": {"message": message.id, "status": "clicked"}}
    folding = fold([logged("v", track()), logged("v", receipt, at=NOW + 1)])
    [change] = folding.changes()
    assert folding.messages == [message]
    assert change.tallies == {"greet": Tally(1, 0, (NOW,))}
    assert change.statuses == {message.id: "clicked"}


def test_a_status_is_written_only_when_it_rises() -> None:
    known = Profile("v", {NUMBER: b"0"}, inbox={"m1": "closed", "m2": "sent"})
    receipts = [{"receipt": {"message": id, "status": "shown"}} for id in ("m1", "m2", "m3")]
    [change] = fold([logged("v", *receipts)], [known]).changes()
    assert change.statuses == {"m2": "shown"}


def test_a_timer_that_fell_due_is_taken_away() -> None:
    """Though the profile knows nothing of it: it would fire for ever."""
    [change] = fold([Timer(NOW, 4, "v")], [stored(number=4)]).changes()
    assert (change.timer, change.fields) == ((4, None), {})


# What is not taken


def test_items_that_the_sender_was_told_are_not_taken_are_passed_over() -> None:
    folding = fold([logged("v", track(), track(), track(), rejected=(0, 2))])
    [change] = folding.changes()
    assert change.fields[b"event_count_1"] == b"1"


def test_a_bad_item_harms_no_neighbour_and_is_no_poison() -> None:
    folding = fold([logged("v", 5, track(), {"set": {"nick": 5}}, {"ping": 7}, track("checkout"))])
    [change] = folding.changes()
    assert (change.fields[b"event_count_1"], change.fields[b"event_count_2"]) == (b"1", b"1")
    assert folding.dead == []


def test_only_a_server_may_write_the_user_type() -> None:
    item = {"set": {"customer_user_type": "VIP"}}
    assert list(fold([logged("v", item)]).changes()) == []
    [change] = fold([logged("v", item, from_server=True)]).changes()
    assert change.fields[b"customer_user_type"] == b"VIP"


# What is broken


def test_an_entry_that_cannot_be_read_is_set_aside_whole_and_the_others_go_on() -> None:
    broken = Logged(EntryId(NOW, 1), Entry(b"no json"))
    folding = fold([logged("a", track()), broken, logged("b", track(), sequence=2)])
    [letter] = folding.dead
    assert (letter.where, letter.body) == (f"{NOW}-1", b"no json")
    assert "no JSON" in letter.reason
    assert [message.visitor for message in folding.messages] == ["a", "b"]


def test_an_item_that_raises_is_set_aside_and_all_others_go_on() -> None:
    """The count of one visitor is not a number: nobody but Whenflow should have written it."""
    entries = [
        logged("a", track()),
        logged("v", track(), {"set": {"nick": "Bo"}}, track("checkout"), sequence=1),
        logged("b", track(), sequence=2),
    ]
    folding = fold(entries, [stored(event_count_1="many")])
    [letter] = folding.dead
    assert letter.where == f"{NOW}-1 item 0"
    assert letter.body == entries[1].entry.body
    changes = {change.visitor: change.fields for change in folding.changes()}
    assert changes["v"][b"nick"] == b"Bo"
    assert changes["v"][b"event_count_2"] == b"1"
    assert b"event_count_1" not in changes["v"]
    assert changes["a"][b"event_count_1"] == changes["b"][b"event_count_1"] == b"1"


# Events that got another UUID


def test_what_was_counted_of_a_reset_event_is_gone_when_the_visitor_comes_back() -> None:
    before = stored(event_count_1="7", event_first_time_1="1", event_last_time_1="2", event_last_data_1="3", nick="Bo")
    [change] = fold([logged("v", track())], [before], program(resets={1: 2}, version=2)).changes()
    assert change.fields[b"event_count_1"] == b"1"
    assert change.fields[b"event_first_time_1"] == b"%d" % NOW
    assert b"nick" not in change.fields


# Batching, restarts and replays change nothing


@dataclass
class Story:
    """A log as it was recorded: each entry with the stamp that it got."""

    log: list[tuple[int, Entry]]
    visitors: tuple[str, ...]


@dataclass
class State:
    """All that is to be the same, however the log was cut."""

    profiles: list[Profile]
    inboxes: list[Sequence[InboxMessage]]
    messages: list[Message]
    dead: list[tuple[str, bytes]]


PROGRAMS = {
    0: program(version=0),
    1: program(FLOWS, 1),
    2: program(FLOWS.replace("> 1", "> 0").replace("limit 4", "limit 9"), 2),
    3: program(FLOWS, 3, {2: 3}),
}


Shard = TypeVar("Shard", bound=MemoryShard)


async def recorded(log: Iterable[tuple[int, Entry]], home: Callable[[Callable[[], int]], Shard]) -> Shard:
    """A shard with a log in it."""
    now = NOW
    shard = home(lambda: now)
    for number, (stamp, entry) in enumerate(log, 1):
        now = stamp
        if entry.program is not None:
            await shard.append_program(entry.program)
        else:
            await shard.append("s", number, [entry])
    return shard


async def fold_log(shard: MemoryShard, sizes: Iterable[int], sent: list[Message]) -> None:
    """Folds a shard's log to its end as a processor does, so many entries a commit."""
    state = await shard.take("me", 1000)
    assert isinstance(state, Ownership)
    position, number, version, visitors = state.position, state.commit, state.program, state.visitors
    for size in sizes:
        entries = (await shard.read(position, size)).entries
        if not entries:
            return
        special = next((place for place, each in enumerate(entries) if each.entry.program is not None), len(entries))
        entries = entries[: special or 1]
        number += 1
        if not special:
            version = entries[0].entry.program or 0
            await shard.commit(Commit(state.epoch, number, entries[-1].id, version, visitors))
        else:
            folding = Folding(entries, Versions(PROGRAMS[version]), visitors)
            for _ in folding.fold(await shard.load(folding.wanted())):
                pass
            changes, dead = folding.changes(), folding.dead
            visitors = folding.visitors
            sent += folding.messages
            position = entries[-1].id
            commit = Commit(state.epoch, number, position, version, visitors, changes, folding.messages, dead=dead)
            await shard.commit(commit)
        position = entries[-1].id


async def state_of(shard: MemoryShard, visitors: Sequence[str], messages: list[Message]) -> State:
    ids = tuple(message.id for message in messages)
    return State(
        list(await shard.load([Wanted(visitor, ids) for visitor in visitors])),
        [await shard.inbox(visitor) for visitor in visitors],
        messages,
        [(letter.where, letter.body) for letter in shard.dead],
    )


async def story_of(seed: int) -> Story:
    """A log made at random. Receipts are for messages that were sent before, so it is folded while it is made."""
    chance = random.Random(seed)  # noqa: S311
    numbers = dict.fromkeys(("v1", "v2", "v3", "访客"), 0)
    log: list[tuple[int, Entry]] = []
    version, now = 1, NOW
    shard, sent = MemoryShard(lambda: now), list[Message]()
    await shard.append_program(1)
    for number in range(1, chance.randrange(5, 40)):
        now += chance.choice([0, 0, 1, 300, 1000])
        if chance.random() < 0.05 and version < 3:
            version += 1
            log.append((now, Entry(program=version)))
            await shard.append_program(version)
            continue
        visitor = chance.choice(list(numbers))
        items: list[Any] = []
        for _ in range(chance.randrange(1, 4)):
            numbers[visitor] += chance.choice([0, 1, 1, 1])
            items.append(_item(chance, numbers[visitor]))
        if chance.random() < 0.3:
            own = [message.id for message in sent if message.visitor == visitor]
            status = chance.choice(["shown", "closed", "clicked"])
            items.append({"receipt": {"message": chance.choice([*own, "none"]), "status": status}})
        body = json.dumps({"visitor": visitor, "client": "c", "items": items}).encode()
        rejected = (0,) if chance.random() < 0.1 else ()
        log.append((now, Entry(body if chance.random() < 0.95 else b"broken", rejected)))
        await shard.append("s", number, [log[-1][1]])
        await fold_log(shard, cycle([1]), sent)
    return Story([(NOW, Entry(program=1)), *log], tuple(numbers))


def _item(chance: random.Random, n: int) -> Any:
    item = chance.choice(
        [
            track(data={"x": chance.randrange(3)}),
            track(data="text"),
            track("checkout", {"x": chance.randrange(3)}),
            track("checkout"),
            {"set": {"nick": chance.choice(["Bo", None, 5]), "visits": chance.randrange(7)}},
            {"visit": {"page_url": "/"}},
            PING,
            {"set": {"nothing": 1}},
            "no item",
        ]
    )
    return {"n": n, **item} if isinstance(item, dict) and chance.random() < 0.8 else item


def replayed(story: Story, sizes: Callable[[], Iterable[int]]) -> State:
    async def replay() -> State:
        shard, sent = await recorded(story.log, MemoryShard), list[Message]()
        await fold_log(shard, sizes(), sent)
        assert await shard.position() == (await shard.read(START, 10**6)).entries[-1].id
        return await state_of(shard, story.visitors, sent)

    return asyncio.run(replay())


def without_numbers(state: State) -> State:
    """Without the visitors' numbers in the shard, of which a test below speaks by itself."""
    profiles = [
        Profile(p.visitor, {k: raw for k, raw in p.fields.items() if k != NUMBER}, p.tallies, p.runs, p.inbox)
        for p in state.profiles
    ]
    return State(profiles, state.inboxes, state.messages, state.dead)


@settings(deadline=None, max_examples=100, phases=[Phase.generate])
@given(st.integers(0, 2**32), st.lists(st.integers(1, 8), min_size=1, max_size=5))
def test_profiles_and_messages_are_the_same_however_the_log_is_cut(seed: int, sizes: list[int]) -> None:
    """In a replay a message and its receipt may be folded in one commit."""
    story = asyncio.run(story_of(seed))
    one_by_one = without_numbers(replayed(story, lambda: cycle([1])))
    assert without_numbers(replayed(story, lambda: cycle(sizes))) == one_by_one
    assert without_numbers(replayed(story, lambda: cycle([1000]))) == one_by_one


@settings(deadline=None, max_examples=20, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_folding_a_log_again_gives_the_same_byte_for_byte(seed: int) -> None:
    story = asyncio.run(story_of(seed))
    assert replayed(story, lambda: cycle([3])) == replayed(story, lambda: cycle([3]))


def test_a_visitors_number_does_not_depend_on_how_the_log_is_cut() -> None:
    """The first entry of v1 holds nothing that is taken: v2 was there before."""
    bodies = [("v1", {"set": {"nothing": 1}}), ("v2", PING), ("v1", PING)]
    log = [(NOW, Entry(json.dumps({"visitor": visitor, "items": [item]}).encode())) for visitor, item in bodies]
    story = Story(log, ("v1", "v2"))
    together, apart = replayed(story, lambda: cycle([3])), replayed(story, lambda: cycle([1]))
    assert [p.fields[NUMBER] for p in together.profiles] == [p.fields[NUMBER] for p in apart.profiles] == [b"1", b"0"]
