"""`megacontext trust`: the folders whose AGENTS.md is read and whose own checks run."""

from typing import Annotated

import typer

from ..console import say
from .options import Repo


def trust(
    repo: Repo = None,
    remove: Annotated[bool, typer.Option("--remove", help="Trust it no longer.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="List the folders that are trusted.")
    ] = False,
) -> None:
    """Trust this repository: the agent follows its AGENTS.md, and runs the checks that its settings name."""
    from pathlib import Path

    from megacontext.memory.places import find_places

    from ..permissions import trust as trusted

    if show:
        for folder in trusted.trusted_folders():
            say(str(folder))
        return
    root = find_places(repo or Path.cwd()).root
    if remove:
        trusted.distrust(root)
        say(f"{root} is trusted no longer")
    else:
        trusted.trust(root)
        say(f"{root} is trusted; `megacontext trust --remove` takes that back")
