"""The command line. Each command reads its options, calls the part that does the work, and says what came of it."""

import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer
from pydantic import ValidationError
from pydantic_core import from_json
from rich.console import Console

from console.running_app import InvalidProgram, ReassignedEvents, RunningApp
from engine.library import check as check_program
from variables.data_directory import EmbeddedStoreError
from variables.durability import Durability
from variables.items import BadBody
from variables.store import StoreUnavailable
from whenflow import show
from whenflow.formatting import format_files
from whenflow.sending import UnknownEvent, send
from whenflow.service import DEFAULT_APP, Service, running
from whenflow.settings import Settings
from whenflow.site import PortInUse, listen, serve, site

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
T = TypeVar("T")
Act = Callable[[Service, RunningApp], Awaitable[None]]
"""What a command does with an app."""

PORT = Annotated[int | None, typer.Option(help="Port to listen on (WHENFLOW_PORT).")]
HOST = Annotated[str | None, typer.Option(help="Address to listen on (WHENFLOW_HOST).")]
DATA = Annotated[Path | None, typer.Option(help="Directory of the embedded store (WHENFLOW_DATA).")]
REDIS = Annotated[str | None, typer.Option(help="A Redis or Valkey server to use instead (WHENFLOW_REDIS_URL).")]
DURABILITY = Annotated[Durability | None, typer.Option(help="What an answered write survives (WHENFLOW_DURABILITY).")]
APP = Annotated[str, typer.Option("--app", help="The app.")]
FILES = Annotated[list[Path], typer.Argument(help=".flow files; together they are one program.")]


def main() -> None:
    """Entry point of `whenflow`."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        app()
    except (EmbeddedStoreError, PortInUse, StoreUnavailable) as error:
        _fail(str(error))
    except KeyboardInterrupt:  # before it serves; afterwards Ctrl-C is an orderly stop
        raise SystemExit(130) from None


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
    listening = listen(settings.host, settings.port)
    async with running(settings) as service:
        routes = []
        if with_demo:
            from whenflow.demo import Demo  # only who wants the demo pays for it

            shop = Demo(service)
            await shop.prepare()
            routes = shop.routes()
        show.warnings(err, await service.health())
        address = f"http://{settings.host}:{listening.getsockname()[1]}"
        await serve(site(service, routes), service, listening, lambda: show.addresses(out, service, address, with_demo))


# Programs -------------------------------------------------------------------------------------------------------------


@app.command()
def check(
    files: FILES,
    json: Annotated[bool, typer.Option("--json", help="Print the diagnostics as JSON.")] = False,
    generated: Annotated[bool, typer.Option("--generated", help="Show the Python that conditions become.")] = False,
) -> None:
    """Checks .flow files: 0 if there is no error, 1 if there is, 2 if a file cannot be read."""
    checked = check_program(_read(files))
    if json:
        sys.stdout.write(show.diagnostics_json(checked.diagnostics))
    else:
        show.diagnostics(err, checked.diagnostics)
        show.summary(out, err, checked)
    if generated and checked.ok:
        show.generated(out, checked)
    raise typer.Exit(0 if checked.ok else 1)


@app.command("eval", context_settings={"ignore_unknown_options": True})  # an expression may begin with a minus
def eval_command(
    expression: Annotated[str | None, typer.Argument(metavar="EXPR", help="The expression.")] = None,
    variables: Annotated[str | None, typer.Option("--vars", help="The visitor's variables: a JSON object.")] = None,
    now: Annotated[str | None, typer.Option(help="The instant, such as 2026-01-01T10:00:00Z; left out: now.")] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help='Read JSON lines {"expr", "vars", "now"}; write {"value"} or {"error"}.')
    ] = False,
) -> None:
    """Prints an expression's value as JSON: 0, or 1 if the expression has errors, or 2 if what is given is no good."""
    from engine.evaluate import BadExpression, BadRequest
    from whenflow.evaluating import evaluate_lines, evaluate_one

    if batch == (expression is not None) or (batch and (variables or now)):
        err.print("give an expression, or --batch and the expressions on standard input", style="red")
        raise typer.Exit(2)
    if batch:
        for line in evaluate_lines(sys.stdin):
            print(line, flush=True)  # noqa: T201
        return
    try:
        print(evaluate_one(expression or "", variables, now))  # noqa: T201
    except BadExpression as refused:
        show.diagnostics(err, refused.diagnostics)
        raise typer.Exit(1) from None
    except BadRequest as refused:
        err.print(str(refused), style="red", markup=False)
        raise typer.Exit(2) from None


