"""Contents of files by their digest, kept in one folder. Written once, checked when read."""

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from megacontext.configs.errors import UndoError


class Blobs:
    """A folder of contents. Only its owner may look inside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, data: bytes) -> str:
        """Keep a content for good; returns its name. Raises OSError."""
        name = blake2b(data, digest_size=16).hexdigest()
        path = self.folder / name
        if path.exists():
            os.utime(path)
            return name
        for each in (self.folder.parent, self.folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self.folder / f".{name}-{secrets.token_hex(4)}"
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        return name

    def read(self, name: str) -> bytes:
        """A content by its name; raises UndoError when it is gone or damaged."""
        try:
            data = (self.folder / name).read_bytes()
        except (OSError, ValueError) as exc:
            raise UndoError(f"the undo store has lost {name}; that step cannot be undone") from exc
        if blake2b(data, digest_size=16).hexdigest() != name:
            raise UndoError(f"{self.folder / name} is damaged; that step cannot be undone")
        return data
