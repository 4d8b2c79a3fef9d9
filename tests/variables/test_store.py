"""The store's protocol: its two homes, in memory and in Redis, keep the same promises."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.conftest import connected
from variables.memory_store import MemoryShard
from variables.profile import Profile
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.runs import Run
from variables.store import (
    INBOX_SIZE,
    START,
    TRACES,
    Change,
    Commit,
    DeadLetter,
    Entry,
    EntryId,
    Era,
    Fenced,
    Held,
    LogFull,
    Message,
    Outgoing,
    Ownership,
    Shard,
    StaleFlush,
    Timer,
    Trace,
    Wanted,
    WrongKey,
)
from variables.tally import Tally

pytestmark = pytest.mark.anyio
BOUND = 50


class Clock:
    """Milliseconds that only ever rise when somebody asks."""

    def __init__(self) -> None:
        self.now = 1_767_225_600_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture(params=["memory", "redis", "single", "cluster"])
async def shard(request: pytest.FixtureRequest, app: str) -> AsyncIterator[Shard]:
    if request.param == "memory":
        yield MemoryShard(Clock(), log_bound=BOUND)
    else:
        async with connected(request, request.param) as connections:
            shard = RedisShard(connections, app, 0, log_bound=BOUND)
            yield shard
            await shard.close()


async def take(shard: Shard, holder: str = "me", lease: int = 60_000) -> Ownership:
    taken = await shard.take(holder, lease)
    assert isinstance(taken, Ownership)
    return taken


def commit_after(state: Ownership, *changes: Change, **contents: object) -> Commit:
    return Commit(state.epoch, state.commit + 1, START, 0, state.visitors, changes, **contents)  # type: ignore[arg-type]


# The log


async def test_entries_come_back_in_the_order_of_their_flushes(shard: Shard) -> None:
    first = await shard.append("s", 1, [Entry(b"a"), Entry(b"b", rejected=(0, 3))])
    second = await shard.append("s", 2, [Entry(b"c", from_server=True)])
    logged = await shard.wait(START, 10, 1000)
    assert [entry.entry for entry in logged] == [
        Entry(b"a"),
        Entry(b"b", rejected=(0, 3)),
        Entry(b"c", from_server=True),
    ]
    assert [entry.id for entry in logged] == [*first.ids, *second.ids]
    assert second.log_length == 3


async def test_a_flush_sent_again_adds_nothing_and_gets_its_first_answer(shard: Shard) -> None:
    first = await shard.append("s", 7, [Entry(b"a"), Entry(b"b")])
    again = await shard.append("s", 7, [Entry(b"a"), Entry(b"b")])
    assert again.ids == first.ids
    assert len(await shard.wait(START, 10, 1000)) == 2


async def test_a_flush_that_a_later_one_has_overtaken_is_refused(shard: Shard) -> None:
    await shard.append("s", 2, [Entry(b"later")])
    with pytest.raises(StaleFlush):
        await shard.append("s", 1, [Entry(b"earlier")])
    await shard.append("other", 1, [Entry(b"of somebody else")])
    assert len(await shard.wait(START, 10, 1000)) == 2


async def test_a_full_log_takes_all_of_a_flush_or_nothing(shard: Shard) -> None:
    await shard.append("s", 1, [Entry(b"x")] * (BOUND - 1))
    with pytest.raises(LogFull):
        await shard.append("s", 2, [Entry(b"x")] * 2)
    await shard.append("s", 3, [Entry(b"x")])


async def test_a_program_is_announced_once_and_no_older_one_after_it(shard: Shard) -> None:
    assert await shard.append_program(2) is not None
    assert await shard.append_program(2) is None
    assert await shard.append_program(1) is None
    assert [logged.entry for logged in await shard.wait(START, 10, 1000)] == [Entry(program=2)]


async def test_waiting_ends_with_the_first_entry_or_the_time(shard: Shard) -> None:
    await take(shard)
    assert not await shard.wait(START, 10, 20)
    waiting = asyncio.create_task(shard.wait(START, 10, 10_000))
    await asyncio.sleep(0)
    await shard.append("s", 1, [Entry(b"a")])
    assert len(await waiting) == 1


async def test_a_cancelled_wait_leaves_no_half_read_answer(shard: Shard) -> None:
    await take(shard)
    waiting = asyncio.create_task(shard.wait(START, 10, None))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await shard.append("s", 1, [Entry(b"a")])
    assert [logged.entry.body for logged in await shard.wait(START, 10, 1000)] == [b"a"]


# The owner


async def test_a_shard_has_one_owner_until_the_lease_lapses_or_is_given_up(shard: Shard) -> None:
    mine = await take(shard, "me")
    assert isinstance(await shard.take("you", 60_000), Held)
    await shard.renew(mine.epoch, 0)
    yours = await take(shard, "you")
    assert yours.epoch > mine.epoch
    with pytest.raises(Fenced):
        await shard.renew(mine.epoch, 60_000)
    with pytest.raises(Fenced):
        await shard.commit(commit_after(mine))


async def test_a_lapsed_lease_lets_the_next_one_in(shard: Shard) -> None:
    await take(shard, "me", lease=1)
    await asyncio.sleep(0.01)
    await take(shard, "you")


async def test_a_commit_is_seen_whole_and_taken_up_by_the_next_owner(shard: Shard) -> None:
    state = await take(shard)
    position = (await shard.append("s", 1, [Entry(b"a")])).ids[0]
    change = Change("v", {b"event_count_1": b"3"}, {"flow": Tally(1, 2, (5,))}, {}, {}, new_number=0, timer=(0, 99))
    message = Message("v", "0001", b'{"text": "hi"}')
    letter = DeadLetter("here", "broken", b"body")
    await shard.commit(Commit(state.epoch, 1, position, 4, 1, [change], [message], dead=[letter]))

    [profile] = await shard.load([Wanted("v", ("0001", "nothing such"))])
    assert profile.fields == {b"event_count_1": b"3"}
    assert profile.tallies == {"flow": Tally(1, 2, (5,))}
    assert profile.inbox == {"0001": "sent"}
    assert await shard.position() == position
    assert await shard.dead_letters() == 1
    after = await take(shard)
    assert (after.commit, after.position, after.program, after.visitors, after.next_timer) == (1, position, 4, 1, 99)


async def test_a_commit_sent_again_is_not_done_twice_and_one_out_of_turn_not_at_all(shard: Shard) -> None:
    state = await take(shard)
    one = commit_after(state, Change("v", {b"event_count_1": b"1"}))
    await shard.commit(one)
    await shard.commit(one)
    with pytest.raises(Fenced):
        await shard.commit(Commit(state.epoch, 3, START, 0, 0, [Change("v", {b"event_count_1": b"9"})]))
    [profile] = await shard.load([Wanted("v")])
    assert profile.fields == {b"event_count_1": b"1"}


async def test_fields_and_timers_are_taken_away_again(shard: Shard) -> None:
    state = await take(shard)
    await shard.commit(commit_after(state, Change("v", {b"a": b"1", b"b": b"2"}, new_number=0, timer=(0, 5))))
    state = await take(shard)
    await shard.commit(commit_after(state, Change("v", {b"a": None}, timer=(0, None))))
    [profile] = await shard.load([Wanted("v")])
    assert profile.fields == {b"b": b"2"}
    assert (await take(shard)).next_timer is None


async def test_visitors_of_any_name_are_kept_apart(shard: Shard) -> None:
    names = ["v", "V", "v:1", "{v}", "v 1", "访客", "v%7Bv%7D", "a/b"]
    state = await take(shard)
    await shard.commit(commit_after(state, *(Change(name, {b"name": name.encode()}) for name in names)))
    profiles = await shard.load([Wanted(name) for name in names])
    assert [profile.fields[b"name"].decode() for profile in profiles] == names


# Inbox


async def test_an_inbox_keeps_the_latest_messages_with_their_status(shard: Shard) -> None:
    state = await take(shard)
    messages = [Message("v", f"{k:04}", b"%d" % k) for k in range(INBOX_SIZE + 5)]
    await shard.commit(commit_after(state, messages=messages[:INBOX_SIZE]))
    state = await take(shard)
    await shard.commit(commit_after(state, Change("v", statuses={"0000": "shown", "0049": "closed"})))
    state = await take(shard)
    await shard.commit(commit_after(state, messages=messages[INBOX_SIZE:]))
    inbox = await shard.inbox("v")
    assert [message.id for message in inbox] == [f"{k:04}" for k in range(5, INBOX_SIZE + 5)]
    assert {message.id: message.status for message in inbox if message.status != "sent"} == {"0049": "closed"}


# Timers and items in one order


async def test_nothing_is_stamped_at_or_before_the_instant_at_which_timers_were_read(shard: Shard) -> None:
    state = await take(shard)
    await shard.commit(
        commit_after(state, Change("w", new_number=7, timer=(7, 20)), Change("v", new_number=3, timer=(3, 10)))
    )
    for number in range(1, 30):
        reading = await shard.read(START, 100)
        assert [(timer.due, timer.number, timer.visitor) for timer in reading.timers] == [(10, 3, "v"), (20, 7, "w")]
        later = await shard.append("s", number, [Entry(b"x")])
        assert later.ids[0].stamp > reading.now


async def test_without_a_timer_the_log_is_not_pinned(shard: Shard) -> None:
    state = await take(shard)
    await shard.commit(commit_after(state, Change("v", new_number=0, timer=(0, 32_503_680_000_000))))
    await shard.append("s", 1, [Entry(b"x")])
    reading = await shard.read(START, 100)
    assert not reading.timers
    assert len(reading.entries) == 1


# Only Redis can be written by others


async def test_a_commit_with_one_broken_key_writes_nothing_at_all(connections: Connections, app: str) -> None:
    shard = RedisShard(connections, app, 0)
    state = await take(shard)
    await connections.commands.set(f"wf:{{{app}:0}}:profile:broken", "no hash")
    with pytest.raises(WrongKey):
        await shard.commit(
            commit_after(state, Change("a", {b"x": b"1"}), Change("broken", {b"x": b"1"}), Change("b", {b"x": b"1"}))
        )
    assert [profile.fields for profile in await shard.load([Wanted("a"), Wanted("b")])] == [{}, {}]
    assert (await take(shard)).commit == 0


async def test_a_profile_is_a_hash_of_the_documented_names(connections: Connections, app: str) -> None:
    shard = RedisShard(connections, app, 2)
    await shard.commit(commit_after(await take(shard), Change("v1", {b"event_count_1": b"6"})))
    assert await connections.commands.hget(f"wf:{{{app}:2}}:profile:v1", "event_count_1") == b"6"


# Runs, tallies, counters, what leaves the house, and the owner's own entries

RUN = Run("0001", "flow", 3, 5, at=2, since=6, due=7, event={"track_event_name": "访客"}, goal=9, arms=("50%",))
MAIL = Outgoing("访客", "0001", "email", b'{"to": "\xc3\xa4"}')


async def profile_of(shard: Shard, visitor: str = "v") -> Profile:
    [profile] = await shard.load([Wanted(visitor)])
    return profile


async def test_runs_and_tallies_come_back_as_they_were_written(shard: Shard) -> None:
    runs = {"0001": RUN, "0002": replace(RUN, id="0002", at=None, since=None, due=None, event=None, arms=())}
    tallies = {"flow": Tally(3, 2, (1, 2, 3)), "флоу": Tally(0, 1)}
    await shard.commit(commit_after(await take(shard), Change("v", tallies=tallies, runs=runs)))
    profile = await profile_of(shard)
    assert (profile.runs, dict(profile.tallies)) == (runs, tallies)
    assert (await profile_of(shard, "w")).runs == {}


async def test_runs_are_changed_and_taken_away_one_by_one(shard: Shard) -> None:
    first = Change("v", {b"a": b"1"}, {"flow": Tally(1)}, {"0001": RUN, "0002": replace(RUN, id="0002")})
    await shard.commit(commit_after(await take(shard), first))
    on = replace(RUN, at=4, due=None)
    await shard.commit(commit_after(await take(shard), Change("v", runs={"0001": on, "0002": None, "0003": None})))
    profile = await profile_of(shard)
    assert profile.runs == {"0001": on}
    assert (dict(profile.fields), dict(profile.tallies)) == ({b"a": b"1"}, {"flow": Tally(1)})


async def test_counters_go_up_and_down_and_are_gone_at_nought(shard: Shard) -> None:
    await shard.commit(commit_after(await take(shard), counts={'["run","f",1,2]': 3, "goal": 1, "below": -2}))
    await shard.commit(commit_after(await take(shard), counts={'["run","f",1,2]': -3, "goal": 2**40, "below": 1}))
    assert await shard.counts() == {"goal": 2**40 + 1, "below": -1}


async def test_what_leaves_the_house_waits_in_its_order(shard: Shard) -> None:
    later = [Outgoing("v", "0000", "webhook", b"{}"), MAIL]
    await shard.commit(commit_after(await take(shard), outgoing=[MAIL, later[0]]))
    await shard.commit(commit_after(await take(shard), outgoing=later[1:]))
    assert list(await shard.outbox()) == [MAIL, *later]


@pytest.mark.parametrize(("first", "count"), [(0, 3), (100, 100), (120, 300), (255, 2), (299, 5), (300, 1), (5, 0)])
async def test_visitors_come_by_their_numbers(shard: Shard, first: int, count: int) -> None:
    names = [f"访客 {number}" for number in range(300)]
    changes = [Change(name, {b"a": b"1"}, new_number=number) for number, name in enumerate(names)]
    for start in range(0, 300, 100):
        await shard.commit(commit_after(await take(shard), *changes[start : start + 100]))
    assert list(await shard.visitors(first, count)) == names[first : first + count]


@pytest.mark.parametrize("visitor", ["v", "访客", "a b/%7B", "\ud800"])
async def test_a_timer_names_its_visitor_whatever_the_name(shard: Shard, visitor: str) -> None:
    await shard.commit(commit_after(await take(shard), Change(visitor, new_number=130, timer=(130, 5))))
    assert (await shard.read(START, 10)).timers == [Timer(5, 130, visitor)]
    assert await shard.visitors(130, 1) == [visitor]


async def test_what_a_commit_adds_to_the_log_comes_behind_all_that_is_there(shard: Shard) -> None:
    await shard.append("s", 1, [Entry(b"a")])
    state = await take(shard)
    await shard.commit(commit_after(state, entries=[Entry(meeting=(4, 0)), Entry(meeting=(4, 100))]))
    await shard.append("s", 2, [Entry(b"b")])
    logged = await shard.wait(START, 10, 1000)
    assert [each.entry for each in logged] == [
        Entry(b"a"),
        Entry(meeting=(4, 0)),
        Entry(meeting=(4, 100)),
        Entry(b"b"),
    ]
    assert [each.entry.is_batch for each in logged] == [True, False, False, True]
    assert sorted(each.id for each in logged) == [each.id for each in logged]


async def test_the_next_owner_knows_which_versions_are_to_be_met_and_since_when_they_hold(shard: Shard) -> None:
    assert list((await take(shard)).eras) == []
    state = await take(shard)
    eras = (Era(3, EntryId(1_767_225_600_123, 0)), Era(4, EntryId(1_767_225_600_123, 2**64 - 1)))
    await shard.commit(Commit(state.epoch, 1, START, 4, 0, eras=eras))
    after = await take(shard)
    assert (after.program, after.eras) == (4, eras)


def of_all_kinds(state: Ownership) -> Commit:
    change = Change("v", {b"a": b"1"}, {"flow": Tally(1)}, {"0001": RUN}, new_number=0, timer=(0, 5))
    return commit_after(
        state,
        change,
        messages=[Message("v", "0001", b"{}")],
        outgoing=[MAIL],
        counts={"run": 2},
        dead=[DeadLetter("here", "broken", b"body")],
        traces=[Trace("v", b"1"), Trace("w", b"2"), Trace("v", b"3")],
        entries=[Entry(meeting=(4, 0))],
        eras=[Era(4, EntryId(7, 0))],
    )


async def test_a_commit_sent_twice_counts_and_appends_once(shard: Shard) -> None:
    commit = of_all_kinds(await take(shard))
    assert await shard.commit(commit) == await shard.commit(commit) == 5
    assert await shard.counts() == {"run": 2}
    assert list(await shard.outbox()) == [MAIL]
    assert await shard.dead_letters() == 1
    assert list(await shard.traces("v", 9)) == [b"3", b"1"]
    assert [each.entry for each in await shard.wait(START, 10, 1000)] == [Entry(meeting=(4, 0))]


async def test_a_commit_that_is_refused_leaves_nothing(shard: Shard) -> None:
    """Of an owner who lost the shard, and of one who is at another commit."""
    lost, state = await take(shard), await take(shard)
    for refused in (of_all_kinds(lost), replace(of_all_kinds(state), number=7)):
        with pytest.raises(Fenced):
            await shard.commit(refused)
    await nothing_was_written(shard)


async def nothing_was_written(shard: Shard) -> None:
    assert await shard.counts() == {}
    assert list(await shard.outbox()) == []
    assert await shard.dead_letters() == 0
    assert (list(await shard.traces("v", 9)), await shard.oldest_trace()) == ([], None)
    assert list(await shard.wait(START, 10, 1)) == []
    assert list(await shard.visitors(0, 1)) == []
    profile = await profile_of(shard)
    assert (dict(profile.fields), dict(profile.tallies), profile.runs) == ({}, {}, {})
    after = await take(shard)
    assert (after.commit, list(after.eras), after.next_timer) == (0, [], None)


async def test_a_visitors_traces_come_newest_first_among_those_of_many(shard: Shard) -> None:
    state = await take(shard)
    for number in range(1, 21):
        traces = [Trace(f"v{k % 7}é\x00", b"%d" % (number * 1000 + k)) for k in range(210)]
        await shard.commit(replace(commit_after(state), number=number, traces=traces))
    found = list(await shard.traces("v3é\x00", 1_000))
    assert found == [
        b"%d" % (number * 1000 + k) for number in range(20, 0, -1) for k in range(206, 0, -7) if k % 7 == 3
    ]
    assert list(await shard.traces("v3é\x00", 2)) == found[:2]
    assert list(await shard.traces("v7", 9)) == []
    assert await shard.oldest_trace() == b"1000"


async def test_the_oldest_traces_give_way(shard: Shard) -> None:
    state, size = await take(shard), 5_000
    for number in range(1, 2 * TRACES // size + 1):
        traces = [Trace("v", b"%d" % (number * size + k)) for k in range(size)]
        await shard.commit(replace(commit_after(state), number=number, traces=traces))
    found = await shard.traces("v", 3 * TRACES)
    assert TRACES <= len(found) < 1.1 * TRACES
    assert (found[0], found[-1]) == (b"%d" % (2 * TRACES + size - 1), await shard.oldest_trace())


@pytest.mark.parametrize("key", ["tallies:v", "runs:v", "inbox:v", "outbox", "counts", "dead", "trace", "names:0"])
async def test_a_key_of_another_type_leaves_nothing_written_of_any_kind(
    connections: Connections, app: str, key: str
) -> None:
    shard, name = RedisShard(connections, app, 0), f"wf:{{{app}:0}}:{key}"
    await connections.commands.set(name, "something else")
    with pytest.raises(WrongKey):
        await shard.commit(of_all_kinds(await take(shard)))
    assert await connections.commands.get(name) == b"something else"
    await connections.commands.delete(name)
    await nothing_was_written(shard)
    assert await shard.commit(of_all_kinds(await take(shard))) == 5
    await shard.close()


@pytest.mark.parametrize("key", ["log", "timers"])
async def test_a_shards_own_key_of_another_type_leaves_nothing_written(
    connections: Connections, app: str, key: str
) -> None:
    """Also where the commit itself has nothing for that key."""
    shard, name = RedisShard(connections, app, 0), f"wf:{{{app}:0}}:{key}"
    commit = commit_after(await take(shard), Change("v", {b"a": b"1"}), eras=[Era(4, EntryId(7, 0))])
    await connections.commands.delete(name)
    await connections.commands.set(name, "something else")
    with pytest.raises(WrongKey):
        await shard.commit(commit)
    await connections.commands.delete(name)
    await nothing_was_written(shard)
    await shard.close()


@pytest.mark.parametrize("raw", ["no json", "[]", "{}"])
async def test_a_run_that_cannot_be_read_is_told(connections: Connections, app: str, raw: str) -> None:
    shard = RedisShard(connections, app, 0)
    await connections.commands.hset(f"wf:{{{app}:0}}:runs:v", "name", raw)
    with pytest.raises(WrongKey):
        await shard.load([Wanted("v")])
    assert (await profile_of(shard, "w")).runs == {}


@pytest.mark.parametrize("raw", ["many", "", "1"])
async def test_a_tally_that_cannot_be_read_is_told_to_whoever_asks_for_it(
    connections: Connections, app: str, raw: str
) -> None:
    shard = RedisShard(connections, app, 0)
    await connections.commands.hset(f"wf:{{{app}:0}}:tallies:v", mapping={"name": raw, "other": "1 0 5"})
    tallies = (await profile_of(shard, "v")).tallies
    assert tallies.of("other") == Tally(1, 0, (5,))
    with pytest.raises(ValueError, match=r"unpack|invalid"):
        tallies.of("name")
    await shard.close()
