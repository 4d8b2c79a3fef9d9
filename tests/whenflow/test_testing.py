"""`whenflow test`: which files it runs, what it prints, how it ends."""

import json
from pathlib import Path

import pytest

from tests.whenflow.process import run
from whenflow.testing import Ran, run_all

PASSES = "expect v1: True\n"
FAILS = "expect v1: False\n"
BROKEN = "expekt v1: True\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.flowtest").write_text(PASSES)
    (tmp_path / "b.flowtest").write_text(PASSES)
    (tmp_path / "c.flow").write_text("no flow test")
    return tmp_path


def files(ran: Ran) -> list[str]:
    return [Path(outcome.file).name for outcome in ran.outcomes]


def test_a_folder_is_searched_and_each_file_runs_once(folder: Path) -> None:
    assert files(run_all([folder])) == ["b.flowtest", "a.flowtest"]
    assert files(run_all([folder / "deep", folder, folder / "b.flowtest"])) == ["a.flowtest", "b.flowtest"]


def test_the_worst_file_decides_how_it_ends(folder: Path) -> None:
    assert run_all([folder]).exit_code == 0
    (folder / "f.flowtest").write_text(FAILS)
    assert run_all([folder]).exit_code == 1
    (folder / "x.flowtest").write_text(BROKEN)
    ran = run_all([folder])
    assert (ran.exit_code, ran.passed, ran.failed) == (2, 2, 2)


def test_a_file_that_is_not_there_is_broken_and_stops_no_other(folder: Path) -> None:
    ran = run_all([folder / "nowhere.flowtest", folder])
    assert [outcome.word for outcome in ran.outcomes] == ["broken", "passed", "passed"]
    assert ran.exit_code == 2


def test_a_link_that_leads_nowhere_is_not_passed_over(folder: Path) -> None:
    (folder / "gone.flowtest").symlink_to(folder / "nowhere")
    (folder / "a folder.flowtest").mkdir()
    ran = run_all([folder])
    assert [outcome.word for outcome in ran.outcomes] == ["passed", "passed", "broken"]
    assert ran.exit_code == 2


def test_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    ran = run_all([tmp_path])
    assert ran.exit_code == 2
    assert "No .flowtest file" in ran.summary


def test_what_is_loaded_lies_beside_the_flow_test(folder: Path) -> None:
    (folder / "deep" / "p.flow").write_text("field nick text\n")
    (folder / "deep" / "p.flowtest").write_text("load p.flow\nset v1 nick = 'x'\n")
    assert run_all([folder / "deep" / "p.flowtest"]).passed == 1


def test_a_result_as_json_has_its_place_and_its_reasons(folder: Path) -> None:
    (folder / "f.flowtest").write_text("at +1s\n" + FAILS)
    (folder / "x.flowtest").write_text(BROKEN)
    document = json.loads(run_all([folder]).to_json())
    assert (document["passed"], document["failed"]) == (2, 2)
    by_name = {Path(file["file"]).name: file for file in document["files"]}
    assert by_name["a.flowtest"]["outcome"] == "passed"
    failed = by_name["f.flowtest"]
    assert (failed["outcome"], failed["line"], failed["column"]) == ("failed", 2, 12)
    assert failed["message"] == "this is not true for v1"
    (diagnostic,) = by_name["x.flowtest"]["diagnostics"]
    assert (diagnostic["code"], diagnostic["line"]) == ("E601", 1)


def test_the_command_prints_a_line_for_each_file_and_closes_with_the_sum(folder: Path) -> None:
    (folder / "f.flowtest").write_text(FAILS)
    ended = run("test", folder)
    printed = ended.stdout.splitlines()
    assert ended.returncode == 1
    assert printed[0] == f"passed  {folder / 'b.flowtest'}"
    assert printed[1] == f"passed  {folder / 'deep' / 'er' / 'a.flowtest'}"
    assert printed[2] == f"failed  {folder / 'f.flowtest'}"
    assert printed[-1] == "2 passed, 1 failed"
    assert json.loads(run("test", "--json", folder).stdout)["failed"] == 1
