"""How an app's processors share its shards: each may own as many as any other, as far as that comes out.

Every processor says in the store, twice a second, that it is alive (`variables/scripts/announce.lua`), and learns which
others are. From this alone it knows its quota: all quotas together are just the shards there are. Whoever has fewer
takes what is free; whoever has more, since another one has joined, gives the rest up, each shard after its commit.

This decides only who *should* own a shard. That no two do is the lease's and the epoch's work (`engine.processor`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import uniform

import structlog

from variables.store import Recover, StoreUnavailable, until_recovered

HEARTBEAT = 500
"""Milliseconds between two words that a processor is alive."""
LIFETIME = 2_000
"""Milliseconds that such a word holds: less than a lease, so that a dead one's shards are wanted once they are free."""
STANDBY = 200
"""Milliseconds after which a shard that another has is asked for again: it may be given up before its lease lapses."""

Announce = Callable[[str, int], Awaitable[Sequence[str]]]
"""Says for so many milliseconds that a holder is alive; gives all that are, oldest first. Raises StoreUnavailable."""
_log = structlog.get_logger(__name__)


class Claim:
    """A shard that counts as this processor's own, from when it is asked for until it is given up."""

    def __init__(self, share: "Share") -> None:
        self._share = share
        share.claims.add(self)

    def end(self) -> None:
        """May be called twice."""
        self._share.claims.discard(self)
        self._share.tell()

    def has_to_go(self) -> bool:
        """Whether the shard is too much by now; then its claim has ended, and nobody else is told the same for it."""
        if len(self._share.claims) <= self._share.quota:
            return False
        self.end()
        return True


class Share:
    """What one process may own of an app's shards: all, unless it is `shared`; then `keep` finds out."""

    def __init__(self, shards: int, *, shared: bool = False) -> None:
        self.quota = shards
        self.claims: set[Claim] = set()
        self.known = asyncio.Event()
        """Set when the quota is known."""
        self._shards = shards
        self._room = asyncio.Event()
        self.tell()
        if not shared:
            self.known.set()

    def claim(self) -> Claim | None:
        """The right to one more shard, if there is one left."""
        return Claim(self) if len(self.claims) < self.quota else None

    def tell(self) -> None:
        """Wakes those who wait for room, if there is some."""
        if len(self.claims) < self.quota:
            self._room.set()
        else:
            self._room.clear()

    async def pause(self, free_in: int) -> None:
        """Until it is worthwhile to ask again for a shard that is another's, and may be had in so many milliseconds.

        Never at the same instant for all shards: some of them would always find that others had the last claim.
        """
        if self._room.is_set():
            await asyncio.sleep(min(free_in, STANDBY) * uniform(0.5, 1) / 1000)  # noqa: S311
            return
        try:
            async with asyncio.timeout(free_in / 1000):
                await self._room.wait()
        except TimeoutError:
            pass

    def divide(self, holder: str, alive: Sequence[str]) -> None:
        """Takes the quota from who is alive: what does not come out even goes to those who have been here longest."""
        each, left = divmod(self._shards, len(alive))
        self._set(each + (alive.index(holder) < left))

    def _set(self, quota: int) -> None:
        self.quota = quota
        self.known.set()
        self.tell()

    async def keep(self, holder: str, announce: Announce, recover: Recover) -> None:
        """Says again and again that the holder is alive, and divides anew. Cancelling says that it leaves."""
        try:
            while True:
                try:
                    self.divide(holder, await announce(holder, LIFETIME))
                    await asyncio.sleep(HEARTBEAT / 1000)
                except StoreUnavailable as error:
                    _log.debug("processors not heard of", reason=str(error))
                    await until_recovered(recover)
        except Exception:  # somebody spoilt what the store knows of processors: better one that has all than nobody
            self._set(self._shards)
            raise
        finally:
            await _leave(holder, announce)


async def _leave(holder: str, announce: Announce) -> None:
    try:
        await announce(holder, 0)
    except Exception as error:
        _log.debug("leaving not said", reason=str(error))
