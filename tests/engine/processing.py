"""A processor that runs, and what its tests ask of the shard beside it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from engine.processor import LEASE, Processor
from tests.engine.stories import Versions, program, recover
from variables.profile import NUMBER, Profile
from variables.store import START, Change, Commit, Entry, EntryId, Ownership, Shard, Wanted

LIMIT = 10
"""Seconds after which what is waited for will not come."""
STOPPING = 3
"""Seconds after which a processor that was cancelled once will not stop."""


GREET = '\nflow greet:\n    on webclick\n    send web "hi {{ event_count_1 }}"\n'
VERSIONS = Versions(
    {0: program(version=0), 1: program(GREET, 1), 2: program(GREET.replace("hi", "hello"), 2), 3: program(version=3)}
)


@asynccontextmanager
async def processing(
    shard: Shard, holder: str = "p", *, versions: Versions = VERSIONS, lease: int = LEASE
) -> AsyncIterator[asyncio.Task[None]]:
    """A processor that runs; cancelled at the end, as whenflow does when it stops."""
    task = asyncio.create_task(Processor(shard, versions, holder, recover, lease=lease).run())
    try:
        yield task
    finally:
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=STOPPING)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert not running, "one cancellation must be enough"


async def until(holds: Callable[[], Awaitable[object]], seconds: float = LIMIT) -> None:
    """Waits until an async condition holds."""
    end = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        await asyncio.sleep(0.001)


async def folded(shard: Shard, position: EntryId, seconds: float = LIMIT) -> None:
    async def is_there() -> bool:
        return await shard.position() >= position

    await until(is_there, seconds)


class Sender:
    """Appends batches of visitors, and can send each again."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.flush = 0
        self.numbers: dict[str, int] = {}

    async def send(self, visitor: str, *items: dict[str, Any], copies: int = 1, **entry: Any) -> EntryId:
        """A batch whose items are numbered; the second copy comes as a resend does, in a flush of its own."""
        n = self.numbers.get(visitor, 0)
        self.numbers[visitor] = n + len(items)
        numbered = [{"n": n + place, **item} for place, item in enumerate(items)]
        raw = json.dumps({"visitor": visitor, "client": "c", "items": numbered}).encode()
        for _ in range(copies):
            last = await self.raw(raw, **entry)
        return last

    async def raw(self, body: bytes, **entry: Any) -> EntryId:
        self.flush += 1
        return (await self.shard.append("s", self.flush, [Entry(body, **entry)])).ids[-1]


async def profile_of(shard: Shard, visitor: str) -> Profile:
    [profile] = await shard.load([Wanted(visitor)])
    return profile


async def count_of(shard: Shard, visitor: str, name: bytes = b"event_count_1") -> int:
    return int((await profile_of(shard, visitor)).fields.get(name, b"0"))


async def texts_of(shard: Shard, visitor: str) -> list[str]:
    return [json.loads(message.body)["text"] for message in await shard.inbox(visitor)]


async def arm(shard: Shard, **due_in: int) -> int:
    """Arms a timer a visitor, so many milliseconds from now, by commits as an owner makes them. Gives the last due."""
    state = await shard.take("setup", 1000)
    assert isinstance(state, Ownership)
    changes = [
        Change(visitor, {NUMBER: b"%d" % number}, new_number=number, timer=(number, state.now + due))
        for number, (visitor, due) in enumerate(due_in.items())
    ]
    await shard.commit(Commit(state.epoch, state.commit + 1, START, 0, len(changes), changes))
    await shard.renew(state.epoch, 0)
    return state.now + max(due_in.values())


async def no_timer_is_left(shard: Shard, after: int) -> bool:
    reading = await shard.read(START, 100)
    return reading.now > after and not reading.timers


LATER = """
flow later:
    on webclick
    limit 1
    set visits = (visits or 0) + 1
    wait 1s
    send web "later {{ visits }}"
"""
WAITING = Versions({0: program(version=0), 1: program(LATER, 1)})
