"""The command line. Each command reads its options, calls the part that does the work, and says what came of it."""

import sys

from whenflow import author_commands  # noqa: F401 - adds its commands
from whenflow.terminal import app

__all__ = ["app", "main"]

_OF_AUTHORS = {command.name for command in app.registered_commands}


def main() -> None:
    """Entry point of `whenflow`."""
    if not _OF_AUTHORS.intersection(sys.argv[1:2]):
        from whenflow import service_commands  # noqa: F401 - adds its commands; takes long, and authors are spared it
    try:
        app()
    except KeyboardInterrupt:  # before it serves; afterwards Ctrl-C is an orderly stop
        raise SystemExit(130) from None
