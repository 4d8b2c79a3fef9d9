"""What stays is out of the collector's sight, and what was out of its sight and is gone is collected all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from engine.garbage import YOUNG, settle


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Circle:
    """Refers to itself, so only the collector can find that it is gone."""

    def __init__(self) -> None:
        self.itself = self


def test_what_stays_is_not_looked_at_until_something_else_comes_to_stay() -> None:
    circle = Circle()
    gone = weakref.ref(circle)
    settle()
    del circle
    gc.collect()
    assert gone() is not None
    settle()
    assert gone() is None


def test_the_collector_looks_less_often() -> None:
    settle()
    assert gc.get_threshold()[0] == YOUNG
    assert gc.get_freeze_count() > 0
