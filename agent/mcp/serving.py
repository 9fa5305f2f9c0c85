"""How the memory is lent: over standard input and output, or over HTTP on this machine for whoever has the token.

Knows no tool.
"""

import asyncio
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings

from megacontext.configs.errors import MegaContextError

from ..console import note

LOOPBACK = "127.0.0.1"
PATH = "/mcp"
TOKEN_BYTES = 32
SHUTDOWN_S = 2
_Message = MutableMapping[str, Any]
_App = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]],
    Awaitable[None],
]


async def serve_stdio(server: "Server[Any]") -> None:
    """Serve one client on standard input and output until it leaves; what else is printed goes to standard error."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def serve_http(server: "Server[Any]", port: int, token: str) -> None:
    """Serve clients of this machine until stopped; port 0 takes any. Where it listens is told on standard error.

    Raises MegaContextError when the port is taken.
    """
    with _listening(port) as listener:
        port = listener.getsockname()[1]
        hosts = [f"{name}:{port}" for name in (LOOPBACK, "localhost")]
        # Without this a page in a browser could have its own name point here.
        security = TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
        )
        app = server.streamable_http_app(
            streamable_http_path=PATH, transport_security=security, host=LOOPBACK
        )
        config = uvicorn.Config(
            Guard(app, token),
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        await _Uvicorn(config, f"http://{LOOPBACK}:{port}{PATH}").serve([listener])


class _Uvicorn(uvicorn.Server):
    """Ends when it is told to, and lets the program go on to its own end."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where, once there is somebody to answer."""
        await super().startup(sockets)
        note(f"listening on {self._url}")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, without raising it again when all is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as exc:
        listener.close()
        raise MegaContextError(
            f"cannot listen on {LOOPBACK}:{port}: {exc.strerror}; give another --port, or 0 for any"
        ) from exc
    return listener


class Guard:
    """An ASGI application that nobody reaches without the token."""

    def __init__(self, app: _App, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Pass on what has the token; everything else is 401."""
        if scope["type"] == "lifespan" or self._may(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
        body = b"give the token of this server as `Authorization: Bearer ...`\n"
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _may(self, scope: _Message) -> bool:
        given = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        return len(given) == 1 and secrets.compare_digest(given[0], self._expected)
