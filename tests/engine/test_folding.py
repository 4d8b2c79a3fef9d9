"""A batch, folded: what comes of it does not depend on how the log was cut, and what is broken stands alone."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle, repeat
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from engine.folding import Folding
from engine.instant import Versions as Holding
from engine.order import Happening
from engine.owned_shard import PER_COMMIT, OwnedShard
from engine.program import Program
from tests.engine.stories import (
    HOUR,
    MINUTE,
    NOW,
    Versions,
    fold_on,
    owner_of,
    program,
    replayed,
    story_of,
    track,
)
from variables.memory_store import MemoryShard
from variables.profile import NUMBER, PROGRAM, Profile
from variables.runs import Run
from variables.store import START, Change, Commit, Entry, EntryId, Era, Logged, Ownership, Timer, Wanted
from variables.tally import Tally

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is set aside is logged with its whole traceback: too much for logs that are broken on purpose."""
    with capture_logs():
        yield


GREET = program('\nflow greet:\n    on webclick\n    send web "hi"\n')
Item = dict[str, Any]
PING: Item = {"ping": {}}


NO_RUNS: Mapping[str, Run | None] = {}
OF_NO_FLOW = Run("id", "nothing such", 1, NOW)


class Clocked(MemoryShard):
    """A shard by a clock that the test moves. `sent`: how many entries were appended."""

    def __init__(self) -> None:
        self.now, self.sent = NOW, 0
        super().__init__(lambda: self.now)


def logged(visitor: str, *items: Any, at: int = NOW, sequence: int = 0, **entry: Any) -> Logged:
    body = json.dumps({"visitor": visitor, "client": f"{visitor} page", "items": items}).encode()
    return Logged(EntryId(at, sequence), Entry(body, **entry))


def stored(visitor: str = "v", number: int = 0, met: int = 1, **fields: str) -> Profile:
    """A profile that is in the store already, of a visitor who has met a program."""
    raw = {name.encode(): value.encode() for name, value in fields.items()}
    return Profile(visitor, {NUMBER: b"%d" % number, PROGRAM: b"%d" % met, **raw})


def fold(
    happenings: Sequence[Happening],
    profiles: Iterable[Profile] = (),
    program: Program = GREET,
    visitors: int = 10,
) -> Folding:
    """Folds happenings; who is not in `profiles` was never there. The program has held for a moment."""
    folding = Folding(happenings, Holding(program, eras=[Era(program.version, EntryId(NOW - 1, 0))]), visitors)
    known = {profile.visitor: profile for profile in profiles}
    loaded = [known.get(wanted.visitor, Profile.new(wanted.visitor)) for wanted in folding.wanted()]
    assert len(list(folding.fold(loaded))) >= len(happenings) == folding.done, "a turn for the caller after each"
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
    wanted = Folding(happenings, Holding(GREET), 0).wanted()
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
    after = Profile("v", {key: raw for key, raw in change.fields.items() if raw is not None})
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
    [change] = fold([Timer(NOW, 4, "v")], [stored(number=4)]).changes()
    assert (change.timer, change.fields) == ((4, None), {})


def test_a_timer_that_was_set_anew_after_it_was_read_does_nothing() -> None:
    """Not even the program is met: whoever reads later would not find that timer."""
    [change] = fold([Timer(NOW, 4, "v")], [stored(number=4, met=0, **{".d": str(NOW + 5)})]).changes()
    assert (change.timer, change.fields) == ((4, NOW + 5), {})


def test_a_program_is_met_where_it_begins_whatever_is_read_first() -> None:
    """What it waits for happens at its own instant, though the timer that was set before comes later."""
    awaited = program("\nflow away:\n    when now - event_last_time_1 > 3m\n    send web 'away'\n")
    due = NOW + 5 * MINUTE
    before = stored(number=4, met=0, event_count_1="1", event_last_time_1=str(NOW), **{".d": str(due)})
    item = logged("v", PING, at=NOW + 10 * MINUTE)
    [message] = fold([item], [before], awaited).messages
    assert json.loads(message.body)["time"] == "2026-01-01T10:03:00.001Z"
    assert fold([Timer(due, 4, "v"), item], [before], awaited).messages == [message]


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


