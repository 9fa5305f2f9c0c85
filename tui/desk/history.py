"""What was typed before, kept as lines of JSON. Knows no widget.

Several processes may append to one file; each sees what was there when it began and what it added itself.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

KEPT = 1_000
"""Entries; a file twice as long is cut back to this many."""
MAX_LENGTH = 20_000
"""Characters; longer texts are not kept."""


class History:
    """Texts in the order in which they were typed, and a place among them.

    Above the newest stands what is being typed; it comes back when one goes down again.
    """

    def __init__(self, path: Path | None = None) -> None:
        """`path` may not exist yet; None keeps nothing. What cannot be read or written is no error."""
        self._path = path
        self.entries: list[str] = _read(path) if path else []
        self._at = len(self.entries)
        self._draft = ""

    def add(self, text: str) -> None:
        """Note a text that was sent, unless it was the one before too."""
        if text.strip() and len(text) <= MAX_LENGTH and self.entries[-1:] != [text]:
            self.entries.append(text)
            self._keep(text)
        self._at = len(self.entries)
        self._draft = ""

    def older(self, current: str) -> str | None:
        """The text before, None when there is none; `current` is what stands there now."""
        if self._at == len(self.entries):
            self._draft = current
        if self._at == 0:
            return None
        self._at -= 1
        return self.entries[self._at]

    def newer(self) -> str | None:
        """The text behind, or what was being typed; None when that is it already."""
        if self._at == len(self.entries):
            return None
        self._at += 1
        return self.entries[self._at] if self._at < len(self.entries) else self._draft

    def _keep(self, text: str) -> None:
        if self._path is None:
            return
        with suppress(OSError):
            if len(self.entries) >= 2 * KEPT:
                self._cut_back(self._path)
                return
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            with os.fdopen(os.open(self._path, flags, 0o600), "ab") as file:
                file.write(_line(text))

    def _cut_back(self, path: Path) -> None:
        self.entries = self.entries[-KEPT:]
        beside = path.with_name(f"{path.name}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"".join(map(_line, self.entries)))
        beside.replace(path)


def _line(text: str) -> bytes:
    return json.dumps(text).encode() + b"\n"


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    texts: list[str] = []
    for line in lines:
        with suppress(ValueError):
            text = json.loads(line)
            if isinstance(text, str):
                texts.append(text)
    return texts
