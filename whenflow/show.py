"""What the command line prints."""

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.health import Health
from console.running_app import Applied
from engine.program import Program
from grammar.checker import Checked
from grammar.diagnostics import Diagnostic, Part, Stretch, to_json
from grammar.wording import counted
from variables.apps import App
from whenflow.service import DEFAULT_APP, Service
from whenflow.settings import Role


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


def _token_place(service: Service) -> str:
    settings = service.settings
    return "from WHENFLOW_ADMIN_TOKEN" if settings.admin_token else f"in {settings.token_file}"


_STYLES: dict[Part, str] = {
    "place": "bold",
    "error": "bold red",
    "warning": "bold yellow",
    "message": "bold",
    "text": "",
    "label": "bold blue",
    "help": "bold green",
    "good": "green",
}


def diagnostics(err: Console, found: Iterable[Diagnostic]) -> None:
    """Diagnostics for people, in colour where the terminal has colours."""
    for diagnostic in found:
        err.print(painted(diagnostic.stretches()), end="\n\n")


def painted(stretches: Iterable[Stretch]) -> Text:
    """A text in the colours of its parts."""
    return Text.assemble(*((text, _STYLES[part]) for part, text in stretches))


def diagnostics_json(found: Iterable[Diagnostic]) -> str:
    """LANGUAGE.md section 9."""
    return json.dumps({"diagnostics": [to_json(diagnostic) for diagnostic in found]}, ensure_ascii=False) + "\n"


def summary(out: Console, err: Console, checked: Checked) -> None:
    """How many errors and warnings there are; of what, where there is no error."""
    errors = sum(found.severity == "error" for found in checked.diagnostics)
    warnings = len(checked.diagnostics) - errors
    said = ", ".join(counted(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n)
    if errors:
        err.print(f"{said}.", style="bold red")
        return
    script = checked.script
    counts = {
        "event": len(script.events),
        "field": len(script.fields),
        "segment": len(script.segments),
        "flow": len(script.flows),
    }
    contents = ", ".join(counted(number, noun) for noun, number in counts.items())
    out.print(f"No errors{f', {said}' if said else ''}: {contents}.")


def generated(out: Console, checked: Checked) -> None:
    """The Python that each flow's expressions become."""
    for flow in Program.build(checked.script).flows:
        out.print(f"\nflow {flow.name}", style="bold")
        for compiled in [*([flow.when] if flow.when else []), *flow.graph.compiled]:
            out.print(compiled.generated, markup=False)


def applied(out: Console, app: App, result: Applied) -> None:
    state = "every shard runs it" if result.folded else "it takes effect as soon as a processor runs"
    out.print(f"Program {result.version} of {app.name}: {state}.")
    out.print(f"Write key: {app.write_key}", style="dim")


def visitor(out: Console, view: dict[str, Any]) -> None:
    """A visitor, as the admin API gives it, for people: what is null is left out."""
    out.print(Text(view["visitor"], style="bold"))
    if view["variables"]["first_seen_time"] is None:
        out.print("Nobody has reported this visitor yet.", style="yellow")
    known = {name: value for name, value in view["variables"].items() if value is not None}
    _table(out, "variable", "value", [(name, _plain(value)) for name, value in known.items()])
    out.print(f"segments: {', '.join(view['segments']) or 'none'}")
    messages = [(message["time"], message["flow"], message["status"], message["text"]) for message in view["messages"]]
    if messages:
        _table(out, "sent", "flow", "status", "text", messages)
    else:
        out.print("messages: none")


def _table(out: Console, *heads: Any) -> None:
    *names, rows = heads
    table = Table(*names, box=None, header_style="dim", pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
