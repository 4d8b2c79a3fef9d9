"""Connections to a Redis-protocol server or a cluster, set up so that no library repeats a write behind our back.

redis-py by default sends a command again after a lost connection: a write that had been applied would be applied twice.
Here nothing is retried below the numbers that make appends and commits safe to send again (DESIGN.md section 4).
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from variables.data_directory import EmbeddedStoreError
from variables.embedded import EmbeddedStore
from variables.redis_line import Line
from variables.store import Fenced, LogFull, StaleFlush, StoreUnavailable, WrongKey

COMMAND_TIMEOUT = 1.0
"""Seconds that an ordinary command may take; a blocking read has none."""
PING_TIMEOUT = 0.4
"""Seconds after which a node of a cluster that does not answer a ping is taken for silent."""
RECOVERY_PAUSE = 0.1
"""Seconds between two tries where the last one failed: all shards ask, and redis-py reckons long over the slots."""
RECOVERY_TIMEOUT = 1.0
"""Seconds that one try at bringing the embedded server back may take; it goes on starting behind our back."""

_REFUSALS: dict[str, type[Exception]] = {
    "FENCED": Fenced,
    "FULL": LogFull,
    "STALE": StaleFlush,
    "WRONGKEY": WrongKey,
    "WRONGTYPE": WrongKey,
}
_SILENCES = (
    *(ConnectionError, TimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, OSError),
    *(AskError, ClusterDownError, RedisClusterException, TryAgainError),
)
"""The server cannot be reached, or is not the one to ask just now."""
_UNAVAILABLE = ("OOM", "MISCONF", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Says the server's refusals and silences in the words of the store's protocol."""
    try:
        yield
    except _SILENCES as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error
    except ResponseError as error:
        text = str(error)
        for prefix, exception in _REFUSALS.items():
            if text.startswith(prefix):
                raise exception(text) from None
        if text.startswith(_UNAVAILABLE):
            raise StoreUnavailable(text) from error
        raise


SCRIPTS = ("append", "append_program", "take", "renew", "read", "load", "commit", "add_program", "announce", "standing")
_REPLICATED = ("append", "commit")
"""The scripts whose writes somebody is told of, or that others follow from."""
_OPTIONS: dict[str, Any] = {
    # Time limits are ours: with one of its own redis-py sends through `wait_for`, which on Python 3.11 now and then
    # swallows a cancellation.
    "socket_timeout": None,
    "socket_connect_timeout": COMMAND_TIMEOUT,
    "protocol": 2,
    "health_check_interval": 0,
}


