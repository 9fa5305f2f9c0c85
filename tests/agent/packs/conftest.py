"""An engine over a small repository with packs mounted beside it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.engine import Engine
from megacontext.agent.packs.making import make_pack, take_in
from megacontext.agent.packs.origins import Gathered
from megacontext.memory.packs.building import Identity, SourceFile
from megacontext.memory.packs.mounts import Mount, mount
from megacontext.memory.packs.signing import Signer
from megacontext.memory.packs.store import StoredPack
from megacontext.models.base import BaseModel
from tests.agent.conftest import *  # noqa: F403  fixtures
from tests.memory.workbench import module

MADE_NS = 1_600_000_000 * 10**9
HARBOUR = {
    "harbour/quay.py": (
        '"""Quays, at which ships are moored."""\n\n\n'
        "class Mooring:\n"
        '    """Holds a ship at a quay with bollards and hawsers."""\n\n'
        "    def tighten(self, hawser):\n"
        '        """Tighten a hawser around its bollard."""\n'
        "        return hawser.length - 1\n"
    ),
    "docs/tides.md": "# Tides\n\nA hawser is slackened as the tide rises, so that the bollard holds.\n",
    "LICENSE": "Anybody may moor here.\n",
    # So that the words of a question are rare.
    **{f"harbour/part{n}.py": module(f"part{n}") for n in range(12)},
}
MountPack = Callable[..., StoredPack]


@pytest.fixture
def pack_settings(tmp_path: Path) -> dict[str, Any]:
    return {"packs__store": str(tmp_path / "packs")}


@pytest.fixture
def mount_pack(workplace, pack_settings, tmp_path: Path) -> MountPack:
    """Build, take in and mount a pack of some files."""

    def make(
        files: Mapping[str, str] = HARBOUR,
        *,
        name: str = "harbour",
        version: str = "1.0",
        licence: str = "MIT",
        share: float | None = None,
        gists: bool = False,
    ) -> StoredPack:
        place = workplace(**pack_settings)
        sources = [SourceFile(path, text.encode(), MADE_NS, 0.9) for path, text in files.items()]
        identity = Identity(name, version, f"pypi:{name}=={version}", licence)
        path = tmp_path / f"{name}-{version}.mcpack"
        signer = Signer.load(tmp_path / "my.key")
        make_pack(place, Gathered(identity, sources), path, signer, gists=gists)
        stored = take_in(place, path)
        mount(place.places, Mount.of(stored.manifest, share))
        return stored

    return make


@pytest.fixture
def engine_with(open_engine, pack_settings) -> Callable[..., Engine]:
    def make(model: BaseModel | None = None, **settings: Any) -> Engine:
        return open_engine(model, **(pack_settings | settings))

    return make
