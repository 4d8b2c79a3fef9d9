"""Why a flow did or did not start or send: each kind of reason, over the real step, as people read it."""

from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import pytest

from engine.explanation import wording
from engine.explanation.moments import Came, Teller, Told
from engine.explanation.present import Present, present
from engine.instant import Versions
from engine.place import Place
from engine.program import Program
from engine.step import Stepped, pass_time, step
from engine.traces import Record
from tests.engine.test_step import DAY, NOW, program, track
from variables.items import Content, Identify, Item, SetFields, Visit
from variables.profile import PROGRAM, Profile
from variables.store import EntryId, Era

HOUR = 3_600_000


@dataclass
class Story:
    """A visitor to whom things happen, a second apart, and what is remembered of it, newest first."""

    program: Program
    profile: Profile = field(default_factory=lambda: Profile.new("v1"))
    now: int = NOW
    records: list[Record] = field(default_factory=list)
    older: dict[int, Program] = field(default_factory=dict)
    eras: list[Era] = field(default_factory=list)

    def do(self, *contents: Content, from_server: bool = False) -> "Story":
        for content in contents:
            self.wait(1_000)
            place = Place(EntryId(self.now, 0), 1)
            self._keep(step(self.profile, Item(content, from_server=from_server), place, self._versions))
            if PROGRAM not in self.profile.fields:
                met = {**self.profile.fields, PROGRAM: b"%d" % self.program.version}
                self.profile = self.profile.with_fields(met)
        return self

    def wait(self, milliseconds: int) -> "Story":
        self.now += milliseconds
        for stepped in pass_time(self.profile, EntryId(self.now, 0), self._versions):
            self._keep(stepped)
        return self

    def apply(self, program: Program) -> "Story":
        self.older[self.program.version] = self.program
        self.program = program
        self.eras.append(Era(program.version, EntryId(self.now, 1)))
        return self.wait(1_000)

    @property
    def _versions(self) -> Versions:
        return Versions(self.program, self.older, self.eras)

    def _keep(self, stepped: Stepped) -> None:
        self.profile = stepped.profile
        raw = stepped.record
        record = Record.read(raw) if raw else None
        if record is not None:
            self.records.insert(0, record)

    def told(self, flow: str) -> list[Told]:
        teller = Teller(flow, {**self.older, self.program.version: self.program})
        return [told for record in self.records if (told := teller.tell("v1", record)) is not None]

    def said(self, flow: str) -> str:
        """Of the newest moment, with the time cut out."""
        return "\n".join(self.told(flow)[0].lines)

    def present(self, flow: str) -> Present:
        return present(flow, self.profile, self.program, {**self.older, self.program.version: self.program}, self.now)


def story(flows: str, version: int = 1) -> Story:
    return Story(program(flows, version))


OFFER = """
flow offer:
    on webclick
    when event_count_1 > 2 and event_count_2 == 0
    limit 1 per 7d
    exit when customer_user_type == "VIP"
    send web "{{ event_count_1 }} clicks"
    wait 1h
    send email:
        subject "x"
        text "x"
"""


def test_the_part_that_is_false_is_said_with_its_value() -> None:
    said = story(OFFER).do(track(), track()).said("offer")
    assert (
        said
        == "offer did not start at 2026-01-01 10:00:02 (webclick): event_count_1 > 2 is false: event_count_1 was 2."
    )


def test_all_parts_are_told_and_which_of_them_decide() -> None:
    [told, *_] = story(OFFER).do(track(), track("checkout"), track(), track()).told("offer")
    assert told.came is Came.FALSE
    assert told.condition is not None
    assert [(part.text, part.holds, part.decides, part.values) for part in told.condition.parts] == [
        ("event_count_1 > 2", True, False, {"event_count_1": 3}),
        ("event_count_2 == 0", False, True, {"event_count_2": 1}),
    ]


