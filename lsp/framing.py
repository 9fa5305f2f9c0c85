"""Messages cut out of a stream of bytes, whatever else is in it. Knows no meaning of a message."""

import re
from typing import Final

MOST_BYTES: Final = 256_000_000
"""A longer message is passed over; no editor sends one."""
_LONGEST_LINE: Final = 8_192
_LENGTH: Final = re.compile(rb"Content-Length[ \t]*:[ \t]*([0-9]{1,18})", re.IGNORECASE)


class Frames:
    """Takes bytes as they come and gives whole messages out.

    What is no header is passed over, line by line, until one begins.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None
        """Of the message whose header is read; None before it has told."""
        self._body = False
        self._skip = 0

    def push(self, data: bytes) -> list[bytes]:
        """The messages that are whole now, in order."""
        self._buffer += data
        found = []
        while (body := self._next()) is not None:
            found.append(body)
        return found

    def _next(self) -> bytes | None:
        while not self._body:
            if self._skip:
                passed = min(self._skip, len(self._buffer))
                del self._buffer[:passed]
                self._skip -= passed
            line = self._line()
            if line is None:
                return None
            self._header(line)
        assert self._length is not None, "a body follows its length"
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._length, self._body = None, False
        return body

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                del self._buffer[:-_LONGEST_LINE]
            return None
        line = bytes(self._buffer[:end]).strip()
        del self._buffer[: end + 1]
        return line

    def _header(self, line: bytes) -> None:
        if found := _LENGTH.search(line):
            self._length = int(found[1])
        elif not line and self._length is not None:
            if self._length > MOST_BYTES:
                self._skip, self._length = self._length, None
            else:
                self._body = True