class Connections:
    """One process's connections: `commands` for short calls, and connections of their own for calls that wait.

    `url`: a server, or nodes of a cluster, separated by commas. Which it is, the first `recover` finds out.
    `replicas`: how many must have a write before it counts as done; 0 asks for none.
    """

    def __init__(self, *, url: str | None = None, embedded: EmbeddedStore | None = None, replicas: int = 0) -> None:
        if (url is None) == (embedded is None):
            raise ValueError("either a URL or an embedded store")
        self._urls = [] if url is None else url.split(",")
        self._embedded = embedded
        self._recovering = asyncio.Lock()
        self._failed, self._tried = False, 0.0
        self._is_known = embedded is not None
        self._replicas = replicas
        self._nodes: dict[tuple[str, int], Redis] = {}
        self._use(self._client())

    def _use(self, commands: "Redis | RedisCluster") -> None:
        self.commands: Any = commands
        self._scripts = {
            name: commands.register_script(files("variables").joinpath("scripts", f"{name}.lua").read_text())
            for name in SCRIPTS
        }
        self._line = None if isinstance(commands, RedisCluster) else Line(commands.connection_pool.make_connection)

    def _client(self) -> "Redis":
        retry = Retry(NoBackoff(), 0)
        if self._embedded is not None:
            client = Redis(unix_socket_path=str(self._embedded.socket), retry=retry, **_OPTIONS)
        else:
            client = Redis.from_url(self._urls[0], retry=retry, **_OPTIONS)
        return client

    @property
    def is_cluster(self) -> bool:
        """Known from the first `recover` on."""
        return isinstance(self.commands, RedisCluster)

    async def script(self, name: str, keys: list[str], args: list[Any]) -> Any:
        """Runs one of `variables/scripts`. Raises StoreUnavailable and what the script's head says."""
        script = self._scripts[name]
        with translated_errors():
            if self._line is not None and not (self._replicas and name in _REPLICATED):
                return await self._on_line(self._line, script, keys, args)
            async with asyncio.timeout(COMMAND_TIMEOUT):
                if self._replicas and name in _REPLICATED:
                    return await self._replicated(script, keys, args)
                return await script(keys=keys, args=args)

    async def _on_line(self, line: Line, script: AsyncScript, keys: list[str], args: list[Any]) -> Any:
        try:
            return await line.call("EVALSHA", script.sha, len(keys), *keys, *args, within=COMMAND_TIMEOUT)
        except NoScriptError:
            return await line.call("EVAL", str(script.script), len(keys), *keys, *args, within=COMMAND_TIMEOUT)

    async def _replicated(self, script: AsyncScript, keys: list[str], args: list[Any]) -> Any:
        """The script, and a WAIT behind it on the same connection: it counts that connection's own writes."""
        client = self._node(keys[0])
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.evalsha(script.sha, len(keys), *keys, *args)
            pipeline.wait(self._replicas, int(COMMAND_TIMEOUT * 500))
            answer, having = await pipeline.execute(raise_on_error=False)
        if isinstance(answer, NoScriptError):
            await client.script_load(script.script)
            return await self._replicated(script, keys, args)
        if isinstance(answer, Exception):
            raise answer
        if having < self._replicas:
            raise StoreUnavailable(f"{having} of {self._replicas} replicas have the write")
        return answer

    def _node(self, key: str) -> "Redis":
        """A client of the node that serves a key."""
        if not self.is_cluster:
            return cast(Redis, self.commands)
        node = self.commands.get_node_from_key(key)
        if node is None:
            raise StoreUnavailable(f"no node of the cluster serves {key}")
        place = (node.host, node.port)
        if place not in self._nodes:
            self._nodes[place] = self._client_of(*place)
        return self._nodes[place]

    async def call(self, command: Awaitable[Any]) -> Any:
        """Awaits a command of `commands`; raises StoreUnavailable."""
        with translated_errors():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                return await command

    def line(self, key: str) -> Line:
        """A connection of its own to where a key is, for calls that wait; whoever asks for it closes it."""
        return Line(self.blocking(key).connection_pool.make_connection)

    def blocking(self, key: str | None = None) -> "Redis":
        """A client with a connection of its own, to where a key is, and no time limit on an answer.

        Whoever asks for it closes it. Raises StoreUnavailable.
        """
        if not self.is_cluster:
            return self._client()
        with translated_errors():
            node = self.commands.get_random_node() if key is None else self.commands.get_node_from_key(key)
            if node is None:
                raise StoreUnavailable(f"no node of the cluster serves {key}")
        return self._client_of(node.host, node.port)

    def _client_of(self, host: str, port: int) -> "Redis":
        return Redis(host=host, port=port, retry=Retry(NoBackoff(), 0), **_OPTIONS, **self._credentials())

    async def recover(self) -> None:
        """After a lost connection: sees to it that the server is there again. Raises StoreUnavailable."""
        async with self._recovering:
            try:
                if self._embedded is not None:
                    await self._embedded.ensure_async(RECOVERY_TIMEOUT)
                else:
                    await asyncio.sleep(self._tried + RECOVERY_PAUSE - time.monotonic() if self._failed else 0)
                    self._failed, self._tried = True, time.monotonic()
                    async with asyncio.timeout(RECOVERY_TIMEOUT):
                        await self._reach()
                    self._failed = False
            except (EmbeddedStoreError, RedisError, RedisClusterException, OSError) as error:
                raise StoreUnavailable(str(error) or type(error).__name__) from error

    async def _reach(self) -> None:
        """Every primary must answer: whoever recovers has just seen that one did not."""
        if not self._is_known:
            await self._find_out()
        if self.is_cluster:
            await self._reach_primaries()
        else:
            await self.commands.ping()

    async def _reach_primaries(self) -> None:
        """Where one does not answer, the cluster is asked anew who serves what.

        redis-py does so of itself where a connection is refused, but not where a node hangs: it would wait for it for
        ever, though a replica took over long ago.
        """
        await self.commands.initialize()
        primaries = self.commands.get_primaries()
        answered = await asyncio.gather(*map(self._answers, primaries))
        silent = [primary.name for primary, does in zip(primaries, answered, strict=True) if not does]
        if silent:
            await self.commands.nodes_manager.initialize(last_failed_node_name=silent[0])
            raise StoreUnavailable(f"{', '.join(silent)} did not answer")

    async def _answers(self, node: ClusterNode) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await self.commands.ping(target_nodes=node)
        except _SILENCES:
            return False
        return True

    async def _find_out(self) -> None:
        """Whether the URL is of one server or of a cluster."""
        if len(self._urls) == 1 and not (await self.commands.info("cluster")).get("cluster_enabled"):
            self._is_known = True
            return
        nodes = [parse_url(url) for url in self._urls]
        cluster = RedisCluster(
            startup_nodes=[ClusterNode(node["host"], node.get("port", 6379)) for node in nodes],
            retry=Retry(NoBackoff(), 0),
            **_OPTIONS,
            **self._credentials(),
        )
        await cluster.initialize()
        await self.close()
        self._use(cluster)
        self._is_known = True

    def _credentials(self) -> dict[str, Any]:
        parts = parse_url(self._urls[0])
        secure = {"ssl": True} if self._urls[0].startswith("rediss://") else {}
        return {name: parts[name] for name in ("username", "password") if name in parts} | secure

    async def close(self) -> None:
        if self._line is not None:
            await self._line.close()
        for client in (self.commands, *self._nodes.values()):
            await client.aclose()
