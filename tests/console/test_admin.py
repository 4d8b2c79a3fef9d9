"""The admin API as DESIGN.md section 9 has it, asked of a real process."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.whenflow.process import CHECKOUT, EVENTS, KEY, TOKEN, WEBCLICK, Whenflow, track, until

PROGRAM = f"""{EVENTS}
segment clickers "Clickers":
    event_count_1 > 1

flow thanks:
    on webclick
    when event_count_1 > 1
    limit once
    send web "Thank you"
"""
OTHER = "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
_visitors = count(1)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("admin") / "data") as process:
        yield process


@pytest.fixture
def whenflow(process: Whenflow) -> Whenflow:
    """With the same program before each test: its two events as they were."""
    answer = process.admin("PUT", "program", params={"reset": "1"}, content=PROGRAM.encode())
    assert answer.status_code == 200, answer.text
    return process


@pytest.fixture
def visitor() -> str:
    return f"v{next(_visitors)}"


def put(whenflow: Whenflow, program: str | bytes, **query: str) -> httpx.Response:
    content = program if isinstance(program, bytes) else program.encode()
    return whenflow.admin("PUT", "program", params=query, content=content)


# Visitors


def test_a_visitor_is_shown_with_variables_segments_runs_and_messages(whenflow: Whenflow, visitor: str) -> None:
    times = [1_767_225_600, 1_767_225_600.5]
    items = [track(data={"k": [k, None, "é"]}) for k in range(2)]
    for item, time in zip(items, times, strict=True):
        item["track_event"]["event_timestamp"] = time
    assert whenflow.collect({"visitor": visitor, "items": items}, wait=True).json()["folded"]
    view = whenflow.visitor(visitor)
    assert set(view) == {"visitor", "variables", "segments", "runs", "messages"}
    assert view["visitor"] == visitor
    assert set(view["segments"]) == {"online", "new", "active", "clickers"}
    assert view["runs"] == []
    [message] = view["messages"]
    assert set(message) == {"id", "flow", "text", "sender", "button", "time", "status"}
    assert (message["flow"], message["text"], message["status"]) == ("thanks", "Thank you", "sent")
    variables = view["variables"]
    assert variables["event_count_1"] == 2
    assert variables["event_last_data_1"] == {"k": [1, None, "é"]}
    assert (variables["event_count_2"], variables["event_last_data_2"], variables["event_first_time_2"]) == (
        0,
        None,
        None,
    )
    assert (variables["is_online"], variables["is_anonymous_user"]) == (True, True)
    assert not [name for name in variables if name.startswith(".")], "Whenflow's own fields are nobody's business"


def test_a_run_is_shown_with_the_line_at_which_it_waits_and_until_when(whenflow: Whenflow, visitor: str) -> None:
    flow = """flow patient:
    on webclick
    goal event_count_2 > 5 within 2d
    split:
        100% "all":
            wait until event_count_2 > 0 for 1d:
                convert "customer"