STORIES = settings(deadline=None, max_examples=25, phases=[Phase.generate])
SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@STORIES
@given(st.integers(0, 2**32), SIZES)
def test_all_is_the_same_however_the_log_is_cut(seed: int, sizes: list[int]) -> None:
    """In a replay a message and its receipt may be folded in one commit, and so may a timer and what it waited for."""
    story = asyncio.run(story_of(seed))
    assert asyncio.run(replayed(story, cycle(sizes))) == story.lived
    assert asyncio.run(replayed(story, repeat(1))) == story.lived
    assert asyncio.run(replayed(story, repeat(1000))) == story.lived


@STORIES
@given(st.integers(0, 2**32), SIZES, st.lists(st.integers(1, 6), min_size=1))
def test_all_is_the_same_whoever_owns_the_shard_and_whatever_answers_get_lost(
    seed: int, sizes: list[int], turns: list[int]
) -> None:
    story, lasting = asyncio.run(story_of(seed)), cycle(turns)
    assert asyncio.run(replayed(story, cycle(sizes), turns=lambda: next(lasting), faults=0.1)) == story.lived


@STORIES
@given(st.integers(0, 2**32), SIZES)
def test_all_is_the_same_where_every_step_is_a_commit_of_its_own(seed: int, sizes: list[int]) -> None:
    """As if each took longer than a commit may."""
    story = asyncio.run(story_of(seed))
    assert asyncio.run(replayed(story, cycle(sizes), longest=-1)) == story.lived


def test_a_story_tells_of_all_that_is_to_be_held() -> None:
    """The laws above would say nothing of stories in which nothing happens."""
    stories = [asyncio.run(story_of(seed)) for seed in range(25)]
    lived = [story.lived for story in stories]
    entries = [logged.entry for story in stories for logged in story.log]
    assert any(entry.meeting for entry in entries)
    assert {entry.program for entry in entries} >= {1, 2, 3, 4}
    assert any(state.dead for state in lived)
    assert any(profile.runs for state in lived for profile in state.profiles)
    assert any(json.loads(name)[0] == "goal" for state in lived for name in state.counts)
    assert any(json.loads(name)[0] == "run" for state in lived for name in state.counts)
    sent = {json.loads(message.body)["flow"] for state in lived for inbox in state.inboxes for message in inbox}
    assert sent >= {"offer", "thanks", "nudge", "away", "gone", "morning", "busy_now"}
    assert {outgoing.channel for state in lived for outgoing in state.outbox} == {"email", "webhook"}


# Time, between the items of others


ALONE = """
flow later:
    on webclick
    limit 1
    wait 10m
    send web "later {{ now }} {{ nick }}"
"""


async def home_of(*programs: Program) -> tuple[Clocked, OwnedShard]:
    shard = Clocked()
    ready = {0: program(version=0)} | {each.version: each for each in programs}
    for version in sorted(ready)[1:2]:
        await shard.append_program(version)
    owned = await owner_of(shard, Versions(ready))
    await fold_on(owned, shard, repeat(100))
    return shard, owned


async def send(shard: Clocked, visitor: str, *items: Item, after: int = 0) -> None:
    shard.now += after
    shard.sent += 1
    await shard.append("s", shard.sent, [logged(visitor, *items).entry])


async def texts(shard: MemoryShard, visitor: str) -> list[tuple[str, str]]:
    bodies = [json.loads(message.body) for message in await shard.inbox(visitor)]
    return [(body["text"], body["time"]) for body in bodies]


async def test_a_visitor_who_never_comes_back_is_sent_what_is_due() -> None:
    shard, owned = await home_of(program(ALONE))
    await send(shard, "v", track())
    await fold_on(owned, shard, repeat(100))
    shard.now += 10 * MINUTE - 1
    await fold_on(owned, shard, repeat(100))
    assert await texts(shard, "v") == []
    shard.now += 1
    await fold_on(owned, shard, repeat(100))
    assert await texts(shard, "v") == [("later 2026-01-01 10:10 ", "2026-01-01T10:10:00Z")]
    assert owned.state.next_timer is None


