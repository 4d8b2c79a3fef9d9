"""Bytes of the server's memory that a visitor takes, all included, and where they go.

20,000 visitors, each by the real path: three events of different kinds with 90 bytes of data and five fields, sent as
numbered items of one client, are appended to a shard's log and folded by a processor. That gives each a profile with a
client's window, and a visitor number. A commit then arms a timer for each, as evaluation will. What counts is the
growth of `used_memory` from before the first to after the last, with the log trimmed and the allocator's caches purged.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import uvloop
from pydantic_core import to_json

from bench.report import Row, at_most
from bench.shard import compiled, connected, fill, fold
from engine.program import Program
from variables.keys import ShardKeys
from variables.redis_commit import NUMBERS_IN_A_HASH
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import Change, Commit, Message, Ownership
from variables.tally import Tally

LIMIT = 1_000
"""Bytes."""
APP = "default"
COMMIT = 100
"""Visitors in one commit."""
DUE = 4_000_000_000_000
"""When the timers are due: never, as far as this run goes."""
EVENTS = {name: str(uuid4()) for name in ("webclick", "checkout", "search")}
DATA = {"button": "add to basket", "product": "tea-pot-17", "page": "/shop/tea-pots/17?c=4242", "a": 17}
FIELDS = {
    "extra_field_TEXT_1": "wechat_4711",
    "user_fullname": "Mei Lin",
    "user_email": "mei.lin@example.com",
    "user_country": "CN",
    "user_city": "Jingdezhen",
}


def rows(*, quick: bool) -> Iterator[Row]:
    visitors = 4_000 if quick else 20_000
    yield from uvloop.run(_measure(visitors))


async def _measure(visitors: int) -> list[Row]:
    program = compiled(_program())
    ids = [uuid4().hex for _ in range(visitors)]
    async with connected() as connections:
        shard = RedisShard(connections, APP, 0)
        await _fold(shard, program, connections, [uuid4().hex])  # so that what there is but once is there
        before = await _used(connections)
        await _fold(shard, program, connections, ids)
        await _arm(shard, ids)
        each = (await _used(connections) - before) / visitors
        await _send(shard, ids[:COMMIT])
        parts = await _parts(connections, ids)
        await shard.close()
    all_included = Row(
        f"a visitor, of {visitors:,}", f"{each:,.0f} bytes", f"limit: {LIMIT:,}", each / LIMIT, at_most(1)
    )
    rest = each - sum(size for name, size in parts if not name.startswith("+"))
    lines = [*parts, ("the key space, the log's end and all else", rest)]
    return [all_included, *(Row(f"  {name}", f"{size:,.0f} bytes") for name, size in lines)]


async def _fold(shard: RedisShard, program: Program, connections: Connections, ids: Sequence[str]) -> None:
    """The real path, from the log to the profiles."""
    last = await fill(shard, [_body(visitor) for visitor in ids], sender=uuid4().hex)
    await fold(shard, program, connections, last)


def _body(visitor: str) -> bytes:
    events = [{"track_event": {"event_name": n, "event_uuid": u, "event_data": DATA}} for n, u in EVENTS.items()]
    items: list[dict[str, Any]] = [*events, {"set": FIELDS}]
    numbered = [{"n": n, **item} for n, item in enumerate(items, 1)]
    return to_json({"visitor": visitor, "client": f"miax8q1z{uuid4().hex}", "items": numbered})


def _program() -> str:
    events = "".join(f'event {seq} {name} "{uuid}"\n' for seq, (name, uuid) in enumerate(EVENTS.items(), 1))
    return events + "field extra_field_TEXT_1 text\n"


# What a processor would write, written in its place -------------------------------------------------------------------


async def _arm(shard: RedisShard, ids: Sequence[str]) -> None:
    """A timer for each; the one visitor before them has the number 0."""
    changes = [Change(visitor, timer=(number, DUE + number)) for number, visitor in enumerate(ids, 1)]
    await _commit(shard, changes, [])


async def _send(shard: RedisShard, ids: Sequence[str]) -> None:
    """One flow started and one message sent, to see what these take on top."""
    body = to_json({"id": "0" * 44, "flow": "offer_help", "text": "6 clicks! May we help you?", "time": DUE})
    changes = [Change(visitor, tallies={"offer_help": Tally(1, 0, (DUE,))}) for visitor in ids]
    await _commit(shard, changes, [Message(visitor, "0" * 44, body) for visitor in ids])


async def _commit(shard: RedisShard, changes: Sequence[Change], messages: Sequence[Message]) -> None:
    state = await shard.take("bench", 60_000)
    assert isinstance(state, Ownership)
    for number, start in enumerate(range(0, len(changes), COMMIT), state.commit + 1):
        some, position, program = changes[start : start + COMMIT], state.position, state.program
        await shard.commit(Commit(state.epoch, number, position, program, state.visitors, some, messages))
    await shard.renew(state.epoch, 0)


# Where the bytes are --------------------------------------------------------------------------------------------------


async def _used(connections: Connections) -> int:
    """Bytes, without what the allocator merely keeps and the log has not yet let go of."""
    commands = connections.commands
    await commands.xtrim(ShardKeys.of(APP, 0).log, maxlen=0, approximate=False)
    await commands.memory_purge()
    info = await commands.info("memory")
    used: int = info["used_memory"]
    return used


async def _parts(connections: Connections, ids: Sequence[str]) -> list[tuple[str, float]]:
    """Bytes a visitor by kind of key, as MEMORY USAGE has them; a `+` marks what not every visitor has."""
    prefix = ShardKeys.of(APP, 0).prefix

    async def usage(*keys: str) -> float:
        """The mean of some keys."""
        sizes = [await connections.commands.memory_usage(prefix + key, samples=0) or 0 for key in keys]
        return sum(sizes) / len(sizes)

    some = ids[:COMMIT]
    return [
        ("its profile, with the window", await usage(*(f"profile:{visitor}" for visitor in some))),
        ("its id under its number", await usage("names:0") / NUMBERS_IN_A_HASH),
        ("its timer", await usage("timers") / len(ids)),
        ("+ of one flow started", await usage(*(f"tallies:{visitor}" for visitor in some))),
        ("+ one message in the inbox", await usage(*(f"inbox:{visitor}" for visitor in some))),
    ]
