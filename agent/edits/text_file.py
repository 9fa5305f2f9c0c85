"""A file as text that turns back into exactly its bytes: byte order mark, line ends and stray bytes are kept."""

import re
from dataclasses import dataclass

from megacontext.configs.errors import ToolError
from megacontext.memory.left_out import HEAD

BOM = b"\xef\xbb\xbf"
_STRAY = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class TextFile:
    """Text with `\\n`, `\\r\\n` or `\\r` as they stand in the file; bytes that are no UTF-8 are surrogate escapes."""

    text: str
    bom: bool = False

    @classmethod
    def of(cls, path: str, data: bytes) -> "TextFile":
        """The text of a file; raises ToolError when it is binary."""
        if b"\0" in data[:HEAD]:
            raise ToolError(f"{path} is binary; only text can be read and edited")
        bom = data.startswith(BOM)
        return cls(data[len(BOM) * bom :].decode("utf-8", "surrogateescape"), bom)

    @property
    def line_end(self) -> str:
        """The line end that most lines have; `\\n` when there is none."""
        windows = self.text.count("\r\n")
        unix = self.text.count("\n") - windows
        old = self.text.count("\r") - windows
        if windows > max(unix, old):
            return "\r\n"
        return "\r" if old > unix else "\n"

    @property
    def is_utf8(self) -> bool:
        """Whether every byte is part of a character."""
        return _STRAY.search(self.text) is None

    def data(self, text: str) -> bytes:
        """The bytes of the file with another text; raises ToolError when the text cannot be written in it."""
        return BOM * self.bom + text.encode("utf-8", "surrogateescape")

    def fitted(self, path: str, text: str) -> str:
        """A new piece of text as it has to stand in this file, with its line ends.

        Raises ToolError for a character that the file's encoding has another byte for, or for one that is none.
        """
        if not text.isascii() and not self.is_utf8:
            raise ToolError(f"{path} is not UTF-8, so only ASCII characters can be put into it")
        if _STRAY.search(text):
            raise ToolError("the text holds half a character (a lone surrogate); write it whole")
        if "\0" in text:
            raise ToolError("the text holds a zero byte, which no text file has")
        return with_line_ends(text, self.line_end)


def with_line_ends(text: str, end: str) -> str:
    """Text with every line end replaced."""
    return _LINE_END.sub(end, text) if end != "\n" or "\r" in text else text


def plain(text: str) -> str:
    """Text with `\\n` alone."""
    return with_line_ends(text, "\n")
