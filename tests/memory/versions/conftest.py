from collections.abc import Iterator
from pathlib import Path

import pytest

from megacontext.memory.versions.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    store = Objects(tmp_path / "versions.db")
    yield store
    store.close()
