"""What cannot be folded is set aside, and nobody else's items wait for it, whatever is broken or spoilt."""

from typing import Any

import pytest

from engine.owned_shard import PER_COMMIT
from tests.engine.processing import (
    WAITING,
    Sender,
    arm,
    count_of,
    folded,
    no_timer_is_left,
    processing,
    texts_of,
    until,
)
from tests.engine.stories import Versions, program, track
from variables.profile import CLIENTS, DUE, NUMBER, PROGRAM
from variables.redis_store import RedisShard
from variables.store import Shard

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quiet")]


async def test_a_body_that_is_no_json_is_set_aside_and_the_others_go_on(shard: Shard) -> None:
    sender = Sender(shard)
    await shard.append_program(1)
    await sender.send("a", track())
    for body in (b"no json", b"", b"[]", b'{"visitor": 5}', b"\xff"):
        await sender.raw(body)
    last = await sender.send("b", track())
    async with processing(shard):
        await folded(shard, last)
    assert await shard.dead_letters() == 5
    assert [await texts_of(shard, visitor) for visitor in "ab"] == [["hi 1"], ["hi 1"]]


@pytest.mark.parametrize(
    ("field", "raw"),
    [("event_count_1", "many"), ("event_last_time_1", ""), ("last_seen_time", "now"), (CLIENTS.decode(), "short")],
)
async def test_an_item_that_raises_is_set_aside_and_the_others_go_on(
    redis: tuple[RedisShard, Any, str], field: str, raw: str
) -> None:
    """Somebody wrote into a profile what only Whenflow may write."""
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard):
        await folded(shard, await sender.send("spoilt", track()))
        await commands.hset(f"{prefix}profile:spoilt", field, raw)
        for visitor in ("a", "spoilt", "b"):
            last = await sender.send(visitor, track())
        await folded(shard, last)
        assert await shard.dead_letters() == 1
        await commands.delete(f"{prefix}profile:spoilt")
        await folded(shard, await sender.send("spoilt", track()))
    assert await shard.dead_letters() == 1
    assert [await count_of(shard, visitor) for visitor in ("a", "spoilt", "b")] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["profile", "tallies", "runs", "inbox"])
async def test_a_key_of_another_type_sets_aside_only_that_visitors_entries(
    redis: tuple[RedisShard, Any, str], kind: str
) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    await commands.set(f"{prefix}{kind}:spoilt", "no hash")
    for _ in range(3):
        for visitor in ("a", "spoilt", "b"):
            last = await sender.send(visitor, track())
    async with processing(shard) as task:
        await folded(shard, last)
        assert not task.done()
    assert await shard.dead_letters() == 3
    assert await commands.get(f"{prefix}{kind}:spoilt") == b"no hash"
    for visitor in "ab":
        assert await texts_of(shard, visitor) == ["hi 1", "hi 2", "hi 3"]


async def test_a_shard_whose_own_key_is_broken_goes_on_when_it_is_mended(redis: tuple[RedisShard, Any, str]) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard) as task:
        await folded(shard, await sender.send("v", track()))
        await commands.set(f"{prefix}timers", "no sorted set")
        epoch = int(await commands.hget(f"{prefix}owner", "epoch"))
        last = await sender.send("v", track())

        async def is_taken_anew() -> bool:
            return int(await commands.hget(f"{prefix}owner", "epoch")) > epoch

        await until(is_taken_anew)
        assert await shard.position() < last
        await commands.delete(f"{prefix}timers")
        await folded(shard, last)
        assert not task.done()
    assert await texts_of(shard, "v") == ["hi 1", "hi 2"]
    assert await shard.dead_letters() == 0


async def test_a_timer_of_a_visitor_whose_key_is_broken_is_set_aside_once(redis: tuple[RedisShard, Any, str]) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    last = await arm(shard, spoilt=-10, b=-5)
    await commands.delete(f"{prefix}profile:spoilt")
    await commands.set(f"{prefix}profile:spoilt", "no hash")
    async with processing(shard):
        await until(lambda: no_timer_is_left(shard, last), 3)
        await folded(shard, await sender.send("a", track()))
    assert await shard.dead_letters() == 1


async def test_a_run_that_cannot_be_read_sets_aside_its_visitor_and_no_other(
    redis: tuple[RedisShard, Any, str],
) -> None:
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    spoilings = ("no json", "[]", "{}", '{"flow": "later", "version": "x", "started": 1}', '{"flow": 1, "other": 2}')
    async with processing(shard, versions=WAITING) as task:
        for visitor in ("a", *(f"spoilt{k}" for k in range(len(spoilings))), "b"):
            last = await sender.send(visitor, track())
        await folded(shard, last)
        for k, raw in enumerate(spoilings):
            await commands.hset(f"{prefix}runs:spoilt{k}", "id", raw)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
        assert not task.done()
    assert await shard.dead_letters() == len(spoilings)
    assert [await texts_of(shard, visitor) for visitor in "ab"] == [["later 1"]] * 2


