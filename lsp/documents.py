"""The open documents, as the editor has them. Knows no file and no engine.

They are kept in lines, so that a key typed into a long document costs the line it is in.
"""

from collections.abc import Iterator, Sequence

from lsprotocol import types

from megacontext.memory.focus import Position

from .positions import Encoding, place_of, position_of, split_lines


class Document:
    """One open text."""

    def __init__(self, item: types.TextDocumentItem, encoding: Encoding) -> None:
        self.uri = item.uri
        self.version = item.version
        self.language = item.language_id
        self.encoding = encoding
        self.lines = split_lines(item.text)
        self._text: str | None = item.text

    @property
    def text(self) -> str:
        """The whole text now."""
        if self._text is None:
            self._text = "".join(self.lines)
        return self._text

    def change(self, changes: Sequence[types.TextDocumentContentChangeEvent], version: int) -> None:
        """Apply changes, one after the other."""
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                self._splice(change.range, change.text)
            else:
                self.lines = split_lines(change.text)
            self._text = None
        self.version = version

    def _splice(self, where: types.Range, text: str) -> None:
        first, start = place_of(self.lines, where.start, self.encoding)
        last, end = place_of(self.lines, where.end, self.encoding)
        last, end = max((last, end), (first, start))
        fresh = self.lines[first][:start] + text + self.lines[last][end:]
        if first and self.lines[first - 1].endswith("\r") and fresh.startswith("\n"):
            # The two are one line end now.
            first -= 1
            fresh = self.lines[first] + fresh
        lines = split_lines(fresh)
        if last + 1 < len(self.lines):
            # What follows is a line of its own, so `fresh` ends with a line end.
            lines.pop()
        self.lines[first : last + 1] = lines

    def offset(self, at: types.Position) -> int:
        """Characters before a position."""
        line, column = place_of(self.lines, at, self.encoding)
        return sum(map(len, self.lines[:line])) + column

    def place(self, path: str, at: types.Position) -> Position:
        """A position as memory counts it: from 1, and lines end with a line feed alone."""
        return self.place_at(path, self.offset(at))

    def place_at(self, path: str, offset: int) -> Position:
        """The same for so many characters before it."""
        start = self.text.rfind("\n", 0, offset) + 1
        return Position(path, self.text.count("\n", 0, offset) + 1, offset - start + 1)

    def position(self, offset: int) -> types.Position:
        """The position behind so many characters."""
        for number, line in enumerate(self.lines):
            if offset < len(line) or number == len(self.lines) - 1:
                return position_of(self.lines, number, offset, self.encoding)
            offset -= len(line)
        raise AssertionError("a document has at least one line")


class Documents:
    """All open documents, by their URI as the client spells it."""

    def __init__(self) -> None:
        self.encoding: Encoding = Encoding.Utf16
        self._open: dict[str, Document] = {}

    def open(self, item: types.TextDocumentItem) -> Document:
        """A document is open now; one that was open already is as it is told now."""
        document = self._open[item.uri] = Document(item, self.encoding)
        return document

    def change(self, params: types.DidChangeTextDocumentParams) -> Document | None:
        """The document with its changes; None for one that is not open."""
        document = self._open.get(params.text_document.uri)
        if document is not None:
            document.change(params.content_changes, params.text_document.version)
        return document

    def close(self, uri: str) -> Document | None:
        """The document, which is closed now; None when it was not open."""
        return self._open.pop(uri, None)

    def get(self, uri: str) -> Document | None:
        """An open document; None for one that is not."""
        return self._open.get(uri)

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))
