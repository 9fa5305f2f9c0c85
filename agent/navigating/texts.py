"""Files as a person sees them, with places in characters. Knows no symbol.

What an editor has open goes before what is on disk. What is left out of memory has no text.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from megacontext.memory.ingest.reading import FileText
from megacontext.memory.memory import Memory

from ..edits.text_file import BOM


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
    def _starts(self) -> tuple[list[int], list[int]]:
        """Where each line begins, in bytes and in characters."""
        lines = self.data.split(b"\n")
        in_bytes = [0, *accumulate(len(line) + 1 for line in lines[:-1])]
        if self.data.isascii():
            return in_bytes, in_bytes
        counts = (len(line.decode("utf-8", "replace")) + 1 for line in lines[:-1])
        return in_bytes, [0, *accumulate(counts)]

    def offset(self, byte: int) -> int:
        """Characters before so many bytes."""
        in_bytes, in_chars = self._starts
        line = bisect_right(in_bytes, byte) - 1
        rest = self.data[in_bytes[line] : byte].decode("utf-8", "replace")
        return max(0, in_chars[line] + len(rest) - self.mark)

    def line(self, number: int) -> tuple[int, int]:
        """Where a line begins and ends, in characters and without its end; `number` is from 1 and in range."""
        start = max(0, self._starts[1][number - 1] - (self.mark if number > 1 else 0))
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        return start, end - self.text.endswith("\r", start, end)

    @property
    def lines(self) -> int:
        """How many lines there are; the last may be empty."""
        return len(self._starts[0])


class Texts:
    """Texts of one repository, each read once."""

    def __init__(self, memory: Memory, buffers: Mapping[str, str]) -> None:
        """`buffers` are the files that are open in an editor, by path."""
        self.memory = memory
        self.buffers = buffers
        self._read: dict[str, Text | None] = {}

    def of(self, path: str) -> Text | None:
        """A file; None when it is gone or left out."""
        if path not in self._read:
            self._read[path] = self._look(path)
        return self._read[path]

    def _look(self, path: str) -> Text | None:
        buffer = self.buffers.get(path)
        data = None if buffer is None else buffer.encode("utf-8", "replace")
        found = self.memory.look(path, data)
        if not isinstance(found, FileText):
            return None
        if buffer is not None:
            return Text(path, buffer, found.data, found.digest)
        text = found.data.removeprefix(BOM).decode("utf-8", "replace")
        return Text(path, text, found.data, found.digest, int(found.data.startswith(BOM)))

    def is_known(self, text: Text) -> bool:
        """Whether what the catalogue says of the file holds for this text."""
        record = self.memory.catalogue.file(text.path)
        return record is not None and record.digest == text.digest

    def edited(self) -> list[Text]:
        """The open files that the catalogue knows otherwise, or not at all."""
        opened = (self.of(path) for path in self.buffers)
        return [text for text in opened if text is not None and not self.is_known(text)]