@pytest.mark.parametrize("first", [1, 100])
async def test_what_falls_due_between_two_items_of_a_batch_happens_between_them(first: int) -> None:
    shard, owned = await home_of(program(ALONE))
    await send(shard, "v", track(), {"set": {"nick": "early"}})
    await send(shard, "w", PING, after=MINUTE)
    await send(shard, "v", {"set": {"nick": "late"}}, after=10 * MINUTE)
    await fold_on(owned, shard, repeat(first))
    assert await texts(shard, "v") == [("later 2026-01-01 10:10 early", "2026-01-01T10:10:00Z")]


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_what_is_due_before_a_program_comes_under_the_one_that_held(size: int) -> None:
    """Of the same instant, too; the entries behind the program are read again and folded once."""
    two = program(ALONE.replace("later {{", "anew {{"), 2)
    edge = "\nflow gone:\n    when now - event_last_time_1 >= 10m\n    send web 'gone {{ now }}'\n"
    shard, owned = await home_of(program(edge), program("", 2), two)
    await send(shard, "v", track())
    await send(shard, "w", track(), after=5 * MINUTE)
    shard.now += 5 * MINUTE
    await shard.append_program(2)
    await send(shard, "w", track())
    await send(shard, "v", track())
    await fold_on(owned, shard, repeat(size))
    assert await texts(shard, "v") == [("gone 2026-01-01 10:10", "2026-01-01T10:10:00Z")]
    assert await texts(shard, "w") == []
    profiles = await shard.load([Wanted("v"), Wanted("w")])
    assert [profile.fields[b"event_count_1"] for profile in profiles] == [b"2", b"2"]
    assert await shard.position() == (await shard.read(START, 10**6)).entries[-1].id


async def test_all_visitors_meet_a_program_slice_by_slice() -> None:
    """Nobody comes back: what the program waits for happens to each of them, once."""
    crowd = 2 * PER_COMMIT + 50
    away = "\nflow away:\n    when now - event_last_time_1 > 7d\n    send web 'away'\n"
    shard, owned = await home_of(program("", 1), program(away, 2))
    for number in range(crowd):
        await send(shard, f"v{number}", track())
    await fold_on(owned, shard, repeat(100))
    assert owned.state.next_timer is None
    shard.now += MINUTE
    await shard.append_program(2)
    await fold_on(owned, shard, repeat(100))
    entries = [each.entry.meeting for each in (await shard.read(START, 10**6)).entries if each.entry.meeting]
    assert entries == [(2, 0), (2, PER_COMMIT), (2, 2 * PER_COMMIT)]
    shard.now += 7 * 24 * HOUR
    await fold_on(owned, shard, repeat(100))
    assert [len(await shard.inbox(f"v{number}")) for number in range(crowd)] == [1] * crowd


# What time alone cannot go on with


async def spoilt(shard: Clocked, visitor: str, runs: Mapping[str, Run | None] = NO_RUNS, **fields: str) -> OwnedShard:
    """Somebody writes into a profile what only Whenflow may write; the next owner finds it."""
    state = await shard.take("me", 60_000)
    assert isinstance(state, Ownership)
    raw: dict[bytes, bytes | None] = {name.encode(): value.encode() for name, value in fields.items()}
    change, number = Change(visitor, raw, {}, runs), state.commit + 1
    await shard.commit(
        Commit(state.epoch, number, state.position, state.program, state.visitors, [change], eras=state.eras)
    )
    return await owner_of(shard, Versions({0: AWAY, 1: AWAY}))


AWAY = program("\nflow away:\n    when now - event_last_time_1 > 10m\n    send web 'away {{ event_count_1 }}'\n")


async def test_a_timer_that_raises_is_set_aside_with_the_profile_and_does_not_fire_for_ever() -> None:
    shard, owned = await home_of(AWAY)
    for visitor in ("a", "spoilt", "b"):
        await send(shard, visitor, track())
    await fold_on(owned, shard, repeat(100))
    owned = await spoilt(shard, "spoilt", {"id": OF_NO_FLOW})
    shard.now += HOUR
    assert await fold_on(owned, shard, repeat(100), 10)
    assert owned.state.next_timer is None
    [letter] = shard.dead
    assert letter.where.startswith("timer of spoilt")
    assert "nothing such" in json.loads(letter.body)["runs"]["id"]
    assert [len(await shard.inbox(visitor)) for visitor in ("a", "spoilt", "b")] == [1, 0, 1]


