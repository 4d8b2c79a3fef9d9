"""The command line, command by command, each in a process of its own."""

import json
import re
import socket
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest

from tests.variables.test_durability import foreign_server
from tests.whenflow.process import CHECKOUT, EVENTS, KEY, WEBCLICK, Whenflow, free_port, run, servers, track, until

PROGRAM = f"""{EVENTS}
flow thanks:
    on webclick
    when event_count_1 > 2
    limit once
    send web "Thank you for {{{{ event_count_1 }}}} [clicks]"
"""
OTHER = "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
_visitors = count(1)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whenflow]:
    with Whenflow(tmp_path_factory.mktemp("cli") / "data", "--durability", "second") as process:
        yield process


@pytest.fixture
def serving(process: Whenflow) -> Whenflow:
    """A running serve with the same program before each test."""
    assert process.admin("PUT", "program", params={"reset": "1"}, content=PROGRAM.encode()).status_code == 200
    return process


@pytest.fixture
def visitor() -> str:
    return f"v{next(_visitors)}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.flow"
    file.write_text(PROGRAM)
    return file


def ends_clearly(*args: object, said: str, code: int = 1, env: Mapping[str, str] | None = None) -> None:
    """The command ends soon with this code and says what is wrong, in words and not in a traceback."""
    ended = run(*args, env=env, limit=15)
    assert "Traceback" not in ended.stderr + ended.stdout
    assert said in ended.stderr + ended.stdout
    assert ended.returncode == code


# Beside a running serve


def test_apply_takes_effect_at_once_for_the_ingest_that_runs(serving: Whenflow, visitor: str, tmp_path: Path) -> None:
    for k in range(3):
        file = tmp_path / f"{k}.flow"
        uuid = f"0d0e0f00-0000-4000-8000-00000000000{k}"
        file.write_text(f'{EVENTS}\nevent {k + 3} new{k} "{uuid}"\nflow f:\n    on new{k}\n    send web "by {k}"\n')
        item = {"track_event": {"event_name": f"new{k}", "event_uuid": uuid}}
        assert serving.collect({"visitor": visitor, **item}).json()["accepted"] == 0
        applied = run("apply", file, "--data", serving.data)
        assert applied.returncode == 0, applied.stderr
        assert "every shard runs it" in applied.stdout
        assert serving.collect({"visitor": visitor, **item}, wait=True).json()["accepted"] == 1
        assert serving.messages(visitor)[-1] == f"by {k}"


def test_a_second_command_uses_the_server_that_is_there_and_leaves_it(
    serving: Whenflow, visitor: str, shop: Path
) -> None:
    server = serving.server()
    for args in (("apply", shop), ("send-event", visitor, "webclick"), ("visitor", visitor)):
        ended = run(*args, "--data", serving.data)
        assert ended.returncode == 0, ended.stderr
        assert servers(serving.data) == {server}
        assert "No Whenflow" not in ended.stderr
    health = serving.health().json()
    assert (health["ok"], health["store"]["appendfsync"]) == (True, "no"), "its durability is the server's own matter"
    assert serving.collect({"visitor": visitor, **track()}, wait=True).json()["folded"] is True


def test_send_event_reports_as_a_page_would(serving: Whenflow, visitor: str) -> None:
    data = '{"page": ["/p", null]}'
    ended = run("send-event", visitor, "webclick", "--times", "3", "--event-data", data, "--data", serving.data)
    assert ended.returncode == 0, ended.stderr
    assert "Thank you for 3 [clicks]" in ended.stdout
    assert serving.visitor(visitor)["variables"]["event_last_data_1"] == {"page": ["/p", None]}
    assert serving.messages(visitor) == ["Thank you for 3 [clicks]"]


def test_visitor_shows_what_the_admin_api_gives(serving: Whenflow, visitor: str) -> None:
    serving.collect({"visitor": visitor, "items": [track(data="[bold]x[/bold] :smile:")] * 3}, wait=True)
    shown = run("visitor", visitor, "--data", serving.data)
    assert shown.returncode == 0, shown.stderr
    assert "event_count_1" in shown.stdout
    assert "[bold]x[/bold] :smile:" in shown.stdout
    as_json = json.loads(run("visitor", visitor, "--json", "--data", serving.data).stdout)
    given = serving.visitor(visitor)
    assert as_json == given


