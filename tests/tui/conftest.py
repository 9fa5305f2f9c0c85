"""A small repository for the app, and no settings of this machine."""

from pathlib import Path

import pytest

from tests.agent.conftest import FILES, _no_settings_of_this_machine  # noqa: F401  fixture
from tests.memory.workbench import write_files


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "greeter"
    (root / ".megacontext").mkdir(parents=True)
    write_files(root, FILES)
    return root


@pytest.fixture(autouse=True)
def _no_editor_of_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("MEGACONTEXT_ASCII", raising=False)
