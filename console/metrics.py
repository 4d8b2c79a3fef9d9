"""What `GET /metrics` says, in the text format of Prometheus: figures of the store, asked for when somebody looks.

All of them are the shards' own, so it does not matter which process is asked.
"""

import asyncio
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
    runs = GaugeMetricFamily(
        "whenflow_runs", "Runs that wait, by where they do.", labels=["app", "flow", "version", "step"]
    )
    conversions = CounterMetricFamily(
        "whenflow_conversions", "Conversions of a flow, arm by arm.", labels=["app", "flow", "arms"]
    )
    for app in apps:
        name = app.app.name
        version, _ = await app.program_text()
        program.add_metric([name], version)
        letters = await asyncio.gather(*(shard.store.dead_letters() for shard in app.shards))
        dead.add_metric([name], sum(letters))
        for waiting in await app.runs():
            runs.add_metric([name, waiting.flow, str(waiting.version), str(waiting.step)], waiting.count)
        for flow, arms, count in await app.conversions():
            conversions.add_metric([name, flow, arms], count)
    registry = CollectorRegistry()
    registry.register(_Figures([program, dead, runs, conversions]))
    return generate_latest(registry)
