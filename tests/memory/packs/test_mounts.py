"""Mounting writes a record and nothing else; what is mounted follows the record."""

import json

import pytest

from megacontext.configs.errors import PackError
from megacontext.memory.packs.mounts import RECORD, Mount, Mounts, mount, mounts_of, unmount
from megacontext.memory.packs.store import Consent
from megacontext.memory.places import Places

from .conftest import READER, make


@pytest.fixture
def places(tmp_path):
    root = tmp_path / "repository"
    root.mkdir()
    return Places(root)


@pytest.fixture
def demo(tmp_path, store):
    return store.add(make(tmp_path / "demo.mcpack").path, READER, Consent(unsigned=True))


def test_mounting_is_metadata_only(places, store, demo):
    held = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    mount(places, Mount.of(demo.manifest, 0.1))
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")} == held
    assert [path.name for path in places.state.iterdir() if path.is_file()] == [
        ".gitignore",
        RECORD,
    ]
    assert mounts_of(places) == [
        Mount(demo.manifest.id, "demo", "1.0", demo.manifest.root, share=0.1)
    ]


def test_two_repositories_share_one_pack(tmp_path, store, demo):
    mounted = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        mount(Places(tmp_path / name), Mount.of(demo.manifest))
        mounted.append(Mounts(Places(tmp_path / name), store, READER))
    folders = [each.mounted()[0].memory.places.state for each in mounted]
    assert folders == [demo.places.state] * 2
    for each in mounted:
        each.close()


def test_a_mount_takes_the_place_of_another_version(tmp_path, places, store, demo):
    newer = store.add(
        make(tmp_path / "b.mcpack", version="2.0").path, READER, Consent(unsigned=True)
    )
    assert mount(places, Mount.of(demo.manifest)) is None
    assert mount(places, Mount.of(newer.manifest)).version == "1.0"
    assert [each.label for each in mounts_of(places)] == ["demo@2.0"]
    assert unmount(places, "demo@2.0").version == "2.0"
    with pytest.raises(PackError, match="not mounted"):
        unmount(places, "demo")


def test_what_is_mounted_follows_the_record(places, store, demo):
    mounts = Mounts(places, store, READER)
    assert mounts.mounted() == ()
    mount(places, Mount.of(demo.manifest))
    (first,) = mounts.mounted()
    assert mounts.mounted()[0] is first
    unmount(places, "demo")
    assert mounts.mounted() == ()
    # An answer that began before may still read it.
    assert first.memory.read("LICENSE") == b"Anybody may use this.\n"
    mounts.close()


def test_a_pack_that_is_gone_is_told_and_hinders_nothing(tmp_path, places, store, demo):
    other = store.add(
        make(tmp_path / "o.mcpack", name="other").path, READER, Consent(unsigned=True)
    )
    mount(places, Mount.of(demo.manifest))
    mount(places, Mount.of(other.manifest))
    store.remove(demo)
    mounts = Mounts(places, store, READER)
    assert [each.mount.name for each in mounts.mounted()] == ["other"]
    assert "demo@1.0 is mounted and cannot be read" in mounts.problems[0]
    mounts.close()


@pytest.mark.parametrize("record", ["", "{", "[1]", '[{"id": "x"}]', "null", '{"a": 1}'])
def test_a_record_that_is_none_is_told(places, store, record):
    places.make_state_folder()
    (places.state / RECORD).write_text(record)
    mounts = Mounts(places, store, READER)
    assert mounts.mounted() == ()
    assert "cannot be read as a list of packs" in mounts.problems[0]


@pytest.mark.parametrize("pack_id", ["../../etc", "", "x" * 32, "../" * 10 + "ab"])
def test_a_record_from_somebody_else_reaches_nothing(places, store, demo, pack_id):
    places.make_state_folder()
    record = [{"id": pack_id, "name": "demo", "version": "1", "root": ""}]
    (places.state / RECORD).write_text(json.dumps(record))
    mounts = Mounts(places, store, READER)
    assert mounts.mounted() == ()
    assert "not on this machine" in mounts.problems[0]
