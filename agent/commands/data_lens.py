"""`megacontext data lens`: make the snapshots that LensNet is trained on. Parses, calls, prints."""

from pathlib import Path
from typing import Annotated

import typer

from ..console import print_json, say


def lens(
    config: Annotated[
        Path, typer.Option(help="Repositories and positions (configs/data/lens_*.yaml).")
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The base: a preset or a model folder.")
    ] = "pocket",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the snapshots; default: data/lens/NAME.")
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Folder that keeps wheels, repositories and what was measured.")
    ] = Path("data"),
    count: Annotated[
        int | None, typer.Option(min=1, help="Snapshots instead of the settings' own number.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Measure what the detail of each entry is worth, at real editing positions; stopped, it goes on where it was.

    The snapshots that are in the folder stay until the new ones are complete.
    """
    from rich.console import Console

    from megacontext.models.training.corpus.settings import read_yaml
    from megacontext.models.training.provenance import commit_of_code

    from ..evals.lens.run import LensPlaces, make_snapshots, progress_shown
    from ..evals.lens.settings import SourceSettings

    settings = read_yaml(config, SourceSettings)
    if count is not None:
        settings = settings.model_copy(update={"snapshots": count})
    folder = out or data / "lens" / settings.name
    with progress_shown(Console(stderr=True), "snapshots") as progress:
        made = make_snapshots(
            settings, config, folder, LensPlaces(data), model, commit_of_code(), progress
        )
    if as_json:
        print_json(made)
    else:
        say(
            f"{made['snapshots']:,} snapshots with {made['entries']:,} entries in {folder}; "
            f"{made['forwards']:,} contexts read in {made['seconds']:.0f} s"
        )
