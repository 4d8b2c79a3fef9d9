"""The processor: owns a shard, reads its log in order, and commits what comes of it (DESIGN.md sections 2 and 4).

One loop per shard: take the shard → wait for entries → fold them (`engine.owned_shard`).
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from engine.order import Happening, in_order
from engine.owned_shard import OwnedShard, Programs
from engine.program import Program
from engine.share import Claim, Share
from variables.store import Fenced, Held, Ownership, Recover, Shard, StoreUnavailable, WrongKey, until_recovered

LEASE = 3_000
"""Milliseconds that a shard stays an owner's without a word from it."""
LENT = 3 * LEASE
"""Milliseconds that a processor keeps a shard that is beyond its share, and that nobody else took."""
TROUBLE_PAUSE = 0.5
"""Seconds after which a shard that cannot go on is tried again."""
BATCH = 256
"""Entries read at once."""
_log = structlog.get_logger(__name__)


class Processor:
    """Runs one shard, whenever it is free to take, for as long as `run` is not cancelled."""

    def __init__(
        self,
        shard: Shard,
        programs: Programs,
        holder: str,
        recover: Recover,
        *,
        lease: int = LEASE,
        share: Share | None = None,
    ) -> None:
        self._shard = shard
        self._programs = programs
        self._holder = holder
        self._recover = recover
        self._lease = lease
        self._share = share or Share(1)

    async def run(self) -> None:
        """Takes the shard as often as it must. Cancelling gives the shard up in order."""
        await self._share.known.wait()
        while True:
            try:
                await self._take()
            except Fenced as fenced:
                _log.warning("shard lost", holder=self._holder, reason=str(fenced))
            except StoreUnavailable as error:
                _log.warning("store unavailable", reason=str(error))
                await until_recovered(self._recover)
            except Exception as trouble:
                await self._say(trouble)
                await asyncio.sleep(TROUBLE_PAUSE)

    async def _say(self, trouble: Exception | None) -> None:
        """The shard cannot go on until somebody mends it, or goes on: `/health` says so."""
        if trouble is not None:
            _log.error("shard broken", exc_info=trouble)
        try:
            await self._shard.say_trouble(None if trouble is None else f"{type(trouble).__name__}: {trouble}")
        except (StoreUnavailable, WrongKey) as error:
            _log.debug("trouble not said", reason=str(error))

    async def _take(self) -> None:
        """Owns the shard if it is free, until it has to be given up.

        Who has its share already takes only what has been free for so long that whoever should have it must be stuck.
        """
        claim = self._share.claim()
        try:
            taken = await self._shard.take(self._holder, self._lease, 0 if claim else self._lease)
            if not isinstance(taken, Held):
                await self._own(taken, claim)
                return
        finally:
            if claim:
                claim.end()
        await self._share.pause(taken.free_in)

    async def _own(self, taken: Ownership, claim: Claim | None) -> None:
        lent_until = time.monotonic() + LENT / 1000
        try:
            program = await self._programs.program(taken.program)
            owner = _Owner(self._shard, self._programs, self._recover, self._lease, taken, program)
            goes_on = False
            while not (claim.has_to_go() if claim else time.monotonic() > lent_until):
                await owner.turn()
                if not goes_on:
                    await self._say(None)
                goes_on = True
            _log.info("shard handed on", holder=self._holder)
        finally:
            await self._give_up(taken)

    async def _give_up(self, taken: Ownership) -> None:
        """Lets the next owner take the shard at once."""
        try:
            await self._shard.renew(taken.epoch, 0)
        except (Fenced, StoreUnavailable, WrongKey) as error:
            _log.debug("shard not given up", reason=str(error))


class _Owner:
    """A shard's owner, from its taking to its loss. What it holds in memory can be dropped at any moment."""

    def __init__(
        self, shard: Shard, programs: Programs, recover: Recover, lease: int, taken: Ownership, program: Program
    ) -> None:
        self._shard = shard
        self._lease = lease
        self._owned = OwnedShard(shard, programs, recover, taken, program)
        self._renewed = time.monotonic()
        self._clock_set(taken.now)

    async def turn(self) -> None:
        """Waits for what comes next, be it an entry, a timer or the lease's end, and folds it."""
        await self._renew()
        await self._owned.fold(await self._next())

    async def _renew(self) -> None:
        if time.monotonic() - self._renewed > self._lease / 3000:
            self._clock_set(await self._shard.renew(self._owned.state.epoch, self._lease))
            self._renewed = time.monotonic()

    # What comes next

    async def _next(self) -> Sequence[Happening]:
        """What is to be folded next, in order; nothing if it is time to renew the lease."""
        timer, wait = self._owned.state.next_timer, self._lease // 3
        if timer is not None:
            wait = min(wait, timer - self._now())
        if wait > 0:
            entries = await self._shard.wait(self._owned.state.position, BATCH, wait)
            if timer is None or (entries and entries[-1].id.stamp < timer) or (not entries and self._now() < timer):
                return entries
        reading = await self._shard.read(self._owned.state.position, BATCH)
        self._clock_set(reading.now)
        if not reading.timers and not reading.entries:
            await self._owned.look_for_timers()  # somebody else has taken away the one that seemed due
        return in_order(reading)

    def _clock_set(self, now: int) -> None:
        self._ahead = now - time.monotonic() * 1000

    def _now(self) -> int:
        """The store's clock as well as we know it; whether a timer is due the store decides when it is read.

        Ours may stand still where the store's goes on (a machine that slept), so it is set anew with every lease.
        """
        return int(time.monotonic() * 1000 + self._ahead)
