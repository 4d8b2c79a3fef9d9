"""The language server: the editor's protocol (LSP 3.17) around the pure functions of this package.

Programs are checked in a thread and one at a time: while a check runs, all further changes of its program wait together
for one more. So a file of a megabyte, which takes seconds, holds up neither the editor's questions nor the newest text.
Questions are answered from the text as it is now and the declarations of the last check.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from editor import completion, formatting, hover
from editor.items import Kind
from editor.positions import Position, Positions
from editor.programs import SUFFIX, Program, Scope, check_program, files_of, valid_text
from editor.symbols import symbol_at
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.nodes import Script
from grammar.source import Source, Span
from grammar.syntax.parser import read_source

LANGUAGE = "whenflow"

_KINDS = {
    Kind.VARIABLE: types.CompletionItemKind.Variable,
    Kind.FUNCTION: types.CompletionItemKind.Function,
    Kind.EVENT: types.CompletionItemKind.Event,
    Kind.SEGMENT: types.CompletionItemKind.Class,
    Kind.FIELD: types.CompletionItemKind.Field,
    Kind.KEYWORD: types.CompletionItemKind.Keyword,
    Kind.TYPE: types.CompletionItemKind.TypeParameter,
    Kind.VALUE: types.CompletionItemKind.Value,
}
_SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


@dataclass(slots=True)
class Folder:
    """A program and how far its checking is. `asked` and `done` count the wishes for a check."""

    checked: Program
    asked: int = 0
    done: int = 0
    task: asyncio.Task[None] | None = None
    published: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Document:
    """An open document. `path` names it among the files of its program."""

    uri: str
    path: str
    source: Source
    positions: Positions


_NOTHING = Program(Script(()), {}, {})


class FlowServer(LanguageServer):
    """Keeps the open documents and the programs that they belong to."""

    def __init__(self, version: str) -> None:
        # A whole text with each change: the protocol and Python disagree about what ends a line (U+2028, form feed).
        super().__init__("whenflow", version, types.TextDocumentSyncKind.Full)
        self.scope = Scope.FOLDER
        self._uris: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._folders: dict[str, Folder] = {}

    # Documents

    def open(self, uri: str, text: str) -> None:
        path = _path_of(uri)
        self._uris[path], self._texts[path] = uri, valid_text(text)
        self._recheck(path)

    def close(self, uri: str) -> None:
        path = _path_of(uri)
        self._texts.pop(path, None)
        self._recheck(path)

    def is_open(self, uri: str) -> bool:
        """Whether a document of the language is open under this address."""
        return _path_of(uri) in self._texts

    def document(self, uri: str) -> Document | None:
        """An open document; None if it is not open, or too large to be read."""
        path = _path_of(uri)
        text = self._texts.get(path)
        source = None if text is None else read_source(path, text, Diagnostics())
        return None if text is None or source is None else Document(uri, path, source, self._positions(source, text))

    def _positions(self, source: Source, text: str | bytes) -> Positions:
        bom = isinstance(text, str) and text.startswith("\ufeff")
        encoding = str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        return Positions(source, encoding, (3 if encoding == "utf-8" else 1) if bom else 0)

    async def script(self, document: Document) -> Script:
        """The declarations of a document's program, as last checked."""
        folder = self._folders.get(self._key(document.path))
        if folder is None:
            return _NOTHING.script
        if not folder.done and folder.task is not None:
            await asyncio.shield(folder.task)
        return folder.checked.script

    # Checking

    def recheck_all(self) -> None:
        """The files on the disk may have changed."""
        for path in list(self._texts):
            self._recheck(path)

    def _key(self, path: str) -> str:
        is_whole = self.scope is Scope.FOLDER and path.endswith(SUFFIX)
        return str(Path(path).parent) if is_whole else path

    def _recheck(self, path: str) -> None:
        folder = self._folders.setdefault(self._key(path), Folder(_NOTHING))
        folder.asked += 1
        if folder.task is None:
            folder.task = asyncio.get_running_loop().create_task(self._check(folder, path))

    async def _check(self, folder: Folder, path: str) -> None:
        """Checks until nothing more was asked for while a check ran."""
        key = self._key(path)
        try:
            while folder.done < folder.asked:
                asked = folder.asked
                opened = {each: text for each, text in self._texts.items() if self._key(each) == key}
                if opened:
                    files = files_of(path, opened, self.scope)
                    folder.checked = await asyncio.to_thread(check_program, files)
                    self._publish(folder, files)
                else:
                    folder.checked = _NOTHING
                    self._publish(folder, {})
                folder.done = asked
        finally:
            folder.task = None
            if not any(self._key(each) == key for each in self._texts):
                self._folders.pop(key, None)

    def _publish(self, folder: Folder, files: Mapping[str, str | bytes]) -> None:
        """Tells what is wrong in each file, and nothing of those that no longer belong to the program."""
        places = {name: self._positions(source, files[name]) for name, source in folder.checked.sources.items()}
        for name in sorted(folder.published - set(files)):
            self._publish_file(name, [])
        for name in files:
            found = folder.checked.diagnostics.get(name, ())
            if found or name in self._texts or name in folder.published:
                self._publish_file(name, [self._diagnostic(each, places) for each in found])
        folder.published = set(files)

    def _publish_file(self, name: str, found: list[types.Diagnostic]) -> None:
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(self.uri_of(name), found))

    def _diagnostic(self, found: Diagnostic, places: Mapping[str, Positions]) -> types.Diagnostic:
        related = [
            types.DiagnosticRelatedInformation(
                types.Location(self.uri_of(label.span.source.name), _range_in(places, label.span)), label.message
            )
            for label in found.labels
        ]
        return types.Diagnostic(
            range=_range_in(places, found.span),
            message=found.message if found.help is None else f"{found.message}\nhelp: {found.help}",
            severity=_SEVERITIES[found.severity],
            code=found.code,
            source=LANGUAGE,
            related_information=related or None,
        )

    # Places

    def uri_of(self, path: str) -> str:
        """A file as the editor called it when it opened it, or by its path."""
        return self._uris.get(path) or from_fs_path(path) or path

    def location(self, span: Span) -> types.Location:
        """A place of a file. The text may have changed since the check: what lies behind its end is its end."""
        path = span.source.name
        return types.Location(self.uri_of(path), _range(self._positions(span.source, self._texts.get(path, "")), span))


