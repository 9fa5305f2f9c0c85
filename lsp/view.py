"""What a client sees of one folder as it asks: its open documents, and places in them and in files.

A view is taken when a request comes in, and answers hold for it: places in a document that has changed while the
answer was on its way are left out.
"""

from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from lsprotocol import types

from megacontext.agent.navigating.definitions import Stretch
from megacontext.agent.navigating.navigator import Navigator
from megacontext.agent.navigating.texts import Text

from .documents import Document
from .folders import Folder
from .positions import Encoding, place_of, position_of, split_lines, units

if TYPE_CHECKING:
    from .server import Server

Result = TypeVar("Result")


class Lines:
    """One text, between positions and characters."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self._text = text
        self._encoding = encoding
        self._has_returns = "\r" in text

    @cached_property
    def _lines(self) -> list[str]:
        return split_lines(self._text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(map(len, self._lines[:-1]))]

    def offset(self, at: types.Position) -> int:
        """Characters before a position."""
        line, column = place_of(self._lines, at, self._encoding)
        return self._starts[line] + column

    def position(self, offset: int) -> types.Position:
        """The position behind so many characters."""
        if not self._has_returns:
            # Few places are asked for in many files, most of them in short ones: no list of lines is needed.
            start = self._text.rfind("\n", 0, offset) + 1
            line = self._text.count("\n", 0, start)
            return types.Position(line, units(self._text[start:offset], self._encoding))
        line = bisect_right(self._starts, offset) - 1
        return position_of(self._lines, line, offset - self._starts[line], self._encoding)

    def start(self, line: int) -> types.Position:
        """Where a line begins, from 0; the end of the text behind its last line."""
        if line < len(self._lines):
            return types.Position(line, 0)
        return self.position(len(self._text))

    def range(self, start: int, end: int) -> types.Range:
        """The range between two such places."""
        return types.Range(self.position(start), self.position(end))


class View:
    """One folder, as it is seen in one moment. Made in the event loop, used from any thread."""

    def __init__(self, server: "Server", folder: Folder) -> None:
        self.folder = folder
        self.encoding = server.encoding
        self._server = server
        self._lines: dict[str, Lines] = {}
        self._open: dict[str, tuple[Document, int]] = {}
        self.buffers: dict[str, str] = {}
        """Text of the open documents of this folder, by path."""
        for document in server.documents:
            found = server.folders.find(document.uri)
            if found is not None and found[0].host is folder.host:
                self.buffers[found[1]] = document.text
                self._open[found[1]] = document, document.version

    async def look(self, work: Callable[[Navigator], Result]) -> Result | None:
        """Ask the memory, beside the event loop; None before there is a memory."""
        shelf = self.folder.shelf
        return await self.folder.look(lambda memory: work(Navigator(memory, self.buffers, shelf)))

    def lines(self, text: Text) -> Lines:
        """The lines of a file."""
        if text.path not in self._lines:
            self._lines[text.path] = Lines(text.text, self.encoding)
        return self._lines[text.path]

    def range(self, text: Text, stretch: Stretch) -> types.Range:
        """A stretch as the client counts it."""
        return self.lines(text).range(stretch.start, stretch.end)

    def location(self, navigator: Navigator, stretch: Stretch) -> types.Location | None:
        """A stretch with its document; None for a file that is gone by now."""
        text = navigator.texts.of(stretch.path)
        if text is None:
            return None
        return types.Location(self.uri_of(stretch.path), self.range(text, stretch))

    def uri_of(self, path: str) -> str:
        """The URI of a file, as the client spells it where it has it open."""
        if path in self._open:
            return self._open[path][0].uri
        return self.folder.uri_of(path)

    def version_of(self, path: str) -> int | None:
        """The version of an open document; None for a file that is not open."""
        return self._open[path][1] if path in self._open else None

    def is_current(self, path: str) -> bool:
        """Whether a document is as it was when the view was taken."""
        if path not in self._open:
            return True
        document, version = self._open[path]
        return self._server.documents.get(document.uri) is document and document.version == version

    def current(self, found: list[types.Location] | None) -> list[types.Location]:
        """Places in documents that have not changed since."""
        stale = {self.uri_of(path) for path in self._open if not self.is_current(path)}
        return [each for each in found or [] if each.uri not in stale]


def view_of(server: "Server", uri: str) -> tuple[View, str] | None:
    """A view of the folder that a document is in, and its path; None outside of all folders."""
    found = server.folders.find(uri)
    return None if found is None else (View(server, found[0]), found[1])
