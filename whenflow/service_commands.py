"""The commands that work on a store: they serve, or do one thing beside whoever serves."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from console.explanation import NoSuchFlow
from console.running_app import InvalidProgram, ReassignedEvents, RunningApp
from variables.data_directory import EmbeddedStoreError
from variables.durability import Durability
from variables.items import BadBody
from variables.store import StoreUnavailable, WrongKey
from whenflow import show, show_service
from whenflow.sending import UnknownEvent, send
from whenflow.service import DEFAULT_APP, Service, running
from whenflow.settings import Settings
from whenflow.site import PortInUse, StopSignals, listen, serve, site
from whenflow.terminal import FILES, app, err, fail, out, read

T = TypeVar("T")
Act = Callable[[Service, RunningApp], Awaitable[None]]
"""What a command does with an app."""

PORT = Annotated[int | None, typer.Option(help="Port to listen on (WHENFLOW_PORT).")]
HOST = Annotated[str | None, typer.Option(help="Address to listen on (WHENFLOW_HOST).")]
DATA = Annotated[Path | None, typer.Option(help="Directory of the embedded store (WHENFLOW_DATA).")]
REDIS = Annotated[str | None, typer.Option(help="A Redis or Valkey server to use instead (WHENFLOW_REDIS_URL).")]
DURABILITY = Annotated[Durability | None, typer.Option(help="What an answered write survives (WHENFLOW_DURABILITY).")]
APP = Annotated[str, typer.Option("--app", help="The app.")]


# Serving --------------------------------------------------------------------------------------------------------------


@app.command("serve")
def serve_command(
    port: PORT = None,
    host: HOST = None,
    data: DATA = None,
    redis: REDIS = None,
    roles: Annotated[
        str | None, typer.Option(help="Comma list of ingest, processor, console (WHENFLOW_ROLES).")
    ] = None,
    durability: DURABILITY = None,
) -> None:
    """Runs Whenflow until Ctrl-C or SIGTERM."""
    settings = _settings(port=port, host=host, data=data, redis_url=redis, durability=durability, roles=roles)
    _run(_serve(settings))


@app.command()
def demo(port: PORT = None, host: HOST = None, data: DATA = None) -> None:
    """Runs Whenflow with the demo shop on its front page."""
    _run(_serve(_settings(port=port, host=host, data=data), with_demo=True))


async def _serve(settings: Settings, *, with_demo: bool = False) -> None:
    signals = StopSignals()
    listening = listen(settings.host, settings.port)
    async with running(settings) as service:
        routes = []
        if with_demo:
            from whenflow.demo import Demo  # only who wants the demo pays for it

            shop = Demo(service)
            await shop.prepare()
            routes = shop.routes()
        show_service.warnings(err, await service.health())
        address = f"http://{settings.host}:{listening.getsockname()[1]}"
        say = partial(show_service.addresses, out, service, address, with_demo)
        await serve(site(service, routes), service, listening, signals, say)


# Programs and visitors ----------------------------------------------------------------------------------------------


@app.command(short_help="Makes the files the program of an app.")
def apply(
    files: FILES,
    app_name: APP = DEFAULT_APP,
    data: DATA = None,
    redis: REDIS = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Let a SEQ get another UUID; its event starts from zero.")
    ] = False,
    stop_runs: Annotated[
        bool, typer.Option("--stop-runs", help="End the runs of flows that the files have no more.")
    ] = False,
) -> None:
    """Makes the files the program of an app, also while `whenflow serve` runs."""
    contents = read(files)

    async def act(service: Service, running_app: RunningApp) -> None:
        say = partial(show_service.runs, out, stopped=stop_runs)
        applied = await running_app.apply(contents, reset=reset, stop_runs=stop_runs, say=say)
        show.diagnostics(err, applied.checked.diagnostics)
        show_service.applied(out, running_app.app, applied)

    try:
        _with_app(_settings(data=data, redis_url=redis), app_name, act, make=True)
    except InvalidProgram as invalid:
        show.diagnostics(err, invalid.checked.diagnostics)
        show.summary(out, err, invalid.checked)
        fail("Nothing was applied.")
    except ReassignedEvents as reassigned:
        fail(f"{reassigned}.\nNothing was applied. With --reset these events start from zero under their new UUIDs.")


@app.command(short_help="Shows what was set aside as not usable, and why.")
def dead(
    app_name: APP = DEFAULT_APP,
    data: DATA = None,
    redis: REDIS = None,
    count: Annotated[int, typer.Option(help="How many at the most, newest first.")] = 20,
) -> None:
    """Shows what could not be folded and was set aside, with the reason."""

    async def act(service: Service, running_app: RunningApp) -> None:
        show_service.dead(out, await running_app.dead_letters(count))

    _with_app(_settings(data=data, redis_url=redis), app_name, act)


@app.command()
def visitor(
    id: Annotated[str, typer.Argument(help="The visitor's id; on a page, PP.visitorId() tells it.")],
    app_name: APP = DEFAULT_APP,
    data: DATA = None,
    redis: REDIS = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as the admin API gives it.")] = False,
) -> None:
    """Shows a visitor's variables, segments, runs and messages."""

    async def act(service: Service, running_app: RunningApp) -> None:
        view = await running_app.visitor(id)
        if json:
            out.print_json(data=view)
        else:
            show_service.visitor(out, view)

    _with_app(_settings(data=data, redis_url=redis, roles=frozenset()), app_name, act)


