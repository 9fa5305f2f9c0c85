"""A small repository whose memory is open, and navigators over it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from megacontext.agent.navigating.navigator import Navigator
from megacontext.memory.memory import Memory
from tests.agent.conftest import FILES
from tests.memory.workbench import open_memory, write_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "greeter"
    write_files(folder, FILES)
    return folder


@pytest.fixture
def memory(root: Path) -> Iterator[Memory]:
    with open_memory(root) as opened:
        opened.writer.reconcile()
        yield opened


@pytest.fixture
def navigate(memory: Memory) -> Callable[..., Navigator]:
    """A navigator with these buffers."""
    return lambda buffers=None: Navigator(memory, buffers or {})
