"""JSON-RPC messages as lines on standard input and output. Whatever is no message is answered with an error.

Knows no method. Standard output is the protocol's alone: what else is printed there goes to standard error.
"""

import asyncio
import json
import os
import stat
from contextlib import suppress
from typing import Any

from megacontext.configs.errors import MegaContextError

LONGEST = 64 << 20
"""Bytes of a line; a longer one is passed over and answered with an error."""
PARSE_ERROR, INVALID_REQUEST = -32700, -32600


class Wire:
    """The transport of one client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def claimed(cls) -> "Wire":
        """Standard input and output, taken for the protocol.

        Raises MegaContextError when they are not the ends of pipes, as an editor gives them.
        """
        if not (_is_spoken_through(0) and _is_spoken_through(1)):
            raise MegaContextError(
                "standard input and output have to be pipes: `megacontext acp` is started by an editor"
            )
        loop = asyncio.get_running_loop()
        reading, writing = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        reader = asyncio.StreamReader(LONGEST)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), reading)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop=loop), writing
        )
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def send(self, message: dict[str, Any]) -> None:
        """Write a message; nobody misses it when the client has left, which `receive` tells."""
        # Errors of checks hold whatever was checked.
        line = json.dumps(message, default=str, separators=(",", ":"))
        with suppress(OSError):
            self._writer.write(line.encode() + b"\n")
            await self._writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None when the client has left."""
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return None  # half a message is none
            except asyncio.LimitOverrunError:
                await self._pass_over()
                await self._refuse(PARSE_ERROR, f"a message has at most {LONGEST:,} bytes")
                continue
            if line.strip() and (message := await self._understood(line)) is not None:
                return message

    async def _pass_over(self) -> None:
        """Read on to the end of a line that is too long."""
        while True:
            try:
                await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as exc:
                await self._reader.readexactly(max(1, exc.consumed))
            except asyncio.IncompleteReadError:
                return
            else:
                return

    async def _understood(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            await self._refuse(PARSE_ERROR, "this is no JSON")
            return None
        if not isinstance(message, dict):
            await self._refuse(INVALID_REQUEST, "a message is one JSON object")
            return None
        own_id = message.get("id")
        if isinstance(own_id, bool) or not isinstance(own_id, str | int | None):
            await self._refuse(INVALID_REQUEST, "`id` is a text or a whole number")
            return None
        if "method" in message and not isinstance(message["method"], str):
            await self._refuse(INVALID_REQUEST, "`method` is a text", own_id)
            return None
        if "error" in message and not isinstance(message["error"], dict):
            message["error"] = {"code": INVALID_REQUEST, "message": str(message["error"])[:200]}
        if isinstance(params := message.get("params"), dict):
            # Its keys would be taken for parameters.
            params.pop("_meta", None)
        return message

    async def _refuse(self, code: int, why: str, own_id: str | int | None = None) -> None:
        error = {"code": code, "message": why}
        await self.send({"jsonrpc": "2.0", "id": own_id, "error": error})

    async def close(self) -> None:
        """Write no more."""
        with suppress(OSError):
            self._writer.close()


def _is_spoken_through(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(number)
