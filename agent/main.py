"""The `megacontext` command: its subcommands and the edge where errors become exit codes.

0 is fine, 1 failed, 2 misuse. Subcommands load what they need when they run, so that `--help` is quick.
"""

import os
import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer

from megacontext.configs.errors import MegaContextError

from .commands import (
    acp,
    ask,
    chat,
    complete,
    data,
    doctor,
    evaluate,
    focus,
    index,
    lsp,
    mcp,
    pack,
    replay,
    sessions,
    sharing,
    snapshot,
    status,
    tour,
    train,
    trust,
    verify,
    watch,
)
from .console import note, say

if TYPE_CHECKING:
    from io import TextIOWrapper

app = typer.Typer(
    name="megacontext",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Repository memory for code models: a whole repository, focused into a small working context.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"megacontext {version('megacontext')}")
        raise typer.Exit


@app.callback()
def megacontext(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Repository memory for code models."""


app.command("tour")(tour.tour)
app.command("index")(index.index)
app.command("watch")(watch.watch)
app.command("status")(status.status)
app.command("verify")(verify.verify)
app.command("doctor")(doctor.doctor)
app.command("focus")(focus.focus)
app.command("complete")(complete.complete)
app.command("ask")(ask.ask)
app.command("chat", cls=chat.Command)(chat.chat)
app.add_typer(sessions.app, name="sessions")
app.command("lsp")(lsp.lsp)
app.command("acp")(acp.acp)
app.command("mcp")(mcp.mcp)
app.command("trust")(trust.trust)
app.command("replay")(replay.replay)
app.add_typer(pack.app, name="pack")
app.add_typer(snapshot.app, name="snapshot")
app.command("fork")(sharing.fork)
app.command("merge")(sharing.merge)
app.command("push")(sharing.push)
app.command("pull")(sharing.pull)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="eval")


def run() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows "?" for it.
        cast("TextIOWrapper", stream).reconfigure(errors="replace")
    try:
        app()
    except MegaContextError as exc:
        note(f"error: {exc}")
        sys.exit(1)
    except KeyboardInterrupt:
        note("stopped")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    run()
