"""Serves one client on standard input and output until it leaves."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from acp.agent.connection import AgentSideConnection
from acp.interfaces import Agent

from megacontext.models.base import BaseModel

from .server import AgentServer
from .wire import Wire


def serve(overrides: Mapping[str, object] | None = None, model: BaseModel | None = None) -> None:
    """Serve until the client has left; `model` takes the place of the one that settings choose."""
    ended = asyncio.run(_serve(AgentServer(overrides, model)))
    if not ended:
        os._exit(0)  # a thread that does not listen must not keep a process that nobody talks to


async def _serve(server: AgentServer) -> bool:
    agent = cast("Agent", server)  # what it does not do has no method, and is answered so
    connection = AgentSideConnection(
        agent, await Wire.claimed(), listening=False, use_unstable_protocol=True
    )
    listening = asyncio.create_task(connection.listen())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, listening.cancel)
    with suppress(OSError, asyncio.CancelledError):
        await listening
    await connection.close()
    return await server.close()
