"""Packs as part of a repository's state, and compared with each other."""

from collections.abc import Iterator

import pytest

from megacontext.agent.versions.describing import described
from megacontext.agent.versions.versions import Versions
from megacontext.memory.packs.mounts import mounts_of, unmount
from megacontext.memory.packs.unpacking import Reader
from tests.agent.packs.conftest import HARBOUR


@pytest.fixture
def versions(workplace, pack_settings) -> Iterator[Versions]:
    place = workplace(**pack_settings)
    with place.open_memory(write=True) as memory:
        memory.writer.reconcile()
        with Versions(memory, place.pack_store, Reader(place.spec(), place.tokenizer)) as opened:
            yield opened


def labels(versions: Versions) -> list[str]:
    return [each.label for each in mounts_of(versions.working.places)]


def test_what_was_mounted_is_mounted_again(mount_pack, versions):
    mount_pack(version="1.0", share=0.2)
    first, _ = versions.save("with 1.0")
    mount_pack(version="2.0")
    second, _ = versions.save("with 2.0")
    unmount(versions.working.places, "harbour")
    _, restored = versions.restore(first.id)
    assert labels(versions) == ["harbour@1.0"]
    assert mounts_of(versions.working.places)[0].share == 0.2
    assert restored.packs == ("+harbour@1.0",)
    versions.restore(second.id)
    assert labels(versions) == ["harbour@2.0"]


def test_a_pack_that_is_not_here_any_more_is_told(mount_pack, versions):
    stored = mount_pack()
    first, _ = versions.save("with it")
    unmount(versions.working.places, "harbour")
    versions.packs.remove(stored)
    _, restored = versions.restore(first.id)
    assert labels(versions) == []
    assert "not on this machine" in restored.notices[0]


def test_two_versions_of_a_pack_are_compared(mount_pack, versions):
    mount_pack(version="1.0")
    changed = HARBOUR["harbour/quay.py"].replace("length - 1", "length - 2")
    mount_pack(HARBOUR | {"harbour/quay.py": changed, "docs/new.md": "# New\n"}, version="2.0")
    with versions.compared("pack:harbour@1.0", "pack:harbour@2.0") as (before, after, changes):
        found = {each.path: each.mark for each in described(before, after, changes)}
    assert found == {"repository/harbour/quay.py": "~", "repository/docs/new.md": "+"}


def test_a_pack_bumped_on_both_sides_keeps_ours_and_says_so(mount_pack, versions):
    mount_pack(version="1.0")
    versions.save("common")
    versions.fork("side")
    mount_pack(version="2.0")
    versions.save("on side")
    versions.restore("main")
    mount_pack(version="3.0")
    merged = versions.merge("now", "side")
    [conflict] = merged.merged.conflicts
    assert "two versions of a pack" in conflict.reason
    assert labels(versions) == ["harbour@3.0"]
