"""The names of Whenflow's keys in Redis. All keys of a shard share a hash tag, so that one script can write them."""

from dataclasses import dataclass
from urllib.parse import quote

APPS = "wf:apps"
"""Hash: an app's name to its settings."""


ALL_NEWS = "wf:*news"
"""Pattern of all the channels on which Whenflow tells its processes that something has changed."""
APPS_NEWS = "wf:apps:news"
"""Channel: there is another app."""


def programs(app: str) -> str:
    """Hash: a program's version to its text and what else was said of it; `newest` names the newest version."""
    return f"wf:{{{app}}}:programs"


def processors(app: str) -> str:
    """Hash: the holders that process an app's shards, each with when it joined and when its word lapses."""
    return f"wf:{{{app}}}:processors"


def news(app: str) -> str:
    """Channel: an app has a new program."""
    return f"wf:{{{app}}}:news"


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """The keys of one shard; a visitor's id is encoded before it goes into a key."""

    prefix: str

    @classmethod
    def of(cls, app: str, shard: int) -> "ShardKeys":
        return cls(f"wf:{{{app}:{shard}}}:")

    @property
    def owner(self) -> str:
        return self.prefix + "owner"

    @property
    def log(self) -> str:
        return self.prefix + "log"

    @property
    def timers(self) -> str:
        return self.prefix + "timers"

    @property
    def dead(self) -> str:
        return self.prefix + "dead"

    @property
    def outbox(self) -> str:
        """Stream: what waits to leave the house."""
        return self.prefix + "outbox"

    @property
    def trace(self) -> str:
        """Stream: what was decided about whom, the newest decisions of the shard."""
        return self.prefix + "trace"

    @property
    def counts(self) -> str:
        """Hash: the shard's counters, by name."""
        return self.prefix + "counts"

    @property
    def news(self) -> str:
        """Channel: a commit was made; how far the log is folded, and the messages that were sent."""
        return self.prefix + "news"

    @property
    def names(self) -> str:
        """What the keys of the hashes that hold the ids of visitors by number begin with."""
        return self.prefix + "names:"

    def flush(self, sender: str) -> str:
        return f"{self.prefix}flush:{sender}"

    def profile(self, visitor: str) -> str:
        return f"{self.prefix}profile:{_encoded(visitor)}"

    def tallies(self, visitor: str) -> str:
        return f"{self.prefix}tallies:{_encoded(visitor)}"

    def runs(self, visitor: str) -> str:
        return f"{self.prefix}runs:{_encoded(visitor)}"

    def inbox(self, visitor: str) -> str:
        return f"{self.prefix}inbox:{_encoded(visitor)}"

    def of_visitor(self, visitor: str) -> tuple[str, str, str]:
        """All that a load reads of a visitor, in the order that load.lua wants."""
        encoded = _encoded(visitor)
        return (
            f"{self.prefix}profile:{encoded}",
            f"{self.prefix}tallies:{encoded}",
            f"{self.prefix}runs:{encoded}",
        )


def _encoded(visitor: str) -> str:
    if visitor.isalnum() and visitor.isascii():
        return visitor
    return quote(visitor, safe="@.,;!*+=$'()~", errors="surrogatepass")
