"""The shards that processors are tested on."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.conftest import connected
from variables.memory_store import MemoryShard
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import Shard


@pytest.fixture
def quiet() -> Iterator[None]:
    """What is set aside is logged with its whole traceback."""
    with capture_logs():
        yield


@pytest.fixture(params=["memory", "redis", "single", "cluster"])
async def shard(request: pytest.FixtureRequest, app: str) -> AsyncIterator[Shard]:
    if request.param == "memory":
        yield MemoryShard(lambda: time.time_ns() // 1_000_000)
    else:
        async with connected(request, request.param) as connections:
            shard = RedisShard(connections, app, 0)
            yield shard
            await shard.close()


@pytest.fixture
async def redis(connections: Connections, app: str) -> AsyncIterator[tuple[RedisShard, Any, str]]:
    """A shard, a client that may spoil it, and what its keys begin with."""
    shard = RedisShard(connections, app, 0)
    yield shard, connections.commands, f"wf:{{{app}:0}}:"
    await shard.close()
