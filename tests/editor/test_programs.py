"""Which files are one program, and what is told of each."""

from pathlib import Path

from editor.programs import Scope, check_program, files_of, valid_text
from tests.editor.support import DECLARED


def test_the_flow_files_of_a_folder_are_a_program_and_what_is_open_comes_first(tmp_path: Path) -> None:
    (tmp_path / "b.flow").write_text("on the disk")
    (tmp_path / "c.flow").write_text("on the disk")
    (tmp_path / "b.flowtest").write_text("")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "d.flow").write_text("")
    a, b, c = (str(tmp_path / name) for name in ("a.flow", "b.flow", "c.flow"))
    opened = {b: "open", a: "new", str(tmp_path / "deeper" / "e.flow"): "elsewhere"}
    assert list(files_of(b, opened, Scope.FOLDER).items()) == [(a, "new"), (b, "open"), (c, b"on the disk")]
    assert files_of(b, opened, Scope.FILE) == {b: "open"}


def test_a_folder_among_the_files_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "b.flow").mkdir()
    a = str(tmp_path / "a.flow")
    assert files_of(a, {a: "open"}, Scope.FOLDER) == {a: "open"}


def test_a_folder_that_is_not_on_the_disk_has_what_is_open(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere" / "a.flow")
    assert files_of(path, {path: "open"}, Scope.FOLDER) == {path: "open"}


def test_a_file_that_cannot_be_read_spoils_no_other(tmp_path: Path) -> None:
    broken = check_program(
        {
            "a.flow": DECLARED,
            "b.flow": b"segment s:\n    \xff\n",
            "c.flow": b"#" * (1024 * 1024 + 1),
            "d.flow": 'segment of_what_b_declares:\n    in_segment("s")\n',
        }
    )
    found = {name: [each.code for each in diagnostics] for name, diagnostics in broken.diagnostics.items()}
    assert found["a.flow"] == found["d.flow"] == []
    assert found["c.flow"] == ["E105"]
    assert [code for code in found["b.flow"] if code == "E104"] == ["E104"]


def test_half_of_a_surrogate_pair_is_replaced_and_nothing_moves() -> None:
    assert valid_text("a\ud83db😋您\ude0b") == "a\ufffdb😋您\ufffd"
