"""A shard of a real embedded server, for the benchmarks that look behind the door."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from engine.garbage import settle
from engine.processor import Processor
from engine.program import Program
from grammar.diagnostics import Diagnostics
from grammar.program import read_program
from grammar.syntax.parser import read_source
from variables.durability import Durability
from variables.embedded import EmbeddedStore
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.store import Entry, EntryId

FLUSH = 500
VERSION = 1


@asynccontextmanager
async def connected() -> AsyncIterator[Connections]:
    """Connections to a server of one's own, durable as by default (`always`), gone with all its data afterwards."""
    with tempfile.TemporaryDirectory() as data, EmbeddedStore(Path(data), Durability.ALWAYS) as embedded:
        connections = Connections(embedded=embedded)
        try:
            yield connections
        finally:
            await connections.close()


def compiled(text: str) -> Program:
    """The program of a text that has no errors, kept as `engine.library` keeps those of a server."""
    report = Diagnostics()
    source = read_source("bench.flow", text, report)
    assert source is not None
    checked = read_program([source])
    assert checked.ok, checked.diagnostics
    program = Program.build(checked.script, VERSION)
    settle()
    return program


class _OneProgram:
    """Where the processor takes programs from: there is but one version beside the empty one."""

    def __init__(self, program: Program) -> None:
        self._versions = {0: compiled(""), VERSION: program}

    async def program(self, version: int) -> Program:
        return self._versions[version]


async def fill(shard: RedisShard, bodies: Sequence[bytes], sender: str = "bench") -> EntryId:
    """Has the program announced and the bodies appended; gives the last one's place in the log."""
    await shard.append_program(VERSION)
    last = None
    for number, start in enumerate(range(0, len(bodies), FLUSH), 1):
        appended = await shard.append(sender, number, [Entry(body) for body in bodies[start : start + FLUSH]])
        last = appended.ids[-1]
    assert last is not None
    return last


async def fold(shard: RedisShard, program: Program, connections: Connections, upto: EntryId) -> None:
    """Runs one processor until the log is folded up to a place in it."""
    processor = Processor(shard, _OneProgram(program), "bench", connections.recover)
    running = asyncio.create_task(processor.run())
    while await shard.position() < upto:
        if running.done():
            break
        await asyncio.sleep(0.02)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert await shard.position() >= upto
