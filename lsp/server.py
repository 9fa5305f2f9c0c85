"""The server: its documents, its folders and what it offers. Knows no transport."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from megacontext.models.base import BaseModel

from .buffers import Buffers
from .documents import Document, Documents
from .features import FEATURES
from .folders import Folders
from .opening import Opener
from .options import Options, read_options
from .parent import is_alive, until_gone
from .progress import Progresses
from .protocol import Protocol
from .suggesting import Suggester


class Server(LanguageServer):
    """One client. Everything but the work of hosts is done in one event loop."""

    protocol: Protocol

    def __init__(self, model: BaseModel | None = None) -> None:
        """`model` takes the place of the one that settings choose."""
        super().__init__("megacontext", version("megacontext"), protocol_cls=Protocol)
        self.options = Options()
        self.documents = Documents()
        self.folders = Folders()
        self.suggester = Suggester(self.trace, self.warn)
        self.left = asyncio.Event()
        self.exit_code = 0
        self.on_close: list[Callable[[Document], None]] = [self.suggester.forget]
        """What is done when a document is closed."""
        self._buffers = Buffers(self.documents, self.folders)
        self._progresses = Progresses(self)
        self._opener = Opener(
            self.folders, self._buffers.hold_all, self._progresses.tell, self.warn, model
        )
        self._warnings: list[str] = []
        self._preloaded: set[str] = set()
        self._parent: asyncio.Task[None] | None = None
        self.feature(types.INITIALIZE)(partial(self._initialize))
        self.feature(types.INITIALIZED)(partial(self._initialized))
        self.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(partial(self._change_folders))

    # The client

    @property
    def encoding(self) -> types.PositionEncodingKind:
        """How positions are counted, as agreed with the client."""
        return self.documents.encoding

    def _initialize(self, params: types.InitializeParams) -> None:
        self.documents.encoding = types.PositionEncodingKind(self.workspace.position_encoding)
        self.protocol.trace = params.trace or types.TraceValue.Off
        self.options, self._warnings = read_options(params.initialization_options)
        self._opener.settings = self.options.settings
        # One that is not there is of another machine, and says nothing.
        if params.process_id and is_alive(params.process_id):
            watching = until_gone(params.process_id, partial(self.leave, 1))
            self._parent = asyncio.get_running_loop().create_task(watching)
        for feature in FEATURES:
            feature.register(self)

    def _initialized(self, _: types.InitializedParams) -> None:
        for text in self._warnings:
            self.warn(text)
        folders = [folder.uri for folder in self.workspace.folders.values()]
        for uri in folders or [self.workspace.root_uri]:
            if uri is not None:
                self._opener.open(uri)

    def _change_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.removed:
            self._opener.close(folder.uri)
        for folder in params.event.added:
            self._opener.open(folder.uri)

    def opened(self, uri: str) -> None:
        """The memory of a folder is open, or written by this process from now on."""
        if self.options.preload and uri not in self._preloaded:
            self._preloaded.add(uri)
            for folder in self.folders:
                if folder.uri == uri:
                    folder.host.load_model()

    def warn(self, text: str) -> None:
        """Show a person that something is not as they wanted it."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, text))

    def log(self, text: str) -> None:
        """Say something for whoever looks into the log of the editor."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Info, text))

    def trace(self, text: str, details: dict[str, float]) -> None:
        """Say something for whoever looks for a fault, if the client wants to hear it."""
        if self.protocol.trace != types.TraceValue.Off:
            self.protocol.notify(types.LOG_TRACE, types.LogTraceParams(text, json.dumps(details)))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """A fault goes to the log, not into a window."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"{error}"))

    # Documents

    def did_open(self, item: types.TextDocumentItem) -> None:
        """A document is open."""
        self._buffers.changed(self.documents.open(item))

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Somebody types."""
        document = self.documents.change(params)
        if document is not None:
            self._buffers.changed(document)
            self.suggester.changed(document)

    def did_close(self, uri: str) -> None:
        """A document is closed."""
        document = self.documents.close(uri)
        if document is not None:
            self._buffers.closed(document)
            for act in self.on_close:
                act(document)

    # The end

    def leave(self, code: int) -> None:
        """End the server, in the thread of the loop."""
        if not self.left.is_set():
            self.exit_code = code
            self.left.set()

    async def close(self) -> bool:
        """Close every repository; whether all work has ended: a model that does not listen is not waited for."""
        if self._parent is not None:
            self._parent.cancel()
        return await self._opener.close_all()
