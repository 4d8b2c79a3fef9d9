"""The shards of one app together: which of them a visitor lives in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from variables.news import ShardNews
from variables.redis_store import RedisShard


def shard_number(visitor: str, shards: int) -> int:
    """The shard of a visitor: a hash that never changes, for the data lie where it says."""
    return crc32(visitor.encode()) % shards


@dataclass(frozen=True, slots=True)
class ListenedShard:
    """A shard, and what its commits tell."""

    store: RedisShard
    news: ShardNews


class Shards:
    """All shards of an app, in order."""

    def __init__(self, shards: Sequence[ListenedShard]) -> None:
        self._shards = shards

    def __iter__(self) -> Iterator[ListenedShard]:
        return iter(self._shards)

    def __len__(self) -> int:
        return len(self._shards)

    def of(self, visitor: str) -> ListenedShard:
        """Where a visitor lives."""
        return self._shards[shard_number(visitor, len(self._shards))]
