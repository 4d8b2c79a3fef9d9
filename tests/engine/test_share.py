"""How processors share shards: quotas that come out even, and a list of who is alive by the store's clock."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.share import Claim, Share
from variables.apps import AppStore
from variables.keys import processors
from variables.redis_connection import Connections

pytestmark = pytest.mark.anyio


@given(st.integers(1, 64), st.integers(1, 70))
def test_all_quotas_together_are_the_shards_and_none_is_larger_than_another_by_two(shards: int, crowd: int) -> None:
    alive = [f"p{k}" for k in range(crowd)]
    shares = [Share(shards, shared=True) for _ in alive]
    for holder, share in zip(alive, shares, strict=True):
        share.divide(holder, alive)
    quotas = [share.quota for share in shares]
    assert sum(quotas) == shards
    assert max(quotas) - min(quotas) <= 1
    assert quotas == sorted(quotas, reverse=True), "who has been here longest has what does not come out even"


def test_whoever_has_too_many_gives_just_the_surplus_up() -> None:
    share = Share(5)
    claims = [share.claim() for _ in range(6)]
    assert claims[5] is None
    share.divide("a", ["a", "b"])
    assert share.quota == 3
    owned = [claim for claim in claims if isinstance(claim, Claim)]
    assert [claim.has_to_go() for claim in owned] == [True, True, False, False, False]
    owned[0].end()
    assert share.claim() is None
    owned[4].end()
    assert share.claim() is not None


async def test_alone_one_may_have_all_and_shared_nothing_before_the_quota_is_known() -> None:
    assert Share(2).known.is_set()
    share = Share(2, shared=True)
    assert not share.known.is_set()
    share.divide("a", ["a"])
    assert share.known.is_set()


async def test_room_wakes_whoever_waits_for_it() -> None:
    share = Share(1)
    claim = share.claim()
    assert claim is not None
    waiting = asyncio.create_task(share.pause(60_000))
    await asyncio.sleep(0)
    assert not waiting.done()
    claim.end()
    await asyncio.wait_for(waiting, 1)


async def test_somebody_who_spoilt_the_list_leaves_every_processor_all_shards(
    connections: Connections, app: str
) -> None:
    async def recover() -> None:
        raise AssertionError

    store, share = AppStore(connections), Share(4, shared=True)
    await connections.commands.set(processors(app), "no hash")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await share.keep("a", lambda holder, lifetime: store.announce(app, holder, lifetime), recover)
    assert (share.quota, share.known.is_set()) == (4, True)


async def test_who_is_alive_is_known_by_the_store_s_clock(connections: Connections, app: str) -> None:
    store = AppStore(connections)

    async def say(holder: str, lifetime: int = 60_000) -> Sequence[str]:
        return await store.announce(app, holder, lifetime)

    assert await say("b") == ["b"]
    await asyncio.sleep(0.002)
    assert await say("a") == ["b", "a"]
    assert await say("b") == ["b", "a"], "who says it again stays in its place"
    assert await say("c", 1) == ["b", "a", "c"]
    await asyncio.sleep(0.005)
    assert await say("a") == ["b", "a"], "a word lapses"
    assert await say("b", 0) == ["a"], "one that leaves is gone at once"
    await connections.commands.hset(processors(app), mapping={"x": "garbage", "a": "more"})
    assert await say("b") == ["b"], "what cannot be read is nobody's"
