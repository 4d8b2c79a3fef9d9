"""What the commands of authors print."""

import json
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from engine.program import Program
from grammar.diagnostics import Diagnostic, Part, Stretch, render, to_json
from grammar.program import Checked
from grammar.wording import counted

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
    if err.color_system is None:  # Rich would take a minute for those of a file of a megabyte.
        err.file.writelines(f"{render(diagnostic)}\n\n" for diagnostic in found)
        return
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
    """The Python that the expressions become: of what events start together, of the rest flow by flow."""
    program = Program.build(checked.script)
    for event in program.catalogue.events.values():
        plan = program.plan(event)
        started = ", ".join(flow.name for flow in plan.flows)
        out.print(f"\nevent {event.name}: {started or 'starts nothing'}", style="bold")
        for compiled in plan.whens.compiled:
            out.print(compiled.generated, markup=False)
    for flow in program.flows.values():
        out.print(f"\nflow {flow.name}", style="bold")
        for compiled in flow.compiled:
            out.print(compiled.generated, markup=False)
