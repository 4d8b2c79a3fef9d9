"""Programs, compiled once each: what a shard's owner and whoever shows a visitor take their versions from."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from engine.garbage import settle
from engine.program import Program
from grammar.program import read_files
from variables.apps import AppStore, StoredProgram
from variables.store import StoreUnavailable

KEPT = 32
"""Compiled versions kept in memory."""


class ProgramLibrary:
    """The versions of one app's program. Compiling is done off the event loop."""

    def __init__(self, store: AppStore, app: str) -> None:
        self._store = store
        self._app = app
        self._compiled: OrderedDict[int, Program] = OrderedDict()
        self._compiling = asyncio.Lock()

    async def program(self, version: int) -> Program:
        """A version; 0 is the empty program. Raises StoreUnavailable."""
        async with self._compiling:
            if version not in self._compiled:
                stored = await self._store.program(self._app, version)
                self._compiled[version] = await asyncio.to_thread(build, stored, version)
                if len(self._compiled) > KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(version)
            return self._compiled[version]

    async def those_of(self, versions: Iterable[int]) -> Mapping[int, Program]:
        """As many of these versions as can be had. Raises StoreUnavailable."""
        found: dict[int, Program] = {}
        for version in set(versions):
            try:
                found[version] = await self.program(version)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: S112 - somebody took it away, or another version of Whenflow wrote it
                continue
        return found

    async def mentions(self, version: int, name: str) -> bool:
        """Whether a version's text has a name in it: whoever looks for it is spared compiling the others."""
        return name in (await self._store.program(self._app, version)).text

    async def newest(self) -> Program:
        """The newest version. Raises StoreUnavailable."""
        return await self.program(await self._store.newest(self._app))


def build(stored: StoredProgram, version: int) -> Program:
    """Compiles what was found without error when it was applied."""
    checked = read_files(stored.files)
    program = Program.build(checked.script, version, ZoneInfo(stored.zone), stored.resets, stored.stops)
    settle()
    return program
