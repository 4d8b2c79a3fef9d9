"""What all commands share: the application, the terminal's two streams, and how a command gives up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

FILES = Annotated[list[Path], typer.Argument(help=".flow files; together they are one program.")]


def read(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    try:
        return [(str(path), path.read_bytes()) for path in paths]
    except OSError as error:
        fail(f"cannot read {error.filename}: {error.strerror}", 2)


def fail(message: str, code: int = 1) -> NoReturn:
    err.print(message, style="red", markup=False)
    raise SystemExit(code)
