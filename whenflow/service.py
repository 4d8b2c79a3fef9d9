"""All the parts of one process, put together: the store, the apps with their shards, and the process's roles."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from uuid import uuid4

import structlog

from console.health import Health, look
from console.running_app import RunningApp
from engine.processor import Processor
from engine.share import Share
from ingest.appender import Appender
from ingest.door import Door
from variables import keys
from variables.apps import App, AppStore
from variables.catalogue import EMPTY
from variables.embedded import EmbeddedStore
from variables.news import News
from variables.redis_connection import Connections
from variables.redis_store import RedisShard
from variables.shards import ListenedShard, Shards
from variables.store import StoreUnavailable, until_recovered
from whenflow.settings import Role, Settings

DEFAULT_APP = "default"
_log = structlog.get_logger(__name__)


class Service:
    """What runs in this process. Made by `running`."""

    def __init__(self, settings: Settings, connections: Connections, embedded: EmbeddedStore | None) -> None:
        self.settings = settings
        self.connections = connections
        self.store = AppStore(connections)
        self.apps: dict[str, RunningApp] = {}
        self._embedded = embedded
        self.doors: dict[str, Door] = {}
        """By write key."""
        self._news = News(connections)
        self._name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._tasks: list[asyncio.Task[None]] = []
        self._looking = asyncio.Lock()

    async def start(self) -> None:
        """Brings up every app there is, and goes on to bring up those that are made later."""
        while True:
            try:
                await self.store.find_or_make(DEFAULT_APP, self.settings.write_key)
                await self.look_for_apps()
                break
            except StoreUnavailable as error:
                _log.warning("store lost at the start", reason=str(error))
                await until_recovered(self.connections.recover)
        self._news.on(keys.APPS_NEWS, self.look_for_apps)
        self._run(self._news.run, "news")
        await self._news.ready.wait()

    async def stop(self) -> None:
        """Gives every shard up in order. What was accepted is in the log, for whoever comes next."""
        await _end(self._tasks)
        for app in self.apps.values():
            for shard in app.shards:
                await shard.store.close()
        await self.connections.close()

    def wind_up(self) -> None:
        """The process stops: ends the streams to pages, which come again by themselves, and all that waits for long."""
        self._news.end()
        for door in self.doors.values():
            for appender in door.appenders:
                appender.hurry()

    def app(self, name: str) -> RunningApp | None:
        return self.apps.get(name)

    def door(self, write_key: str) -> Door | None:
        """The app of a write key, as ingest sees it."""
        return self.doors.get(write_key)

    @property
    def is_alone(self) -> bool:
        """Whether this process started the store's server: nobody served from its directory."""
        return self._embedded is not None and self._embedded.started

    async def health(self) -> Health:
        flusher = None if self._embedded is None else self._embedded.flusher
        return await look(self.connections, flusher, self.apps.values())

    async def make_app(self, name: str) -> None:
        """Makes an app if there is none of that name."""
        await self.store.find_or_make(name)
        await self.look_for_apps()

    async def look_for_apps(self) -> None:
        """Brings up the apps that this process does not run yet."""
        async with self._looking:  # whoever makes an app hears of it too: two processors of one name would fight
            for app in await self.store.all():
                if app.name not in self.apps:
                    await self._bring_up(app)

    async def _bring_up(self, app: App) -> None:
        stores = [RedisShard(self.connections, app.name, number) for number in range(app.shards)]
        shards = Shards([ListenedShard(store, self._news.shard(store)) for store in stores])
        appenders = [Appender(store, self._name, self.connections.recover) for store in stores]
        door = Door(app.name, app.write_key, EMPTY, shards, appenders)
        running = RunningApp(app, self.store, shards, self.settings.zone, door.look_by)
        await running.refresh()
        self.apps[app.name], self.doors[app.write_key] = running, door
        self._news.on(keys.news(app.name), running.refresh)
        if Role.PROCESSOR in self.settings.roles:
            share = Share(len(stores), shared=True)
            self._run(partial(self._keep, share, app.name), f"share of {app.name}")
            for number, store in enumerate(stores):
                processor = Processor(store, running.library, self._name, self.connections.recover, share=share)
                self._run(processor.run, f"processor {app.name}:{number}")

    async def _keep(self, share: Share, app: str) -> None:
        await share.keep(self._name, partial(self.store.announce, app), self.connections.recover)

    def _run(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        self._tasks.append(asyncio.create_task(_kept_up(work, name), name=name))


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels tasks until they have ended, should one of them have swallowed a cancellation."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.5)


async def _kept_up(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Runs work that never ends; an error that nobody foresaw is said, and the work begun again (promise 6)."""
    while True:
        try:
            await work()
        except Exception as error:
            _log.critical("begun again after an error", task=name, exc_info=error)
            await asyncio.sleep(1)


@asynccontextmanager
async def running(settings: Settings, *, serving: bool = True) -> AsyncIterator[Service]:
    """A service, from the start of its store to an orderly stop.

    One that only runs a command (not `serving`) leaves the durability of a server that is there as it is.
    """
    durability = settings.durability if serving else None
    embedded = None if settings.redis_url else EmbeddedStore(settings.data, durability)
    if embedded is not None:
        embedded.ensure()
    try:
        service = Service(
            settings, Connections(url=settings.redis_url, embedded=embedded, replicas=settings.replicas), embedded
        )
        try:
            await _reach(service.connections, settings, patiently=serving)
            await service.start()
            yield service
        finally:
            await service.stop()
    finally:
        if embedded is not None:
            embedded.close()


async def _reach(connections: Connections, settings: Settings, *, patiently: bool) -> None:
    """Waits until the store answers. A command does not wait: it raises StoreUnavailable."""
    try:
        await connections.recover()
    except StoreUnavailable as error:
        where = settings.redis_url or f"in {settings.data}"
        if not patiently:
            raise StoreUnavailable(f"the store {where} does not answer: {error}") from error
        _log.warning("waiting for the store", where=where, reason=str(error))
        await until_recovered(connections.recover)
