"""Where runs are, out of the counters of the shards."""

from console.runs_in_progress import Waiting, waiting
from engine.graph import Place


def test_runs_are_summed_over_the_shards_in_order() -> None:
    shards = [
        {'["run","b",1,0]': 2, '["goal","b"]': 7},
        {'["run","b",1,0]': 1, '["run","a",2,3]': 1},
        {'["run","a",1,0]': 0},
    ]
    assert waiting(shards) == [Waiting("a", 2, 3, 1), Waiting("b", 1, 0, 3)]


def test_a_step_whose_text_cannot_be_had_is_said_by_its_number_alone() -> None:
    runs = Waiting("a", 2, 3, 1)
    lost = {"flow": "a", "version": 2, "step": 3, "count": 1, "file": None, "line": None, "text": None}
    assert runs.to_json() == lost
    found = Waiting("a", 2, 3, 1, Place("shop.flow", 14, "wait 1d"))
    assert found.to_json() == {**lost, "file": "shop.flow", "line": 14, "text": "wait 1d"}
