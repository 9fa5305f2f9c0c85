"""A small repository for the app, and no settings of this machine."""

from pathlib import Path

import pytest

from tests.agent.conftest import FILES, _no_settings_of_this_machine  # noqa: F401  fixture
from tests.memory.workbench import write_files
from tests.patience import PATIENCE_S


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "greeter"
    (root / ".megacontext").mkdir(parents=True)
    write_files(root, FILES)
    return root


@pytest.fixture(autouse=True)
def _what_ends_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # What goes on behind one test must not keep the memory from the next.
    monkeypatch.setattr("megacontext.tui.desk.desk.CLOSE_S", PATIENCE_S)


@pytest.fixture(autouse=True)
def _no_editor_of_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("MEGACONTEXT_ASCII", raising=False)
