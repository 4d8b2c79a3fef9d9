"""What is found without a look at each condition is what a look at each would find."""

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile import Compiler
from engine.decisions import Outcome
from engine.index import Bars, Parts
from engine.instant import Versions
from engine.place import Place
from engine.program import UTC, Program
from engine.step import pass_time, step
from engine.traces import Record
from grammar.kinds import Type
from grammar.program import read_files
from grammar.scope import Scope
from tests.engine.test_step import EVENTS, track
from tests.grammar.support import expression
from variables.items import Content, Item, SetFields
from variables.profile import Profile
from variables.store import EntryId
from variables.values import moment

EXAMPLES = 500 if os.environ.get("WHENFLOW_LONG") == "1" else 25
NOW = 1_767_261_600_000
FLOW = '\nflow {name}:\n    {trigger}when {condition}\n    limit 100 per 1s\n    send web "{name}"\n'

numbers = st.integers(0, 4)
operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
subjects = st.sampled_from(["event_count_1", "visits", "score", "event_last_data_1.a", 'event_last_data_1["a"][0]'])
texts = st.sampled_from(["x", "y"])
bars = st.one_of(
    st.builds("{} {} {}".format, subjects, operators, numbers),
    st.builds("{} {} {}".format, numbers, operators, subjects),
    st.builds("{0} {1} {2} {3} {4}".format, numbers, operators, subjects, operators, numbers),
    st.builds("nick == '{}'".format, texts),
    st.builds("event_last_data_1.a == '{}'".format, texts),
    st.sampled_from(["vip", "vip == True", "nick is None", "is_online", "now - event_last_time_1 < 1s"]),
)
conditions = st.recursive(
    bars,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)
data = st.one_of(st.none(), numbers, texts, st.floats(0, 4), st.booleans(), st.lists(numbers, max_size=2))
events: st.SearchStrategy[Content] = st.builds(lambda value: track(data={"a": value}), data)
fields: st.SearchStrategy[Content] = st.builds(
    SetFields,
    st.one_of(
        st.builds(lambda value: {"visits": value}, st.none() | numbers),
        st.builds(lambda value: {"score": value}, st.none() | st.floats(0, 4)),
        st.builds(lambda value: {"nick": value}, st.none() | texts),
        st.builds(lambda value: {"vip": value}, st.none() | st.booleans()),
    ),
)
items = st.lists(st.one_of(events, fields), min_size=1, max_size=12)


def compiled(text: str) -> Program:
    checked = read_files([("t.flow", EVENTS + text)])
    assert checked.ok, [found.message for found in checked.diagnostics]
    return Program.build(checked.script, 1)


def messages(flows: str, contents: list[Content]) -> list[list[str]]:
    """The flows that sent a message at each of a visitor's items, a second apart."""
    program, profile, sent = compiled(flows), Profile.new("v1"), []
    for number, content in enumerate(contents):
        place = Place(EntryId(NOW + number, 0), 1)
        stepped = step(profile, Item(content), place, Versions(program))
        profile = stepped.profile
        sent.append([decision.flow for decision in stepped.trace if decision.outcome is Outcome.STARTED])
    return sent


def told_apart(flow: str, conditions: list[str], contents: list[Content]) -> list[list[str]]:
    """The same, each flow in a program of its own."""
    alone = [messages(flow.format(name=f"f{n}", condition=each), contents) for n, each in enumerate(conditions)]
    return [[name for one in alone for name in one[item]] for item in range(len(contents))]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(conditions, min_size=40, max_size=60), items)
def test_of_many_flows_on_an_event_those_start_whose_condition_holds(
    several: list[str], contents: list[Content]
) -> None:
    flow = FLOW.replace("{trigger}", "on webclick\n    ")
    together = "".join(flow.format(name=f"f{n}", condition=each) for n, each in enumerate(several))
    assert messages(together, contents) == told_apart(flow, several, contents)


@settings(max_examples=60, deadline=None)
@given(st.lists(conditions, min_size=1, max_size=12), items)
def test_of_many_flows_those_start_whose_condition_comes_true(several: list[str], contents: list[Content]) -> None:
    """What was false and is true, by a look at all of them after each item."""
    flow = FLOW.replace("{trigger}", "")
    together = "".join(flow.format(name=f"f{n}", condition=each) for n, each in enumerate(several))
    assert messages(together, contents) == come_true(several, contents)


# Bars by themselves: the laws above come to few that stand on one side of a subject

SUBJECTS = ["visits", "score", "nick"]
COMPILER = Compiler(Scope.build([1], {"visits": Type.INT, "score": Type.FLOAT, "nick": Type.TEXT}), UTC, {}, {})
VALUES = {"visits": st.none() | numbers, "score": st.none() | st.floats(0, 4), "nick": st.none() | texts}
plain_bars = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(SUBJECTS[:2]), st.sampled_from(["==", "<", "<=", ">", ">="]), numbers),
    st.builds("nick == '{}'".format, texts),
)