@app.command(short_help="Says why a flow did or did not start for a visitor.")
def explain(
    id: Annotated[str, typer.Argument(metavar="VISITOR", help="The visitor's id.")],
    flow: Annotated[str, typer.Argument(help="The flow's name.")],
    app_name: APP = DEFAULT_APP,
    data: DATA = None,
    redis: REDIS = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as the admin API gives it.")] = False,
) -> None:
    """Says why a flow did or did not start or send for a visitor, with the values at that moment."""

    async def act(service: Service, running_app: RunningApp) -> None:
        explanation = await running_app.explanation(id, flow)
        if json:
            out.print_json(data=explanation.to_json())
        else:
            show_service.explanation(out, explanation)

    try:
        _with_app(_settings(data=data, redis_url=redis, roles=frozenset()), app_name, act)
    except NoSuchFlow as error:
        fail(str(error))


@app.command("send-event")
def send_event(
    id: Annotated[str, typer.Argument(help="The visitor's id.")],
    event: Annotated[str, typer.Argument(help="The event's name.")],
    data_json: Annotated[str, typer.Option("--event-data", help="The event's data, as JSON.")] = "null",
    times: Annotated[int, typer.Option(min=1, max=500, help="How often.")] = 1,
    app_name: APP = DEFAULT_APP,
    data: DATA = None,
    redis: REDIS = None,
) -> None:
    """Reports an event of a visitor, as a page would."""
    try:
        event_data = from_json(data_json, allow_inf_nan=False)
    except ValueError as error:
        fail(f"--event-data is no JSON: {error}")

    async def act(service: Service, running_app: RunningApp) -> None:
        await send(service.doors[running_app.app.write_key], id, event, event_data, times)
        show_service.visitor(out, await running_app.visitor(id))

    try:
        _with_app(_settings(data=data, redis_url=redis), app_name, act)
    except (UnknownEvent, BadBody) as refused:
        fail(str(refused))


# What these commands share --------------------------------------------------------------------------------------------


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        option = _OPTIONS.get(name)
        setting = f"WHENFLOW_{name.upper()}" if option is None else f"{option} (WHENFLOW_{name.upper()})"
        fail(f"{setting} is {problem['input']!r}: {_in_words(problem)}")


_OPTIONS = {
    "redis_url": "--redis",
    **{name: f"--{name}" for name in ("data", "host", "port", "durability", "roles")},
}
"""The settings that are options, too."""


def _in_words(problem: ErrorDetails) -> str:
    """`it should be less than or equal to 65535`."""
    return problem["msg"].replace("Input should be", "it should be").replace("must be", "it must be", 1)


def _with_app(settings: Settings, name: str, act: Act, *, make: bool = False) -> None:
    """Runs a command on an app, in a service that lives as long as the command: beside `serve` it uses its server."""

    async def do() -> None:
        async with running(settings, serving=False) as service:
            if service.is_alone:
                show_service.alone(err, settings)
            if make:
                await service.make_app(name)
            found = service.app(name)
            if found is None:
                raise _NoSuchApp(f'there is no app "{name}"; `whenflow apply --app {name} FILE` makes it')
            await act(service, found)

    try:
        _run(do())
    except _NoSuchApp as error:
        fail(str(error))
    except WrongKey as error:
        fail(f"somebody wrote what only Whenflow may write: {error}")


class _NoSuchApp(Exception):
    pass


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Runs on uvloop where there is one, as uvicorn would."""
    import uvloop

    # Not the pretty tracebacks with everybody's variables: one takes seconds, in which nothing else is done, and shows
    # what visitors told us.
    plain = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[*structlog.get_config()["processors"][:-1], plain],
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        return uvloop.run(work)
    except (EmbeddedStoreError, PortInUse, StoreUnavailable) as error:
        fail(str(error))
    except asyncio.CancelledError:
        raise typer.Exit(130) from None  # stopped while it was starting
