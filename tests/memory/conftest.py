from collections.abc import Iterator
from pathlib import Path

import pytest

from megacontext.memory.memory import Memory

from .workbench import open_memory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder for a repository."""
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


@pytest.fixture
def memory(root: Path) -> Iterator[Memory]:
    """The memory of `root`, open for writing, not indexed yet."""
    with open_memory(root) as opened:
        yield opened
