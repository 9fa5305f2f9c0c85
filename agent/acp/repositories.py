"""The repositories that sessions are about, each opened once. Knows no session and no wire."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from megacontext.models.base import BaseModel

from ..hosted import Hosted
from ..hosting.shelf import Shelf
from ..opening import Workplace


class Repositories:
    """Opens them when they are first asked for; used in the loop of the connection."""

    def __init__(self, overrides: Mapping[str, object], model: BaseModel | None) -> None:
        self._overrides = overrides
        self._model = model
        self._shelf = Shelf()
        self._held: dict[Path, tuple[Hosted, int]] = {}
        """Those that are open, each with how many hold it."""
        self._known: dict[Path, None] = {}
        self._turn = asyncio.Lock()
        """One that is being closed is not to be opened beside that: it would find itself as the one who writes."""

    @property
    def roots(self) -> list[Path]:
        """Of all that were opened here."""
        return list(self._known)

    async def hold(self, folder: Path) -> Hosted:
        """The repository that encloses a folder; let go of it in the end.

        Raises RepositoryError, SettingsError or ModelError.
        """
        workplace = await asyncio.to_thread(Workplace.at, folder, self._overrides)
        root = workplace.places.root
        async with self._turn:
            held = self._held.get(root)
            if held is None:
                held = Hosted(_without_idle_gists(workplace), self._shelf, self._model), 0
                self._known[root] = None
            hosted, holders = held
            self._held[root] = hosted, holders + 1
            return hosted

    async def let_go(self, hosted: Hosted) -> None:
        """Close a repository that nobody else holds, so that other processes write its memory."""
        root = hosted.workplace.places.root
        async with self._turn:
            _, holders = self._held[root]
            if holders > 1:
                self._held[root] = hosted, holders - 1
            else:
                del self._held[root]
                await asyncio.to_thread(hosted.close)

    async def close(self) -> bool:
        """Let other processes write all of them; whether all has ended in time."""
        closed = [asyncio.to_thread(hosted.close) for hosted, _ in self._held.values()]
        return all(await asyncio.gather(*closed))


def _without_idle_gists(workplace: Workplace) -> Workplace:
    """Where memory is read as text, no model is loaded only to make gists that nobody reads here."""
    settings = workplace.settings
    if settings.focus.codec == "gist":
        return workplace
    memory = settings.memory.model_copy(update={"gists": "off"})
    return replace(workplace, settings=settings.model_copy(update={"memory": memory}))