@settings(max_examples=20 * EXAMPLES, deadline=None)
@given(st.lists(plain_bars, min_size=4, max_size=12), st.fixed_dictionaries(VALUES), st.fixed_dictionaries(VALUES))
def test_bars_let_through_what_holds_and_what_has_come_to_hold(
    several: list[str], old: dict[str, Any], new: dict[str, Any]
) -> None:
    now = moment(NOW)
    compiled = {text: COMPILER.condition(expression(text)) for text in several}
    bars = Bars([(bar, text) for text in several for bar in Parts.of(expression(text)).bars], COMPILER)
    holding = {text for text in several if compiled[text].evaluate(new, now)}
    held = {text for text in several if compiled[text].evaluate(old, now)}
    assert set(bars.holding(new, now)) == holding | _at_the_bar(several, new)
    turned = set(bars.turned(frozenset(SUBJECTS), old, new, now))
    assert holding - held <= turned <= holding | _at_the_bar(several, new) | _at_the_bar(several, old)


def _at_the_bar(several: list[str], values: dict[str, Any]) -> set[str]:
    """Those whose literal is just what is compared with it: they are let through, and evaluated."""
    return {text for text in several for subject, _, bar in [text.split()] if str(values[subject]) in (bar, f"{bar}.0")}


# The short way of an event, and the long one

LIMITS = st.sampled_from(["", "limit once", "limit 2", "limit 2 per 2s"])
STEPS = st.sampled_from(
    ['send web "{{ event_count_1 }}"', 'set visits = 3\n    send web "x"', 'wait 1s\n    send web "x"']
)
EDGE = "\nflow looks_back:\n    when event_count_1 > 1000000\n    stop\n"
"""A flow that starts by what is different than before: every event has to go the long way for it."""


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(st.lists(st.tuples(conditions, LIMITS, STEPS), min_size=1, max_size=6), items, st.integers(1, 1_500))
def test_the_short_way_of_an_event_leads_where_the_long_one_does(
    several: list[tuple[str, str, str]], contents: list[Content], gap: int
) -> None:
    flows = "".join(
        f"\nflow f{number}:\n    on webclick\n    when {condition}\n    {limit}\n    {steps}\n"
        for number, (condition, limit, steps) in enumerate(several)
    )
    assert story(flows, contents, gap) == story(flows + EDGE, contents, gap)


def story(flows: str, contents: list[Content], gap: int) -> list[Any]:
    """What a visitor's items come to, `gap` milliseconds apart: all but the traces, which tell of `looks_back`, too."""
    program, profile, told = compiled(flows), Profile.new("v1"), list[Any]()
    for number, content in enumerate(contents):
        entry = EntryId(NOW + number * gap, 0)
        stepped = [*pass_time(profile, entry, Versions(program))]
        profile = stepped[-1].profile if stepped else profile
        stepped.append(step(profile, Item(content), Place(entry, 1), Versions(program)))
        profile = stepped[-1].profile
        told += [(each.profile, *each.messages, *each.trace) for each in stepped]
        records = [Record.read(each.record) for each in stepped if each.record is not None]
        told += [round.decisions for record in records if record for round in record.rounds if round.decisions]
    return told


def come_true(several: list[str], contents: list[Content]) -> list[list[str]]:
    """By the truth of segments with the same conditions, before each item and after it."""
    segments = "".join(f"\nsegment s{n}:\n    {each}\n" for n, each in enumerate(several))
    program, profile, found = compiled(segments), Profile.new("v1"), []
    for number, content in enumerate(contents):
        now = NOW + number
        before, profile = profile, step(profile, Item(content), Place(EntryId(now, 0), 1), Versions(program)).profile
        found.append(
            [
                f"f{n}"
                for n in range(len(several))
                if is_in(program, f"s{n}", profile, now) and not is_in(program, f"s{n}", before, now)
            ]
        )
    return found


def is_in(program: Program, segment: str, profile: Profile, now: int) -> bool:
    return program.is_in(segment, profile, moment(now))


# The function that tests many conditions at once


def program_of(*several: str) -> Program:
    flows = "".join(f"\nflow f{n}:\n    on webclick\n    when {each}\n    stop\n" for n, each in enumerate(several))
    return compiled(flows)


def test_what_several_conditions_compare_is_compared_once() -> None:
    recent = "now - event_last_time_1 < 7d"
    program = program_of(*(f"{recent} and user_country == '{country}'" for country in ("CN", "FR", "DE")), recent)
    [compiled] = program.plans[1].whens.compiled
    assert compiled.generated.count("s1 if s1 is not None else (s1 := ") == 4
    values = {"event_last_time_1": moment(NOW), "user_country": "FR"}
    assert sorted(compiled.evaluate(values, moment(NOW + 1))) == [1, 3]
    assert compiled.evaluate(values, moment(NOW + 8 * 86_400_000)) == []


def test_conditions_behind_a_bar_are_tested_only_by_who_comes_over_it() -> None:
    """Of a hundred thresholds one after the other, a low count comes to a look at the first block alone."""
    program = program_of(*(f"event_count_1 >= {count} and user_country == 'CN'" for count in range(1, 101)))
    [compiled] = program.plans[1].whens.compiled
    assert [len(compiled.evaluate({"event_count_1": n, "user_country": "CN"}, moment(NOW))) for n in (0, 3, 100)] == [
        0,
        3,
        100,
    ]
    assert max(len(line) - len(line.lstrip()) for line in compiled.generated.splitlines()) >= 4 * 13, "nested"
