"""Gains and datasets: what detail saves, measured both ways, and the same again when made again."""

import json

import numpy as np
import pytest
import torch

from megacontext.agent.evals.lens.scenes.drawing import draw_scene
from megacontext.agent.evals.lens.settings import EvaluationSettings, SourceSettings, pinned
from megacontext.agent.evals.lens.snapshots import gains, make_dataset, snapshot_of
from megacontext.configs.errors import SettingsError
from megacontext.memory.focus.features import FEATURES
from megacontext.models.lens.snapshots import Snapshots
from megacontext.models.training.corpus.settings import PackageSource, read_yaml
from tests.agent.evals.lens.conftest import DRAW, PLACES

SETTINGS = SourceSettings(
    name="tiny",
    seed=3,
    corpus="corpus.yaml",
    split="train",
    repositories=("fruit",),
    snapshots=3,
    places=PLACES,
    draw=DRAW,
)
PACKAGES = [PackageSource(name="fruit", version="1.0", licence="MIT")]


def test_a_gain_is_what_the_detail_saves_whether_it_is_there_or_not(scene, measurer):
    found = gains(scene, measurer)
    targets = scene.place.targets
    assert scene.detailed and len(scene.detailed) < len(scene.nodes)
    for index in range(len(scene.nodes)):
        without, with_ = measurer.losses(
            [scene.prompt(scene.detailed - {index}), scene.prompt(scene.detailed | {index})],
            targets,
        )
        assert found[index] == pytest.approx(without - with_, abs=1e-3)


def test_what_does_not_fit_the_window_is_not_measured(scene, measurer, monkeypatch):
    prompts = [scene.prompt(scene.toggled(index)) for index in range(len(scene.nodes))]
    lengths = np.array([measurer.length(prompt) for prompt in prompts]) + PLACES.targets - 1
    window = int(np.unique(lengths)[-2])
    monkeypatch.setattr(measurer.model, "context_length", window)
    found = gains(scene, measurer)
    assert (np.isnan(found) == (lengths > window)).all() and np.isnan(found).any()
    assert (snapshot_of(scene, found).legal.numpy() == (lengths <= window)).all()


def test_a_snapshot_tells_what_the_scene_is(scene, measurer):
    found = snapshot_of(scene, gains(scene, measurer))
    repository = scene.repository
    assert found.features.shape == (len(scene.nodes), len(FEATURES))
    assert found.levels.tolist() == [node.level for node in scene.nodes]
    assert set(found.detailed.nonzero().flatten().tolist()) == scene.detailed
    assert tuple(found.costs.tolist()) == scene.costs
    assert (found.repo, found.path, found.line) == ("fruit", scene.place.path, scene.place.line)
    for row, node in zip(found.entry_gists, scene.nodes, strict=True):
        if node.block >= 0:
            chunk = repository.lens.tree.chunk(node)
            wanted = repository.gists.block(chunk, node.block, 1)
            assert torch.equal(row, wanted.rows[0])
    before = repository.model.encode(scene.place.before)
    assert 1 <= len(found.query_gists) <= -(-len(before) // 32) + 1


def test_the_score_of_an_entry_cannot_see_whether_it_is_in_detail(repository, scene, measurer):
    """What LensNet is given of an entry is the same before and after its action."""
    found = snapshot_of(scene, gains(scene, measurer))
    half = DRAW.model_copy(update={"budget": (0, 0)})
    other = draw_scene(repository, scene.place, half, seed=1)
    assert not other.detailed
    bare = snapshot_of(other, np.zeros(len(other.nodes)))
    shared = [
        (scene.nodes.index(node), other.nodes.index(node))
        for node in set(scene.nodes) & set(other.nodes)
    ]
    assert shared
    for here, there in shared:
        assert torch.equal(found.entry_gists[here], bare.entry_gists[there])
        assert torch.equal(found.features[here], bare.features[there])
        assert found.levels[here] == bare.levels[there]


def make(repository, measurer, out):
    return make_dataset(
        SETTINGS, PACKAGES, out, iter([repository]), measurer, repository.gister, "c0ffee"
    )


def test_the_same_settings_make_the_same_dataset_without_measuring_again(
    repository, measurer, tmp_path
):
    assert make(repository, measurer, tmp_path / "one") == SETTINGS.snapshots
    forwards = measurer.forwards
    make(repository, measurer, tmp_path / "other")
    assert measurer.forwards == forwards > 0
    one, other = (Snapshots(tmp_path / name) for name in ("one", "other"))
    assert one.manifest == other.manifest
    facts = one.manifest
    assert (facts.count, facts.targets, facts.split) == (3, PLACES.targets, "train")
    assert facts.repositories == {"fruit": "1.0"} and facts.features == FEATURES
    assert facts.encoder_id == repository.gister.encoder_id
    assert len({(one[index].path, one[index].line) for index in range(3)}) == 3


CORPUS = {
    "name": "corpus",
    "packages": [{"name": "fruit", "version": "1.0", "licence": "MIT"}],
    "held_out": [{"name": "seeds", "version": "2.0", "licence": "MIT"}],
}


@pytest.mark.parametrize(
    ("split", "name", "allowed"),
    [("train", "seeds", "fruit"), ("held_out", "fruit", "seeds"), ("train", "stone", "fruit")],
)
def test_a_package_of_the_other_split_is_refused(tmp_path, split, name, allowed):
    (tmp_path / "corpus.yaml").write_text(json.dumps(CORPUS))
    wanted = SETTINGS.model_copy(update={"split": split, "repositories": (name,)})
    with pytest.raises(SettingsError, match=rf"{name} is not among .* allowed are {allowed}"):
        pinned(wanted, tmp_path / "settings.yaml")
    fine = wanted.model_copy(update={"repositories": (allowed,)})
    assert [package.name for package in pinned(fine, tmp_path / "settings.yaml")] == [allowed]


@pytest.mark.parametrize(
    ("file", "kind"),
    [("data/lens_pocket.yaml", SourceSettings), ("eval/lens.yaml", EvaluationSettings)],
)
def test_what_ships_names_packages_of_its_split(file, kind):
    from importlib.resources import files
    from pathlib import Path

    path = Path(str(files("megacontext.configs"))) / file
    settings = read_yaml(path, kind)
    assert len(pinned(settings, path)) == len(settings.repositories)


@pytest.mark.parametrize(
    "change",
    [{"snapshots": 0}, {"repositories": []}, {"split": "test"}, {"noise": 1}, {"seed": "x"}],
)
def test_settings_that_cannot_be_are_refused(tmp_path, change):
    file = tmp_path / "settings.yaml"
    good = SETTINGS.model_dump(mode="json")
    file.write_text(json.dumps(good))
    assert read_yaml(file, SourceSettings) == SETTINGS
    file.write_text(json.dumps(good | change))
    with pytest.raises(SettingsError, match=next(iter(change))):
        read_yaml(file, SourceSettings)
