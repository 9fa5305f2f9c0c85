"""An editor for tests: pygls' own client, with what tests do again and again."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.io_ import run_async
from pygls.lsp.client import LanguageClient

from megacontext.lsp.server import Server
from megacontext.lsp.serving import serve_tcp

CAPABILITIES = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        inline_completion=types.InlineCompletionClientCapabilities()
    ),
    window=types.WindowClientCapabilities(work_done_progress=True),
    general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf16]),
)


class Editor(LanguageClient):
    """Remembers what the server says, and answers what it asks."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.said: list[tuple[str, Any]] = []
        """Notifications of the server, in order."""
        self.result: types.InitializeResult | None = None
        self.errors = b""
        self._news = asyncio.Condition()
        self._versions: dict[str, int] = {}
        self.serving: asyncio.Task[bool] | None = None
        for method in (
            types.WINDOW_LOG_MESSAGE,
            types.WINDOW_SHOW_MESSAGE,
            types.PROGRESS,
            types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS,
        ):
            self._listen(method)

        @self.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def create(_: types.WorkDoneProgressCreateParams) -> None:
            return None

    def _listen(self, method: str) -> None:
        @self.feature(method)
        async def heard(params: Any) -> None:
            self.said.append((method, params))
            async with self._news:
                self._news.notify_all()

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    async def start_in_process(self, server: Server) -> None:
        """Speak to a server in this process."""
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.serving = asyncio.create_task(serve_tcp(server, 0, port.set_result))
        reader, writer = await asyncio.open_connection("127.0.0.1", await port)
        self.protocol.set_writer(writer)
        self.wire = writer
        read = run_async(self._stop_event, reader, self.protocol)
        self._async_tasks.append(asyncio.create_task(read))
        self.server = server

    async def open(
        self,
        roots: Sequence[Path],
        options: Any = None,
        capabilities: types.ClientCapabilities | None = None,
        process_id: int | None = None,
    ) -> types.InitializeResult:
        """The first messages of an editor."""
        folders = [types.WorkspaceFolder(root.as_uri(), root.name) for root in roots]
        self.result = await self.initialize_async(
            types.InitializeParams(
                capabilities=CAPABILITIES if capabilities is None else capabilities,
                process_id=process_id or os.getpid(),
                workspace_folders=folders,
                initialization_options=options,
            )
        )
        self.initialized(types.InitializedParams())
        return self.result

    async def until(self, holds: Any) -> Any:
        """Wait until `holds(method, params)` is true of something the server said; gives its parameters."""
        async with self._news:
            while True:
                for method, params in self.said:
                    if holds(method, params):
                        return params
                await self._news.wait()

    async def fresh(self, root: Path | None = None) -> None:
        """Wait until the files of a folder are indexed, of any by default."""
        told = f"{root.as_uri() if root else ''}: files complete"
        await self.until(
            lambda method, params: method == types.WINDOW_LOG_MESSAGE and told in params.message
        )

    def show(self, path: Path, text: str | None = None, language: str = "python") -> str:
        """Open a document; gives its URI."""
        uri = path.as_uri()
        text = path.read_text("utf-8") if text is None else text
        self._versions[uri] = 1
        item = types.TextDocumentItem(uri, language, 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, line: int, character: int, text: str, *, remove: int = 0) -> None:
        """Put text in at a position, in place of so many units behind it."""
        self._versions[uri] += 1
        where = types.Range(
            types.Position(line, character), types.Position(line, character + remove)
        )
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self._versions[uri], uri),
                [types.TextDocumentContentChangePartial(where, text)],
            )
        )

    def close(self, uri: str) -> None:
        """Close a document."""
        self.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        )

    async def complete(self, uri: str, line: int, character: int) -> list[str]:
        """The texts of the inline completions at a position."""
        answer = await self.text_document_inline_completion_async(
            types.InlineCompletionParams(
                context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
                text_document=types.TextDocumentIdentifier(uri),
                position=types.Position(line, character),
            )
        )
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or []
        return [str(item.insert_text) for item in items]

    async def end(self) -> int | None:
        """Leave as editors do; the exit code of the server."""
        server = self._server
        if server is None:
            return await self._end_in_process()
        if server.returncode is None:
            with contextlib.suppress(Exception):
                await self.shutdown_async(None)
                self.exit(None)
            assert server.stdin is not None
            server.stdin.close()
        assert server.stderr is not None
        self.errors += await server.stderr.read()
        await self.stop()
        return server.returncode

    async def _end_in_process(self) -> int:
        assert self.serving is not None
        if not self.serving.done():
            with contextlib.suppress(Exception):
                await self.shutdown_async(None)
            self.exit(None)
        assert await self.serving
        self.wire.close()
        await self.stop()
        return self.server.exit_code
