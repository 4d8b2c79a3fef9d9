"""Visitors meet programs: whenever the owner gets round to them, it is as if all had met at once."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from itertools import cycle, repeat

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine import owned_shard
from engine.program import Program
from tests.engine.stories import HOUR, MINUTE, NOW, SECOND, State, Versions, fold_on, owner_of, program, state_of, track
from variables.memory_store import MemoryShard
from variables.store import START, Entry, Wanted

pytestmark = pytest.mark.anyio

AWAY = "\nflow away:\n    when now - event_last_time_1 >= 10m\n    send web 'away {{ now }}'\n"


class Clocked(MemoryShard):
    def __init__(self) -> None:
        self.now, self.sent = NOW, 0
        super().__init__(lambda: self.now)

    async def send(self, visitor: str, *items: object) -> None:
        self.sent += 1
        body = json.dumps({"visitor": visitor, "client": "c", "items": items}).encode()
        await self.append("s", self.sent, [Entry(body)])

    async def texts(self, visitor: str) -> list[tuple[str, str]]:
        bodies = [json.loads(message.body) for message in await self.inbox(visitor)]
        return [(body["text"], body["time"][11:]) for body in bodies]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One visitor meets the program in each slice."""
    monkeypatch.setattr(owned_shard, "PER_COMMIT", 1)


async def applied_one_after_another(*programs: Program, gap: int = 20 * MINUTE) -> Clocked:
    """Three visitors click; then programs come in such a hurry that the owner finds them all in the log."""
    shard = Clocked()
    await shard.append_program(1)
    ready = dict(enumerate([program(version=0), *programs]))
    owned = await owner_of(shard, Versions(ready))
    await fold_on(owned, shard, repeat(100))
    for visitor in ("a", "b", "c"):
        await shard.send(visitor, track())
    await fold_on(owned, shard, repeat(100))
    for version in range(2, len(ready)):
        shard.now += gap if version > 2 else SECOND
        await shard.append_program(version)
        await owned.fold((await shard.read(owned.state.position, 1)).entries)
    shard.now += gap
    await fold_on(await owner_of(shard, Versions(ready)), shard, repeat(100))
    return shard


@pytest.mark.usefixtures("slow")
async def test_who_missed_a_program_is_sent_what_time_brought_while_it_held() -> None:
    shard = await applied_one_after_another(program("", 1), program(AWAY, 2), program(AWAY, 3))
    assert [await shard.texts(visitor) for visitor in "abc"] == [[("away 2026-01-01 10:10", "10:10:00Z")]] * 3


@pytest.mark.usefixtures("slow")
async def test_a_condition_of_an_hour_that_came_and_went_is_not_lost() -> None:
    eleven = "\nflow eleven:\n    when hour(now) == 11\n    send web '{{ now }}'\n"
    shard = await applied_one_after_another(program("", 1), program(eleven, 2), program("", 3), gap=5 * HOUR)
    assert [await shard.texts(visitor) for visitor in "abc"] == [[("2026-01-01 11:00", "11:00:00Z")]] * 3


@pytest.mark.usefixtures("slow")
async def test_what_a_later_program_changed_is_set_to_its_truth_and_what_it_left_alone_goes_on() -> None:
    """Ten minutes after the click come under the second program, twenty-one under the third."""
    second = AWAY + "\nflow other:\n    when now - event_last_time_1 >= 21m\n    send web 'second'\n"
    third = second.replace(">= 10m", ">= 11m").replace("'second'", "'third'")
    shard = await applied_one_after_another(program("", 1), program(second, 2), program(third, 3))
    sent = [("away 2026-01-01 10:10", "10:10:00Z"), ("third", "10:21:00Z")]
    assert [await shard.texts(visitor) for visitor in "abc"] == [sent] * 3


@pytest.mark.usefixtures("slow")
async def test_a_run_that_time_started_under_a_missed_program_is_stopped_by_the_next_one() -> None:
    waits = "\nflow f:\n    when now - event_last_time_1 >= 10m\n    send web 'one'\n    wait 15m\n    send web 'two'\n"
    shard = await applied_one_after_another(program("", 1), program(waits, 2), program("", 3, stops={"f": 3}))
    assert [await shard.texts(visitor) for visitor in "abc"] == [[("one", "10:10:00Z")]] * 3
    assert await shard.counts() == {}


async def test_all_runs_of_all_flows_that_are_stopped_end_whatever_their_order() -> None:
    """Of one visitor, beside a run that goes on."""
    flows = "".join(f"\nflow {name}:\n    on webclick\n    wait 1h\n    send web '{name}'\n" for name in "cab")
    shard = Clocked()
    versions = Versions({0: program(version=0), 1: program(flows, 1), 2: program("", 2, stops={"a": 2, "c": 2})})
    await shard.append_program(1)
    await shard.send("v", track())
    await fold_on(await owner_of(shard, versions), shard, repeat(100))
    shard.now += MINUTE
    await shard.append_program(2)
    await fold_on(await owner_of(shard, versions), shard, repeat(100))
    [profile] = await shard.load([Wanted("v")])
    assert [run.flow for run in profile.runs.values()] == ["b"]


