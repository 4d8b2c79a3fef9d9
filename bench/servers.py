"""Servers to be measured, each a process of its own that lives as long as its `with` block."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

WRITE_KEY = "bench"
PROGRAM = Path(__file__).with_name("program.flow")
PATIENCE = 20.0
"""Seconds that a server has to come up, or to go."""
_WHENFLOW = Path(sys.executable).with_name("whenflow")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    port: int
    process: int
    """Its id; the embedded store is another process."""

    def cpu(self) -> float:
        """Seconds of processor time that it has used; Linux only, nan elsewhere."""
        try:
            stat = Path(f"/proc/{self.process}/stat").read_text()
        except FileNotFoundError:
            return nan
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def whenflow(data: Path, *options: str) -> Iterator[Server]:
    """`whenflow serve` on a data directory of its own, after `whenflow apply`."""
    environment = {**os.environ, "WHENFLOW_WRITE_KEY": WRITE_KEY, "WHENFLOW_DATA": str(data)}
    command = [str(_WHENFLOW), "apply", str(PROGRAM)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    port = _free_port()
    command = [str(_WHENFLOW), "serve", "--port", str(port), *options]
    with _process(command, port, "/health", environment) as server:
        yield server


@contextmanager
def empty_endpoint() -> Iterator[Server]:
    """The peer of `/collect`, run by uvicorn with Whenflow's own settings of it."""
    port = _free_port()
    with _process([sys.executable, "-m", "bench.empty_endpoint", str(port)], port, "/", None) as server:
        yield server


@contextmanager
def empty_endpoint_under_granian() -> Iterator[Server]:
    """The same application under granian: one worker, uvloop, no access log."""
    port = _free_port()
    options = ["--interface", "asgi", "--loop", "uvloop", "--workers", "1", "--no-ws", "--no-log", "--http", "1"]
    command = [sys.executable, "-m", "granian", "bench.empty_endpoint:app", "--port", str(port), *options]
    with _process(command, port, "/", None) as server:
        yield server


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def _process(command: list[str], port: int, path: str, environment: dict[str, str] | None) -> Iterator[Server]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_until_up(process, f"http://127.0.0.1:{port}{path}")
        yield Server(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", url: str) -> None:
    give_up_at = monotonic() + PATIENCE
    while monotonic() < give_up_at:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        try:
            with urlopen(url, timeout=PATIENCE):  # noqa: S310 (our own)
                return
        except URLError:
            sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not answer at {url}")
