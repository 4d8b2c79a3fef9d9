"""What `GET /metrics` says, in the text format of Prometheus: figures of the store, asked for when somebody looks.

All of them are the shards' own, so it does not matter which process is asked.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.running_app import RunningApp


class _Figures(Collector):
    """Figures that are there already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


async def metrics(apps: Iterable[RunningApp]) -> bytes:
    """Raises StoreUnavailable."""
    program = GaugeMetricFamily("whenflow_program_version", "The newest version of the program.", labels=["app"])
    dead = GaugeMetricFamily("whenflow_dead_letters", "What could not be folded and was set aside.", labels=["app"])
    unowned = GaugeMetricFamily("whenflow_shards_unowned", "Shards that no processor has.", labels=["app"])
    troubled = GaugeMetricFamily("whenflow_shards_in_trouble", "Shards that cannot go on.", labels=["app"])
    owned = GaugeMetricFamily("whenflow_shards_owned", "How many shards a processor has.", labels=["app", "processor"])
    runs = GaugeMetricFamily(
        "whenflow_runs", "Runs that wait, by where they do.", labels=["app", "flow", "version", "step"]
    )
    conversions = CounterMetricFamily(
        "whenflow_conversions", "Conversions of a flow, arm by arm.", labels=["app", "flow", "arms"]
    )
    for app in apps:
        name = app.app.name
        program.add_metric([name], await app.newest())
        shards = await app.standing()
        dead.add_metric([name], shards.dead_letters)
        unowned.add_metric([name], shards.unowned)
        troubled.add_metric([name], len(shards.trouble))
        for holder, count in shards.owners.items():
            owned.add_metric([name, holder], count)
        for waiting in await app.runs():
            runs.add_metric([name, waiting.flow, str(waiting.version), str(waiting.step)], waiting.count)
        for flow, arms, count in await app.conversions():
            conversions.add_metric([name, flow, arms], count)
    registry = CollectorRegistry()
    registry.register(_Figures([program, dead, unowned, troubled, owned, runs, conversions]))
    return generate_latest(registry)
