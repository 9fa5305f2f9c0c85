"""`megacontext train gistnet`: train the encoder of gists. Parses, calls, prints."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import print_json, say
from .train_common import Wandb, commit_of_code

if TYPE_CHECKING:
    from megacontext.models.training.gist.run import GistRun


def gistnet(
    config: Annotated[
        Path, typer.Option(help="Settings of the run (configs/runs/gistnet_*.yaml).")
    ],
    data: Annotated[Path, typer.Option(help="Folder of the prepared corpora.")] = Path("data"),
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="Budget in hours instead of the settings' own.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from the newest checkpoint where there is one.")
    ] = True,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Train nothing; hold the gate's bars to the newest.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(help="Train nothing; write the newest checkpoint there if the gate lets it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Export against the gate.")] = False,
    wandb: Wandb = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train GistNet on a base model; stopped or killed, it goes on where it was."""
    from rich.console import Console

    from megacontext.models.training.base_run import Places
    from megacontext.models.training.gist.run import GistRun

    run = GistRun(config, Places(data, runs), Console(stderr=as_json))
    if hours is not None:
        run.limit_hours(hours)
    if wandb:
        run.tell_wandb()
    outcome = _outcome(run, resume=resume, evaluate=evaluate, export=export, force=force)
    if as_json:
        print_json(outcome)
    else:
        say("\n".join(f"{key}: {value}" for key, value in outcome.items()))


def _outcome(
    run: "GistRun", *, resume: bool, evaluate: bool, export: Path | None, force: bool
) -> dict[str, Any]:
    if export is not None:
        verdict = run.export(export, commit_of_code(), force)
    elif evaluate:
        verdict = run.judge()
    else:
        return asdict(run.train(resume))
    return {**verdict.measured, "passed": verdict.passed, "faults": list(verdict.faults)}
