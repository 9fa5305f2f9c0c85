"""`megacontext mcp`: lend the memory of a repository to other agents, over the Model Context Protocol."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from megacontext.configs.errors import MegaContextError, SettingsError

from ..console import note
from .options import Model, Repo, overrides

if TYPE_CHECKING:
    from ..hosted import Hosted

LEAST_TOKEN = 16


def mcp(
    http: Annotated[
        bool,
        typer.Option(
            "--http",
            help="Listen on this machine's own address; a token is made and shown on standard error.",
        ),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65_535, help="With --http; 0 is any.")
    ] = 0,
    token_from: Annotated[
        str | None,
        typer.Option(
            "--token-from",
            metavar="VARIABLE",
            help="With --http: take the token from this variable of the environment.",
        ),
    ] = None,
    repo: Repo = None,
    model: Model = None,
) -> None:
    """Lend the memory to other agents: focus, search, read, outline and status as MCP tools."""
    if (port or token_from) and not http:
        raise typer.BadParameter("--port and --token-from are for --http")
    try:
        import mcp as _  # noqa: F401
    except ImportError as exc:
        raise MegaContextError(
            "this needs the `mcp` package; run: pip install 'megacontext[mcp]'"
        ) from exc
    from ..hosted import Hosted
    from ..opening import Workplace

    token = _token(token_from) if http else ""
    # Answers are text, so no model is loaded, and none is to make gists beside them.
    workplace = Workplace.at(repo, overrides(model__name=model, memory__gists="off"))
    hosted = Hosted(workplace)
    try:
        _serve(hosted, http, port, token)
    finally:
        if not hosted.close():
            os._exit(0)  # a thread that does not listen must not keep the client waiting


def _serve(hosted: "Hosted", http: bool, port: int, token: str) -> None:
    import asyncio

    from ..mcp.server import memory_server
    from ..mcp.serving import serve_http, serve_stdio

    server = memory_server(hosted)
    if http:
        asyncio.run(serve_http(server, port, token))
    else:
        asyncio.run(serve_stdio(server))


def _token(variable: str | None) -> str:
    from ..mcp.serving import new_token

    if variable is None:
        made = new_token()
        note(f"token: {made}")
        return made
    given = os.environ.get(variable, "")
    if len(given) < LEAST_TOKEN or not given.isascii() or not given.isprintable():
        raise SettingsError(
            f"{variable} holds no good token; give at least {LEAST_TOKEN} printable ASCII characters"
        )
    return given
