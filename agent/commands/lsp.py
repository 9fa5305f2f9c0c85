"""`megacontext lsp`: the language server, for editors. It is found by name: this package imports none."""

from typing import Annotated

import typer

from .front_end import find_front_end


def lsp(
    tcp: Annotated[
        int | None,
        typer.Option(
            "--tcp",
            metavar="PORT",
            min=0,
            max=65535,
            help="Serve one client on this port of 127.0.0.1; 0 for any. Default: standard input and output.",
        ),
    ] = None,
) -> None:
    """Serve an editor: completions and more, over the Language Server Protocol."""
    raise typer.Exit(find_front_end("lsp")(tcp))
