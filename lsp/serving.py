"""How a server and its client reach each other: standard streams, or a socket on this machine. Knows no method."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from typing import BinaryIO

from .framing import Frames
from .server import Server

_BITE = 1 << 16


async def serve_streams(server: Server, stdin: BinaryIO, stdout: BinaryIO) -> bool:
    """Serve one client until it leaves; whether everything has ended then."""
    server.protocol.set_writer(_Writer(stdout, server))
    loop = asyncio.get_running_loop()
    reader = threading.Thread(target=_read, args=(stdin, loop, server), name="stdin", daemon=True)
    reader.start()
    return await _until_left(server)


async def serve_tcp(server: Server, port: int, on_open: Callable[[int], None]) -> bool:
    """Serve one client on a port of the loopback interface, 0 for any; `on_open` is told which."""
    taken = False

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        if not taken:
            taken = True
            server.protocol.set_writer(_Socket(writer))
            await _receive(reader, server)
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", port) as listening:
        on_open(listening.sockets[0].getsockname()[1])
        return await _until_left(server)


class _Writer:
    """Standard output; a client that is gone is no fault."""

    def __init__(self, stream: BinaryIO, server: Server) -> None:
        self._stream = stream
        self._server = server

    def write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self._server.leave(1)

    def close(self) -> None:
        """Nothing: the stream is not ours."""


class _Socket:
    """A connection; what is written to one that has ended is lost."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def close(self) -> None:
        self._writer.close()


def _read(stdin: BinaryIO, loop: asyncio.AbstractEventLoop, server: Server) -> None:
    frames, ended = Frames(), False
    while not ended:
        data = os.read(stdin.fileno(), _BITE)
        ended = not data
        with contextlib.suppress(RuntimeError):  # the loop has ended
            for body in frames.push(data):
                loop.call_soon_threadsafe(server.protocol.take, body)
            if ended:
                loop.call_soon_threadsafe(server.leave, 1)


async def _receive(reader: asyncio.StreamReader, server: Server) -> None:
    frames = Frames()
    with contextlib.suppress(OSError):
        while data := await reader.read(_BITE):
            for body in frames.push(data):
                server.protocol.take(body)
    server.leave(1)


async def _until_left(server: Server) -> bool:
    await server.left.wait()
    return await server.close()