def test_visitor_shows_at_which_line_a_run_waits_and_until_when(serving: Whenflow, visitor: str, shop: Path) -> None:
    shop.write_text(f"{PROGRAM}\nflow patient:\n    on webclick\n    wait 3d\n    send web 'late'\n")
    line = shop.read_text().splitlines().index("    wait 3d") + 1
    assert run("apply", shop, "--data", serving.data).returncode == 0
    assert "runs: none" in run("visitor", visitor, "--data", serving.data).stdout
    serving.collect({"visitor": visitor, **track()}, wait=True)
    shown = run("visitor", visitor, "--data", serving.data).stdout
    [waiting] = serving.visitor(visitor)["runs"]
    where = f"waits until {waiting['due']} at {shop}:{line} wait 3d"
    assert f"  patient (version {waiting['version']}) since {waiting['started']}: {where}" in shown.splitlines()


def test_apply_says_in_which_lines_runs_wait_and_what_becomes_of_them(
    serving: Whenflow, visitor: str, shop: Path
) -> None:
    def said() -> list[str]:
        applied = run("apply", shop, *extra, "--data", serving.data)
        assert applied.returncode == 0, applied.stderr
        return applied.stdout.splitlines()[:-2]

    extra: list[str] = []
    flow = "flow stays:\n    on webclick\n    wait until event_count_2 > 0 for 3d:\n        stop\n"
    shop.write_text(f"{EVENTS}\n{flow}")
    said()
    line = shop.read_text().splitlines().index("    wait until event_count_2 > 0 for 3d:") + 1
    serving.collect({"visitor": visitor, **track()}, wait=True)
    [waiting] = serving.visitor(visitor)["runs"]
    where = f"  1 at {shop}:{line} wait until event_count_2 > 0 for 3d (version {waiting['version']})"
    shop.write_text(f"{EVENTS}\n# moved\n{flow}")
    assert said()[-2:] == ["Runs of stays go on under the version that they started with:", where]
    shop.write_text(EVENTS)
    assert said()[-2:] == ["The flow stays is gone; its runs go on (--stop-runs ends them):", where]
    extra = ["--stop-runs"]
    assert said()[-2:] == ["The flow stays is gone; its runs end:", where]
    until(lambda: serving.visitor(visitor)["runs"] == [], what="its run has ended")


def test_explain_says_why_a_flow_did_not_start_or_did(serving: Whenflow, visitor: str) -> None:
    serving.collect({"visitor": visitor, "items": [track()] * 2}, wait=True)
    shown = run("explain", visitor, "thanks", "--data", serving.data)
    assert shown.returncode == 0, shown.stderr
    first, *rest = shown.stdout.splitlines()
    assert re.fullmatch(
        r"thanks did not start at [-\d]{10} [:.\d]{8,12} \(webclick\): "
        r"event_count_1 > 2 is false: event_count_1 was 2\.",
        first,
    )
    assert "Now its condition is false: event_count_1 > 2 is false: event_count_1 is 2." in rest
    assert rest[-1] == "Times are UTC."
    serving.collect({"visitor": visitor, "items": [track()]}, wait=True)
    said = run("explain", visitor, "thanks", "--data", serving.data).stdout.splitlines()
    assert said[0].endswith("because event_count_1 > 2 is true: event_count_1 was 3.")
    assert 'Thank you for 3 [clicks]" (id ' in said[1]
    as_json = json.loads(run("explain", visitor, "thanks", "--json", "--data", serving.data).stdout)
    assert [moment["came"] for moment in as_json["moments"]] == ["started", "condition false", "condition false"]


def test_explain_of_a_flow_that_is_not_there_suggests_one(serving: Whenflow) -> None:
    ends_clearly("explain", "v", "thank", "--data", serving.data, said="did you mean `thanks`?")


def test_explain_of_a_visitor_who_was_never_there(serving: Whenflow) -> None:
    shown = run("explain", "nobody", "thanks", "--data", serving.data)
    assert (shown.returncode, shown.stdout) == (
        0,
        "Nobody has reported the visitor nobody yet, so no flow could start.\n",
    )


