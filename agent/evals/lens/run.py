"""From a YAML file to a dataset of snapshots: opens repositories, base and cache, and closes them. Draws nothing."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megacontext.models.lens.snapshots import Snapshots

from ..measuring import LossCache, Measurer
from ..repositories import Reader, each_opened
from .settings import SourceSettings, pinned
from .snapshots import OnSnapshot, make_dataset

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class LensPlaces:
    """Where everything is kept that does not have to be made twice."""

    data: Path

    @property
    def wheels(self) -> Path:
        """Downloaded packages."""
        return self.data / "wheels"

    @property
    def repositories(self) -> Path:
        """Unpacked packages, each with its memory."""
        return self.data / "repositories"

    @property
    def losses(self) -> Path:
        """What was measured, whatever base and GistNet it was measured with."""
        return self.data / "lens" / "losses.db"


def make_snapshots(
    settings: SourceSettings,
    file: Path,
    out: Path,
    places: LensPlaces,
    model: str,
    commit: str,
    progress: OnSnapshot,
) -> dict[str, Any]:
    """Make the dataset that settings read from `file` describe, in place of the one in `out`; some figures of it.

    Raises SettingsError for packages of the other split, TrainingError when one cannot be had, ModelError for a
    base that reads no vectors.
    """
    started = time.perf_counter()
    packages = pinned(settings, file)
    reader = Reader.load(model)
    part = out.with_name(f"{out.name}.new")
    shutil.rmtree(part, ignore_errors=True)
    with LossCache(places.losses) as cache:
        measurer = Measurer(reader.model, reader.gister.base_id, cache)
        repositories = each_opened(
            packages, places.repositories, places.wheels, reader, settings.draw.slots
        )
        make_dataset(
            settings, packages, part, repositories, measurer, reader.gister, commit, progress
        )
    shutil.rmtree(out, ignore_errors=True)
    part.replace(out)
    made = Snapshots(out)
    return {
        "folder": str(out),
        "snapshots": len(made),
        "entries": sum(len(made[index]) for index in range(len(made))),
        "fingerprint": made.manifest.fingerprint,
        "forwards": measurer.forwards,
        "seconds": round(time.perf_counter() - started, 1),
    }


@contextmanager
def progress_shown(console: "Console", task: str) -> Iterator[OnSnapshot]:
    """A bar that tells which repository is read, how much is done and how long the rest will take."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining()
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(task, total=None)

        def show(repository: str, done: int, total: int) -> None:
            bars.update(bar, description=f"{task} · {repository}", completed=done, total=total)

        yield show