"""
    version = put(whenflow, f"{EVENTS}\n{flow}").json()["version"]
    whenflow.collect({"visitor": visitor, **track()}, wait=True)
    [run] = whenflow.visitor(visitor)["runs"]
    started, due, goal_until = (datetime.fromisoformat(run[name]) for name in ("started", "due", "goal_until"))
    line = 1 + f"{EVENTS}\n{flow}".splitlines().index("            wait until event_count_2 > 0 for 1d:")
    step = {"file": "program.flow", "line": line, "text": "wait until event_count_2 > 0 for 1d:"}
    assert (run["flow"], run["version"], run["step"], run["arms"]) == ("patient", version, step, ["all"])
    assert (run["since"], due - started, goal_until - started) == (run["started"], timedelta(days=1), timedelta(days=2))
    put(whenflow, EVENTS)
    assert whenflow.visitor(visitor)["runs"] == [run], "a run keeps the version that it started with"
    whenflow.collect({"visitor": visitor, **track("checkout")}, wait=True)
    [ended] = whenflow.visitor(visitor)["runs"]
    assert (ended["step"], ended["since"], ended["due"], ended["goal_until"]) == (None, None, None, run["goal_until"])
    whenflow.collect({"visitor": visitor, "items": [track("checkout")] * 5}, wait=True)
    view = whenflow.visitor(visitor)
    assert (view["runs"], view["variables"]["customer_user_type"]) == ([], "customer")


def explanation(whenflow: Whenflow, visitor: str, flow: str) -> httpx.Response:
    return whenflow.admin("GET", "explanation", params={"visitor": visitor, "flow": flow})


def test_an_explanation_has_the_moments_and_how_the_flow_stands(whenflow: Whenflow, visitor: str) -> None:
    visitor = f"{visitor}/of a path?&é"
    whenflow.collect({"visitor": visitor, "items": [track()] * 3}, wait=True)
    answer = explanation(whenflow, visitor, "thanks").json()
    assert set(answer) == {
        *("visitor", "flow", "version", "gone", "zone", "summary", "now", "moments", "remembered_since")
    }
    assert (answer["visitor"], answer["flow"], answer["gone"], answer["zone"]) == (visitor, "thanks", None, "UTC")
    refused, started, false = answer["moments"]
    assert [each["came"] for each in (refused, started, false)] == ["limit", "started", "condition false"]
    assert all(each["version"] == answer["version"] for each in answer["moments"])
    assert answer["summary"] == " ".join(refused["text"])
    assert started["messages"] == [message["id"] for message in whenflow.visitor(quote(visitor))["messages"]]
    assert (false["condition"], false["holds"]) == ("event_count_1 > 1", False)
    part = {"text": "event_count_1 > 1", "holds": False, "decides": True, "values": {"event_count_1": 1}, "inside": []}
    assert false["parts"] == [part]
    now = answer["now"]
    assert (now["holds"], now["until"]) == (True, None)
    assert now["parts"] == [{**part, "holds": True, "values": {"event_count_1": 3}}]
    assert "its limit is reached (`limit once`)" in now["text"][-1]
    assert datetime.fromisoformat(answer["remembered_since"]) <= datetime.fromisoformat(false["time"])


def test_until_when_time_alone_leaves_a_condition_is_given(whenflow: Whenflow, visitor: str) -> None:
    put(whenflow, f"{EVENTS}\nflow away:\n    when now - event_last_time_1 > 7d\n    send web 'x'\n")
    whenflow.collect({"visitor": visitor, **track()}, wait=True)
    now = explanation(whenflow, visitor, "away").json()["now"]
    seen = datetime.fromisoformat(whenflow.visitor(visitor)["variables"]["event_last_time_1"])
    assert datetime.fromisoformat(now["until"]) == seen + timedelta(days=7, milliseconds=1)
    assert set(now["parts"][0]["values"]) == {"event_last_time_1", "now - event_last_time_1"}
    assert isinstance(now["parts"][0]["values"]["now - event_last_time_1"], float), "a duration is in seconds"


def test_a_flow_that_is_gone_is_said_to_be(whenflow: Whenflow, visitor: str) -> None:
    had = put(whenflow, f"{PROGRAM}\nflow other_one:\n    on webclick\n    wait 1d\n").json()["version"]
    whenflow.collect({"visitor": visitor, **track()}, wait=True)
    put(whenflow, PROGRAM)
    answer = explanation(whenflow, visitor, "other_one").json()
    assert answer["gone"] == had
    assert [each["came"] for each in answer["moments"]] == ["started"]
    said = answer["now"]["text"]
    assert said[0] == f"other_one is not in the program any more: version {had} was the last that had it."
    assert said[1].startswith("A run of it waits at program.flow:")
    assert explanation(whenflow, f"{visitor} never", "other_one").json()["moments"] == []
    whenflow.collect({"visitor": f"{visitor}.late", **track()}, wait=True)
    late = explanation(whenflow, f"{visitor}.late", "other_one").json()
    assert late["moments"] == []
    assert late["summary"].startswith("While other_one was in the program, nothing that starts it happened to this ")
    put(whenflow, f"{PROGRAM}\n# its runs are to end\n", stop_runs="1")
    until(lambda: whenflow.visitor(visitor)["runs"] == [], what="its run was ended")
    [stopped, _] = explanation(whenflow, visitor, "other_one").json()["moments"]
    assert (stopped["came"], stopped["happened"]) == ("run", "a program was applied")
    assert stopped["text"][1].startswith("It was ended, because the flow was taken out of the program")


def test_what_cannot_be_explained_is_refused_clearly(whenflow: Whenflow, visitor: str) -> None:
    answer = explanation(whenflow, visitor, "thank")
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_flow")
    assert "did you mean `thanks`?" in answer.json()["detail"]
    for params in ({"flow": "thanks"}, {"visitor": visitor}, {"visitor": "", "flow": "thanks"}):
        assert whenflow.admin("GET", "explanation", params=params).status_code == 400
    assert whenflow.admin("GET", "explanation", headers={}).status_code == 401


def test_a_visitor_whose_name_looks_like_a_path_of_the_api_is_still_a_visitor(whenflow: Whenflow) -> None:
    for name in ("explanation", "a/explanation", "x/explanation?flow=thanks"):
        assert whenflow.visitor(quote(name))["visitor"] == name


def test_moments_are_iso_text_with_a_z(whenflow: Whenflow, visitor: str) -> None:
    whenflow.collect({"visitor": visitor, **track()}, wait=True)
    variables = whenflow.visitor(visitor)["variables"]
    for name in ("event_first_time_1", "event_last_time_1", "first_seen_time", "last_seen_time"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", variables[name])


@pytest.mark.parametrize("name", ["never there", "访客", "a/b", "a%2Fb", "..", "?", "#", "v" * 300])
def test_a_visitor_who_was_never_there_is_an_empty_one(whenflow: Whenflow, name: str) -> None:
    path = "".join(f"%{byte:02x}" for byte in name.encode())
    view = whenflow.visitor(path)
    assert (view["visitor"], view["segments"], view["runs"], view["messages"]) == (name, [], [], [])
    assert view["variables"]["event_count_1"] == 0
    assert view["variables"]["first_seen_time"] is None
    assert view["variables"]["is_online"] is False


# Programs


def test_the_answer_says_in_which_lines_of_their_own_versions_runs_wait(whenflow: Whenflow, visitor: str) -> None:
    flow = "flow slow:\n    on webclick\n    set user_city = 'x'\n    wait 3h\n"
    version = put(whenflow, f"{EVENTS}\n{flow}").json()["version"]
    whenflow.collect({"visitor": visitor, **track()}, wait=True)
    put(whenflow, f"{EVENTS}\n# moved\n{flow}")
    whenflow.collect({"visitor": f"{visitor}.b", **track()}, wait=True)
    line = f"{EVENTS}\n{flow}".splitlines().index("    wait 3h") + 1
    first = {"flow": "slow", "version": version, "step": 1, "count": 1, "file": "program.flow", "text": "wait 3h"}
    second = {**first, "version": version + 1, "line": line + 1}
    answer = put(whenflow, EVENTS).json()
    assert answer["gone"] == ["slow"]
    assert [run for run in answer["runs"] if run["flow"] == "slow"] == [{**first, "line": line}, second]
    put(whenflow, f"{EVENTS}\n", stop_runs="1")


def test_a_program_is_taken_folded_and_given_back_as_it_was(whenflow: Whenflow) -> None:
    before = int(whenflow.admin("GET", "program").headers["x-program-version"])
    text = PROGRAM + "\n# 注释\r\n"
    answer = put(whenflow, text)
    assert (answer.status_code, answer.json()) == (
        200,
        {"version": before + 1, "folded": True, "runs": [], "gone": [], "diagnostics": []},
    )
    given = whenflow.admin("GET", "program")
    assert given.headers["content-type"].startswith("text/plain")
    assert given.content.decode() == text
    assert put(whenflow, text).json()["version"] == before + 1, "the same text is no new version"


def test_a_program_holds_when_the_answer_comes(whenflow: Whenflow, visitor: str) -> None:
    for k in range(5):
        assert put(whenflow, f'{EVENTS}\nflow f:\n    on webclick\n    send web "by {k}"\n').json()["folded"] is True
        whenflow.collect({"visitor": visitor, **track()}, wait=True)
        assert whenflow.messages(visitor)[-1] == f"by {k}"


def test_errors_are_all_said_with_422_and_the_program_before_stays(whenflow: Whenflow) -> None:
    before = whenflow.admin("GET", "program")
    answer = put(whenflow, f'{EVENTS}\nsegment a:\n    event_count_9 > 1\nsegment b:\n    lower() == "x"\n')
    assert answer.status_code == 422
    found = answer.json()["diagnostics"]
    assert [diagnostic["code"][:2] for diagnostic in found] == ["E2", "E3"]
    keys = {"code", "severity", "message", "help", "file", "line", "column", "end_line", "end_column"}
    assert all(set(diagnostic) == keys for diagnostic in found)
    assert [(diagnostic["line"], diagnostic["column"]) for diagnostic in found] == [(5, 5), (7, 5)]
    after = whenflow.admin("GET", "program")
    assert (after.text, after.headers["x-program-version"]) == (before.text, before.headers["x-program-version"])


def test_a_program_of_every_clause_and_step_is_taken_and_folded(whenflow: Whenflow) -> None:
    flows = """segment buyers:
    event_count_2 > 0

