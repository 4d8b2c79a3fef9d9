"""What the commands that work on a store print."""

import json
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.explanation import Explanation
from console.health import Health
from console.running_app import Applied
from console.runs_in_progress import Waiting
from engine.explanation import wording
from engine.explanation.moments import Told
from engine.explanation.parts import Reading
from variables.apps import App
from variables.store import DeadLetter
from variables.values import iso, moment
from whenflow.service import DEFAULT_APP, Service
from whenflow.settings import Role, Settings


def addresses(out: Console, service: Service, address: str, with_demo: bool) -> None:
    """What a server says once it listens."""
    app = service.apps[DEFAULT_APP].app
    script = f'<script async src="{address}/ppmatc.js" data-key="{app.write_key}"></script>'
    roles = service.settings.roles
    lines = [
        *([("Demo shop", f"{address}/")] if with_demo else []),
        *([("Page script", script)] if Role.INGEST in roles else []),
        *([("Admin API", f"{address}/api/apps/{app.name}/program")] if Role.CONSOLE in roles else []),
        ("Admin token", _token_place(service)),
        ("Health", f"{address}/health"),
    ]
    out.print("Whenflow is up. Stop it with Ctrl-C.", style="bold green")
    for name, value in lines:
        out.print(f"{name:<13}{value}", markup=False)


def warnings(err: Console, health: Health) -> None:
    """What the store does not promise: said where nobody can miss it."""
    for warning in health.warnings:
        err.print(f"WARNING: {warning}", style="bold red", markup=False)


def alone(err: Console, settings: Settings) -> None:
    """Who meant the data of a running server is in the wrong directory."""
    said = f"No Whenflow serves from {settings.data}: this command uses the data there by itself. --data names another."
    err.print(said, style="dim", markup=False)


def _token_place(service: Service) -> str:
    settings = service.settings
    return "from WHENFLOW_ADMIN_TOKEN" if settings.admin_token else f"in {settings.token_file}"


def runs(out: Console, waiting: Sequence[Waiting], gone: Sequence[str], *, stopped: bool) -> None:
    """What becomes of the runs in progress when a program comes."""
    by_flow: dict[str, list[Waiting]] = {}
    for each in waiting:
        by_flow.setdefault(each.flow, []).append(each)
    for flow, places in by_flow.items():
        if flow not in gone:
            said = f"Runs of {flow} go on under the version that they started with:"
        elif stopped:
            said = f"The flow {flow} is gone; its runs end:"
        else:
            said = f"The flow {flow} is gone; its runs go on (--stop-runs ends them):"
        out.print(said, markup=False)
        for each in places:
            out.print(f"  {each.count} at {_place(each)} (version {each.version})", markup=False)


def _place(waiting: Waiting) -> str:
    place = waiting.place
    return f"step {waiting.step + 1}" if place is None else _step(place.file, place.line, place.text)


def _step(file: str, line: int, text: str) -> str:
    """A step: `shop.flow:14 wait 1d`. What a block begins with is shown without its colon."""
    return f"{file}:{line} {text.strip().removesuffix(':')}"


def dead(out: Console, letters: Sequence[tuple[int, DeadLetter]]) -> None:
    """What was set aside, and why; bodies are cut."""
    if not letters:
        out.print("Nothing was set aside.")
    for at, letter in letters:
        out.print(f"{iso(moment(at))}  {letter.where}", style="bold", markup=False)
        out.print(f"  {letter.reason}", markup=False)
        if letter.body:
            out.print(f"  {letter.body[:_SHOWN].decode('utf-8', 'replace')}", markup=False)


_SHOWN = 2_000
"""Bytes of a body that are shown."""


def applied(out: Console, app: App, result: Applied) -> None:
    running, stored = "is in effect: every shard runs it", "is stored: it takes effect as soon as a processor runs"
    out.print(f"Program {result.version} of {app.name} {running if result.folded else stored}.", markup=False)
    out.print(f"Write key: {app.write_key}", style="dim")


def visitor(out: Console, view: dict[str, Any]) -> None:
    """A visitor, as the admin API gives it, for people: what is null is left out."""
    out.print(Text(view["visitor"], style="bold"))
    if view["variables"]["first_seen_time"] is None:
        out.print("Nobody has reported this visitor yet.", style="yellow")
    known = {name: value for name, value in view["variables"].items() if value is not None}
    _table(out, "variable", "value", [(name, _plain(value)) for name, value in known.items()])
    out.print(f"segments: {', '.join(view['segments']) or 'none'}")
    out.print("runs:" if view["runs"] else "runs: none")
    for run in view["runs"]:
        out.print(f"  {_run(run)}", markup=False)
    messages = [(message["time"], message["flow"], message["status"], message["text"]) for message in view["messages"]]
    if messages:
        _table(out, "sent", "flow", "status", "text", messages)
    else:
        out.print("messages: none")


def _run(run: dict[str, Any]) -> str:
    """In lines, not in a table: where a run waits is a path and a step, too long for a column."""
    arms = f" in {', '.join(run['arms'])}" if run["arms"] else ""
    began = f"{run['flow']} (version {run['version']}) since {run['started']}{arms}"
    step = run["step"]
    if run["due"] is None:
        return f"{began}: ended; its goal counts until {run['goal_until']}"
    where = "a step of a version that is not in the store" if step is None else _step(**step)
    return f"{began}: waits until {run['due']} at {where}"


def explanation(out: Console, told: Explanation) -> None:
    """The answer first, with each part of the condition; then how the flow stands now, and the moments before."""
    zone = ZoneInfo(told.zone)
    if not told.moments:
        out.print(told.summary, style="bold", markup=False)
    for each in told.moments[:1]:
        _moment(out, each, "bold")
        _condition(out, each.condition, zone)
    if told.lines:
        out.print()
    for line in told.lines:
        out.print(line, markup=False)
    if told.present is not None and told.present.condition is not None and told.present.condition.holds is not None:
        _condition(out, told.present.condition, zone)
    if told.moments[1:]:
        out.print("\nBefore that:")
    for each in told.moments[1:]:
        _moment(out, each)
    if told.moments or told.lines:
        out.print(f"\nTimes are {told.zone}.", style="dim", markup=False)


def _moment(out: Console, told: Told, style: str = "") -> None:
    head, *rest = told.lines
    out.print(head, style=style, markup=False)
    for line in rest:
        out.print(f"  {line}", markup=False)


def _condition(out: Console, reading: Reading | None, zone: ZoneInfo) -> None:
    """Each part of a condition that has several: whether it held, and its values."""
    if reading is not None and (len(reading.parts) > 1 or any(part.inside for part in reading.parts)):
        for line in wording.listing(reading.parts, zone):
            out.print(f"  {line}", style="dim", markup=False)


def _table(out: Console, *heads: Any) -> None:
    *names, rows = heads
    table = Table(*names, box=None, header_style="dim", pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
