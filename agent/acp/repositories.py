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
        self._hosted: dict[Path, Hosted] = {}

    @property
    def roots(self) -> list[Path]:
        """Of those that are open."""
        return list(self._hosted)

    async def open(self, folder: Path) -> Hosted:
        """The repository that encloses a folder; raises RepositoryError, SettingsError or ModelError."""
        workplace = await asyncio.to_thread(Workplace.at, folder, self._overrides)
        root = workplace.places.root
        if root not in self._hosted:
            self._hosted[root] = Hosted(_without_idle_gists(workplace), self._shelf, self._model)
        return self._hosted[root]

    async def close(self) -> bool:
        """Let other processes write them; whether all has ended in time."""
        closed = [asyncio.to_thread(each.close) for each in self._hosted.values()]
        return all(await asyncio.gather(*closed))


def _without_idle_gists(workplace: Workplace) -> Workplace:
    """Where memory is read as text, no model is loaded only to make gists that nobody reads here."""
    settings = workplace.settings
    if settings.focus.codec == "gist":
        return workplace
    memory = settings.memory.model_copy(update={"gists": "off"})
    return replace(workplace, settings=settings.model_copy(update={"memory": memory}))
