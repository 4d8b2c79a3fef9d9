"""The language server from outside: the real process, spoken to as editors do."""

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types

from tests.editor.client import Editor, editor
from tests.editor.support import DECLARED

pytestmark = pytest.mark.anyio

FLOW = "flow f:\n    on webclick\n    send web '您好😋 {{ user_cty }}'\n"
MENDED = FLOW.replace("user_cty", "user_city")


async def opened(session: Editor, folder: Path, text: str = DECLARED + FLOW) -> str:
    await session.initialize()
    return session.open(folder / "a.flow", text)


async def test_what_is_wrong_is_told_on_open_and_taken_back_on_change(tmp_path: Path) -> None:
    async with editor() as session:
        uri = await opened(session, tmp_path)
        (found,) = await session.codes(uri, ["E201"])
        assert found.severity == types.DiagnosticSeverity.Error
        assert found.source == "whenflow"
        assert found.message == "there is no variable `user_cty`\nhelp: did you mean `user_city`?"
        # `您好` are two units, the face is two: the name begins one unit later than its character.
        assert found.range == types.Range(types.Position(7, 22), types.Position(7, 30))
        session.change(uri, DECLARED + MENDED)
        await session.codes(uri, [])
        session.change(uri, DECLARED + MENDED + "segment s:\n")
        await session.codes(uri, ["E108"])
        session.close(uri)
        await session.codes(uri, [])
        assert await session.leave() == 0
        assert session.shown == []


async def test_the_files_of_a_folder_are_one_program(tmp_path: Path) -> None:
    (tmp_path / "events.flow").write_text(DECLARED)
    (tmp_path / "notes.txt").write_text("event")
    async with editor() as session:
        uri = await opened(session, tmp_path, MENDED)
        await session.codes(uri, [])
        (place,) = await session.define(uri, 1, 9)
        assert place.uri == (tmp_path / "events.flow").as_uri()
        assert place.range.start == types.Position(0, 8)

        other = session.open(tmp_path / "b.flow", 'event 1 webclick "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c02"\n')
        events = (tmp_path / "events.flow").as_uri()
        found = await session.codes(events, ["E207", "E207"])
        related = found[0].related_information
        assert related is not None
        assert related[0].location.uri == other
        session.close(other)
        await session.codes(events, [])


async def test_a_file_that_is_gone_from_the_disk_is_gone_from_the_program(tmp_path: Path) -> None:
    events = tmp_path / "events.flow"
    events.write_text(DECLARED)
    async with editor() as session:
        uri = await opened(session, tmp_path, MENDED)
        await session.codes(uri, [])
        events.unlink()
        change = types.FileEvent(events.as_uri(), types.FileChangeType.Deleted)
        session.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([change]))
        await session.codes(uri, ["E202"])


async def test_each_file_is_a_program_of_its_own_if_the_editor_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "alternative.flow").write_text(DECLARED)
    async with editor() as session:
        await session.initialize({"program": "file"})
        uri = session.open(tmp_path / "a.flow", DECLARED + MENDED)
        await session.codes(uri, [])
        assert list(session.published) == [uri]


async def test_an_editor_is_answered(tmp_path: Path) -> None:
    async with editor() as session:
        uri = await opened(session, tmp_path)
        items = {item.label: item for item in await session.complete(uri, 7, 30)}
        edit = items["user_city"].text_edit
        assert isinstance(edit, types.TextEdit)
        assert edit.range == types.Range(types.Position(7, 22), types.Position(7, 30))
        assert edit.new_text == "user_city"
        assert items["event_count_1"].detail == "int"

        told = await session.hover(uri, 4, 8)
        assert told is not None
        assert isinstance(told.contents, types.MarkupContent)
        assert "`webclick`" in told.contents.value
        assert await session.hover(uri, 7, 15) is None

        (place,) = await session.define(uri, 4, 8)
        assert (place.uri, place.range.start) == (uri, types.Position(0, 8))
        assert await session.define(uri, 99, 99) == []


async def test_a_document_is_formatted(tmp_path: Path) -> None:
    pytest.importorskip("grammar.formatter")
    async with editor() as session:
        await session.initialize()
        uri = session.open(tmp_path / "a.flow", "segment s:\n  user_email=='您好😋'\n")
        (edit,) = await session.format(uri)
        assert edit.range == types.Range(types.Position(1, 0), types.Position(2, 0))
        assert edit.new_text == '    user_email == "您好😋"\n'
        session.change(uri, "segment s:\n  user_email==(\n")
        assert await session.format(uri) == []


async def test_a_text_that_was_never_saved_is_a_program(tmp_path: Path) -> None:
    async with editor() as session:
        await session.initialize()
        item = types.TextDocumentItem("untitled:Untitled-1", "whenflow", 1, DECLARED + FLOW)
        session.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        await session.codes("untitled:Untitled-1", ["E201"])


async def test_a_flow_test_is_left_alone(tmp_path: Path) -> None:
    async with editor() as session:
        await session.initialize()
        tests = session.open(tmp_path / "a.flowtest", "expect no messages\n", "plaintext")
        uri = session.open(tmp_path / "a.flow", DECLARED + FLOW)
        await session.codes(uri, ["E201"])
        assert tests not in session.published


async def test_a_document_with_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    async with editor() as session:
        uri = await opened(session, tmp_path, "\ufeff" + (DECLARED + FLOW).replace("\n", "\r\n"))
        (found,) = await session.codes(uri, ["E201"])
        assert found.range.start == types.Position(7, 22)


async def test_columns_are_counted_as_the_editor_prefers(tmp_path: Path) -> None:
    async with editor() as session:
        general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf8])
        answer = await session.initialize(capabilities=types.ClientCapabilities(general=general))
        assert answer.capabilities.position_encoding == types.PositionEncodingKind.Utf8
        uri = session.open(tmp_path / "a.flow", DECLARED + FLOW)
        (found,) = await session.codes(uri, ["E201"])
        assert found.range.start == types.Position(7, 28)


async def test_questions_are_answered_while_a_large_file_is_checked(tmp_path: Path) -> None:
    large = DECLARED + "".join(
        f"segment s{number}:\n    event_count_1 > {number} and event_count_3 > {number}\n" for number in range(10000)
    )
    async with editor() as session:
        uri = await opened(session, tmp_path)
        await session.codes(uri, ["E201"])
        big = session.open(tmp_path / "large" / "a.flow", large)
        for _ in range(3):  # each keystroke asks for another check
            session.change(big, large)
        assert await session.hover(uri, 4, 8) is not None
        assert big not in session.published
        await session.codes(big, [])


async def test_the_server_ends_when_its_editor_is_gone(tmp_path: Path) -> None:
    async with editor() as session:
        await opened(session, tmp_path)
        process = session.client._server
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 5)
