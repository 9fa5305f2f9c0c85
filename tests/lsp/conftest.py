"""A real server in a process of its own, and a client that speaks to it over its standard streams.

Tests are coroutines: `async def test_…(start): async with start() as editor: …`.
"""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.agent.conftest import FILES, _no_settings_of_this_machine  # noqa: F401  fixture
from tests.memory.workbench import write_files

from .editor import Editor

PATIENCE_S = 60
SETTINGS = {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"}

Start = Callable[..., AbstractAsyncContextManager[Editor]]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(asyncio.wait_for(test(**arguments), PATIENCE_S))
    return True


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "greeter"
    (root / ".megacontext").mkdir(parents=True)
    write_files(root, FILES)
    return root


@pytest.fixture
def start(repository: Path) -> Start:
    """A server whose client has opened the repository.

    `replies` are what a scripted model says, one a request; None has pocket. `options` go into the initialization
    options. `**more` replaces parts of the parameters of `initialize`.
    """

    @asynccontextmanager
    async def begin(
        replies: list[str] | None = None,
        *,
        options: dict[str, Any] | None = None,
        capabilities: types.ClientCapabilities | None = None,
        folders: list[Path] | None = None,
        initialize: bool = True,
        command: list[str] | None = None,
    ) -> AsyncIterator[Editor]:
        scripted = ["-m", "tests.lsp.scripted_server", *(replies or [])]
        plain = ["-m", "megacontext.agent.main", "lsp"]
        editor = Editor()
        await editor.start_io(
            sys.executable, *(command or (plain if replies is None else scripted))
        )
        try:
            if initialize:
                given = {**(options or {})}
                given["settings"] = SETTINGS | given.get("settings", {})
                roots = [repository] if folders is None else folders
                await editor.open(roots, given, capabilities)
            yield editor
        finally:
            await editor.end()

    return begin