def test_a_start_is_told_with_what_its_run_did() -> None:
    someone = story(OFFER).do(track(), track(), track())
    [told, *_] = someone.told("offer")
    assert told.came is Came.STARTED
    [message] = told.messages
    assert list(told.lines) == [
        "offer started at 2026-01-01 10:00:03 (webclick), because event_count_1 > 2 and event_count_2 == 0 is true: "
        "event_count_1 was 3, event_count_2 was 0.",
        f"It sent a message to the page at t.flow:15 (id {message}).",
        "It began to wait at t.flow:16 (wait 1h), until 2026-01-01 11:00:03.",
    ]


def test_a_run_in_progress_refuses_and_where_it_waits_is_said() -> None:
    someone = story(OFFER).do(track(), track(), track(), track())
    assert someone.said("offer") == (
        "offer was called for at 2026-01-01 10:00:04 (webclick), but did not start: "
        "a run of it was in progress, waiting at t.flow:16 (wait 1h) until 2026-01-01 11:00:03."
    )
    assert someone.told("offer")[0].came is Came.IN_PROGRESS
    assert (
        "A run of it waits at t.flow:16 (wait 1h), in version 1 of the program, since 2026-01-01 10:00:03, "
        "until 2026-01-01 11:00:03." in someone.present("offer").lines
    )


def test_an_email_without_an_address_is_said() -> None:
    someone = story(OFFER).do(track(), track(), track()).wait(2 * HOUR)
    assert someone.said("offer").splitlines() == [
        "A run of offer, at 2026-01-01 11:00:03 (by the passing of time):",
        "Its wait was over at t.flow:16 (wait 1h).",
        "It sent no e-mail at t.flow:17 (send email), because there was no address: user_email had no value.",
        "It came to its end.",
    ]


def test_the_limit_refuses_until_an_instant() -> None:
    someone = story(OFFER).do(track(), track(), track()).wait(2 * HOUR).do(track())
    assert someone.said("offer").endswith(
        "but did not start: its limit is reached (`limit 1 per 7d`), until 2026-01-08 10:00:03."
    )
    assert someone.present("offer").lines[-1] == (
        "With the next webclick a start would be refused, as things stand: "
        "its limit is reached (`limit 1 per 7d`), until 2026-01-08 10:00:03."
    )


def test_a_limit_of_once_never_opens_again() -> None:
    someone = story('\nflow hi:\n    on webclick\n    limit once\n    send web "x"\n').do(track(), track())
    assert "its limit is reached (`limit once`); it never starts for this visitor again." in someone.said("hi")


def test_an_exit_that_is_true_already_refuses() -> None:
    someone = story(OFFER).do(SetFields({"customer_user_type": "VIP"}), from_server=True).do(track(), track(), track())
    assert someone.said("offer").endswith(
        'but did not start: its exit was true already, because customer_user_type == "VIP" is true: '
        'customer_user_type was "VIP".'
    )


def test_an_exit_that_comes_true_ends_the_run() -> None:
    someone = story(OFFER).do(track(), track(), track())
    someone.do(SetFields({"customer_user_type": "VIP"}), from_server=True)
    assert someone.said("offer").splitlines() == [
        "A run of offer, at 2026-01-01 10:00:04 (fields set):",
        'It was ended by the flow\'s exit: customer_user_type == "VIP" is true: customer_user_type was "VIP".',
    ]


RICH = """
flow rich:
    when visits > 3
    send web "x"
"""


def test_what_was_true_before_is_no_edge() -> None:
    someone = story(RICH).do(SetFields({"visits": 4}), SetFields({"visits": 5}))
    assert someone.said("rich") == (
        "rich did not start at 2026-01-01 10:00:02 (fields set), because its condition was true already before "
        "(visits > 3 is true: visits was 5): it starts only as that turns from false to true."
    )
    assert [told.came for told in someone.told("rich")] == [Came.BEFORE, Came.STARTED]
    assert someone.told("rich")[1].happened == "fields set, the visitor's first"


def test_a_flow_is_not_told_of_what_it_does_not_look_at() -> None:
    someone = story(RICH + OFFER).do(SetFields({"visits": 4}), track(), track("checkout"), Visit({}))
    assert [told.happened for told in someone.told("rich")] == ["fields set, the visitor's first"]
    assert [told.happened for told in someone.told("offer")] == ["webclick"]
    assert someone.told("nothing such") == []


