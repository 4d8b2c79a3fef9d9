"""One app as ingest sees it: its key, its newest catalogue, and where its visitors' items go."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.appender import Appender
from variables.catalogue import Catalogue
from variables.news import ShardNews
from variables.shards import Shards, shard_number


@dataclass(slots=True)
class Door:
    """`catalogue` is the newest program's, replaced when there is a newer one; `appenders` has one for each shard."""

    app: str
    write_key: str
    catalogue: Catalogue
    shards: Shards
    appenders: Sequence[Appender]
    in_flight: dict[str, int] = field(default_factory=dict)
    """Requests of each visitor that wait for an answer now."""

    def look_by(self, catalogue: Catalogue) -> None:
        """Looks at items by this catalogue from now on."""
        self.catalogue = catalogue

    def appender(self, visitor: str) -> Appender:
        """What appends to the log of the shard where a visitor lives."""
        return self.appenders[shard_number(visitor, len(self.appenders))]

    def news(self, visitor: str) -> ShardNews:
        """What tells of the commits of that shard."""
        return self.shards.of(visitor).news