@pytest.mark.usefixtures("slow")
async def test_an_event_that_a_missed_program_reset_is_forgotten_from_there_on() -> None:
    resets = {1: 3}
    shard = await applied_one_after_another(
        program("", 1), program(AWAY.replace("10m", "30m"), 2), program(AWAY, 3, resets), program(AWAY, 4, resets)
    )
    assert [await shard.texts(visitor) for visitor in "abc"] == [[]] * 3
    for profile in await shard.load([Wanted(visitor) for visitor in "abc"]):
        assert b"event_count_1" not in profile.fields


@pytest.mark.usefixtures("slow")
async def test_the_owner_remembers_only_the_versions_that_somebody_has_yet_to_meet() -> None:
    shard = await applied_one_after_another(*(program("", version) for version in range(1, 6)))
    state = await owner_of(shard, Versions({5: program("", 5)}))
    assert [era.version for era in state.state.eras] == [5]


# By laws

PARTS = """
flow away:
    when now - event_last_time_1 >= 10m
    send web "away {{ now }}"

flow away:
    when now - event_last_time_1 >= 10m
    limit 2
    send web "away! {{ now }}"

flow away:
    when now - event_last_time_1 >= 25m
    wait 5m
    send web "away late {{ now }}"

flow halves:
    when hour(now) % 2 == 0
    set visits = (visits or 0) + 1
    wait 1h
    send web "halves {{ now }}"

flow halves:
    when hour(now) % 2 == 0
    exit when hour(now) == 13
    wait 90m
    send web "halves! {{ now }}"

segment calm:
    now - last_seen_time > 7m

segment calm:
    now - last_seen_time > 40m or visits == 2

flow enters:
    on enter calm
    goal in_segment("active") and visits == 3 within 3h
    send web "enters {{ now }}"

flow leaves:
    on leave calm, change visits
    send web "leaves {{ visits }} {{ now }}"

flow clicked:
    on webclick
    goal now - run_time > 12m within 30m
    exit when event_count_2 > 2
    wait until event_count_2 > 0 for 45m:
        send web "bought"
    timeout:
        send web "not {{ now }}"

flow clicked:
    on webclick
    limit 1 per 20m
    hours "12:30-18:00"
    send web "open {{ now }}"
""".strip().split("\n\n")
"""Declarations, some of which are others changed."""
GAPS = (50, SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR)


def programs_of(chance: random.Random) -> Mapping[int, Program]:
    programs, resets, stops = {0: program(version=0)}, dict[int, int](), dict[str, int]()
    for version in range(1, 7):
        chosen: dict[str, str] = {}
        for part in PARTS:
            if chance.random() < 0.6:
                chosen[part.split(":")[0]] = part
        if any("calm" in part for part in chosen.values()):
            chosen.setdefault("segment calm", PARTS[5])
        if chance.random() < 0.2:
            resets = {**resets, chance.choice([1, 2]): version}
        if chance.random() < 0.2:
            stops = {**stops, chance.choice(["clicked", "halves", "away"]): version}
        programs[version] = program("\n".join(chosen.values()), version, resets, stops)
    return programs


async def lived(seed: int, sizes: Sequence[int], turns: Sequence[int], longest: float) -> State:
    """The same life whatever the sizes of slices and batches, and however seldom the owner's turn comes."""
    chance = random.Random(seed)  # noqa: S311
    programs = programs_of(chance)
    shard, visitors = Clocked(), ("v1", "v2", "v3")
    size, turn, version = cycle(sizes), cycle(turns), 0
    for _ in range(chance.randrange(8, 30)):
        shard.now += chance.choice(GAPS)
        if chance.random() < 0.35 and version < 6:
            version += 1
            await shard.append_program(version)
        else:
            item = chance.choice([track(), track(), track("checkout"), {"ping": {}}, {"set": {"visits": 3}}])
            await shard.send(chance.choice(visitors), item)
        await fold_on(await owner_of(shard, Versions(programs), longest), shard, size, next(turn))
    for gap in (0, chance.choice(GAPS)):  # all that the owner adds to the log is behind us at the end
        shard.now += gap
        await fold_on(await owner_of(shard, Versions(programs), longest), shard, repeat(100))
    assert not shard.dead
    assert await shard.position() == (await shard.read(START, 10**6)).entries[-1].id
    return await state_of(shard, visitors)


@settings(deadline=None, max_examples=40, phases=[Phase.generate])
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=1, max_size=8),
    st.integers(1, 3),
    st.sampled_from([-1, owned_shard.LONGEST]),
)
def test_it_changes_nothing_when_a_visitor_meets_a_program(
    seed: int, sizes: list[int], turns: list[int], slice: int, longest: float
) -> None:
    at_once = asyncio.run(lived(seed, [100], [10**6], owned_shard.LONGEST))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owned_shard, "PER_COMMIT", slice)
        assert asyncio.run(lived(seed, sizes, turns, longest)) == at_once


def test_such_lives_have_programs_that_are_missed() -> None:
    lives = [asyncio.run(lived(seed, [100], [10**6], 1)) for seed in range(20)]
    flows = {json.loads(message.body)["flow"] for state in lives for inbox in state.inboxes for message in inbox}
    assert flows == {"away", "halves", "enters", "leaves", "clicked"}
    assert any(json.loads(name)[0] == "goal" for state in lives for name in state.counts)
