"""Where `megacontext lsp` comes in."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, BinaryIO

from .server import Server
from .serving import serve_streams, serve_tcp

SWITCH_S = 0.001


def run(port: int | None = None) -> int:
    """Serve one client, over standard input and output or, with a port, over TCP; the exit code."""
    server = Server()
    if port is None:
        return serve(server)
    return _until_end(server, serve_tcp(server, port, _say_port))


def serve(server: Server) -> int:
    """Serve over standard input and output; the exit code."""
    stdin, stdout = _take_streams()
    with stdin, stdout:
        return _until_end(server, serve_streams(server, stdin, stdout))


def _until_end(server: Server, serving: Coroutine[Any, Any, bool]) -> int:
    # The thread that answers waits no longer than this for one that reads files or talks to the model.
    sys.setswitchinterval(SWITCH_S)
    if not asyncio.run(serving):
        # A thread is deep in a model or in an index. What was committed is whole.
        os._exit(server.exit_code)
    return server.exit_code


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for the protocol alone: what is printed goes to standard error."""
    stdin, stdout = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return os.fdopen(stdin, "rb", 0), os.fdopen(stdout, "wb")


def _say_port(port: int) -> None:
    sys.stderr.write(f"listening on 127.0.0.1:{port}\n")
    sys.stderr.flush()
