"""The workspace folders of a client, each with the repository it lies in. Knows no request."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pygls import uris

from megacontext.agent.engine import Engine
from megacontext.agent.hosting.host import Host
from megacontext.agent.hosting.lane import Lane
from megacontext.agent.navigating.texts import Shelf
from megacontext.memory.memory import Memory
from megacontext.models.base import Cancel

Result = TypeVar("Result")


class Folder:
    """One workspace folder. Two folders of one repository share its host."""

    def __init__(self, uri: str, spelled: Path, host: Host) -> None:
        """`spelled` is the folder as the client writes it; it may lead through symbolic links."""
        self.uri = uri
        self.host = host
        self.shelf = Shelf()
        """Texts that were looked at lately; for the quick lane."""
        self._spelled = spelled
        self._real = Path(os.path.realpath(spelled))

    def path_of(self, file: Path) -> str | None:
        """The path in memory of a file on this machine, links resolved; None when it is outside."""
        real = Path(os.path.realpath(file))
        if not real.is_relative_to(self.host.root) or real == self.host.root:
            return None
        return real.relative_to(self.host.root).as_posix()

    def uri_of(self, path: str) -> str:
        """The URI of a path in memory, as the client spells the folder."""
        file = self.host.root / path
        if file.is_relative_to(self._real):
            file = self._spelled / file.relative_to(self._real)
        return uris.from_fs_path(str(file)) or ""

    async def look(self, work: Callable[[Memory], Result]) -> Result | None:
        """Read the memory, in one unchanging state, beside the event loop; None before there is a memory."""
        engine = self.host.engine
        if engine is None:
            return None

        def read() -> Result:
            with engine.memory.reading():
                return work(engine.memory)

        return await asyncio.wrap_future(self.host.quick_lane.call(read))

    async def ask(self, work: Callable[[Engine], Result], cancel: "Cancelled") -> Result | None:
        """Do what needs the model, one at a time; `cancel` is set when the client no longer waits."""
        return await self._do(self.host.model_lane, work, cancel)

    async def act(self, work: Callable[[Engine], Result], cancel: "Cancelled") -> Result | None:
        """The same for a turn of the agent: it keeps nobody from the model while it waits for a person or a tool."""
        return await self._do(self.host.agent_lane, work, cancel)

    async def _do(
        self, lane: Lane, work: Callable[[Engine], Result], cancel: "Cancelled"
    ) -> Result | None:
        engine = self.host.engine
        if engine is None:
            return None
        future = lane.call(lambda: work(engine))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            cancel.set()
            raise


class Cancelled(Cancel):
    """Set when an answer is no longer wanted."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """It is not wanted."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether it is not wanted."""
        return self._is_set


class Folders:
    """All workspace folders that are open."""

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}

    def add(self, folder: Folder) -> None:
        """A folder is open."""
        self._folders[folder.uri] = folder

    def remove(self, uri: str) -> Folder | None:
        """A folder is closed; None when it was not open."""
        return self._folders.pop(uri, None)

    def host_at(self, root: Path) -> Host | None:
        """The host of a repository that is open already."""
        return next((each.host for each in self if each.host.root == root), None)

    def find(self, uri: str) -> tuple[Folder, str] | None:
        """The folder that a document is in, the innermost one, and its path in memory; None outside of all."""
        plain = uris.to_fs_path(uri)
        if plain is None or not Path(plain).is_absolute() or "\0" in plain:
            return None
        found = [(folder, path) for folder in self if (path := folder.path_of(Path(plain)))]
        # The shorter the path, the nearer its repository.
        return min(found, key=lambda item: len(item[1]), default=None)

    def __iter__(self) -> Iterator[Folder]:
        return iter(list(self._folders.values()))

    def __contains__(self, uri: object) -> bool:
        return uri in self._folders