async def test_a_program_is_met_by_all_though_one_visitors_key_is_broken(redis: tuple[RedisShard, Any, str]) -> None:
    shard, commands, prefix = redis
    away = "\nflow away:\n    when now - event_last_time_1 > 1s\n    send web 'away'\n"
    versions = Versions({0: program(version=0), 1: program("", 1), 2: program(away, 2)})
    sender, crowd = Sender(shard), PER_COMMIT + 5
    await shard.append_program(1)
    async with processing(shard, versions=versions) as task:
        for number in range(crowd):
            last = await sender.send(f"v{number}", track())
        await folded(shard, last)
        await commands.delete(f"{prefix}tallies:v3", f"{prefix}runs:v3")
        await commands.set(f"{prefix}runs:v3", "no hash")
        await shard.append_program(2)

        async def is_sent() -> bool:
            return bool(await shard.inbox(f"v{crowd - 1}"))

        await until(is_sent)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
        assert not task.done()
    sent = [await texts_of(shard, f"v{number}") for number in range(crowd)]
    assert sent == [[] if number == 3 else ["away"] for number in range(crowd)]
    assert await shard.dead_letters() == 1


# Hostile hands in the store: nobody else's items wait for it


@pytest.mark.parametrize(
    "spoil",
    [
        ("HSET", "profile:spoilt", b"\xff\xfe", b"\xff"),
        ("HSET", "profile:spoilt", NUMBER.decode(), "99999999999999999999"),
        ("HSET", "profile:spoilt", DUE.decode(), "1e400"),
        ("HSET", "profile:spoilt", PROGRAM.decode(), "-1"),
        ("HSET", "tallies:spoilt", "later", b"\xff 1 x"),
        ("HSET", "tallies:spoilt", b"\xff", "1 0"),
        ("HSET", "runs:spoilt", "id", b"\xff\x00"),
        ("HSET", "runs:spoilt", "id", '{"flow": "later", "version": 77, "started": 1, "at": 0, "due": 5}'),
        ("HSET", "runs:spoilt", "id", '{"flow": "later", "version": 1, "started": 1, "at": 99, "due": 5}'),
        ("HSET", "runs:spoilt", "id", '{"flow": "later", "version": 1, "started": "x", "at": "y", "due": "z"}'),
        ("HSET", "runs:spoilt", "id", '{"flow": "gone", "version": 1, "started": 1, "at": 0, "due": 5, "goal": 1}'),
        ("HSET", "runs:spoilt", "id", "[" * 10_000),
        ("HSET", "inbox:spoilt", b"\xff", b"\xff"),
        ("SET", "runs:spoilt", "x"),
        ("SET", "outbox", "x"),
        ("SET", "counts", "x"),
        ("SET", "names:0", "x"),
        ("HSET", "names:0", "1", b"\xff"),
        ("ZADD", "timers", "1", "nobody"),
        ("ZADD", "timers", "1.5", b"\xff"),
        ("ZADD", "timers", "1", "4611686018427387904"),
        ("ZADD", "timers", "-inf", "12"),
        ("ZADD", "timers", "inf", "13"),
        ("XADD", "log", "*", "note", "no json"),
        ("XADD", "log", "*", "note", '{"rejected": 5}'),
        ("XADD", "log", "*", "note", '{"program": "x"}'),
        ("XADD", "log", "*", "note", '{"program": 77}'),
        ("XADD", "log", "*", "note", '{"meeting": [1, 2, 3]}'),
        ("XADD", "log", "*", "note", '{"meeting": [1, -5]}'),
        ("XADD", "log", "*", "nothing", b"\xff"),
        ("DEL", "timers"),
        ("DEL", "runs:spoilt"),
        ("DEL", "profile:spoilt"),
    ],
    ids=lambda spoil: " ".join(part if isinstance(part, str) else repr(part) for part in spoil)[:60],
)
async def test_whatever_is_spoilt_the_shard_goes_on(redis: tuple[RedisShard, Any, str], spoil: tuple[Any, ...]) -> None:
    """While runs wait; `a` comes before the spoilt one in number, `b` behind it."""
    shard, commands, prefix = redis
    sender = Sender(shard)
    await shard.append_program(1)
    async with processing(shard, versions=WAITING) as task:
        for visitor in ("a", "spoilt", "b"):
            last = await sender.send(visitor, track())
        await folded(shard, last)
        command, key, *rest = spoil
        if command == "SET":
            await commands.delete(prefix + key)
        await commands.execute_command(command, prefix + key, *rest)
        last = await sender.send("spoilt", track())
        await folded(shard, last)
        await until(lambda: no_timer_is_left(shard, last.stamp + 1000))
        for visitor in ("a", "b"):
            last = await sender.send(visitor, {"ping": {}})
        await folded(shard, last)
        assert not task.done()
        if command != "SET" and "timers" not in key:
            assert [await texts_of(shard, visitor) for visitor in "ab"] == [["later 1"]] * 2
        assert [await count_of(shard, visitor) for visitor in "ab"] == [1, 1]
        assert (await shard.standing()).trouble is None
