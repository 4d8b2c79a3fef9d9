"""The law of lint: what is said to be always true or always false is so, whatever a visitor's variables are.

Conditions are made at random and run by the engine for random visitors, such as the product can have.
"""

import json
import os
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as some

from engine.compile import Compiler
from grammar.built_in import DERIVED, segments_of
from grammar.lint.consistency import possible
from grammar.lint.truth import Truths
from grammar.scope import Scope
from tests.grammar.support import EVENT, expression, script

PROGRAM = script(
    EVENT + 'event 2 checkout "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"\n'
    "field points int\nfield weight float\nfield vip bool\nfield nick text\n"
    "field since datetime\nfield until datetime\n"
    "segment eager:\n    event_count_1 > 2 and now - event_last_time_1 < 7d\n"
    'segment rare:\n    not in_segment("eager") or points in [1, 2]\n'
)
TRUTHS = Truths(PROGRAM)
SEGMENTS = segments_of(PROGRAM)
COMPILER = Compiler(Scope.of(PROGRAM), ZoneInfo("Asia/Shanghai"), SEGMENTS, DERIVED)
NOW = datetime(2026, 1, 1, 10, tzinfo=UTC)


EXAMPLES = 20_000 if os.environ.get("WHENFLOW_LONG") == "1" else 400


# Visitors that the product can have -----------------------------------------------------------------------------------

LENGTHS = [timedelta(0), timedelta(milliseconds=1), *(timedelta(days=days) for days in (1, 6, 7, 8, 30, 400))]
NUMBERS = [0, 1, -1, 2, 3, 5, 2.5, True, False]
TEXTS = ["", "a", "b", "VIP"]


