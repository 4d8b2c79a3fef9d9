"""`GET /metrics`: what the shards count, for Prometheus."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.whenflow.process import EVENTS, TOKEN, Whenflow, track, until

PROGRAM = f"""{EVENTS}
flow slow:
    on webclick
    goal event_count_2 > 0 within 1h
    split:
        100% "only":
            wait 1h
"""


def figures(whenflow: Whenflow) -> dict[tuple[str, ...], float]:
    """Each figure by its name and its labels' values, in the order of their names."""
    answer = httpx.get(f"{whenflow.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {
        (s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for family in families for s in family.samples
    }


def test_runs_conversions_and_programs_are_counted(tmp_path: Path) -> None:
    with Whenflow(tmp_path / "data") as whenflow:
        whenflow.apply(PROGRAM)
        for number in range(5):
            whenflow.collect({"visitor": f"v{number}", **track()}, wait=True)
        found = figures(whenflow)
        assert found["whenflow_runs", "default", "slow", "1", "1"] == 5
        assert found["whenflow_program_version", "default"] == 1
        assert found["whenflow_dead_letters", "default"] == 0
        assert found["whenflow_shards_unowned", "default"] == found["whenflow_shards_in_trouble", "default"] == 0
        assert [value for name, value in found.items() if name[0] == "whenflow_shards_owned"] == [4]
        whenflow.collect({"visitor": "v1", **track("checkout")}, wait=True)
        assert figures(whenflow)["whenflow_conversions_total", "default", "only", "slow"] == 1
        whenflow.apply(EVENTS)
        answer = whenflow.admin("PUT", "program", params={"stop_runs": "1"}, content=EVENTS.encode()).json()
        assert (answer["version"], answer["gone"], answer["runs"][0]["count"]) == (3, ["slow"], 5)
        until(lambda: not any(key[0] == "whenflow_runs" for key in figures(whenflow)), 10, "the runs have ended")


def test_figures_are_not_for_everybody(tmp_path: Path) -> None:
    with Whenflow(tmp_path / "data") as whenflow:
        assert httpx.get(f"{whenflow.url}/metrics", timeout=10).status_code == 401
