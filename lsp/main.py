"""Where `megacontext lsp` comes in."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

from .server import Server
from .serving import serve_stdio, serve_tcp


def run(port: int | None = None) -> int:
    """Serve one client, over standard input and output or, with a port, over TCP; the exit code."""
    if port is not None:
        return serve_tcp(Server(), port, _say_port)
    return serve(Server())


def serve(server: Server) -> int:
    """Serve over standard input and output; the exit code."""
    stdin, stdout = _take_streams()
    with stdin, stdout:
        return serve_stdio(server, stdin, stdout)


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
