"""The least that an event can cost a processor of this design: its bytes moved by the same libraries, nothing decided.

Reads the log, parses each body, loads the visitors by `load.lua`, and writes back by `commit.lua` what a click changes
of a profile, with a trace of about the same size, one commit for as many entries as the processor's. It recognises no
copy, keeps to no order, evaluates nothing, checks nothing, and would do nothing right after a failure. What the
processor takes beyond this is what Whenflow does; a goal below this no Python on these libraries can reach.
"""

from itertools import chain
from time import process_time
from typing import Any

from msgpack import packb, unpackb
from pydantic_core import from_json, to_json

from engine.owned_shard import PER_COMMIT
from engine.processor import BATCH
from variables.keys import ShardKeys
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import TRACES, EntryId, Held

LEASE = 600_000
"""Milliseconds; nobody else is there to take the shard."""


async def moved(connections: Connections, app: str, after: EntryId, upto: EntryId) -> float:
    """Seconds of own processor time for the entries of a shard's log between two; all their visitors are known."""
    keys = ShardKeys.of(app, 0)
    shard = RedisShard(connections, app, 0)
    taken = await shard.take("floor", LEASE)
    assert not isinstance(taken, Held)
    line = connections.line(keys.log)
    position, last, number = str(after).encode(), str(upto).encode(), taken.commit
    began = process_time()
    while position != last:
        answer = await line.call("XREAD", "COUNT", BATCH, "STREAMS", keys.log, position)
        entries = answer[0][1]
        for start in range(0, len(entries), PER_COMMIT):
            some, number = entries[start : start + PER_COMMIT], number + 1
            names, operations = await _written(connections, keys, some)
            position = some[-1][0]
            head = [taken.epoch, number, position, taken.program, taken.visitors, b"[]", position, keys.news, b""]
            await connections.script(
                "commit", [keys.owner, keys.log, keys.timers, *names, keys.trace], [*head, operations]
            )
    took = process_time() - began
    await line.close()
    await shard.close()
    return took


async def _written(connections: Connections, keys: ShardKeys, entries: list[Any]) -> tuple[list[str], bytes]:
    """The profiles' keys and the packed operations of one commit; the trace's key comes last."""
    documents = [from_json(body, cache_strings="keys") for _, (_, body) in entries]
    visitors = [document["visitor"] for document in documents]
    of_visitors = [keys.of_visitor(visitor) for visitor in visitors]
    packed = await connections.script("load", list(chain.from_iterable(of_visitors)), [len(visitors)])
    operations: list[tuple[Any, ...]] = []
    traces: list[Any] = []
    for place, ((id, _), document, (fields, _, _)) in enumerate(
        zip(entries, documents, unpackb(packed, raw=True)[0], strict=True)
    ):
        item, stamp = document["items"][0], id[:13]
        changed = {
            b"event_count_1": b"%d" % (int(fields[b"event_count_1"]) + 1),
            b"event_last_time_1": stamp,
            b"event_last_data_1": to_json(item["track_event"]["event_data"]),
            b"last_seen_time": stamp,
            b".n1": b"%d" % item["n"],
            b".c": fields[b".c"],
        }
        operations.append(("HSET", place + 4, changed))
        traces += (document["visitor"].encode(), packb((1, stamp, list(changed.values()))))
    operations.append(("TRACES", len(entries) + 4, TRACES, traces))
    return [profile for profile, _, _ in of_visitors], packb(operations, use_bin_type=False)
