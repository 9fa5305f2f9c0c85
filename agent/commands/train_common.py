"""What the training commands share. Parses nothing itself."""

from typing import Annotated

import typer

from megacontext.models.training.provenance import commit_of_code

__all__ = ["Wandb", "commit_of_code"]

Wandb = Annotated[
    bool, typer.Option("--wandb", help="Log to Weights & Biases too; WANDB_MODE=offline works.")
]
