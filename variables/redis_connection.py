"""Connections to one Redis-protocol server, set up so that no library repeats a write behind our back.

redis-py by default sends a command again after a lost connection: a write that had been applied would be applied twice.
Here nothing is retried below the numbers that make appends and commits safe to send again (DESIGN.md section 4).
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from variables.data_directory import EmbeddedStoreError
from variables.embedded import EmbeddedStore
from variables.store import Fenced, LogFull, StaleFlush, StoreUnavailable, WrongKey

COMMAND_TIMEOUT = 1.0
"""Seconds that an ordinary command may take; a blocking read has none."""
RECOVERY_TIMEOUT = 1.0
"""Seconds that one try at bringing the embedded server back may take; it goes on starting behind our back."""

_REFUSALS: dict[str, type[Exception]] = {
    "FENCED": Fenced,
    "FULL": LogFull,
    "STALE": StaleFlush,
    "WRONGKEY": WrongKey,
    "WRONGTYPE": WrongKey,
}
_UNAVAILABLE = ("OOM", "MISCONF", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY")


@contextmanager
def translated_errors() -> Iterator[None]:
    """Says the server's refusals and silences in the words of the store's protocol."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError, OutOfMemoryError, ReadOnlyError, OSError) as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error
    except ResponseError as error:
        text = str(error)
        for prefix, exception in _REFUSALS.items():
            if text.startswith(prefix):
                raise exception(text) from None
        if text.startswith(_UNAVAILABLE):
            raise StoreUnavailable(text) from error
        raise


def _packing(connection: type[AbstractConnection]) -> type[AbstractConnection]:
    """The same kind of connection, with hiredis packing what is sent, as redis-py has it do for blocking ones.

    redis-py's own packing, argument by argument in Python, was a sixth of the processor's time.
    """

    def pack_command(self: AbstractConnection, *args: Any) -> list[bytes]:
        command, *rest = args
        words = command.encode().split() if isinstance(command, str) else command.split()
        return [hiredis.pack_command((*words, *rest))]

    return type(f"Packing{connection.__name__}", (connection,), {"pack_command": pack_command})


class Connections:
    """One process's connections: `commands` for short calls, and connections of their own for calls that wait."""

    def __init__(self, *, url: str | None = None, embedded: EmbeddedStore | None = None) -> None:
        if (url is None) == (embedded is None):
            raise ValueError("either a URL or an embedded store")
        self._url = url
        self._embedded = embedded
        self._recovering = asyncio.Lock()
        self.commands = self._client()
        self._scripts = {
            name: self.commands.register_script(files("variables").joinpath("scripts", f"{name}.lua").read_text())
            for name in ("append", "append_program", "take", "renew", "read", "load", "commit", "add_program")
        }

    def _client(self) -> "Redis":
        options: dict[str, Any] = {
            # Time limits are ours: with one of its own redis-py sends through `wait_for`, which on Python 3.11 now and
            # then swallows a cancellation.
            "socket_timeout": None,
            "socket_connect_timeout": COMMAND_TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "health_check_interval": 0,
        }
        if self._embedded is not None:
            client = Redis(unix_socket_path=str(self._embedded.socket), **options)
        else:
            assert self._url is not None
            client = Redis.from_url(self._url, **options)
        pool = client.connection_pool
        pool.connection_class = _packing(pool.connection_class)
        return client

    async def script(self, name: str, keys: list[str], args: list[Any]) -> Any:
        """Runs one of `variables/scripts`. Raises StoreUnavailable and what the script's head says."""
        with translated_errors():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                return await self._scripts[name](keys=keys, args=args)

    async def call(self, command: Awaitable[Any]) -> Any:
        """Awaits a command of `commands`; raises StoreUnavailable."""
        with translated_errors():
            async with asyncio.timeout(COMMAND_TIMEOUT):
                return await command

    def blocking(self) -> "Redis":
        """A client with a connection of its own and no time limit on an answer; whoever asks for it closes it."""
        return self._client()

    async def recover(self) -> None:
        """After a lost connection: sees to it that the server is there again. Raises StoreUnavailable."""
        async with self._recovering:
            try:
                if self._embedded is not None:
                    await self._embedded.ensure_async(RECOVERY_TIMEOUT)
                else:
                    async with asyncio.timeout(RECOVERY_TIMEOUT):
                        await self.commands.ping()
            except (EmbeddedStoreError, RedisError, OSError) as error:
                raise StoreUnavailable(str(error)) from error

    async def close(self) -> None:
        await self.commands.aclose()
