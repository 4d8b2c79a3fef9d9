"""What a process answers over HTTP, by its roles; and the server that answers it."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from signal import SIGINT, SIGTERM

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from console.admin import Admin
from ingest.collect import Collect
from ingest.page_client import page_client_route
from ingest.stream import Stream
from whenflow.service import Service
from whenflow.settings import Role

STOP_PATIENCE = 2
"""Whole seconds that requests in progress have to end when the process is told to stop."""


class Site:
    """`/collect` goes straight to its endpoint, past all routing: it is the path of every event."""

    def __init__(self, collect: ASGIApp, others: ASGIApp) -> None:
        self._collect = collect
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/collect":
            await self._collect(scope, receive, send)
        else:
            await self._others(scope, receive, send)


def site(service: Service, extra: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Everything that the service's roles answer, and `extra`."""
    roles, token = service.settings.roles, service.settings.token()
    routes: list[BaseRoute] = [*extra]
    if Role.INGEST in roles:
        routes += [Route("/stream", Stream(service.door).__call__, methods=["GET"]), page_client_route()]
    admin = Admin(service.app, lambda: list(service.apps.values()), token, service.health).routes()
    routes += admin if Role.CONSOLE in roles else [route for route in admin if route.path in ("/health", "/metrics")]
    others = Starlette(routes=routes)
    return Site(Collect(service.door, token), others) if Role.INGEST in roles else others


class PortInUse(OSError):
    """The address to listen on is taken, or not this machine's."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        said = (error.strerror or str(error)).partition(" (while")[0]  # it would name the address again
        raise PortInUse(f"cannot listen on {host}:{port}: {said}") from error


class Server(uvicorn.Server):
    """uvicorn, with a word to say once it listens."""

    def __init__(self, app: ASGIApp, listening: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nobody here asks for the sender's address
            lifespan="off",
            timeout_graceful_shutdown=STOP_PATIENCE,
        )
        super().__init__(config)
        self._listening = listening

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to whoever runs the process: there is more to stop than the server."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


class StopSignals:
    """SIGINT from the start of a process on, and SIGTERM, which ends it at once before that, from when it serves.

    While it starts, SIGINT cancels the task that does so. Should something swallow that, it stops as soon as it serves.
    """

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self._starting = asyncio.current_task()
        asyncio.get_running_loop().add_signal_handler(SIGINT, self._stop)

    def started(self) -> None:
        """From here on whoever serves watches `wanted`."""
        self._starting = None
        asyncio.get_running_loop().add_signal_handler(SIGTERM, self._stop)

    def _stop(self) -> None:
        if self._starting is not None and not self.wanted.is_set():
            self._starting.cancel()
        self.wanted.set()


async def serve(
    app: ASGIApp, service: Service, at: socket.socket, signals: StopSignals, listening: Callable[[], None]
) -> None:
    """Answers until SIGINT or SIGTERM, then lets the requests in progress end."""
    signals.started()
    server = Server(app, listening)
    serving = asyncio.create_task(server.serve([at]))
    stopping = asyncio.create_task(signals.wanted.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    service.wind_up()
    server.should_exit = True
    await serving
