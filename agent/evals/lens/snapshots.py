"""Snapshots: scenes whose entries were measured, as LensNet reads them, and the datasets made of them.

An entry's gain is what its detail saves on the targets with everything else left as it was drawn:
nats without its detail − nats with it. Knows no scorer.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from megacontext.memory.focus.evidence import Evidence
from megacontext.memory.focus.features import FEATURES, FeatureTable
from megacontext.memory.focus.node_gists import NodeGists
from megacontext.memory.focus.query_gists import QueryGists
from megacontext.models.gist.gister import Gister, from_bits
from megacontext.models.lens.snapshots import DatasetFacts, Snapshot, SnapshotWriter
from megacontext.models.lens.tail_gists import TailGistCache
from megacontext.models.training.corpus.settings import PackageSource

from ..measuring import Measurer
from ..repositories import Repository
from .scenes.drawing import draw_scene
from .scenes.places import PlaceFinder
from .scenes.scene import Scene
from .settings import SourceSettings

Gains = NDArray[np.float64]
OnSnapshot = Callable[[str, int, int], None]
"""Called with a repository's name, how many snapshots are done, and how many are wanted."""


def gains(scene: Scene, measurer: Measurer) -> Gains:
    """What each entry's detail saves in the context that was drawn, in nats over the targets `[n]`.

    NaN where its detail does not fit the model's window.
    """
    fits = fitting(scene, measurer)
    prompts = [scene.prompt(scene.detailed)]
    prompts += [scene.prompt(scene.toggled(index)) for index in np.flatnonzero(fits).tolist()]
    drawn, *toggled = measurer.losses(prompts, scene.place.targets)
    found = np.full(len(scene.nodes), np.nan)
    found[fits] = drawn - np.array(toggled)
    for index in scene.detailed:
        found[index] *= -1
    return found


def fitting(scene: Scene, measurer: Measurer) -> NDArray[np.bool_]:
    """Which entries' actions keep the context within the model's window `[n]`."""
    room = memory_room(scene, measurer)
    return np.array([scene.toggled_total(index) <= room for index in range(len(scene.nodes))])


def memory_room(scene: Scene, measurer: Measurer) -> int:
    """Positions that memory may take, so that the tail and the targets fit the model's window too."""
    around = measurer.length(scene.prompt(())) - scene.base.total
    # The last target is predicted, and never read.
    return measurer.model.context_length - around - (len(scene.place.targets) - 1)


def snapshot_of(scene: Scene, worth: Gains) -> Snapshot:
    """A scene with what was measured, as tensors."""
    repository, place = scene.repository, scene.place
    tree = repository.lens.tree
    table = FeatureTable(Evidence(tree, scene.query))
    detailed = torch.zeros(len(scene.nodes), dtype=torch.bool)
    detailed[sorted(scene.detailed)] = True
    queries = QueryGists(
        TailGistCache(repository.gister), repository.memory.tokenizer, repository.memory.read
    )
    return Snapshot(
        entry_gists=from_bits(NodeGists(repository.memory).first_slots(scene.nodes)),
        features=torch.from_numpy(table.features(scene.nodes)),
        levels=torch.tensor([node.level for node in scene.nodes], dtype=torch.int8),
        costs=torch.tensor(scene.costs, dtype=torch.int32),
        detail_costs=torch.tensor(scene.detail_costs, dtype=torch.int32),
        detailed=detailed,
        legal=torch.from_numpy(~np.isnan(worth)),
        gains=torch.from_numpy(worth.astype(np.float32)),
        query_gists=from_bits(queries.gists(scene.query)),
        repo=place.repo,
        path=place.path,
        line=place.line,
        budget=scene.query.budget,
        targets=len(place.targets),
    )


def scenes_of(repository: Repository, settings: SourceSettings, count: int) -> Iterator[Scene]:
    """At most `count` scenes of one repository; each is valid until the next is asked for."""
    found = 0
    for place in PlaceFinder(repository, settings.places, settings.seed).find(2 * count):
        if found == count:
            return
        with repository.edited(place.path, place.before.encode()):
            scene = draw_scene(repository, place, settings.draw, settings.seed)
            if scene is not None:
                found += 1
                yield scene


def make_dataset(
    settings: SourceSettings,
    packages: Sequence[PackageSource],
    out: Path,
    repositories: Iterator[Repository],
    measurer: Measurer,
    gister: Gister,
    commit: str,
    progress: OnSnapshot = lambda *_: None,
) -> int:
    """Draw and measure scenes of every repository into the folder `out`; how many there are.

    Each repository gives an equal share, and what small ones lack is taken from those after them. What was measured
    before is not measured again. Raises TrainingError where `out` holds a dataset already.
    """
    facts = DatasetFacts(
        base_id=gister.base_id,
        encoder_id=gister.encoder_id,
        width=gister.width,
        features=FEATURES,
        targets=settings.places.targets,
        seed=settings.seed,
        repositories={package.name: package.version for package in packages},
        split=settings.split,
        commit=commit,
    )
    done = 0
    with SnapshotWriter(out, facts) as writer:
        for number, repository in enumerate(repositories):
            share = -(-(settings.snapshots - done) // (len(packages) - number))
            for scene in scenes_of(repository, settings, share):
                writer.add(snapshot_of(scene, gains(scene, measurer)))
                done += 1
                progress(repository.name, done, settings.snapshots)
    return done
