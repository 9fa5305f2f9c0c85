"""`megacontext train lensnet`: train the scorer of entries. Parses, calls, prints."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import print_json, say
from .train_common import Wandb, commit_of_code

if TYPE_CHECKING:
    from megacontext.models.training.lens.run import LensRun


def lensnet(
    config: Annotated[
        Path, typer.Option(help="Settings of the run (configs/runs/lensnet_*.yaml).")
    ],
    data: Annotated[
        Path, typer.Option(help="Folder of the data; snapshots lie in its folder lens.")
    ] = Path("data"),
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    hours: Annotated[
        float | None, typer.Option(min=0.001, help="Budget in hours instead of the settings' own.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from the newest checkpoint where there is one.")
    ] = True,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Train nothing; measure the newest checkpoint.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="Train nothing; write the newest checkpoint there.")
    ] = None,
    wandb: Wandb = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train LensNet on snapshots of working contexts; stopped or killed, it goes on where it was."""
    from rich.console import Console

    from megacontext.models.training.base_run import Places
    from megacontext.models.training.lens.run import LensRun

    run = LensRun(config, Places(data, runs), Console(stderr=as_json))
    if hours is not None:
        run.limit_hours(hours)
    if wandb:
        run.tell_wandb()
    outcome = _outcome(run, resume=resume, evaluate=evaluate, export=export)
    if as_json:
        print_json(outcome)
    else:
        say("\n".join(f"{key}: {value}" for key, value in outcome.items()))


def _outcome(
    run: "LensRun", *, resume: bool, evaluate: bool, export: Path | None
) -> dict[str, Any]:
    if export is not None:
        return run.export(export, commit_of_code())
    return run.evaluate() if evaluate else asdict(run.train(resume))
