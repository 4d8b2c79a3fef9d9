"""What this version can check, but not run yet. The next one deletes this file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grammar import wording
from grammar.diagnostics import Diagnostics
from grammar.nodes import (
    Flow,
    OnAnyEvent,
    OnEvent,
    OnEventSeq,
    Script,
    SendEmail,
    SendWebhook,
    Split,
    Step,
    Trigger,
    Wait,
    WaitUntil,
)
from grammar.program import Checked, read_files
from grammar.source import Span
from grammar.walk import steps_within


def read_files_to_run(files: Sequence[tuple[str, bytes | str]]) -> Checked:
    """As `read_files`, and what cannot run yet is an error."""
    checked = read_files(files)
    if not checked.ok:
        return checked
    report = Diagnostics()
    for found in checked.diagnostics:
        report.add(found)
    report_not_yet(checked.script, report)
    return replace(checked, diagnostics=tuple(report))


def report_not_yet(script: Script, report: Diagnostics) -> None:
    """Adds an E401 for each trigger, clause and step that the engine has no code for, where it stands."""
    for flow in script.flows:
        for span, what in _of_flow(flow):
            report.add(wording.not_yet(span, what))


def _of_flow(flow: Flow) -> Iterator[tuple[Span, str]]:
    for trigger in flow.triggers:
        if not isinstance(trigger, OnEvent | OnEventSeq | OnAnyEvent):
            yield trigger.span, wording.triggered_by(_word(trigger))
    if flow.when is not None and flow.is_edge_triggered:
        yield flow.when.span, wording.WHEN_ALONE
    for word, clause in (("hours", flow.hours), ("exit when", flow.exit), ("goal", flow.goal)):
        if clause is not None:
            yield clause.span, wording.quoted(word)
    for step in steps_within(flow.steps):
        if type(step) in _STEPS:
            yield step.span, wording.quoted(_STEPS[type(step)])


def _word(trigger: Trigger) -> str:
    return type(trigger).__name__.removeprefix("On").lower()


_STEPS: dict[type[Step], str] = {
    SendEmail: "send email",
    SendWebhook: "send webhook",
    Wait: "wait",
    WaitUntil: "wait until",
    Split: "split",
}