flow everything:
    on webclick, any event, visit, identify, enter buyers, leave buyers, change user_city
    limit 1 per 1d
    hours "08:00-22:00"
    exit when is_online and event_count_2 > 5
    goal event_count_2 > 0 within 1d
    split:
        50%:
            wait 1h
        50%:
            wait until event_count_2 > 0 for 1h
    send web "x"
    send email:
        subject "x"
        text "x"
    send webhook "https://shop.example/hook" with visitor_id

flow away:
    when now - event_last_time_1 > 7d
    send web "x"
"""
    answer = put(whenflow, f"{EVENTS}\n{flows}")
    assert (answer.status_code, answer.json()["folded"]) == (200, True), answer.text


def test_warnings_come_with_the_answer_and_hinder_nothing(whenflow: Whenflow) -> None:
    answer = put(whenflow, f"{EVENTS}\nflow f:\n    on webclick\n    when event_count_1 < 0\n    stop\n")
    assert answer.status_code == 200
    assert [found["code"] for found in answer.json()["diagnostics"]] == ["W502"]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"event", b"\x00", b"(" * 10_000], ids=["no UTF-8", "torn", "NUL", "deep"]
)
def test_what_is_no_program_is_unprocessable(whenflow: Whenflow, body: bytes) -> None:
    answer = put(whenflow, body)
    assert answer.status_code == 422
    assert answer.json()["diagnostics"]


def test_a_program_is_not_said_to_be_folded_where_nobody_folds(tmp_path: Path) -> None:
    with Whenflow(tmp_path / "data", "--roles", "ingest,console") as nobody:
        for _ in range(2):  # the second time, the shards have heard of it before
            with contextlib.suppress(httpx.ReadTimeout):  # it is still waiting for them
                answer = nobody.admin("PUT", "program", content=PROGRAM.encode(), timeout=2)
                assert answer.json()["folded"] is False


def test_an_empty_program_is_a_program(whenflow: Whenflow, visitor: str) -> None:
    assert put(whenflow, "").json()["folded"] is True
    assert whenflow.collect({"visitor": visitor, **track()}).json()["accepted"] == 0


# A SEQ that gets another UUID


def test_another_uuid_for_a_seq_is_refused_and_nothing_changes(whenflow: Whenflow, visitor: str) -> None:
    whenflow.collect({"visitor": visitor, "items": [track()] * 3}, wait=True)
    answer = put(whenflow, PROGRAM.replace(WEBCLICK, OTHER))
    assert (answer.status_code, answer.json()["error"]) == (409, "reassigned_events")
    assert WEBCLICK in answer.json()["detail"]
    assert "reset=1" in answer.json()["detail"]
    whenflow.collect({"visitor": visitor, **track()}, wait=True)
    assert whenflow.count(visitor) == 4


def test_with_reset_the_seq_starts_from_zero_and_others_go_on(whenflow: Whenflow, visitor: str) -> None:
    whenflow.collect({"visitor": visitor, "items": [track(), track(), track(), track("checkout")]}, wait=True)
    answer = put(whenflow, PROGRAM.replace(WEBCLICK, OTHER), reset="1")
    assert (answer.status_code, answer.json()["folded"]) == (200, True)
    variables = whenflow.visitor(visitor)["variables"]
    assert (variables["event_count_1"], variables["event_last_time_1"], variables["event_count_2"]) == (0, None, 1)
    item = {"track_event": {"event_name": "webclick", "event_uuid": OTHER}}
    whenflow.collect({"visitor": visitor, **item}, wait=True)
    assert (whenflow.count(visitor), whenflow.count(visitor, 2)) == (1, 1)
    assert whenflow.collect({"visitor": visitor, **track()}).json()["accepted"] == 0, "the old UUID is unknown"


def test_a_uuid_does_not_slip_in_by_way_of_a_program_without_its_seq(whenflow: Whenflow, visitor: str) -> None:
    """Else a visitor's count would mix two events without anybody having asked for it."""
    whenflow.collect({"visitor": visitor, "items": [track()] * 3}, wait=True)
    assert put(whenflow, f'event 2 checkout "{CHECKOUT}"').status_code == 200
    assert put(whenflow, PROGRAM.replace(WEBCLICK, OTHER)).status_code == 409
    assert put(whenflow, PROGRAM).status_code == 200, "its own UUID it may have again"
    assert whenflow.count(visitor) == 3