def test_a_visitor_who_was_never_there_is_said_to_be_nobody(serving: Whenflow) -> None:
    shown = run("visitor", "nobody", "--data", serving.data)
    assert shown.returncode == 0
    assert "Nobody" in shown.stdout
    assert json.loads(run("visitor", "nobody", "--json", "--data", serving.data).stdout)["messages"] == []


def test_a_visitor_whom_somebody_spoilt_is_said_to_be(serving: Whenflow, visitor: str) -> None:
    with serving.store() as store:
        for shard in range(4):
            store.set(f"wf:{{default:{shard}}}:profile:{visitor}", "no hash")
    for args in (("visitor", visitor), ("explain", visitor, "thanks")):
        ends_clearly(*args, "--data", serving.data, said="somebody wrote what only Whenflow may write")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("send-event", "v", "webclik"), "webclick"),
        (("send-event", "v", "webclick", "--event-data", "{"), "--event-data"),
        (("send-event", "v", "webclick", "--event-data", "NaN"), "--event-data"),
        (("send-event", "", "webclick"), "visitor"),
        (("send-event", "v" * 129, "webclick"), "128 "),
        (("visitor", "v", "--app", "nobody"), 'no app "nobody"'),
        (("send-event", "v", "webclick", "--app", "nobody"), 'no app "nobody"'),
    ],
    ids=["unknown event", "torn data", "NaN", "empty visitor", "long visitor", "unknown app", "unknown app to send to"],
)
def test_what_cannot_be_done_is_said(serving: Whenflow, args: tuple[str, ...], said: str) -> None:
    ends_clearly(*args, "--data", serving.data, said=said)
    assert serving.health().json()["apps"]["default"]["dead_letters"] == 0


def test_an_app_made_beside_a_running_serve_is_served_at_once(serving: Whenflow, shop: Path) -> None:
    applied = run("apply", shop, "--app", "second", "--data", serving.data, limit=15)
    assert (applied.returncode, applied.stderr) == (0, "")
    key = next(line.split(": ")[1] for line in applied.stdout.splitlines() if line.startswith("Write key: "))
    until(lambda: serving.collect({"visitor": "v", "ping": {}}, key=key).status_code == 200, 5, "the app is there")
    answer = serving.collect({"visitor": "v", "items": [track()] * 3}, key=key, wait=True)
    assert answer.json() == {"accepted": 3, "rejected": [], "folded": True}
    shown = json.loads(run("visitor", "v", "--app", "second", "--json", "--data", serving.data).stdout)
    assert shown["variables"]["event_count_1"] == 3


def test_another_uuid_for_a_seq_needs_reset(serving: Whenflow, visitor: str, shop: Path) -> None:
    serving.collect({"visitor": visitor, **track()}, wait=True)
    shop.write_text(PROGRAM.replace(WEBCLICK, OTHER))
    ends_clearly("apply", shop, "--data", serving.data, said="--reset")
    assert serving.count(visitor) == 1
    assert run("apply", shop, "--reset", "--data", serving.data).returncode == 0
    assert serving.count(visitor) == 0


# With no serve


def test_without_a_serve_commands_start_a_server_for_their_own_duration(tmp_path: Path, shop: Path) -> None:
    data = tmp_path / "data"
    applied = run("apply", shop, "--data", data)
    assert applied.returncode == 0, applied.stderr
    assert not servers(data)
    assert f"No Whenflow serves from {data}" in applied.stderr
    sent = run("send-event", "v", "webclick", "--times", "3", "--data", data)
    assert "Thank you for 3 [clicks]" in sent.stdout, sent.stderr
    assert not servers(data)
    shown = json.loads(run("visitor", "v", "--json", "--data", data).stdout)
    assert shown["variables"]["event_count_1"] == 3
    assert not servers(data)
    with Whenflow(data) as later:
        assert later.admin("GET", "program").text == PROGRAM
        assert later.count("v") == 3
        assert later.collect({"visitor": "v", **track()}, wait=True).json()["folded"] is True