@app.command()
def fmt(
    files: Annotated[list[str], typer.Argument(help=".flow files; `-` is standard input, to standard output.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; name the files that would change.")] = False,
) -> None:
    """Rewrites .flow files in the canonical layout: 0; 1 if --check found one to change; 2 if one cannot be read."""
    raise typer.Exit(format_files(files, out, err, check=check))


@app.command()
def apply(
    files: FILES,
    app_name: APP = DEFAULT_APP,
    data: DATA = None,
    redis: REDIS = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Let a SEQ get another UUID; its event starts from zero.")
    ] = False,
) -> None:
    """Makes the files the program of an app, also while `whenflow serve` runs."""
    read = _read(files)

    async def act(service: Service, running_app: RunningApp) -> None:
        applied = await running_app.apply(read, reset=reset)
        show.diagnostics(err, applied.checked.diagnostics)
        show.applied(out, running_app.app, applied)

    try:
        _with_app(_settings(data=data, redis_url=redis), app_name, act, make=True)
    except InvalidProgram as invalid:
        show.diagnostics(err, invalid.checked.diagnostics)
        raise typer.Exit(1) from None
    except ReassignedEvents as reassigned:
        _fail(f"{reassigned}.\nWith --reset these events start from zero under their new UUIDs.")


@app.command("test")
def run_tests(
    paths: Annotated[list[Path], typer.Argument(help=".flowtest files, and folders that have such files in them.")],
    json: Annotated[bool, typer.Option("--json", help="Print file, outcome, line and reasons as JSON.")] = False,
) -> None:
    """Runs flow tests, in virtual time: 0 if all pass, 1 if one fails, 2 if one cannot be read or checked."""
    from whenflow.testing import run_all  # no other command needs it

    ran = run_all(paths, None if json else lambda outcome: out.print(show.painted(outcome.stretches())))
    if json:
        sys.stdout.write(ran.to_json())
    else:
        out.print(ran.summary, markup=False)
    raise typer.Exit(ran.exit_code)


# Visitors -------------------------------------------------------------------------------------------------------------


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
            show.visitor(out, view)

    _with_app(_settings(data=data, redis_url=redis, roles=frozenset()), app_name, act)


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
        _fail(f"--event-data is no JSON: {error}")

    async def act(service: Service, running_app: RunningApp) -> None:
        await send(service.doors[running_app.app.write_key], id, event, event_data, times)
        show.visitor(out, await running_app.visitor(id))

    try:
        _with_app(_settings(data=data, redis_url=redis), app_name, act)
    except (UnknownEvent, BadBody) as refused:
        _fail(str(refused))


# What the commands share ----------------------------------------------------------------------------------------------


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        _fail(
            f"{name} (--{name.replace('_', '-')} or WHENFLOW_{name.upper()}) is {problem['input']!r}: {problem['msg']}"
        )


def _read(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    try:
        return [(str(path), path.read_bytes()) for path in paths]
    except OSError as error:
        err.print(f"cannot read {error.filename}: {error.strerror}", style="red")
        raise typer.Exit(2) from None


def _with_app(settings: Settings, name: str, act: Act, *, make: bool = False) -> None:
    """Runs a command on an app, in a service that lives as long as the command: beside `serve` it uses its server."""

    async def do() -> None:
        async with running(settings, serving=False) as service:
            if make:
                await service.make_app(name)
            found = service.app(name)
            if found is None:
                raise _NoSuchApp(f'there is no app "{name}"; `whenflow apply --app {name} FILE` makes it')
            await act(service, found)

    try:
        _run(do())
    except _NoSuchApp as error:
        _fail(str(error))


class _NoSuchApp(Exception):
    pass


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Runs on uvloop where there is one, as uvicorn would."""
    import uvloop

    return uvloop.run(work)


def _fail(message: str) -> NoReturn:
    err.print(message, style="red")
    raise SystemExit(1)
