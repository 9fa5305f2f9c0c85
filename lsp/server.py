"""The server: its documents, its folders and what it offers. Knows no transport."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from megacontext.agent.hosting.host import Host
from megacontext.agent.hosting.news import HostNews
from megacontext.agent.hosting.shelf import Shelf
from megacontext.agent.opening import Workplace
from megacontext.configs.errors import MegaContextError, SettingsError
from megacontext.models.base import BaseModel

from .documents import Document, Documents
from .features import FEATURES
from .folders import Folder, Folders
from .options import Options, read_options
from .progress import Progresses
from .protocol import Protocol

CLOSE_S = 2.0
"""At the end, threads have so long to notice that they are stopped."""

Open = Callable[[Workplace, Callable[[HostNews], None], Shelf], Host]


class Server(LanguageServer):
    """One client, its documents and folders. Everything but the hosts lives in one event loop."""

    def __init__(self, model: BaseModel | None = None) -> None:
        """`model` takes the place of the one that settings choose."""
        super().__init__("megacontext", version("megacontext"), protocol_cls=Protocol)
        self.documents = Documents()
        self.folders = Folders()
        self.options = Options()
        self.progresses = Progresses(self)
        self.on_close: list[Callable[[Document], None]] = []
        """What features do when a document is closed."""
        self.left: asyncio.Event = asyncio.Event()
        self.exit_code = 0
        self._model = model
        self._shelf = Shelf()
        self._warnings: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.feature(types.INITIALIZE)(partial(self._initialize))
        self.feature(types.INITIALIZED)(partial(self._initialized))
        self.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(partial(self._change_folders))

    # The client

    @property
    def encoding(self) -> types.PositionEncodingKind:
        """How positions are counted, as agreed with the client."""
        return self.documents.encoding

    def _initialize(self, params: types.InitializeParams) -> None:
        self._loop = asyncio.get_running_loop()
        self.documents.encoding = types.PositionEncodingKind(self.workspace.position_encoding)
        self.options, self._warnings = read_options(params.initialization_options)
        for feature in FEATURES:
            feature.register(self)

    def _initialized(self, _: types.InitializedParams) -> None:
        for text in self._warnings:
            self.warn(text)
        given = list(self.workspace.folders.values())
        if not given and self.workspace.root_uri:
            given = [types.WorkspaceFolder(self.workspace.root_uri, "")]
        for folder in given:
            self._open(folder.uri)

    def warn(self, text: str) -> None:
        """Show a person that something is not as they wanted it."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, text))

    def log(self, text: str) -> None:
        """Say something for whoever looks into the log of the editor."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Info, text))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """A fault goes to the log, not into a window."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"{error}"))

    # Folders

    def _change_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.removed:
            self._close(folder.uri)
        for folder in params.event.added:
            self._open(folder.uri)

    def _open(self, uri: str) -> None:
        plain = uris.to_fs_path(uri)
        if plain is None or uri in self.folders:
            return
        try:
            workplace = self._workplace(Path(plain))
        except MegaContextError as exc:
            self.warn(str(exc))
            return
        host = self.folders.host_at(workplace.places.root)
        if host is None:
            host = Host(workplace, self._teller(uri), self._shelf, self._model)
            host.start()
        self.folders.add(Folder(uri, Path(plain), host))
        for document in self.documents:
            self._hold(document)

    def _workplace(self, path: Path) -> Workplace:
        try:
            return Workplace.at(path, self.options.settings)
        except SettingsError as exc:
            if not self.options.settings:
                raise
            self.warn(f"{exc}; the settings of the editor are left out")
            return Workplace.at(path)

    def _close(self, uri: str) -> None:
        folder = self.folders.remove(uri)
        if folder is None or self.folders.host_at(folder.host.root) is folder.host:
            return
        asyncio.get_running_loop().run_in_executor(None, folder.host.close, CLOSE_S)

    def _teller(self, uri: str) -> Callable[[HostNews], None]:
        def tell(news: HostNews) -> None:
            loop = self._loop
            if loop is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self.progresses.tell, uri, news)

        return tell

    # Documents

    def did_open(self, item: types.TextDocumentItem) -> None:
        """A document is open."""
        self._hold(self.documents.open(item))

    def did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Somebody types."""
        document = self.documents.change(params)
        if document is not None:
            self._hold(document)

    def did_close(self, uri: str) -> None:
        """A document is closed: memory reads the file again."""
        document = self.documents.close(uri)
        if document is None:
            return
        for act in self.on_close:
            act(document)
        if found := self.folders.find(uri):
            found[0].host.release(found[1])

    def _hold(self, document: Document) -> None:
        if found := self.folders.find(document.uri):
            found[0].host.hold(found[1], document.text.encode("utf-8", "surrogatepass"))

    # The end

    def leave(self, code: int) -> None:
        """End the server, in the thread of the loop."""
        self.exit_code = code
        self.left.set()

    async def close(self) -> None:
        """Close every repository, waiting a little, but never for a model that does not listen."""
        loop = asyncio.get_running_loop()
        hosts = {id(folder.host): folder.host for folder in self.folders}.values()
        waits = [loop.run_in_executor(None, host.close, CLOSE_S) for host in hosts]
        if not all(await asyncio.gather(*waits)):
            os._exit(self.exit_code)