def test_another_name_for_the_same_uuid_is_the_same_event(whenflow: Whenflow, visitor: str) -> None:
    whenflow.collect({"visitor": visitor, "items": [track()] * 3}, wait=True)
    assert put(whenflow, f'event 1 click "{WEBCLICK.upper()}"').status_code == 200
    assert whenflow.count(visitor) == 3


# Who may ask


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {KEY}", "Bearer é"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "visitors/v"), ("GET", "program"), ("PUT", "program")])
def test_without_the_token_nothing_is_told_nor_changed(
    whenflow: Whenflow, given: str | None, method: str, path: str
) -> None:
    headers = {} if given is None else {b"Authorization": given.encode("latin-1")}
    before = whenflow.admin("GET", "program").headers["x-program-version"]
    answer = whenflow.admin(method, path, headers=headers, content=b"")
    assert (answer.status_code, answer.json()["error"]) == (401, "bad_token")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "access-control-allow-origin" not in answer.headers, "no page has any business here"
    assert whenflow.admin("GET", "program").headers["x-program-version"] == before


def test_an_app_that_is_not_there_is_not_found_by_who_may_ask_and_by_nobody_else(whenflow: Whenflow) -> None:
    url = f"{whenflow.url}/api/apps/nobody/program"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_app")
    assert "nobody" in answer.json()["detail"]
    assert httpx.get(url).status_code == 401