async def test_what_could_not_happen_happens_when_the_visitor_comes_back_mended() -> None:
    shard, owned = await home_of(AWAY)
    await send(shard, "v", track())
    await fold_on(owned, shard, repeat(100))
    owned = await spoilt(shard, "v", {"id": OF_NO_FLOW})
    shard.now += HOUR
    await fold_on(owned, shard, repeat(100))
    owned = await spoilt(shard, "v", {"id": None})
    await send(shard, "v", PING, after=HOUR)
    await fold_on(owned, shard, repeat(100))
    assert [time for _, time in await texts(shard, "v")] == ["2026-01-01T10:10:00.001Z"]


async def test_a_run_of_a_version_that_never_was_stops_nobody_else() -> None:
    shard, owned = await home_of(AWAY)
    for visitor in ("a", "spoilt", "b"):
        await send(shard, visitor, track())
    await fold_on(owned, shard, repeat(100))
    owned = await spoilt(shard, "spoilt", {"id": Run("id", "away", 99, NOW)})
    shard.now += HOUR
    assert await fold_on(owned, shard, repeat(100), 10)
    assert [len(await shard.inbox(visitor)) for visitor in ("a", "spoilt", "b")] == [1, 0, 1]
    assert len(shard.dead) == 1


@pytest.mark.parametrize("field", [".d", ".v", ".p"])
async def test_whoever_spoils_whenflows_own_fields_stops_nobody_else(field: str) -> None:
    shard, owned = await home_of(AWAY)
    for visitor in ("a", "spoilt", "b"):
        await send(shard, visitor, track())
    await fold_on(owned, shard, repeat(100))
    owned = await spoilt(shard, "spoilt", NO_RUNS, **{field: "x"})
    for visitor in ("a", "spoilt", "b"):
        await send(shard, visitor, track(), after=HOUR)
    assert await fold_on(owned, shard, repeat(100), 10)
    shard.now += HOUR
    assert await fold_on(owned, shard, repeat(100), 10)
    assert owned.state.next_timer is None
    assert shard.dead
    assert [len(await shard.inbox(visitor)) for visitor in "ab"] == [2, 2]


async def test_a_timer_of_somebody_who_is_gone_comes_to_its_end() -> None:
    shard, owned = await home_of(AWAY)
    await send(shard, "gone", track())
    await fold_on(owned, shard, repeat(100))
    [profile] = await shard.load([Wanted("gone")])
    state = await shard.take("me", 60_000)
    assert isinstance(state, Ownership)
    nothing = Change("gone", dict.fromkeys(profile.fields))
    await shard.commit(Commit(state.epoch, state.commit + 1, state.position, 1, 1, [nothing], eras=state.eras))
    owned = await owner_of(shard, Versions({0: AWAY, 1: AWAY}))
    shard.now += HOUR
    assert await fold_on(owned, shard, repeat(100), 10)
    assert owned.state.next_timer is None
    assert [dict(profile.fields) for profile in await shard.load([Wanted("gone")])] == [{}]


# After a long stop


async def test_thousands_of_instants_of_one_visitor_are_gone_through_in_several_commits() -> None:
    hours = program("\nflow hours:\n    when hour(now) % 2 == 0\n    send web '{{ now }}'\n")
    shard, owned = await home_of(hours)
    await send(shard, "v", track())
    await fold_on(owned, shard, repeat(100))
    before = owned.state.commit
    await send(shard, "v", PING, after=366 * 24 * HOUR)
    owned = await owner_of(shard, Versions({0: hours, 1: hours}), longest=0.02)
    await fold_on(owned, shard, repeat(100))
    assert owned.state.commit > before + 5
    inbox = await texts(shard, "v")
    assert inbox[-1] == ("2027-01-02 10:00", "2027-01-02T10:00:00Z")
    assert inbox[0] == ("2026-12-29 08:00", "2026-12-29T08:00:00Z")
    [profile] = await shard.load([Wanted("v")])
    assert profile.tallies["hours"].starts == 366 * 12 + 1
