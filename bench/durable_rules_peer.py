"""durable_rules with the rules that the processor's benchmark has as flows, and the same events in the same order.

It has no variables, so it runs twice. With the values *handed in*, those that our profile would have at this point,
which favours it: it counts and remembers nothing, and needs no state for each visitor. And with the values *kept* in
its context state, in memory: a rule counts the event and remembers its data, and the others see the visitor's state.

Each in the way that was measured to be its fastest. Values handed in: one state for all visitors, as the values come
with the event, and batches (single posts take 1.6 times as long, and with a state for each visitor 3 times); that no
rule matched is an exception, which is ignored (a rule of the lowest priority that catches such events takes longer).
Values kept: a state for each visitor, and single posts, as the actions of a batch for many states are left to a thread
that runs five a second. Each in a process of its own, as a second ruleset is slower than the first. An event fires one
rule at most, so those that start once for each visitor do so one event after the other.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from time import process_time
from typing import Any

from durable.engine import MessageNotHandledException
from durable.lang import get_host, m, pri, ruleset, s, when_all

from bench.requests import DATA

WEEK = 7 * 24 * 3600
BATCH = 100
"""Events in one batch."""
NAME = "bench"


@dataclass(frozen=True, slots=True)
class Task:
    """`starting`: how many of the rules start, once for each visitor; the others never do."""

    rules: int
    starting: int
    visitors: int
    events: int
    kept: bool


async def measured(task: Task) -> float:
    """Seconds of its own processor time that an event takes, in a process that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, _measure, task)


def _measure(task: Task) -> float:
    sent: list[int] = []
    with ruleset(NAME):
        if task.kept:
            when_all(pri(1), m.event == "webclick")(_keep)
        for number in range(task.rules):
            condition = _condition(s if task.kept else m, number, task.starting)
            when_all(pri(2), condition)(_send(number, sent, kept=task.kept))
    host = get_host()
    if not task.kept:
        _see_that_rules_are_understood(host, sent)
    posts = list(_single_events(task) if task.kept else _batches_with_values(task))
    gc.collect()
    began = process_time()
    for post in posts:
        with suppress(MessageNotHandledException):
            host.post(NAME, post)
    took = process_time() - began
    assert sorted(sent) == sorted([*range(task.starting)] * task.visitors), "not each started once for each visitor"
    return took / task.events


def _single_events(task: Task) -> Iterator[dict[str, Any]]:
    for number in range(task.events):
        before, visitor = divmod(number, task.visitors)
        yield {"sid": f"{visitor:032x}", "n": before + 1, "event": "webclick", "data": DATA}


def _batches_with_values(task: Task) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, task.events, BATCH):
        numbers = range(first, min(first + BATCH, task.events))
        yield [_with_values(*divmod(number, task.visitors), task.starting) for number in numbers]


def _with_values(before: int, visitor: int, starting: int) -> dict[str, Any]:
    """What is null in the profile (the other event's time, the country, the page) is left out."""
    started = {f"started_{number}": True for number in range(min(before, starting))}
    values = {"event_count_1": before + 1, "event_count_2": 0, "event_last_data_1": DATA}
    return {"visitor": f"{visitor:032x}", **values, **started}


def _condition(known: Any, number: int, starting: int) -> Any:
    """The condition of a flow of the same number in `bench.processor`, over a message's values or the state's."""
    if number < starting:
        return (known.event_count_1 > 0) & -getattr(known, f"started_{number}")
    large = 1000 + number
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: (known.event_count_1 > large) & (known.event_count_2 == 0),
        lambda: (known.event_count_2 > 0) & (known.since_last_time_2 < WEEK),
        lambda: (known.user_country == "CN") & known.page_url.matches(f"/shop/{large}.*"),
        lambda: known.event_last_data_1.price > large,
    )
    return kinds[number % len(kinds)]()


def _send(number: int, sent: list[int], *, kept: bool) -> Callable[[Any], None]:
    def send(c: Any) -> None:
        sent.append(number)
        if kept:
            c.s[f"started_{number}"] = True

    return send


def _keep(c: Any) -> None:
    c.s.event_count_1 = (c.s.event_count_1 or 0) + 1
    c.s.event_count_2 = 0
    c.s.event_last_data_1 = c.m.data


def _see_that_rules_are_understood(host: Any, sent: list[int]) -> None:
    """Each of the four kinds comes true for what meets it, so that none is fast for being misread."""
    met_by: tuple[dict[str, Any], ...] = (
        {"event_count_1": 9999, "event_count_2": 0, "started_0": True, "started_1": True, "started_2": True},
        {"event_count_2": 1, "since_last_time_2": WEEK - 1},
        {"user_country": "CN", "page_url": "/shop/1010/tea-pots"},
        {"event_last_data_1": {"price": 9999}},
    )
    for kind, met in enumerate(met_by):
        host.post(NAME, {"visitor": "nobody", **met})
        assert [number % 4 for number in sent] == [kind], sent
        sent.clear()
