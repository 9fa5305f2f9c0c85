"""Snapshots and lines: where they come from, what they are called, and what is damaged."""

import sqlite3
from pathlib import Path

import pytest

from megacontext.configs.errors import StoreDamagedError, StoreVersionError, VersionError
from megacontext.memory.versions.objects import Kind, Objects
from megacontext.memory.versions.snapshots import Snapshot, Snapshots, read_snapshot
from megacontext.memory.versions.trees import EMPTY, Trees


@pytest.fixture
def snapshots(objects: Objects) -> Snapshots:
    return Snapshots(objects)


def state(snapshots: Snapshots, text: str) -> bytes:
    key = snapshots.objects.put_file(text.encode(), [len(text)])
    return Trees(snapshots.objects).write({"file": key})


def test_a_line_grows_and_each_snapshot_knows_the_one_before(snapshots: Snapshots) -> None:
    first = snapshots.save(state(snapshots, "1"), "one")
    second = snapshots.save(state(snapshots, "2"), "two")
    assert (first.parents, second.parents) == ((), (first.id,))
    assert snapshots.lines() == {"main": second.id}
    assert [each.message for each in snapshots.all()] == ["two", "one"]
    assert snapshots.find("main") == snapshots.find(second.id[:8]) == second


def test_the_base_of_two_lines_is_where_they_parted(snapshots: Snapshots) -> None:
    root = snapshots.save(state(snapshots, "0"), "root")
    parted = snapshots.save(state(snapshots, "1"), "parted")
    left = snapshots.save(state(snapshots, "2"), "left")
    snapshots.stand_at(parted.id, "side")
    right = snapshots.save(state(snapshots, "3"), "right")
    assert snapshots.base_of(left.id, right.id) == parted.id
    assert snapshots.base_of(left.id, root.id) == root.id
    assert snapshots.came_from(right.id, root.id)
    assert not snapshots.came_from(right.id, left.id)
    both = snapshots.add(Snapshot(EMPTY.key.hex(), (left.id, right.id), 1.0, "clock went back"))
    assert snapshots.base_of(both.id, right.id) == right.id
    alone = snapshots.add(Snapshot(EMPTY.key.hex(), (), 2.0, "of elsewhere"))
    assert snapshots.base_of(alone.id, right.id) is None


@pytest.mark.parametrize(
    "name", ["", "now", "a b", "../x", "a/b", "deadbeef", "-x", "x" * 99, "a\n"]
)
def test_what_cannot_name_a_line_is_refused(snapshots: Snapshots, name: str) -> None:
    saved = snapshots.save(state(snapshots, "1"), "")
    with pytest.raises(VersionError, match="names no line"):
        snapshots.set_line(name, saved.id)


@pytest.mark.parametrize("wanted", ["", "nothing", "*", "%", "[0-9]*", "0" * 32])
def test_what_means_no_snapshot_is_told(snapshots: Snapshots, wanted: str) -> None:
    snapshots.save(state(snapshots, "1"), "")
    with pytest.raises(VersionError, match="no snapshot or line"):
        snapshots.find(wanted)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 1}',
        b'{"format": 2, "root": "", "parents": [], "made": 1, "message": "", "unsettled": []}',
        b'{"format": 1, "root": "../x", "parents": [], "made": 1, "message": "", "unsettled": []}',
        b'{"format": 1, "made": 1, "message": "", "parents": [7], "root": "%s", "unsettled": []}'
        % (b"0" * 32),
        b"[" * 100_000,
    ],
)
def test_what_is_no_snapshot_is_not_read(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_snapshot(data)


def test_damage_is_named_and_other_snapshots_are_read(objects: Objects) -> None:
    snapshots = Snapshots(objects)
    snapshots.save(state(snapshots, "first text"), "")
    second = snapshots.save(state(snapshots, "second text"), "")
    span = objects.db.execute("SELECT key FROM objects WHERE kind = ?", (Kind.SPAN,)).fetchone()[0]
    objects.db.execute(
        "UPDATE objects SET data = x'00' WHERE kind = ? AND key = ?", (Kind.SPAN, span)
    )
    assert objects.check()
    with pytest.raises(StoreDamagedError, match="is damaged at span"):
        objects.get(Kind.SPAN, span)
    assert snapshots.find("main") == second


def test_a_store_of_a_newer_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreVersionError, match="newer"):
        Objects(path)


def test_what_is_tried_leaves_nothing_behind(objects: Objects) -> None:
    snapshots = Snapshots(objects)
    snapshots.save(state(snapshots, "1"), "")
    before = objects.db.execute("SELECT count(*) FROM objects").fetchone()
    with objects.trying():
        root = state(snapshots, "only tried")
        assert [path for path, _ in Trees(objects).files(root)] == ["file"]
    assert objects.db.execute("SELECT count(*) FROM objects").fetchone() == before