# Health


def test_health_says_which_promise_holds(whenflow: Whenflow) -> None:
    answer = whenflow.health()
    assert answer.status_code == 200
    health = answer.json()
    assert health["ok"] is True
    assert health["store"]["appendfsync"] == "always"
    assert "power cut" in health["store"]["promise"]
    assert health["store"]["warnings"] == []
    version = int(whenflow.admin("GET", "program").headers["x-program-version"])
    fine = {"shards": 4, "program": version, "dead_letters": 0, "unowned": 0, "processors": 1, "trouble": {}}
    assert health["apps"]["default"] == fine


def test_without_its_store_it_says_so_and_is_well_again_when_the_store_is(whenflow: Whenflow) -> None:
    with whenflow.stopped_server():
        answer = whenflow.health()
        assert (answer.status_code, answer.json()["ok"]) == (503, False)
        assert answer.json()["store"]["warnings"]
        refused = whenflow.admin("GET", "visitors/v")
        assert (refused.status_code, refused.json()["error"]) == (503, "store_unavailable")
        assert refused.headers["retry-after"] == "1"
    until(lambda: whenflow.health().status_code == 200, 5, "it is well again")
    os.kill(whenflow.server(), signal.SIGKILL)
    until(lambda: whenflow.health().status_code == 200, 5, "it is well again")
    assert whenflow.admin("GET", "visitors/v").status_code == 200


def test_what_could_not_be_folded_is_set_aside_and_shown(whenflow: Whenflow, visitor: str) -> None:
    before = whenflow.health().json()["apps"]["default"]["dead_letters"]
    assert whenflow.collect({"visitor": visitor, **track()}, wait=True).json()["folded"] is True
    with whenflow.store() as store:
        [profile] = store.keys(f"wf:*:profile:{visitor}")
        store.set(profile, "no hash")
    fine = [f"{visitor}.{k}" for k in range(8)]  # some of them live in the same shard
    for name in (fine[0], visitor, *fine[1:]):
        assert whenflow.collect({"visitor": name, **track()}, wait=True).json()["folded"] is True
    assert [whenflow.count(name) for name in fine] == [1] * 8
    assert whenflow.health().json()["apps"]["default"]["dead_letters"] == before + 1


def test_a_process_of_another_role_has_health_and_no_admin_api(tmp_path: Path) -> None:
    with Whenflow(tmp_path / "data", "--roles", "ingest, processor") as ingest:
        assert ingest.health().status_code == 200
        assert ingest.admin("GET", "program").status_code == 404
        assert ingest.collect({"visitor": "v", "ping": {}}, wait=True).json()["folded"] is True
