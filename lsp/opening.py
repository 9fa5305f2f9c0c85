"""Opens and closes the repositories of workspace folders, while the client goes on. Knows no request."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pygls import uris

from megacontext.agent.hosting.host import Host
from megacontext.agent.hosting.news import HostNews
from megacontext.agent.hosting.shelf import Shelf
from megacontext.agent.opening import Workplace
from megacontext.configs.errors import MegaContextError, SettingsError
from megacontext.models.base import BaseModel

from .folders import Folder, Folders

CLOSE_S = 2.0
"""Threads have so long to notice that they are stopped."""


class Opener:
    """Keeps the folders equal to what the client has open. Lives in the event loop."""

    def __init__(
        self,
        folders: Folders,
        on_open: Callable[[], None],
        on_news: Callable[[str, HostNews], None],
        warn: Callable[[str], None],
        model: BaseModel | None,
    ) -> None:
        """`on_news` gets the URI of a folder and what its host tells, `warn` what is for the person to know."""
        self.settings: dict[str, object] = {}
        """What the client wants otherwise than settings files have it."""
        self._folders = folders
        self._on_open = on_open
        self._on_news = on_news
        self._warn = warn
        self._model = model
        self._shelf = Shelf()
        self._wanted: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def open(self, uri: str) -> None:
        """Open the repository that a folder is in, soon."""
        plain = uris.to_fs_path(uri)
        if plain is None or uri in self._wanted:
            return
        self._wanted.add(uri)
        self._begin(self._open(uri, Path(plain)))

    def close(self, uri: str) -> None:
        """Close a folder, and its repository where no other folder is in it."""
        self._wanted.discard(uri)
        folder = self._folders.remove(uri)
        if folder is not None and self._folders.host_at(folder.host.root) is None:
            self._begin(asyncio.to_thread(folder.host.close, CLOSE_S))

    async def close_all(self) -> bool:
        """Close everything; whether all of it has ended in time."""
        self._wanted.clear()
        hosts = {id(folder.host): folder.host for folder in self._folders}.values()
        closing = [asyncio.to_thread(host.close, CLOSE_S) for host in hosts]
        return all(await asyncio.gather(*closing))

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, uri: str, path: Path) -> None:
        try:
            workplace = await self._workplace(path)
        except MegaContextError as exc:
            self._warn(str(exc))
            return
        if uri not in self._wanted:
            return
        known = self._folders.host_at(workplace.places.root)
        host = known or Host(workplace, self._teller(uri), self._shelf, self._model)
        self._folders.add(Folder(uri, path, host))
        if known is None:
            host.start()
        self._on_open()

    async def _workplace(self, path: Path) -> Workplace:
        try:
            return await asyncio.to_thread(Workplace.at, path, self.settings)
        except SettingsError as exc:
            if not self.settings:
                raise
            self._warn(f"{exc}; the settings that the editor sent are left out")
            return await asyncio.to_thread(Workplace.at, path)

    def _teller(self, uri: str) -> Callable[[HostNews], None]:
        loop = asyncio.get_running_loop()

        def tell(news: HostNews) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._on_news, uri, news)

        return tell
