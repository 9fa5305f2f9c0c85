"""AGENTS.md files: which hold for a path, nearest last. Only those of trusted folders are read."""

from collections.abc import Iterable

from megacontext.memory.ingest.reading import FileText
from megacontext.memory.memory import Memory

from .prompts import Instructions

NAME = "AGENTS.md"


class InstructionFiles:
    """The AGENTS.md files of one repository. Each is told once, and again when the telling no longer stands."""

    def __init__(self, memory: Memory, *, trusted: bool, limit: int) -> None:
        """`limit` is in bytes of each file; 0 leaves them all out."""
        self._memory = memory
        self._limit = limit if trusted else 0
        self._told: dict[str, int] = {}

    def root(self) -> list[Instructions]:
        """Those of the repository itself, for the start of every prompt."""
        found = self._read("")
        return [found] if found else []

    def below(self, paths: Iterable[str], turn: int) -> list[Instructions]:
        """Those of the folders above these paths that the model has not been told, the most general first."""
        folders = {folder for path in paths for folder in _folders(path)} - self._told.keys()
        new = [found for folder in sorted(folders) if (found := self._read(folder))]
        self._told |= {each.folder: turn for each in new}
        return new

    def forget(self, first: int, last: int) -> None:
        """What was told in other turns than these no longer stands in the prompt."""
        self._told = {folder: at for folder, at in self._told.items() if first <= at <= last}

    def _read(self, folder: str) -> Instructions | None:
        if not self._limit:
            return None
        path = f"{folder}/{NAME}" if folder else NAME
        found = self._memory.look(path)
        if not isinstance(found, FileText):
            return None
        text = found.data[: self._limit].decode("utf-8", "replace").strip()
        return Instructions(path, folder, text) if text else None


def _folders(path: str) -> list[str]:
    """The folders above a path below the root, and the path itself, which may be one."""
    parts = path.strip("/").split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