AWAY = """
flow away:
    when event_count_1 > 0 and now - event_last_time_1 > 7d
    send web "x"
"""


def test_when_time_alone_will_turn_a_condition_is_said() -> None:
    someone = story(AWAY).do(track())
    now = someone.present("away")
    assert now.lines[-1] == "If nothing else happens, that is so until 2026-01-08 10:00:01.001: then it turns true."
    assert now.until == NOW + 1_000 + 7 * DAY + 1
    someone.wait(8 * DAY)
    assert someone.told("away")[0].lines[0] == (
        "away started at 2026-01-08 10:00:01.001 (by the passing of time), because event_count_1 > 0 and "
        "now - event_last_time_1 > 7d is true: event_count_1 was 1, event_last_time_1 was 2026-01-01 10:00:01, "
        "now - event_last_time_1 was 7d."
    )
    later = someone.present("away")
    assert later.condition is not None
    assert later.condition.holds is True
    assert later.until is None
    assert "Time alone does not change that." in later.lines


def test_hours_hold_a_message_back() -> None:
    flows = '\nflow night:\n    on webclick\n    hours "22:00-23:00"\n    send web "x"\n'
    someone = story(flows).do(track())
    assert someone.said("night").splitlines()[1:] == [
        'It was outside the flow\'s hours at t.flow:13 (send web "x"): the message waits until 2026-01-01 22:00:00.'
    ]
    assert someone.present("night").lines[-1] == (
        "It is outside its hours: what it sends would wait until 2026-01-01 22:00:00."
    )
    assert someone.wait(DAY).said("night").splitlines()[1].startswith("Its wait was over at t.flow:13")


def test_a_wait_is_told_as_it_came_true_or_did_not() -> None:
    flows = """
flow patient:
    on webclick
    goal event_count_2 > 0 within 3d
    wait until event_count_2 > 0 for 1h:
        stop
    timeout:
        send web "x"
"""
    reached = story(flows).do(track(), track("checkout")).said("patient").splitlines()
    assert reached[1:] == [
        "Its goal was reached: event_count_2 > 0 is true: event_count_2 was 1.",
        "What it waited for came true at t.flow:13 (wait until event_count_2 > 0 for 1h): event_count_2 > 0 is true: "
        "event_count_2 was 1.",
        "It came to its end.",
    ]
    late = story(flows).do(track()).wait(2 * HOUR).said("patient").splitlines()
    assert late[1] == "What it waited for did not come true in time at t.flow:13 (wait until event_count_2 > 0 for 1h)."
    assert late[2].startswith("It sent a message to the page at t.flow:16 (id ")


def test_the_way_through_branches_and_splits_is_told() -> None:
    flows = """
flow way:
    on webclick
    if event_count_1 > 5:
        stop
    elif nick == "Bo":
        set visits = event_last_data_1
    split:
        100% "all":
            if vip:
                stop
"""
    said = story(flows).do(SetFields({"nick": "Bo"}), track(data="many")).said("way").splitlines()
    assert said[1:] == [
        'At t.flow:12, event_count_1 > 5 is false: event_count_1 was 1; nick == "Bo" is true: nick was "Bo".',
        "Nothing was written at t.flow:15 (set visits = event_last_data_1): the field needs a whole number of at most "
        "9007199254740991 either way.",
        'It took the arm "all" at t.flow:16 (split).',
        "At t.flow:18, it took the way of `else`: vip had no value.",
        "It came to its end.",
    ]


def test_what_a_set_changes_is_another_round_and_is_told_as_such() -> None:
    flows = """
flow first:
    on webclick
    set nick = "x"

flow second:
    on change nick
    when visits is None
    send web "x"
"""
    someone = story(flows).do(track())
    assert someone.said("second").startswith(
        "second started at 2026-01-01 10:00:01 (what a flow had set), because visits is None is true: "
        "visits had no value."
    )


