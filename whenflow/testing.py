"""`whenflow test`: finds flow tests, runs them one after the other, and says what came of each.

With `--json` it prints one object:

    {"files": [{"file", "outcome", "message", "line", "column", "details", "diagnostics"}], "passed", "failed"}

`outcome` is `passed`, `failed` or `broken`: one that could not be read, loaded or checked, which counts to `failed`.
`message`, `line`, `column` (from 1) and `details` (a list of lines) say how a test failed, and are null or empty
otherwise; `diagnostics` are those of a broken one, in the shape of `whenflow check --json`.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.flowtest import Result, run_flow_test
from grammar.diagnostics import Stretch, to_json

ENDING = ".flowtest"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file and what came of it. `unreadable`: why it could not even be opened."""

    file: str
    result: Result = field(default_factory=Result)
    unreadable: str | None = None

    @property
    def word(self) -> str:
        if self.unreadable is not None or self.result.errors:
            return "broken"
        return "passed" if self.result.failure is None else "failed"

    def stretches(self) -> Iterator[Stretch]:
        """A line for the file, and below it what is wrong."""
        yield "good" if self.word == "passed" else "error", self.word
        yield "text", f"  {self.file}"
        if self.unreadable is not None:
            yield "message", f": {self.unreadable}"
        for diagnostic in self.result.errors:
            yield "text", "\n"
            yield from diagnostic.stretches()
        if self.result.failure is not None:
            yield "text", "\n"
            yield from self.result.failure.stretches()

    def render(self) -> str:
        """The same without colours."""
        return "".join(text for _, text in self.stretches())

    def to_json(self) -> dict[str, Any]:
        failure = self.result.failure
        line, column = (None, None) if failure is None else failure.span.source.position(failure.span.start)
        return {
            "file": self.file,
            "outcome": self.word,
            "message": self.unreadable if failure is None else failure.message,
            "line": line,
            "column": column,
            "details": [] if failure is None else list(failure.details),
            "diagnostics": [to_json(diagnostic) for diagnostic in self.result.errors],
        }


@dataclass(frozen=True, slots=True)
class Ran:
    """All files that were run."""

    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> int:
        return sum(outcome.word == "passed" for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        return len(self.outcomes) - self.passed

    @property
    def exit_code(self) -> int:
        """2 if a file is broken or there is none, else 1 if one failed, else 0."""
        words = {outcome.word for outcome in self.outcomes}
        return 2 if "broken" in words or not words else int("failed" in words)

    @property
    def summary(self) -> str:
        nothing = f"No {ENDING} file was found.\n" if not self.outcomes else ""
        return f"{nothing}{self.passed} passed, {self.failed} failed"

    def to_json(self) -> str:
        files = [outcome.to_json() for outcome in self.outcomes]
        document = {"files": files, "passed": self.passed, "failed": self.failed}
        return json.dumps(document, ensure_ascii=False) + "\n"


def run_all(paths: Sequence[Path], tell: Callable[[Outcome], None] | None = None) -> Ran:
    """Runs the flow tests that the paths name or have in them, each once; `tell` hears of each when it has run."""
    outcomes: list[Outcome] = []
    with asyncio.Runner() as runner:
        for file in dict.fromkeys(file for path in paths for file in _files(path)):
            outcome = _run(file, runner)
            outcomes.append(outcome)
            if tell is not None:
                tell(outcome)
    return Ran(tuple(outcomes))


def _files(path: Path) -> Iterator[Path]:
    """A folder's flow tests, however deep, sorted; a file is itself, whatever its name ends with."""
    if path.is_dir():
        yield from sorted(file for file in path.rglob(f"*{ENDING}") if not file.is_dir())
    else:
        yield path


def _run(file: Path, runner: asyncio.Runner) -> Outcome:
    def read_beside(path: str) -> tuple[str, bytes]:
        loaded = file.parent / path
        return str(loaded), loaded.read_bytes()

    try:
        data = file.read_bytes()
    except OSError as error:
        return Outcome(str(file), unreadable=f"it cannot be read: {(error.strerror or str(error)).lower()}")
    return Outcome(str(file), runner.run(run_flow_test(str(file), data, read_beside)))
