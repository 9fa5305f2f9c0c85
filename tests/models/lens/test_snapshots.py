import json
from dataclasses import fields

import pytest
import torch

from megacontext.configs.errors import TrainingError
from megacontext.models.lens import snapshots as module
from megacontext.models.lens.snapshots import Snapshot, Snapshots, SnapshotWriter

from .made_up import facts, snapshot


def same(one: Snapshot, other: Snapshot) -> bool:
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(Snapshot)]
    return all(
        torch.equal(a.nan_to_num(99), b.nan_to_num(99)) if isinstance(a, torch.Tensor) else a == b
        for a, b in pairs
    )


def written(folder, snapshots, **changes):
    with SnapshotWriter(folder, facts(**changes)) as writer:
        for one in snapshots:
            writer.add(one)
    return folder


def test_what_is_written_is_read_over_several_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD_ENTRIES", 12)
    gains = torch.tensor([1.0, float("nan"), -2.0])
    kept = [
        snapshot(0),
        snapshot(1, entries=3, queries=0, gains=gains),
        snapshot(2, entries=30),
        snapshot(3, entries=0),
        snapshot(4, entries=1, queries=1),
    ]
    read = Snapshots(written(tmp_path / "lens", kept))
    assert len(read) == 5
    assert all(same(read[number], one) for number, one in enumerate(kept))
    assert same(read[-1], kept[-1])
    assert read.repositories == ("one", "two", "one", "two", "one")
    assert read.manifest.count == 5 and len(read.manifest.shards) == 3
    assert read.manifest.features == facts().features
    with pytest.raises(IndexError):
        read[5]


def test_a_dataset_may_be_empty(tmp_path):
    assert len(Snapshots(written(tmp_path, []))) == 0


def test_equal_content_has_one_fingerprint(tmp_path):
    def fingerprint(name, *numbers):
        return Snapshots(
            written(tmp_path / name, [snapshot(number) for number in numbers])
        ).manifest.fingerprint

    assert fingerprint("a", 1, 2) == fingerprint("b", 1, 2) != fingerprint("c", 1, 3)


def test_there_is_no_dataset_before_it_is_whole(tmp_path):
    with pytest.raises(KeyError), SnapshotWriter(tmp_path, facts()) as writer:
        writer.add(snapshot(1))
        raise KeyError
    with pytest.raises(TrainingError, match="no whole dataset"):
        Snapshots(tmp_path)
    assert len(Snapshots(written(tmp_path, [snapshot(2)]))) == 1


def test_what_is_there_is_not_written_over(tmp_path):
    written(tmp_path, [snapshot(1)])
    with pytest.raises(TrainingError, match="holds snapshots already"):
        SnapshotWriter(tmp_path, facts())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"entry_gists": torch.zeros(12, 8, dtype=torch.bfloat16)}, "query_gists"),
        ({"entry_gists": torch.zeros(12, 16)}, "entry_gists is torch.float32"),
        ({"features": torch.zeros(11, 3)}, r"features is .*\(11, 3\)"),
        ({"gains": torch.full((12,), float("inf"))}, "gains must be finite"),
        ({"features": torch.full((12, 3), float("nan"))}, "features holds numbers"),
        ({"legal": torch.ones(12)}, "legal"),
    ],
)
def test_a_snapshot_of_wrong_tensors_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        snapshot(1, **changes)


@pytest.mark.parametrize(
    ("of_dataset", "of_snapshot", "told"),
    [
        ({"width": 8}, {}, "width is 16, the dataset's 8"),
        ({"features": ("one",)}, {}, "number of features is 3"),
        ({}, {"targets": 16}, "number of targets is 16"),
        ({}, {"repo": "three"}, "'three' is not among"),
    ],
)
def test_a_snapshot_of_another_dataset_is_refused(tmp_path, of_dataset, of_snapshot, told):
    with pytest.raises(ValueError, match=told):
        SnapshotWriter(tmp_path, facts(**of_dataset)).add(snapshot(1, **of_snapshot))


def test_damage_is_named(tmp_path):
    written(tmp_path, [snapshot(1)])
    shard, manifest = tmp_path / "snapshots-00000.safetensors", tmp_path / "manifest.json"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(TrainingError, match="is missing or damaged"):
        Snapshots(tmp_path)
    shard.unlink()
    with pytest.raises(TrainingError, match="is missing or damaged"):
        Snapshots(tmp_path)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 2}))
    with pytest.raises(TrainingError, match=r"another version \(format"):
        Snapshots(tmp_path)
    manifest.write_text("[")
    with pytest.raises(TrainingError, match="another version"):
        Snapshots(tmp_path)
