"""Arguments that several subcommands share."""

from pathlib import Path
from typing import Annotated

import typer

Repo = Annotated[
    Path | None,
    typer.Option(
        "--repo",
        metavar="PATH",
        help="The repository. Default: the one that encloses the current folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="auto, a preset, or a model folder. Default: settings."
    ),
]
Codec = Annotated[
    str | None,
    typer.Option(
        "--codec", metavar="text|gist", help="How the model reads memory. Default: settings."
    ),
]


def overrides(**flags: object) -> dict[str, object]:
    """Flags as settings by dotted key: `model_name` is `model.name`; what was not given is left out."""
    return {key.replace("__", "."): value for key, value in flags.items() if value is not None}
