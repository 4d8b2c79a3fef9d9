"""Which files are one program, and what is wrong in them.

The `.flow` files of a folder together are a program, as `whenflow apply FOLDER/*.flow` would take them: an event is
declared in one file and used in the next. What is open in the editor stands in place of what is on the disk. An editor
may ask for each file by itself instead (`Scope.FILE`), for folders of files that are alternatives to each other.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from grammar.diagnostics import Diagnostic
from grammar.nodes import Script
from grammar.program import read_files
from grammar.source import Source

SUFFIX = ".flow"


class Scope(Enum):
    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it was checked: its sources by file, and what was found in each."""

    script: Script
    sources: Mapping[str, Source]
    diagnostics: Mapping[str, tuple[Diagnostic, ...]]


def valid_text(text: str) -> str:
    """An editor's text as a file can hold it: half of a surrogate pair is replaced, by one character of equal width."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def files_of(path: str, opened: Mapping[str, str], scope: Scope) -> dict[str, str | bytes]:
    """The files of the program that a file belongs to, by path and in order of their names, with what is in them.

    A file that cannot be read is left out. An open one counts, even if it is not on the disk yet.
    """
    if scope is Scope.FILE or not path.endswith(SUFFIX):
        return {path: opened[path]} if path in opened else {}
    folder = Path(path).parent
    paths = {known for known in opened if known.endswith(SUFFIX) and Path(known).parent == folder}
    with suppress(OSError):  # the folder may not be on the disk yet
        paths |= {str(found) for found in folder.iterdir() if found.suffix == SUFFIX}
    files: dict[str, str | bytes] = {}
    for each in sorted(paths):
        text = opened.get(each)
        try:
            files[each] = Path(each).read_bytes() if text is None else text
        except OSError:
            continue
    return files


def check_program(files: Mapping[str, str | bytes]) -> Program:
    """Parses and checks files as one program. A source is named by its path."""
    checked = read_files(list(files.items()))
    found: dict[str, list[Diagnostic]] = {name: [] for name in files}
    for diagnostic in checked.diagnostics:
        found[diagnostic.span.source.name].append(diagnostic)
    sources = {source.name: source for source in checked.sources}
    return Program(checked.script, sources, {name: tuple(each) for name, each in found.items()})
