"""`megacontext train`: train the models of this project. Parses, calls, prints."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import print_json, say
from .train_common import Wandb, commit_of_code
from .train_gistnet import gistnet
from .train_lensnet import lensnet
from .train_port import port

if TYPE_CHECKING:
    from megacontext.models.training.base_run import BaseRun

app = typer.Typer(help="Train the models of this project.", no_args_is_help=True)


app.command()(gistnet)
app.command()(lensnet)
app.command()(port)


@app.command()
def base(
    config: Annotated[Path, typer.Option(help="Settings of the run (configs/runs/*.yaml).")],
    data: Annotated[Path, typer.Option(help="Folder of the prepared corpora.")] = Path("data"),
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    hours: Annotated[
        float | None, typer.Option(min=0.01, help="Budget in hours instead of the settings' own.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from the newest checkpoint where there is one.")
    ] = True,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Train nothing; measure the newest checkpoint.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="Train nothing; write the newest checkpoint as a model.")
    ] = None,
    wandb: Wandb = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Train a base model on a prepared corpus; stopped or killed, it goes on where it was."""
    from rich.console import Console

    from megacontext.models.training.base_run import BaseRun, Places

    run = BaseRun(config, Places(data, runs), Console(stderr=as_json))
    if hours is not None:
        run.limit_hours(hours)
    if wandb:
        run.tell_wandb()
    outcome = _outcome(run, resume=resume, evaluate=evaluate, export=export)
    if as_json:
        print_json(outcome)
    else:
        say(_told(outcome))


def _outcome(
    run: "BaseRun", *, resume: bool, evaluate: bool, export: Path | None
) -> dict[str, Any]:
    if export is not None:
        return asdict(run.export(export, commit_of_code()))
    return asdict(run.evaluate() if evaluate else run.train(resume))


def _told(outcome: dict[str, Any]) -> str:
    return "\n".join(f"{key}: {value}" for key, value in outcome.items())
