"""What all tests share: a real embedded server, started once a session, and an app of one's own in it for each test."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from tests.variables.cluster import Cluster
from tests.variables.single import Single
from variables.durability import Durability
from variables.embedded import EmbeddedStore
from variables.redis_connection import Connections

settings.register_profile("suite", deadline=None)  # no test asserts a speed
settings.load_profile("suite")
_apps = count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A running Valkey server. Its durability is `second`, for speed; tests of durability start their own."""
    directory: Path = tmp_path_factory.mktemp("store")
    with EmbeddedStore(directory, Durability.SECOND) as store:
        yield store


@pytest.fixture
async def connections(embedded: EmbeddedStore) -> AsyncIterator[Connections]:
    connections = Connections(embedded=embedded)
    yield connections
    await connections.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster of three primaries and their replicas; whoever kills nodes starts one of their own."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    """A running server of somebody else's; whoever kills it starts one of their own."""
    with Single(tmp_path_factory.mktemp("single")) as running:
        yield running


@asynccontextmanager
async def connected(request: pytest.FixtureRequest, home: str) -> AsyncIterator[Connections]:
    """Connections to the embedded server (`redis`), to a `single` one or to a `cluster`."""
    if home == "redis":
        connections = Connections(embedded=request.getfixturevalue("embedded"))
    else:
        connections = Connections(url=request.getfixturevalue(home).url)
        await connections.recover()
    yield connections
    await connections.close()


@pytest.fixture
def app() -> str:
    """An app's name that no other test uses."""
    return f"app{next(_apps)}"
