"""Files as a person sees them, with places in characters. Knows no symbol.

What an editor has open goes before what is on disk. What is left out of memory has no text.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from megacontext.memory.catalogue import FileRecord
from megacontext.memory.focus.lru import Lru
from megacontext.memory.ingest.reading import FileText
from megacontext.memory.memory import Memory

from ..edits.text_file import BOM

KEPT = 400
"""Texts that are kept, so that the next question about them reads nothing."""


@dataclass(frozen=True)
class Text:
    """One file."""

    path: str
    text: str
    """Without a byte order mark, which editors do not show."""
    data: bytes
    """What memory is made from."""
    digest: bytes
    """Of the data."""
    mark: int = 0
    """Characters at the start of the data that the text goes without: 1 for a byte order mark."""

    @cached_property
    def _is_ascii(self) -> bool:
        return self.data.isascii()

    @cached_property
    def _starts(self) -> tuple[list[int], list[int]]:
        """Where each line begins, in bytes and in characters."""
        lines = self.data.split(b"\n")
        in_bytes = [0, *accumulate(len(line) + 1 for line in lines[:-1])]
        counts = (len(line.decode("utf-8", "replace")) + 1 for line in lines[:-1])
        return in_bytes, [0, *accumulate(counts)]

    def offset(self, byte: int) -> int:
        """Characters before so many bytes."""
        if self._is_ascii:
            return byte
        in_bytes, in_chars = self._starts
        line = bisect_right(in_bytes, byte) - 1
        rest = self.data[in_bytes[line] : byte].decode("utf-8", "replace")
        return max(0, in_chars[line] + len(rest) - self.mark)

    def line_behind(self, offset: int, number: int) -> tuple[int, int]:
        """Where line `number`, from 1, begins and ends, without its end; looked for from `offset`, which is before it.

        The line of `offset` where the text has no such line behind it.
        """
        start = self.text.rfind("\n", 0, offset) + 1
        for _ in range(number - 1 - self.text.count("\n", 0, start)):
            following = self.text.find("\n", start) + 1
            if not following:
                break
            start = following
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        return start, end - self.text.endswith("\r", start, end)


class Shelf:
    """Texts that were read lately. Safe to share by whoever holds the memory."""

    def __init__(self) -> None:
        self.files: Lru[tuple[str, bytes], Text] = Lru(KEPT)
        """By path and digest."""
        self.buffers: Lru[tuple[str, str], Text] = Lru(KEPT)
        """By path and text."""


class Texts:
    """Texts of one repository in one unchanging state."""

    def __init__(self, memory: Memory, buffers: Mapping[str, str], shelf: Shelf) -> None:
        """`buffers` are the files that are open in an editor, by path."""
        self.memory = memory
        self.buffers = buffers
        self._shelf = shelf
        self._read: dict[str, Text | None] = {}
        self._records: dict[str, FileRecord | None] = {}

    def of(self, path: str) -> Text | None:
        """A file; None when it is gone or left out."""
        if path not in self._read:
            buffer = self.buffers.get(path)
            self._read[path] = self._file(path) if buffer is None else self._buffer(path, buffer)
        return self._read[path]

    def _buffer(self, path: str, buffer: str) -> Text | None:
        kept = self._shelf.buffers.get((path, buffer))
        if kept is not None:
            return kept
        found = self.memory.look(path, buffer.encode("utf-8", "replace"))
        if not isinstance(found, FileText):
            return None
        text = Text(path, buffer, found.data, found.digest)
        self._shelf.buffers.put((path, buffer), text)
        return text

    def _file(self, path: str) -> Text | None:
        record = self.record(path)
        known = record.digest if record else b""
        kept = self._shelf.files.get((path, known))
        if kept is not None and record is not None and self.memory.is_untouched(record):
            return kept
        found = self.memory.look(path, known=known)
        if not isinstance(found, FileText):
            return None
        shown = found.data.removeprefix(BOM).decode("utf-8", "replace")
        text = Text(path, shown, found.data, found.digest, int(found.data.startswith(BOM)))
        self._shelf.files.put((path, found.digest), text)
        return text

    def record(self, path: str) -> FileRecord | None:
        """What the catalogue says of a file."""
        if path not in self._records:
            self._records[path] = self.memory.catalogue.file(path)
        return self._records[path]

    def is_known(self, text: Text) -> bool:
        """Whether what the catalogue says of the file holds for this text."""
        record = self.record(text.path)
        return record is not None and record.digest == text.digest

    def edited(self) -> list[Text]:
        """The open files that the catalogue knows otherwise, or not at all."""
        opened = (self.of(path) for path in self.buffers)
        return [text for text in opened if text is not None and not self.is_known(text)]
