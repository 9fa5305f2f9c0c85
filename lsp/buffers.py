"""What memory reads in place of files that are being edited, as soon as nobody types for a moment."""

import asyncio

from .documents import Document, Documents
from .folders import Folders

QUIET_S = 0.25


class Buffers:
    """Hands open documents to the memory of their folder. Lives in the event loop."""

    def __init__(self, documents: Documents, folders: Folders) -> None:
        self._documents = documents
        self._folders = folders
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def changed(self, document: Document) -> None:
        """A document was opened or typed into."""
        self._wait_no_more(document.uri)
        loop = asyncio.get_running_loop()
        self._waiting[document.uri] = loop.call_later(QUIET_S, self._hold, document)

    def closed(self, document: Document) -> None:
        """A document was closed: memory reads the file again."""
        self._wait_no_more(document.uri)
        if found := self._folders.find(document.uri):
            folder, path = found
            folder.host.release(path)

    def hold_all(self) -> None:
        """A folder has come: some documents may be in it."""
        for document in self._documents:
            if document.uri not in self._waiting:
                self._hold(document)

    def _hold(self, document: Document) -> None:
        self._waiting.pop(document.uri, None)
        if found := self._folders.find(document.uri):
            folder, path = found
            folder.host.hold(path, document.text.encode("utf-8", "replace"))

    def _wait_no_more(self, uri: str) -> None:
        if waiting := self._waiting.pop(uri, None):
            waiting.cancel()
