"""One app as ingest sees it: its key, its newest catalogue, and where its visitors' items go."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

from ingest.appender import Appender
from ingest.feed import ShardNews
from variables.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class ShardDoor:
    """One shard: what appends to its log, and what hears of its commits."""

    appender: Appender
    news: ShardNews


@dataclass(slots=True)
class Door:
    """`catalogue` is the newest program's; it is replaced when there is a newer one."""

    app: str
    write_key: str
    catalogue: Catalogue
    shards: Sequence[ShardDoor]
    in_flight: dict[str, int] = field(default_factory=dict)
    """Requests of each visitor that wait for an answer now."""

    def shard_of(self, visitor: str) -> ShardDoor:
        """Where a visitor lives."""
        return self.shards[shard_number(visitor, len(self.shards))]


def shard_number(visitor: str, shards: int) -> int:
    """The shard of a visitor: a hash that never changes, for the data lie where it says."""
    return crc32(visitor.encode()) % shards