def test_several_files_are_one_program(tmp_path: Path) -> None:
    events, flows = tmp_path / "events.flow", tmp_path / "flows.flow"
    events.write_text(EVENTS)
    flows.write_text(PROGRAM.removeprefix(EVENTS))
    assert run("check", events, flows).returncode == 0
    assert run("check", flows).returncode == 1
    assert run("apply", events, flows, "--data", tmp_path / "data").returncode == 0


def test_a_program_with_errors_is_not_applied(tmp_path: Path) -> None:
    bad = tmp_path / "bad.flow"
    bad.write_text(PROGRAM.replace("event_count_1 > 2", "event_count_7 > 2"))
    ended = run("apply", bad, "--data", tmp_path / "data")
    assert ended.returncode == 1
    assert "event_count_7" in ended.stderr
    assert ended.stderr.endswith("1 error.\nNothing was applied.\n")
    assert "Traceback" not in ended.stderr
    assert not servers(tmp_path / "data")


# check


def test_check_of_a_good_file_ends_with_0(shop: Path) -> None:
    ended = run("check", shop)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "2 events" in ended.stdout
    assert json.loads(run("check", "--json", shop).stdout) == {"diagnostics": []}


def test_check_of_a_bad_file_ends_with_1_and_shows_every_error_in_its_place(tmp_path: Path) -> None:
    bad = tmp_path / "bad.flow"
    bad.write_text(f'event 1 webclick "{WEBCLICK}"\nsegment a:\n    event_count_2 > 1\nsegment b:\n    1 +\n')
    ended = run("check", bad)
    assert ended.returncode == 1
    assert f"{bad}:3:5" in ended.stderr
    assert "event_count_1" in ended.stderr, "the nearest name is suggested"
    as_json = run("check", "--json", bad)
    assert (as_json.returncode, as_json.stderr) == (1, "")
    found = json.loads(as_json.stdout)["diagnostics"]
    keys = {"code", "severity", "message", "help", "file", "line", "column", "end_line", "end_column"}
    assert all(set(diagnostic) == keys for diagnostic in found)
    assert [(d["code"][:2], d["severity"], d["file"], d["line"]) for d in found] == [
        ("E2", "error", str(bad), 3),
        ("E1", "error", str(bad), 5),
    ]
    first = found[0]
    assert (first["column"], first["end_line"], first["end_column"]) == (5, 3, 18)


