"""Timers and items in one order, wherever the readings are cut: a timer due at t comes before an item stamped t."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.order import Happening, in_order
from variables.memory_store import MemoryShard
from variables.store import START, Change, Commit, Entry, EntryId, Logged, Ownership, Reading, Timer


class Clock:
    """Milliseconds that stand still until somebody moves them."""

    def __init__(self) -> None:
        self.now = 1_767_225_600_000

    def __call__(self) -> int:
        return self.now


def entry(stamp: int, sequence: int = 0) -> Logged:
    return Logged(EntryId(stamp, sequence), Entry(b"%d-%d" % (stamp, sequence)))


def place(happening: Happening) -> tuple[int, int, int, int]:
    """Where a happening belongs: by instant, timers first, then by number or place in the log."""
    if isinstance(happening, Timer):
        return happening.due, 0, happening.number, 0
    return happening.id.stamp, 1, happening.id.stamp, happening.id.sequence


def by_hand(happenings: Sequence[Happening]) -> list[Happening]:
    return sorted(happenings, key=place)


# One reading

stamps = st.integers(0, 12)
entries = st.lists(st.tuples(stamps, st.integers(0, 3)), unique=True, max_size=15).map(
    lambda ids: [entry(*id) for id in sorted(ids)]
)
timers = st.lists(stamps, max_size=15).map(
    lambda dues: sorted((Timer(due, number, f"v{number}") for number, due in enumerate(dues)), key=place)
)


@settings(deadline=None)
@given(entries, timers)
def test_a_whole_reading_is_merged_by_hand(entries: list[Logged], timers: list[Timer]) -> None:
    assert in_order(Reading(20, entries, timers)) == by_hand([*entries, *timers])


@settings(deadline=None, max_examples=150)
@given(entries, timers, st.integers(1, 6))
def test_what_is_taken_of_a_cut_reading_is_a_beginning_of_the_whole_and_never_nothing(
    entries: list[Logged], timers: list[Timer], limit: int
) -> None:
    whole = by_hand([*entries, *timers])
    taken = in_order(
        Reading(20, entries[:limit], timers[:limit], len(entries[:limit]) == limit, len(timers[:limit]) == limit)
    )
    assert taken == whole[: len(taken)]
    assert taken or not whole


@settings(deadline=None)
@given(entries, timers, st.randoms(use_true_random=False))
def test_readings_one_after_another_give_the_one_order_wherever_they_are_cut(
    entries: list[Logged], timers: list[Timer], chance: random.Random
) -> None:
    whole, taken = by_hand([*entries, *timers]), list[Happening]()
    while entries or timers:
        limit = chance.randint(1, 5)
        now = in_order(
            Reading(20, entries[:limit], timers[:limit], len(entries[:limit]) == limit, len(timers[:limit]) == limit)
        )
        taken += now
        entries = [each for each in entries if each not in now]
        timers = [each for each in timers if each not in now]
    assert taken == whole


def test_a_timer_comes_before_an_item_of_the_same_instant_and_after_an_earlier_one() -> None:
    timer = Timer(5, 1, "v")
    before, same, after = entry(4), entry(5), entry(6)
    assert in_order(Reading(6, [before, same, after], [timer])) == [before, timer, same, after]


def test_behind_a_cut_of_the_timers_items_of_the_last_ones_instant_wait() -> None:
    timer, before, same = Timer(5, 1, "v"), entry(4), entry(5)
    assert in_order(Reading(6, [before, same], [timer], more_timers=True)) == [before, timer]


def test_behind_a_cut_of_the_entries_timers_after_the_last_one_wait() -> None:
    item, at, later = entry(5), Timer(5, 1, "v"), Timer(6, 2, "w")
    assert in_order(Reading(9, [item], [at, later], more_entries=True)) == [at, item]


# The store's readings, with timers that commits armed and entries that came at any moment


class Reader:
    """Reads a shard as its owner does: what is taken is committed, which takes the timers away."""

    def __init__(self, shard: MemoryShard, state: Ownership) -> None:
        self.shard = shard
        self.state = state
        self.taken: list[Happening] = []
        self.read_up_to = 0

    @classmethod
    async def of(cls, shard: MemoryShard) -> "Reader":
        taken = await shard.take("me", 10**12)
        assert isinstance(taken, Ownership)
        return cls(shard, taken)

    async def arm(self, number: int, due: int) -> Timer:
        """As an evaluation does: never at an instant that has been read already."""
        timer = Timer(max(due, self.read_up_to + 1), number, f"v{number}")
        await self.commit(Change(timer.visitor, timer=(number, timer.due)))
        return timer

    async def turn(self, limit: int) -> Sequence[Happening]:
        reading = await self.shard.read(self.state.position, limit)
        self.read_up_to = reading.now
        happenings = in_order(reading)
        self.taken += happenings
        fired = [Change(timer.visitor, timer=(timer.number, None)) for timer in happenings if isinstance(timer, Timer)]
        position = max((each.id for each in happenings if isinstance(each, Logged)), default=self.state.position)
        await self.commit(*fired, position=position)
        return happenings

    async def commit(self, *changes: Change, position: EntryId | None = None) -> None:
        position = position or self.state.position
        self.state = replace(self.state, commit=self.state.commit + 1, position=position)
        await self.shard.commit(Commit(self.state.epoch, self.state.commit, position, 0, 0, changes))


def play(seed: int, limits: Sequence[int]) -> list[Happening]:
    """A story of appends, timers and a clock, the same for a seed; the readings in between are cut at the limits."""

    async def story() -> list[Happening]:
        chance = random.Random(seed)  # noqa: S311
        clock = Clock()
        shard = MemoryShard(clock)
        reader = await Reader.of(shard)
        expected: list[Happening] = []
        for act in range(1, 30):
            clock.now += chance.choice([0, 0, 1, 2])
            if chance.random() < 0.6:
                appended = await shard.append("s", act, [Entry(b"%d" % act)] * chance.randint(1, 4))
                expected += [Logged(id, Entry(b"%d" % act)) for id in appended.ids]
            if chance.random() < 0.5:
                expected.append(await reader.arm(act, clock.now + chance.choice([0, 2, 2, 3, 5])))
            if chance.random() < 0.3:
                for limit in limits[act % len(limits) :][:2]:
                    await reader.turn(limit)
        clock.now += 100
        for turn in range(1000):
            if not await reader.turn(limits[turn % len(limits)]):
                break
        assert sorted(map(place, reader.taken)) == sorted(map(place, expected)), "each exactly once"
        return reader.taken

    return asyncio.run(story())


@settings(deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_successive_readings_are_in_order_whatever_their_limits(seed: int, limits: list[int]) -> None:
    taken = play(seed, limits)
    assert taken == by_hand(taken)


def test_a_turn_with_nothing_to_do_reads_nothing() -> None:
    async def story() -> None:
        reader = await Reader.of(MemoryShard(Clock()))
        assert await reader.turn(10) == []
        assert reader.state.position == START

    asyncio.run(story())


def test_an_entry_that_comes_after_a_timer_was_read_is_stamped_after_it() -> None:
    async def story() -> None:
        clock = Clock()
        shard = MemoryShard(clock)
        reader = await Reader.of(shard)
        await reader.arm(1, clock.now)
        [fired] = await reader.turn(10)
        await shard.append("s", 1, [Entry(b"x")])
        [logged] = await reader.turn(10)
        assert isinstance(fired, Timer)
        assert isinstance(logged, Logged)
        assert fired.due < logged.id.stamp

    asyncio.run(story())
