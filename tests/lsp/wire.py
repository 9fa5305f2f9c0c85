"""The bare bytes of a connection, for what no proper client sends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from megacontext.lsp.framing import Frames
from megacontext.lsp.server import Server
from megacontext.lsp.serving import serve_tcp
from megacontext.models.language.scripted import ScriptedModel


class Wire:
    """Sends anything, and reads messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.messages: list[dict[str, Any]] = []
        self._frames = Frames()

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, method: str, params: Any = None, *, asks: Any = None) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if asks is not None:
            message["id"] = asks
        if params is not None:
            message["params"] = params
        self.body(json.dumps(message).encode())

    def body(self, body: bytes) -> None:
        self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def answer(self, asked: Any) -> dict[str, Any]:
        """The answer to a request; what comes before it stays in `messages`."""
        while True:
            for message in self.messages:
                if message.get("id", self) == asked and "method" not in message:
                    self.messages.remove(message)
                    return message
            data = await self.reader.read(65_536)
            assert data, "the server has left"
            self.messages += map(json.loads, self._frames.push(data))

    async def ask(self, method: str, params: Any = None, *, asks: Any = 1) -> dict[str, Any]:
        self.send(method, params, asks=asks)
        return await self.answer(asks)

    async def initialize(self, **params: Any) -> dict[str, Any]:
        given = {"capabilities": {}, "processId": None, "rootUri": None} | params
        result = await self.ask("initialize", given, asks="init")
        self.send("initialized", {})
        return result

    async def is_alive(self) -> bool:
        """Whether requests are still answered."""
        reply = await self.ask("no/such/method", {}, asks="alive")
        return reply["error"]["code"] == -32601


@asynccontextmanager
async def wired(*, initialized: bool = True) -> AsyncIterator[Wire]:
    """A connection to a server in this process, which has no folder open."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = Server(ScriptedModel([]))
    serving = asyncio.create_task(serve_tcp(server, 0, port.set_result))
    wire = Wire(*await asyncio.open_connection("127.0.0.1", await port))
    if initialized:
        await wire.initialize()
    try:
        yield wire
    finally:
        if not serving.done():
            wire.send("exit")
        assert await serving
        wire.writer.close()
