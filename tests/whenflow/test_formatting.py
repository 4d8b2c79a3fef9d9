"""`whenflow fmt`: which files it rewrites, how, and what it says."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from whenflow.cli import app

UGLY = "field  a text\r\nsegment s :\n  a=='b'#why\n"
CANONICAL = 'field a text\n\nsegment s:\n    a == "b"  # why\n'
BROKEN = "field a text text text\n"


def fmt(*args: object, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["fmt", *map(str, args)], input=given)


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    file = tmp_path / "[ugly].flow"
    file.write_text(UGLY, newline="")
    return file


@pytest.fixture
def canonical(tmp_path: Path) -> Path:
    file = tmp_path / "canonical.flow"
    file.write_text(CANONICAL)
    return file


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.flow"
    file.write_text(BROKEN)
    return file


def test_files_are_rewritten_and_named(ugly: Path, canonical: Path) -> None:
    result = fmt(ugly, canonical)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{ugly} formatted\n", "")
    assert ugly.read_bytes() == CANONICAL.encode()


def test_a_canonical_file_is_not_touched(canonical: Path) -> None:
    os.utime(canonical, (1, 1))
    inode = canonical.stat().st_ino
    assert fmt(canonical).exit_code == 0
    assert (canonical.stat().st_ino, canonical.stat().st_mtime) == (inode, 1)


def test_with_check_nothing_is_written_and_what_would_change_is_named(ugly: Path, canonical: Path) -> None:
    result = fmt("--check", canonical, ugly)
    assert (result.exit_code, result.stdout) == (1, f"{ugly} would change\n")
    assert ugly.read_bytes() == UGLY.encode()
    assert fmt("--check", canonical).exit_code == 0


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\n"])
def test_a_byte_order_mark_or_a_leading_blank_line_is_a_change(mark: bytes, canonical: Path) -> None:
    canonical.write_bytes(mark + canonical.read_bytes())
    assert fmt("--check", canonical).exit_code == 1
    assert fmt(canonical).exit_code == 0
    assert canonical.read_bytes() == CANONICAL.encode()


def test_what_is_read_again_is_what_was_read(tmp_path: Path) -> None:
    """A carriage return before a line break of CRLF belongs to the text, and must not become half of a line break."""
    file = tmp_path / "f.flow"
    file.write_bytes(b'flow f:\r\n  on visit\r\n  send web """a\r\r\nb"""\r\n')
    for _ in range(2):
        assert fmt(file).exit_code == 0
        assert file.read_bytes() == b'flow f:\n    on visit\n    send web """a\r\r\nb"""\n'


def test_a_file_with_a_syntax_error_is_shown_and_left_and_the_others_are_formatted(broken: Path, ugly: Path) -> None:
    result = fmt(broken, ugly)
    assert result.exit_code == 2
    assert f"{broken}:1:14: error E120" in result.stderr
    assert broken.read_text() == BROKEN
    assert ugly.read_text() == CANONICAL


def test_a_failure_counts_more_than_a_change(broken: Path, ugly: Path) -> None:
    assert fmt("--check", broken, ugly).exit_code == fmt("--check", ugly, broken).exit_code == 2


def test_unknown_names_and_wrong_types_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "f.flow"
    file.write_text('segment s:\n  nope+1 > "a"\n')
    assert fmt(file).exit_code == 0
    assert file.read_text() == 'segment s:\n    nope + 1 > "a"\n'


@pytest.mark.parametrize("data", [b"field a\xff text\n", b"#" * (1024 * 1024 + 1)])
def test_what_is_no_program_is_shown_and_left(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "f.flow"
    file.write_bytes(data)
    result = fmt(file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error E10" in result.stderr
    assert file.read_bytes() == data


def test_a_file_that_would_become_too_large_is_shown_and_left(tmp_path: Path) -> None:
    file = tmp_path / "f.flow"
    text = "#a comment\n" * 95_000  # each grows by a space
    file.write_text(text)
    result = fmt(file)
    assert result.exit_code == 2
    assert "canonical layout is too large" in result.stderr
    assert file.read_text() == text


def test_what_is_not_there_cannot_be_read(tmp_path: Path, ugly: Path) -> None:
    result = fmt(tmp_path / "nope.flow", tmp_path, ugly)
    assert result.exit_code == 2
    assert f"cannot read {tmp_path / 'nope.flow'}: No such file or directory" in result.stderr
    assert f"cannot read {tmp_path}: Is a directory" in result.stderr
    assert ugly.read_text() == CANONICAL


def test_a_flow_test_is_not_formatted(tmp_path: Path) -> None:
    file = tmp_path / "a.flowtest"
    file.write_text("at   +1d\n")
    result = fmt(file)
    assert result.exit_code == 2
    assert "formats .flow files" in result.stderr
    assert file.read_text() == "at   +1d\n"


def test_the_mode_stays_and_a_link_is_followed(ugly: Path, tmp_path: Path) -> None:
    ugly.chmod(0o640)
    link = tmp_path / "link.flow"
    link.symlink_to(ugly)
    assert fmt(link).exit_code == 0
    assert link.is_symlink()
    assert ugly.read_text() == CANONICAL
    assert ugly.stat().st_mode & 0o7777 == 0o640


def test_nothing_else_is_left_in_the_folder(ugly: Path, broken: Path, tmp_path: Path) -> None:
    fmt(ugly, broken)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["[ugly].flow", "broken.flow"]


def test_standard_input_goes_to_standard_output() -> None:
    result = fmt("-", given=UGLY)
    assert (result.exit_code, result.stdout) == (0, CANONICAL)
    assert fmt("--check", "-", given=UGLY).exit_code == 1
    failed = fmt("-", given=BROKEN)
    assert (failed.exit_code, failed.stdout) == (2, "")
    assert "standard input:1:14: error E120" in failed.stderr
