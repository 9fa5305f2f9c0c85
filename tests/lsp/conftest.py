"""A server, in this process or in one of its own, and a client that speaks to it.

Tests are coroutines: `async def test_…(start): async with start(["reply"]) as editor: …`.
"""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from megacontext.lsp import opening
from megacontext.lsp.server import Server
from megacontext.models.base import BaseModel
from megacontext.models.language.scripted import ScriptedModel
from tests.agent.conftest import FILES, _no_settings_of_this_machine  # noqa: F401  fixture
from tests.memory.workbench import write_files
from tests.patience import PATIENCE_S

from .editor import Editor

SETTINGS = {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"}
COMMAND = ("-m", "megacontext.agent.main", "lsp")

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
def start(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A server whose client has opened the repository.

    `replies` are what a scripted model says, one a request, or such a model; None has pocket. `options` are the
    initialization options. With a `command`, the server is a process of its own, started so.
    """

    # A person would not wait for a machine that is busy; what a test has begun is to have ended when it ends.
    monkeypatch.setattr(opening, "CLOSE_S", PATIENCE_S)

    @asynccontextmanager
    async def begin(
        replies: Sequence[str] | BaseModel | None = None,
        *,
        options: Any = None,
        capabilities: types.ClientCapabilities | None = None,
        folders: Sequence[Path] | None = None,
        initialize: bool = True,
        command: Sequence[str] = (),
    ) -> AsyncIterator[Editor]:
        editor = Editor()
        if command:
            await editor.start_io(sys.executable, *command)
        else:
            await editor.start_in_process(Server(_model(replies)))
        try:
            if initialize:
                roots = [repository] if folders is None else folders
                await editor.open(roots, _with_settings(options), capabilities)
            yield editor
        finally:
            await editor.end()

    return begin


def _model(replies: Sequence[str] | BaseModel | None) -> BaseModel | None:
    return ScriptedModel(replies) if isinstance(replies, list | tuple) else replies


def _with_settings(options: Any) -> Any:
    if options is None:
        return {"settings": SETTINGS}
    if isinstance(options, dict) and isinstance(options.get("settings", {}), dict):
        return {**options, "settings": SETTINGS | options.get("settings", {})}
    return options
