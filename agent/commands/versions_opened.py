"""Versions of a repository for the commands that work with them: memory is brought up to date first."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import progress_bar
from .opened import opened_memory

if TYPE_CHECKING:
    from megacontext.memory.ingest.report import OnProgress
    from megacontext.memory.versions.snapshots import Snapshots

    from ..versions.versions import Versions


@contextmanager
def opened_snapshots(repository: Path | None) -> Iterator["Snapshots"]:
    """What has been saved, without a look at what is now."""
    from megacontext.memory.places import find_places
    from megacontext.memory.versions.objects import Objects
    from megacontext.memory.versions.snapshots import Snapshots

    from ..versions.parts import STORE

    places = find_places(repository or Path.cwd())
    places.make_state_folder()
    with closing(Objects(places.state / STORE)) as objects:
        yield Snapshots(objects)


@contextmanager
def opened_versions(
    repository: Path | None, *, quiet: bool
) -> Iterator[tuple["Versions", "OnProgress"]]:
    """The versions, and what shows how far long work is. Where another process keeps memory fresh, it is read."""
    from megacontext.memory.packs.unpacking import Reader

    from ..opening import Workplace
    from ..versions.versions import Versions

    workplace = Workplace.at(repository)
    with opened_memory(workplace, quiet=quiet) as memory, progress_bar(not quiet) as bar:
        if memory.ingest is not None:
            memory.ingest.reconcile(bar)
        reader = Reader(workplace.spec(), workplace.tokenizer)
        with Versions(memory, workplace.pack_store, reader) as versions:
            yield versions, bar
