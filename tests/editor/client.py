"""An editor, as far as the protocol goes: starts the real `whenflow lsp` and talks to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.whenflow.process import COMMAND

LIMIT = 30.0
"""Seconds that an answer may take on a busy machine."""


class Editor:
    """One session. `published` has the latest diagnostics of each file."""

    def __init__(self) -> None:
        self.client = LanguageClient("test", "1")
        self.published: dict[str, list[types.Diagnostic]] = {}
        self.shown: list[str] = []
        self._news = asyncio.Event()
        self._versions: dict[str, int] = {}

        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.published[params.uri] = list(params.diagnostics)
            self._news.set()

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)  # type: ignore[untyped-decorator]
        def show(params: types.ShowMessageParams) -> None:
            self.shown.append(params.message)

    async def initialize(
        self, options: dict[str, Any] | None = None, capabilities: types.ClientCapabilities | None = None
    ) -> types.InitializeResult:
        params = types.InitializeParams(capabilities or types.ClientCapabilities(), initialization_options=options)
        answer = await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        return answer

    def open(self, path: Path, text: str, language: str = "whenflow") -> str:
        """Opens a file with this text, whatever it holds on the disk; its URI."""
        uri = path.as_uri()
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, text: str) -> None:
        self._versions[uri] = self._versions.get(uri, 1) + 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=self._versions[uri], uri=uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def codes(self, uri: str, wanted: list[str]) -> list[types.Diagnostic]:
        """Waits until the diagnostics of a file have these codes."""

        async def arrive() -> None:
            while uri not in self.published or [found.code for found in self.published[uri]] != wanted:
                self._news.clear()
                await self._news.wait()

        try:
            await asyncio.wait_for(arrive(), LIMIT)
        except TimeoutError:
            raise AssertionError(f"not {wanted} but {self.published.get(uri)}") from None
        return self.published[uri]

    async def complete(self, uri: str, line: int, column: int) -> list[types.CompletionItem]:
        answer = await self.client.text_document_completion_async(
            types.CompletionParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        )
        assert isinstance(answer, types.CompletionList)
        return list(answer.items)

    async def hover(self, uri: str, line: int, column: int) -> types.Hover | None:
        return await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        )

    async def define(self, uri: str, line: int, column: int) -> list[types.Location]:
        answer = await self.client.text_document_definition_async(
            types.DefinitionParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        )
        assert isinstance(answer, list)
        return [each for each in answer if isinstance(each, types.Location)]

    async def format(self, uri: str) -> list[types.TextEdit]:
        answer = await self.client.text_document_formatting_async(
            types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), types.FormattingOptions(4, True))
        )
        return list(answer or [])

    async def leave(self) -> int | None:
        """Says good-bye as editors do; the server's exit code."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        process = self.client._server
        assert process is not None
        return await asyncio.wait_for(process.wait(), 5)


@asynccontextmanager
async def editor() -> AsyncIterator[Editor]:
    """A session that is over when the block ends, however it ends."""
    session = Editor()
    await session.client.start_io(str(COMMAND), "lsp")
    process = session.client._server
    assert process is not None
    try:
        yield session
    finally:
        if process.returncode is None:
            process.kill()
        await session.client.stop()  # type: ignore[no-untyped-call]
