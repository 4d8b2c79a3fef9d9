"""Counted once: what is recognised as a second copy, compared with a plain set."""

import random
from collections import OrderedDict

from hypothesis import given, settings
from hypothesis import strategies as st

from variables.seen_items import CLIENTS, IDS, WINDOW, take_id, take_number
from variables.values import LARGEST_INT


class Numbers:
    """The memory of numbers, used as a profile uses it."""

    def __init__(self) -> None:
        self.memory = b""

    def takes(self, client: str, n: int) -> bool:
        taken = take_number(self.memory, client, n)
        if taken is not None:
            self.memory = taken
        return taken is not None


class Model:
    """What DESIGN.md says, in sets: the last clients, and of each its highest number and all that came."""

    def __init__(self) -> None:
        self.seen: OrderedDict[str, set[int]] = OrderedDict()

    def takes(self, client: str, n: int) -> bool:
        came = self.seen.get(client, set())
        if n in came or (came and n <= max(came) - WINDOW):
            return False
        self.seen[client] = came | {n}
        self.seen.move_to_end(client)
        if len(self.seen) > CLIENTS:
            self.seen.popitem(last=False)
        return True


numbers = st.integers(0, 3 * WINDOW) | st.integers(0, LARGEST_INT) | st.sampled_from([0, 1, WINDOW, LARGEST_INT])
clients = st.integers(0, CLIENTS + 3).map("client {}".format)


# Numbers


@settings(deadline=None)
@given(st.lists(st.tuples(clients, numbers), max_size=120))
def test_numbers_are_taken_as_the_model_takes_them(sent: list[tuple[str, int]]) -> None:
    memory, model = Numbers(), Model()
    for client, n in sent:
        assert memory.takes(client, n) == model.takes(client, n)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, CLIENTS), st.integers(0, LARGEST_INT - 2000))
def test_a_sender_that_keeps_the_bounds_is_counted_exactly_once(seed: int, count: int, first: int) -> None:
    """Each of up to 16 clients sends never more than 64 numbers past its first unanswered one, some of them twice."""
    chance = random.Random(seed)  # noqa: S311
    memory = Numbers()
    taken: set[tuple[int, int]] = set()
    low = [first] * count
    for _ in range(400):
        client = chance.randrange(count)
        n = low[client] + chance.randrange(WINDOW)
        assert memory.takes(str(client), n) == ((client, n) not in taken)
        taken.add((client, n))
        while (client, low[client]) in taken:
            low[client] += 1


def test_the_window_holds_64_numbers() -> None:
    memory = Numbers()
    assert memory.takes("c", 1000)
    assert not memory.takes("c", 1000 - WINDOW)
    assert memory.takes("c", 1000 - WINDOW + 1)
    assert not memory.takes("c", 1000 - WINDOW + 1)
    assert memory.takes("c", 1000 + WINDOW - 1)
    assert not memory.takes("c", 1000)
    assert memory.takes("c", 1001)


def test_a_leap_forgets_the_window_and_takes_nothing_older() -> None:
    memory = Numbers()
    assert all(memory.takes("c", n) for n in range(WINDOW))
    assert memory.takes("c", LARGEST_INT)
    assert not any(memory.takes("c", n) for n in range(WINDOW))
    assert not memory.takes("c", LARGEST_INT)


def test_the_17th_client_makes_the_one_forgotten_that_was_heard_of_longest_ago() -> None:
    memory = Numbers()
    assert all(memory.takes(str(client), 1) for client in range(CLIENTS))
    assert memory.takes("0", 2)
    assert memory.takes("new", 1)
    assert not memory.takes("0", 2)
    assert memory.takes("1", 1), "it was forgotten"
    assert not memory.takes("3", 1)


def test_clients_do_not_disturb_each_other() -> None:
    memory = Numbers()
    assert all(memory.takes(client, n) for n in range(WINDOW) for client in ("a", "b", "á", "\ud800"))
    assert not any(memory.takes(client, n) for n in range(WINDOW) for client in ("a", "b", "á", "\ud800"))


@settings(deadline=None)
@given(st.lists(st.tuples(clients, numbers), max_size=60))
def test_the_memory_of_numbers_is_24_bytes_a_client(sent: list[tuple[str, int]]) -> None:
    memory = Numbers()
    for client, n in sent:
        memory.takes(client, n)
    assert len(memory.memory) == 24 * min(CLIENTS, len({client for client, _ in sent}))


# Ids


@settings(deadline=None)
@given(st.lists(st.integers(0, IDS + 40), max_size=400))
def test_ids_are_taken_unless_they_are_among_the_last_128(sent: list[int]) -> None:
    memory, model = b"", list[int]()
    for identifier in sent:
        taken = take_id(memory, f"id {identifier}")
        assert (taken is not None) == (identifier not in model)
        if taken is not None:
            memory, model = taken, [*model, identifier][-IDS:]
    assert len(memory) == 8 * len(model)


def test_exactly_128_ids_are_remembered() -> None:
    memory = b""
    for identifier in range(IDS):
        memory = take_id(memory, str(identifier)) or b""
    assert take_id(memory, "0") is None
    one_more = take_id(memory, "one more")
    assert one_more is not None
    assert take_id(one_more, "0") is not None
    assert take_id(one_more, "1") is None