def test_values_of_a_run_that_a_set_has_changed_since_are_not_shown() -> None:
    flows = '\nflow f:\n    on webclick\n    set visits = 5\n    if visits > 3:\n        send web "x"\n'
    assert story(flows).do(track()).said("f").splitlines()[1] == "At t.flow:13, visits > 3 is true."


def test_entering_and_leaving_a_segment_is_told() -> None:
    flows = """
segment fans:
    event_count_1 > 1

flow joined:
    on enter fans
    when nick == "Bo"
    send web "x"
"""
    someone = story(flows).do(track(), track())
    assert someone.said("joined") == (
        "joined did not start at 2026-01-01 10:00:02 (webclick, entered fans): "
        'nick == "Bo" is false: nick had no value.'
    )
    assert (
        "Now the visitor is in fans: event_count_1 > 1 is true: event_count_1 is 2." in someone.present("joined").lines
    )


def test_a_segment_in_a_condition_is_taken_apart() -> None:
    flows = """
segment fans:
    event_count_1 > 1 and nick == "Bo"

flow f:
    on webclick
    when in_segment("fans") or not (event_count_2 == 0 or vip) or not in_segment("new")
    send web "x"
"""
    assert story(flows).do(track(), track()).said("f") == (
        'f did not start at 2026-01-01 10:00:02 (webclick): in_segment("fans") is false, because '
        'nick == "Bo" is false: '
        "nick had no value; event_count_2 == 0 is true (and must not be): event_count_2 was 0; "
        'not in_segment("new") is false, because first_seen_time >= today() is true: first_seen_time was '
        "2026-01-01 10:00:01, today() was 2026-01-01 00:00:00."
    )


def test_flows_that_start_each_other_are_told_to_be_dropped() -> None:
    flows = """
flow a:
    on change visits
    set visits = visits + 1
"""
    someone = story(flows).do(SetFields({"visits": 1}))
    told = someone.told("a")[0]
    assert told.came is Came.STARTED
    assert any("Flows started each other over and over (a → a), 16 times" in line for line in told.lines)


def test_a_run_of_an_older_version_is_told_in_that_versions_lines() -> None:
    newer = program('\nflow offer:\n    on checkout\n    send web "x"\n', version=2)
    someone = story(OFFER).do(track(), track(), track()).apply(newer).wait(2 * HOUR)
    assert "Its wait was over at t.flow:16 (wait 1h)." in someone.said("offer")


def test_a_stopped_run_is_told() -> None:
    newer = replace(program("", version=2), stops={"offer": 2})
    someone = story(OFFER).do(track(), track(), track()).apply(newer)
    [told, *_] = someone.told("offer")
    assert told.lines == ("A run of offer, at 2026-01-01 10:00:03 (a program was applied):", wording.STOPPED)


def test_identification_is_told() -> None:
    someone = story('\nflow hi:\n    on identify\n    send web "x"\n').do(Identify({"ent_user_id": "u"}))
    assert someone.said("hi").startswith("hi started at 2026-01-01 10:00:01 (identified, the visitor's first).")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("event_count_1 > 2", ["Now its condition is false: event_count_1 > 2 is false: event_count_1 is 1."]),
        (
            "event_count_1 > 0",
            [
                "Now its condition holds: event_count_1 > 0 is true: event_count_1 is 1.",
                "With the next webclick it would start.",
            ],
        ),
        ("track_event_data.x > 2", ["Whether its condition holds depends on the next webclick."]),
    ],
)
def test_how_a_flow_on_an_event_stands_now(condition: str, expected: list[str]) -> None:
    someone = story(f'\nflow f:\n    on webclick\n    when {condition}\n    send web "x"\n').do(track())
    lines = list(someone.present("f").lines)
    assert [line for line in lines if "has happened" not in line and "started" not in line] == expected


def test_times_are_of_the_programs_zone() -> None:
    assert wording.clock(NOW + 120, ZoneInfo("Asia/Shanghai")) == "2026-01-01 18:00:00.120"
