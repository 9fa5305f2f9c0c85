"""`megacontext sessions`: list, export and delete saved conversations."""

from enum import StrEnum
from pathlib import Path
from time import localtime, strftime
from typing import TYPE_CHECKING, Annotated

import typer

from ..console import print_json, say, write
from .options import Json, Repo

if TYPE_CHECKING:
    from ..chat.sessions.store import Sessions

app = typer.Typer(help="List, export and delete saved conversations.", invoke_without_command=True)
SessionId = Annotated[str, typer.Argument(metavar="ID", help="A session; its id may be shortened.")]


class Format(StrEnum):
    """What a conversation is exported as."""

    md = "md"
    json = "json"


@app.callback()
def sessions(context: typer.Context, repo: Repo = None, as_json: Json = False) -> None:
    """List the saved conversations of this repository, the latest first."""
    context.obj = repo
    if context.invoked_subcommand is not None:
        return
    listed = _sessions(repo).list()
    if as_json:
        from dataclasses import asdict

        print_json([asdict(info) for info in listed])
        return
    for info in listed:
        when = strftime("%Y-%m-%d %H:%M", localtime(info.updated))
        say(f"{info.id}  {when}  {info.turns:3} turns  {info.title}")
    if not listed:
        say("there is no session yet; `megacontext chat` starts one")


@app.command()
def export(
    context: typer.Context,
    session: SessionId = "latest",
    kind: Annotated[Format, typer.Option("--format", help="Markdown, or JSON.")] = Format.md,
) -> None:
    """Write a conversation to standard output."""
    from ..chat.sessions.export import as_json, as_markdown

    store = _sessions(context.obj)
    conversation = store.read(store.latest() if session == "latest" else session)
    if kind is Format.json:
        print_json(as_json(conversation))
    else:
        write(as_markdown(conversation))


@app.command()
def delete(context: typer.Context, session: SessionId) -> None:
    """Delete a conversation. Files that it changed stay as they are."""
    store = _sessions(context.obj)
    full = store.full_id(session)
    store.delete(full)
    say(f"deleted {full}")


def _sessions(repo: Path | None) -> "Sessions":
    from megacontext.memory.places import find_places

    from ..chat.sessions.store import Sessions

    return Sessions(find_places(repo or Path.cwd()))
