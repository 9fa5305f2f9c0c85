"""A shop over a small indexed repository, and a way to call tools in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.tools.base import Shop, ToolResult
from megacontext.agent.tools.opening import all_tools, open_shop
from megacontext.configs.loading import default_settings, load_settings
from megacontext.memory.left_out import LeftOutRules
from tests.agent.conftest import FILES
from tests.memory.workbench import open_memory, write_files

TOOLS = {tool.spec.name: tool for tool in all_tools()}
Call = Callable[..., ToolResult]


@pytest.fixture
def open_tools(repository: Path) -> Iterator[Callable[..., Shop]]:
    """A shop over the repository; settings as `sandbox__kind=…`."""
    with ExitStack() as opened:

        def make(**settings: Any) -> Shop:
            named = {key.replace("__", "."): value for key, value in settings.items()}
            wanted = load_settings(repository, {"sandbox.kind": "none"} | named)
            rules = LeftOutRules(secrets=wanted.memory.secrets)
            memory = opened.enter_context(open_memory(repository, rules=rules))
            memory.writer.reconcile()
            return open_shop(memory, wanted, "session")

        yield make


@pytest.fixture
def shop(open_tools: Callable[..., Shop]) -> Shop:
    return open_tools()


@pytest.fixture
def call(shop: Shop) -> Call:
    """Plan and carry out a call."""

    def make(tool: str, **arguments: Any) -> ToolResult:
        used = TOOLS[tool]
        return used.execute(used.plan(arguments, shop), shop)

    return make


@pytest.fixture(scope="module")
def quiet_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop in which nothing is carried out, for many plans."""
    root = tmp_path_factory.mktemp("quiet").resolve() / "greeter"
    (root / ".megacontext").mkdir(parents=True)
    write_files(root, FILES)
    settings = default_settings()
    with open_memory(root) as memory:
        memory.writer.reconcile()
        yield open_shop(memory, settings, "session")
