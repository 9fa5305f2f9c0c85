"""`megacontext replay`: watch a recorded session again, with its focus."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Repo


def replay(
    recording: Annotated[
        str | None,
        typer.Argument(
            metavar="SESSION|FILE",
            help="A session's id, which may be shortened, or a file of events. Default: the latest session.",
        ),
    ] = None,
    repo: Repo = None,
) -> None:
    """Watch a recorded session again: the conversation, and how the focus moved."""
    from .front_end import open_front_end

    raise typer.Exit(open_front_end("replay", _place(recording, repo)))


def _place(recording: str | None, repo: Path | None) -> Path:
    """The file, or the folder of the session."""
    from megacontext.memory.places import find_places

    from ..chat.sessions.store import Sessions

    if recording and Path(recording).exists():
        return Path(recording).resolve()
    sessions = Sessions(find_places(repo or Path.cwd()))
    return sessions.folder / (sessions.full_id(recording) if recording else sessions.latest())
