"""Arguments that several subcommands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from megacontext.configs.errors import FocusError

if TYPE_CHECKING:
    from megacontext.memory.focus import Position

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
    """Flags as settings by dotted key: `model__name` is `model.name`; what was not given is left out."""
    return {key.replace("__", "."): value for key, value in flags.items() if value is not None}


def place_typed(text: str) -> "Position":
    """`PATH:LINE[:COL]` from the command line; anything else is misuse."""
    from ..cursor import parse_place

    try:
        return parse_place(text)
    except FocusError as exc:
        raise typer.BadParameter(str(exc)) from exc


def in_repository(typed: "Position", root: Path) -> "Position":
    """The place with its path as the repository at `root` has it; see `repository_path`."""
    from dataclasses import replace

    from ..paths import repository_path

    return replace(typed, path=repository_path(root, typed.path))