def _path_of(uri: str) -> str:
    """The path of a file; what is no file (a text that was never saved) is named by its address."""
    return (to_fs_path(uri) if uri.startswith("file:") else None) or uri


def _range(positions: Positions, span: Span) -> types.Range:
    start, end = positions.range(span)
    return types.Range(_position(start), _position(end))


def _range_in(places: Mapping[str, Positions], span: Span) -> types.Range:
    positions = places.get(span.source.name)
    return _range(positions or Positions(span.source), span)


def _position(place: Position) -> types.Position:
    return types.Position(*place)


def create_server(version: str) -> FlowServer:
    """The server with its features; `start_io()` serves standard input and output until the editor says `exit`."""
    server = FlowServer(version)
    _register_documents(server)
    _register_questions(server)
    return server


def _register_documents(server: FlowServer) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        options = params.initialization_options
        wanted = options.get("program") if isinstance(options, dict) else None
        server.scope = Scope.FILE if wanted == Scope.FILE.value else Scope.FOLDER

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        if document.language_id == LANGUAGE or document.uri.endswith(SUFFIX):
            server.open(document.uri, document.text)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        if server.is_open(uri):
            server.open(uri, server.workspace.get_text_document(uri).source)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        if server.is_open(params.text_document.uri):
            server.close(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.recheck_all()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def changed_on_disk(params: types.DidChangeWatchedFilesParams) -> None:
        server.recheck_all()


def _register_questions(server: FlowServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=['"', "'", "{", "/"]))
    async def complete(params: types.CompletionParams) -> types.CompletionList | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        offset = document.positions.offset(params.position.line, params.position.character)
        found = completion.complete(document.source, offset, await server.script(document))
        place = _range(document.positions, Span(document.source, found.start, found.end))
        return types.CompletionList(is_incomplete=False, items=[_completion(item, place) for item in found.items])

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def describe(params: types.HoverParams) -> types.Hover | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        symbol = symbol_at(document.source, document.positions.offset(params.position.line, params.position.character))
        text = None if symbol is None else hover.describe(symbol, await server.script(document))
        if symbol is None or text is None:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, _range(document.positions, symbol.span))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def define(params: types.DefinitionParams) -> list[types.Location]:
        document = server.document(params.text_document.uri)
        if document is None:
            return []
        symbol = symbol_at(document.source, document.positions.offset(params.position.line, params.position.character))
        if symbol is None:
            return []
        return [server.location(span) for span in hover.declarations(symbol, await server.script(document))]

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def format_document(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        document = server.document(params.text_document.uri)
        if document is None:
            return []
        return [_edit(document, edit) for edit in formatting.format_source(document.source)]


def _completion(item: completion.Item, place: types.Range) -> types.CompletionItem:
    return types.CompletionItem(
        label=item.label,
        kind=_KINDS[item.kind],
        detail=item.detail or None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, item.doc) if item.doc else None,
        text_edit=types.TextEdit(place, item.label),
    )


def _edit(document: Document, edit: formatting.Edit) -> types.TextEdit:
    return types.TextEdit(_range(document.positions, Span(document.source, edit.start, edit.end)), edit.text)