def test_check_shows_colours_where_there_are_some_and_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "bad.flow"
    file.write_text("segment s:\n    evnt_count_1 > 5\n")
    plain = run("check", file, env={"NO_COLOR": "1"})
    coloured = run("check", file, env={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
    assert "\x1b[" not in plain.stderr
    assert "\x1b[1;31merror E201" in coloured.stderr
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.stderr) == plain.stderr


def test_check_counts_warnings_and_allows_them(tmp_path: Path) -> None:
    file = tmp_path / "dull.flow"
    file.write_text(f"{EVENTS}\nflow f:\n    on webclick\n    when event_count_1 < 0\n    stop\n")
    ended = run("check", file)
    assert ended.returncode == 0
    assert "warning W502" in ended.stderr
    assert "No errors, 1 warning: 2 events" in ended.stdout


def test_check_of_a_file_that_cannot_be_read_ends_with_2(tmp_path: Path, shop: Path) -> None:
    ends_clearly("check", tmp_path / "missing.flow", said="missing.flow", code=2)
    ends_clearly("check", shop, tmp_path, said=str(tmp_path), code=2)
    ends_clearly("check", "--json", tmp_path / "missing.flow", said="missing.flow", code=2)
    ends_clearly("apply", tmp_path / "missing.flow", "--data", tmp_path / "data", said="missing.flow", code=2)
    assert not (tmp_path / "data").exists()


# Settings, and a machine that is not as it should be


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_said_and_nothing_is_left_behind(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"cannot listen on 127.0.0.1:{port}: Address already in use\n"
        ends_clearly(command, "--port", port, "--data", tmp_path / "data", said=said)
    assert not servers(tmp_path / "data")


@pytest.mark.parametrize(
    ("args", "env", "said"),
    [
        (["--port", "70000"], {}, "WHENFLOW_PORT"),
        ([], {"WHENFLOW_PORT": "http"}, "WHENFLOW_PORT"),
        (["--roles", "ingest,cook"], {}, "cook"),
        ([], {"WHENFLOW_ROLES": "ingest,cook"}, "cook"),
        ([], {"WHENFLOW_ROLES": ""}, "WHENFLOW_ROLES"),
        ([], {"WHENFLOW_DURABILITY": "sometimes"}, "WHENFLOW_DURABILITY"),
        ([], {"WHENFLOW_ZONE": "Europe/Nowhere"}, "WHENFLOW_ZONE is 'Europe/Nowhere': it must be a time zone"),
        (["--redis", "nonsense"], {}, "--redis (WHENFLOW_REDIS_URL) is 'nonsense': it must begin with redis://"),
        ([], {"WHENFLOW_REDIS_URL": "http://127.0.0.1:1"}, "WHENFLOW_REDIS_URL"),
        (["--host", "no.such.host.invalid"], {}, "no.such.host.invalid"),
        (["--data", "/proc/whenflow"], {}, "/proc/whenflow"),
        (["--data", "/dev/null"], {}, "/dev/null"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value) if isinstance(value, dict) else "",
)
def test_a_setting_that_makes_no_sense_is_named(
    tmp_path: Path, args: list[str], env: dict[str, str], said: str
) -> None:
    data = [] if "--data" in args else ["--data", tmp_path / "data"]
    ends_clearly("serve", *data, *args, said=said, env={"WHENFLOW_PORT": str(free_port()), **env})
    assert not servers(tmp_path / "data")


def test_roles_may_be_set_in_the_environment_as_the_help_says(tmp_path: Path) -> None:
    with Whenflow(tmp_path / "data", WHENFLOW_ROLES="ingest,processor") as process:
        assert process.collect({"visitor": "v", "ping": {}}, wait=True).json()["folded"] is True
        assert process.admin("GET", "program").status_code == 404


def test_a_directory_of_somebody_else_s_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("Dear Mei,")
    ends_clearly("serve", "--port", free_port(), "--data", tmp_path, said="letters.txt")
    assert {path.name for path in tmp_path.iterdir()} <= {"letters.txt"}


def test_a_command_that_finds_no_store_says_so_and_ends(tmp_path: Path) -> None:
    """A server may wait for its store; a person at a terminal wants to know."""
    address = f"127.0.0.1:{free_port()}"
    ends_clearly("visitor", "v", "--redis", f"redis://{address}", said=address)


def test_the_first_start_makes_a_key_and_a_token_and_keeps_them(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with Whenflow(tmp_path / "data", WHENFLOW_WRITE_KEY=None, WHENFLOW_ADMIN_TOKEN=None) as process:
            printed = process.log.read_text()
            key = printed.split('data-key="')[1].split('"')[0]
            token_file = process.data / "store.admin-token"
            assert str(token_file) in printed
            assert token_file.stat().st_mode & 0o777 == 0o600
            token = token_file.read_text().strip()
            assert token not in printed
            assert process.collect({"visitor": "v", "ping": {}}, key=key).status_code == 200
            answer = process.admin("GET", "program", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
            seen.append((key, token))
    assert seen[0] == seen[1]
    assert KEY not in seen[0]


def test_the_page_s_tag_is_printed_on_one_line_to_be_copied(serving: Whenflow) -> None:
    tag = f'<script async src="{serving.url}/ppmatc.js" data-key="{KEY}"></script>'
    assert tag in serving.log.read_text()


def test_checkout_of_the_demo_s_own_shop_is_checked_without_error() -> None:
    example = Path(__file__).parents[2] / "examples" / "shop" / "shop.flow"
    ended = run("check", "--json", example)
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"diagnostics": []})
    assert CHECKOUT in example.read_text()


def test_a_store_that_keeps_nothing_is_said_where_nobody_can_miss_it(tmp_path: Path) -> None:
    with (
        foreign_server(tmp_path, "--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as address,
        Whenflow(tmp_path / "data", "--redis", f"unix://{address}") as process,
    ):
        said = process.log.read_text()
        assert process.collect({"visitor": "v", "ping": {}}, wait=True).json()["folded"]
    assert "WARNING: The server has no append-only file" in said
    assert "WARNING: The server may evict visitors' data (allkeys-lru)" in said
