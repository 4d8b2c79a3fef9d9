"""The commands of authors: they need nothing but files, and import no more than each needs, so that they start fast."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from whenflow.terminal import FILES, app, err, fail, out, read


@app.command("check", short_help="Checks .flow files.")
def check_files(
    files: FILES,
    json: Annotated[bool, typer.Option("--json", help="Print the diagnostics as JSON.")] = False,
    generated: Annotated[bool, typer.Option("--generated", help="Show the Python that conditions become.")] = False,
) -> None:
    """Checks .flow files: 0 if there is no error, 1 if there is, 2 if a file cannot be read."""
    from grammar.program import read_files
    from whenflow import show

    checked = read_files(read(files))
    if json:
        sys.stdout.write(show.diagnostics_json(checked.diagnostics))
    else:
        show.diagnostics(err, checked.diagnostics)
        show.summary(out, err, checked)
    if generated and checked.ok:
        show.generated(out, checked)
    raise typer.Exit(0 if checked.ok else 1)


@app.command(
    "eval",
    short_help="Prints an expression's value as JSON.",
    context_settings={"ignore_unknown_options": True},  # an expression may begin with a minus
)
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
    from whenflow import show
    from whenflow.evaluating import evaluate_lines, evaluate_one

    if batch == (expression is not None) or (batch and (variables or now)):
        fail("give an expression, or --batch and the expressions on standard input", 2)
    if batch:
        for line in evaluate_lines(sys.stdin.buffer):
            _answer(line)
        return
    try:
        _answer(evaluate_one(expression or "", variables, now))
    except BadExpression as refused:
        show.diagnostics(err, refused.diagnostics)
        raise typer.Exit(1) from None
    except BadRequest as refused:
        fail(str(refused), 2)


def _answer(line: str) -> None:
    """JSON is UTF-8 (RFC 8259, section 8.1), whatever the terminal's encoding; its reader has it at once."""
    sys.stdout.buffer.write(line.encode() + b"\n")
    sys.stdout.buffer.flush()


@app.command("fmt", short_help="Rewrites .flow files in the canonical layout.")
def fmt(
    files: Annotated[list[str], typer.Argument(help=".flow files; `-` is standard input, to standard output.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing; name the files that would change.")] = False,
) -> None:
    """Rewrites .flow files in the canonical layout: 0; 1 if --check found one to change; 2 if one cannot be read."""
    from whenflow.formatting import format_files

    raise typer.Exit(format_files(files, out, err, check=check))


@app.command("test", short_help="Runs flow tests, in virtual time.")
def run_tests(
    paths: Annotated[list[Path], typer.Argument(help=".flowtest files, and folders that have such files in them.")],
    json: Annotated[bool, typer.Option("--json", help="Print file, outcome, line and reasons as JSON.")] = False,
) -> None:
    """Runs flow tests, in virtual time: 0 if all pass, 1 if one fails, 2 if one cannot be read or checked."""
    from whenflow import show
    from whenflow.testing import run_all

    ran = run_all(paths, None if json else lambda outcome: out.print(show.painted(outcome.stretches())))
    if json:
        sys.stdout.write(ran.to_json())
    else:
        out.print(ran.summary, markup=False)
    raise typer.Exit(ran.exit_code)


@app.command("lsp", short_help="Serves editors (the Language Server Protocol).")
def lsp(
    stdio: Annotated[bool, typer.Option("--stdio", hidden=True, help="What it does anyway; many editors ask.")] = True,
) -> None:
    """Serves editors over standard input and output: diagnostics, completion, hover (the Language Server Protocol)."""
    from editor.server import create_server

    create_server(version("whenflow")).start_io()