MOMENTS = [NOW + sign * length for length in LENGTHS for sign in (1, -1)]
FAR = [datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
DATA = [*NUMBERS, *TEXTS, [], {}, [1], {"x": 1}, {"x": None}, {"x": "a"}, {"x": 2.5}, None]


def visitor(chance: random.Random) -> dict[str, Any]:
    def event(seq: int) -> dict[str, Any]:
        count = chance.choice([0, 1, 2, 3, 4, 5, 6, 100])
        first, last = sorted(chance.choices(LENGTHS, k=2), reverse=True)
        return {
            f"event_count_{seq}": count,
            f"event_first_time_{seq}": NOW - first if count else None,
            f"event_last_time_{seq}": NOW - (first if count == 1 else last) if count else None,
            f"event_last_data_{seq}": chance.choice(DATA) if count else None,
        }

    return {
        **event(1),
        **event(2),
        "points": chance.choice([None, 0, 1, 2, 3, 4, 5, 6, -1, 2**53 - 1]),
        "weight": chance.choice([None, 0.0, -0.0, 1.0, 2.5, 3.0, 5.000001, 1e300]),
        "vip": chance.choice([None, True, False]),
        "nick": chance.choice([None, "c", *TEXTS]),
        "since": chance.choice([None, *MOMENTS, *FAR]),
        "until": chance.choice([None, *MOMENTS, *FAR]),
        "customer_user_type": chance.choice([None, *TEXTS]),
        "ent_user_id": chance.choice([None, *TEXTS]),
        "last_seen_time": chance.choice([None, *MOMENTS]),
        "first_seen_time": chance.choice([None, *MOMENTS]),
        "user_web_sessions": chance.choice([0, 1, 2]),
    }


VISITORS = [visitor(random.Random(seed)) for seed in range(2_000)]  # noqa: S311


# Conditions -----------------------------------------------------------------------------------------------------------

NUMERIC = """
event_count_1; event_count_2; points; weight; vip; user_web_sessions; event_last_data_1; event_last_data_1.x; len(nick)
points % 3; (points + 1); (2 - event_count_1); (3 * points); -points; (weight + 1); hour(now); weekday(since)
(points / 2); (event_count_1 * 2 - 1)
"""
TEXTUAL = "nick; customer_user_type; ent_user_id; event_last_data_1; event_last_data_1.x; lower(nick)"
TEMPORAL = """
now; since; until; event_last_time_1; event_first_time_1; event_last_time_2; (now - 7d); (since + 1d); (until - 36500d)
(event_last_time_1 + 7d); today(); datetime("2026-01-01"); datetime("2025-12-25T10:00"); datetime("2026-01-01T18:00:01")
"""
LASTING = """
(now - event_last_time_1); (now - event_first_time_1); (since - until); (until - since); (now - since - 1d); 7d; 1d; 0s
-(now - since); (1d + (since - now)); abs(now - since); -(8d)
"""
OTHER = "event_last_data_1; event_last_data_2; None; []; nick"
ORDERS = ["<", "<=", ">", ">=", "==", "!="]


def one_of(*words: str) -> some.SearchStrategy[str]:
    """One of some words, which may also be given as a list with semicolons and line breaks between them."""
    return some.sampled_from([word for line in words for word in divided(line)])


def divided(line: str) -> list[str]:
    return re.split("; |\n", line.strip())


def comparing(sides: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
    link = some.tuples(one_of(*ORDERS), sides).map(" ".join)
    return some.tuples(sides, link).map(" ".join) | some.tuples(sides, link, link).map(" ".join)


numbers = some.sampled_from([str(number) for number in NUMBERS]) | one_of("-(1)", "1 + 2", "5.0", "1e308")
quoted = some.sampled_from([json.dumps(text) for text in TEXTS])
members = some.lists(numbers | quoted | one_of("None"), max_size=4).map(lambda items: f"[{', '.join(items)}]")
anything = one_of(NUMERIC, TEXTUAL, TEMPORAL, LASTING, OTHER)
comparisons = some.one_of(
    comparing(one_of(NUMERIC) | numbers),
    comparing(one_of(TEXTUAL) | quoted),
    comparing(one_of(TEMPORAL)),
    comparing(one_of(LASTING)),
    comparing(anything | numbers | quoted),
    some.tuples(one_of(NUMERIC, TEXTUAL) | numbers, one_of("in", "not in"), members).map(" ".join),
    some.tuples(anything, one_of("is None", "is not None")).map(" ".join),
    some.tuples(comparing(one_of(NUMERIC)), one_of("== True", "!= False", "== 1")).map(lambda p: f"({p[0]}) {p[1]}"),
    some.tuples(one_of("is_online", "is_anonymous_user"), one_of("== True", "!= True", "")).map(" ".join),
    one_of('in_segment("eager")', 'in_segment("rare")', 'in_segment("new")', 'startswith(nick, "a")', "True", "None"),
    anything,
)


def joined(inside: some.SearchStrategy[str]) -> some.SearchStrategy[str]:
    several = some.lists(inside, min_size=2, max_size=4)
    return some.one_of(
        several.map(lambda parts: f"({' and '.join(parts)})"),
        several.map(lambda parts: f"({' or '.join(parts)})"),
        inside.map(lambda part: f"(not {part})"),
        some.tuples(inside, inside, inside).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    )


conditions = some.recursive(comparisons.map(lambda text: f"({text})"), joined, max_leaves=8)


def said(text: str) -> set[bool]:
    """What a condition can be, as far as lint knows."""
    truth = TRUTHS.of(expression(text))
    return {value for value, cases in ((True, truth.true), (False, truth.false)) if possible(cases)}


def check(text: str) -> None:
    """No visitor contradicts what is said of a condition."""
    can_be = said(text)
    if can_be == {True, False}:
        return
    run = COMPILER.condition(expression(text)).evaluate
    for one in VISITORS:
        assert bool(run(one, NOW)) in can_be, (text, one)


@settings(max_examples=EXAMPLES, deadline=None)
@given(conditions)
def test_no_visitor_contradicts_what_is_said_of_a_condition(text: str) -> None:
    check(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(some.data(), some.sampled_from([NUMERIC, TEXTUAL, TEMPORAL, LASTING]))
def test_no_visitor_contradicts_what_is_said_of_one_subject(data: some.DataObject, words: str) -> None:
    """Here much is always the same: all comparisons are of one subject, or of one to another."""
    subject, other = data.draw(some.tuples(one_of(words), one_of(words)))
    rights = some.just(other) | (numbers | quoted if words in (NUMERIC, TEXTUAL) else one_of(words))
    link = some.tuples(one_of(*ORDERS), rights).map(" ".join)
    check(data.draw(some.recursive(link.map(lambda link: f"({subject} {link})"), joined, max_leaves=5)))


WHOLE = {
    "event_count_1": range(10),
    "points": [None, *range(-3, 10)],
    "(points + 1)": [None, *range(-3, 10)],
    "(5 - 2 * points)": [None, *range(-3, 10)],
    "vip": [None, False, True],
}
"""Variables of whole numbers, and values that tell apart all literals that they are compared with."""


@settings(max_examples=300, deadline=None)
@given(some.data(), some.sampled_from([*WHOLE]))
def test_of_one_variable_of_whole_numbers_all_is_known(data: some.DataObject, subject: str) -> None:
    literals = some.sampled_from(["0", "1", "2", "3", "2.5", "3.0", "-1", "0.5", "True", "False", "None"])
    link = some.tuples(one_of(*ORDERS), literals).map(" ".join)
    listed = some.lists(literals, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    comparison = some.one_of(
        link.map(lambda link: f"{subject} {link}"),
        some.tuples(literals, link).map(lambda pair: f"{pair[0]} < {subject} {pair[1]}"),
        some.tuples(one_of("in", "not in"), listed).map(lambda pair: f"{subject} {' '.join(pair)}"),
        some.just(subject),
    )
    text = data.draw(some.recursive(comparison.map(lambda text: f"({text})"), joined, max_leaves=6))
    name = next(word for word in re.findall(r"\w+", subject) if word[0].isalpha())
    run = COMPILER.condition(expression(text)).evaluate
    assert said(text) == {bool(run({name: value}, NOW)) for value in WHOLE[subject]}, text
