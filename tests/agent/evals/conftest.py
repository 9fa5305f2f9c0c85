"""A tiny random base that reads gists, and what measures it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from megacontext.agent.evals.measuring import LossCache, Measurer
from megacontext.agent.evals.repositories import Reader


@pytest.fixture(scope="session")
def reader(model_folder: Path) -> Reader:
    return Reader.load(str(model_folder))


@pytest.fixture
def measurer(reader: Reader, tmp_path: Path) -> Iterator[Measurer]:
    with LossCache(tmp_path / "losses.db") as cache:
        yield Measurer(reader.model, reader.gister.base_id, cache)
