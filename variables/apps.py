"""The apps of a server, and the versions of their programs: what Redis keeps beside the shards."""

import secrets
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from variables import keys
from variables.redis_connection import Connections
from variables.store import NoSuchProgram, StoreUnavailable

SHARDS, CLUSTER_SHARDS = 4, 64
"""Of an app that is made on a server that stands alone, and of one made on a cluster."""


class App(BaseModel):
    """One website or product. The number of shards says where each visitor's data lie, and never changes."""

    model_config = ConfigDict(frozen=True)
    name: str
    write_key: str
    shards: int


class StoredProgram(BaseModel):
    """One version of a program, as it was applied: file names and texts, in order.

    `resets`: SEQ of events that were given another UUID, and the version that did it; what was counted before is gone.
    `stops`: flows whose runs were to end with the coming of a version, and the last such version.
    """

    model_config = ConfigDict(frozen=True)
    files: tuple[tuple[str, str], ...] = ()
    zone: str = "UTC"
    resets: Mapping[int, int] = {}
    stops: Mapping[str, int] = {}
    uuids: Mapping[int, str] = {}
    """The UUID that each SEQ had last, also of those that this version does not declare."""

    @property
    def text(self) -> str:
        """All files in one."""
        return "\n".join(text for _, text in self.files)


class AppStore:
    """Apps and programs in Redis. Everything raises StoreUnavailable."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def all(self) -> list[App]:
        raw = await self._connections.call(self._connections.commands.hgetall(keys.APPS))
        return sorted((App.model_validate_json(value) for value in raw.values()), key=lambda app: app.name)

    async def find(self, name: str) -> App | None:
        raw = await self._connections.call(self._connections.commands.hget(keys.APPS, name))
        return None if raw is None else App.model_validate_json(raw)

    async def find_or_make(self, name: str, write_key: str | None = None) -> App:
        """The app of a name; made with this write key (or a new one) if there is none, by whoever comes first."""
        shards = CLUSTER_SHARDS if self._connections.is_cluster else SHARDS
        app = App(name=name, write_key=write_key or f"wk_{secrets.token_urlsafe(18)}", shards=shards)
        commands = self._connections.commands
        if await self._connections.call(commands.hsetnx(keys.APPS, name, app.model_dump_json())):
            await self._connections.call(commands.publish(keys.APPS_NEWS, name))
            return app
        found = await self.find(name)
        if found is None:
            raise StoreUnavailable(f"the app {name} was there and is gone")
        if write_key is not None and write_key != found.write_key:
            found = found.model_copy(update={"write_key": write_key})
            await self._connections.call(commands.hset(keys.APPS, name, found.model_dump_json()))
        return found

    async def announce(self, app: str, holder: str, lifetime: int) -> Sequence[str]:
        """Says that a processor of an app is alive for so many milliseconds; gives all that are, the oldest first.

        A lifetime of 0 says that it leaves.
        """
        alive = await self._connections.script("announce", [keys.processors(app)], [holder, lifetime])
        return [other.decode() for other in alive]

    async def newest(self, app: str) -> int:
        """The newest version of an app's program; 0 if it has none."""
        raw = await self._connections.call(self._connections.commands.hget(keys.programs(app), "newest"))
        return int(raw or 0)

    async def program(self, app: str, version: int) -> StoredProgram:
        """A version. Version 0 is the empty program. Raises NoSuchProgram."""
        if version == 0:
            return StoredProgram()
        raw = await self._connections.call(self._connections.commands.hget(keys.programs(app), str(version)))
        if raw is None:
            raise NoSuchProgram(f"program {version} of {app} is not in the store")
        return StoredProgram.model_validate_json(raw)

    async def add_program(self, app: str, after: int, program: StoredProgram) -> int | None:
        """Stores a program as the version after `after`; None if somebody else stored one meanwhile."""
        args = [after, program.model_dump_json(), keys.news(app)]
        added: int | None = await self._connections.script("add_program", [keys.programs(app)], args)
        return added
