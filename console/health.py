"""What `GET /health` says: whether the store answers, what it promises, and whether anything was set aside."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from pydantic import BaseModel
from redis.exceptions import RedisError

from console.running_app import RunningApp
from variables.durability import AppendOnlyFlusher, Policy, read_policy
from variables.redis_connection import Connections
from variables.store import StoreUnavailable

PATIENCE = 2.0
"""Seconds within which the store must answer."""


class AppHealth(BaseModel):
    shards: int
    program: int
    """The newest version."""
    dead_letters: int
    """Items set aside because folding them failed."""
    unowned: int
    """Shards that no processor has: nothing of them is folded."""
    processors: int
    """How many processors have shards. Which ones, `/metrics` says, and only to who has the token."""
    trouble: dict[int, str]
    """By shard: what keeps it from going on."""


class Health(BaseModel):
    ok: bool
    store: dict[str, object]
    """The server's engine, version and settings, what it promises in plain words, and warnings."""
    apps: dict[str, AppHealth]

    @property
    def warnings(self) -> Sequence[str]:
        found = self.store["warnings"]
        assert isinstance(found, list | tuple)
        return found


async def look(connections: Connections, flusher: AppendOnlyFlusher | None, apps: Iterable[RunningApp]) -> Health:
    """Asks the store. Never raises for a store that is down: that is what it is for."""
    try:
        async with asyncio.timeout(PATIENCE):
            policy: Policy = await read_policy(connections.commands, flusher=flusher)
            return Health(ok=True, store=asdict(policy), apps={app.app.name: await _app(app) for app in apps})
    except (RedisError, StoreUnavailable, OSError, TimeoutError) as error:
        promise = f"The store does not answer: {error or type(error).__name__}"
        return Health(ok=False, store={"promise": promise, "warnings": [promise]}, apps={})


async def _app(app: RunningApp) -> AppHealth:
    standing = await app.standing()
    return AppHealth(
        shards=len(app.shards),
        program=await app.newest(),
        dead_letters=standing.dead_letters,
        unowned=standing.unowned,
        processors=len(standing.owners),
        trouble=dict(standing.trouble),
    )
