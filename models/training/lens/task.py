"""Training LensNet, as a task of the loop: its data, split by repository, and its measures."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError

from megacontext.configs.errors import TrainingError

from ...lens.snapshots import Snapshot, Snapshots
from ...lensnet import LensNet, LensNetConfig
from ..task import Rows, Task
from .batches import Order, collate, room_of, split_repositories
from .learner import LensLearner
from .measures import buy, spearman
from .settings import LensRunSettings

TOGETHER = 16
"""Snapshots that are measured in one forward pass."""


class LensTask(Task):
    """One run of LensNet training.

    Args:
        settings: of the run.
        folder: of the dataset.

    Raises:
        TrainingError: no dataset, one that is for evaluation, or of a single repository.
    """

    def __init__(self, settings: LensRunSettings, folder: Path) -> None:
        self._run = settings
        self.settings = settings
        self.tokens_per_row = 1
        snapshots = Snapshots(folder)
        self.sources = {"dataset": snapshots.manifest.fingerprint}
        self.fingerprint = f"{settings.fingerprint()}-{snapshots.manifest.fingerprint}"
        train, held = split(settings, snapshots, folder)
        self._order = Order(train, settings.seed)
        self.build = partial(build_learner, settings, folder)
        self._learner = self.build()
        self.learner = self._learner
        limit = min(settings.evaluation.windows, len(held))
        chosen = (held[place * len(held) // limit] for place in range(limit))
        self._held_out = [self._learner.snapshots[number] for number in chosen]
        self._at_first = self._measured("fresh_")

    @property
    def lensnet(self) -> LensNet:
        """The network as it stands."""
        return self._learner.lensnet

    def rows(self, index: int) -> Rows:
        """Numbers of the snapshots of group `index`."""
        return self._order.batch(index, self._run.batch.windows)

    def measure(self) -> dict[str, float]:
        """What `judged` says on held-out repositories, beside what it said at the start of the run."""
        return self._measured("") | self._at_first

    def _measured(self, prefix: str) -> dict[str, float]:
        scores = all_scores(self.lensnet, self._held_out)
        return {f"{prefix}{name}": value for name, value in judged(scores, self._held_out).items()}


def split(
    settings: LensRunSettings, snapshots: Snapshots, folder: Path
) -> tuple[list[int], list[int]]:
    """Numbers of the snapshots to train and to measure on, of different repositories.

    Raises:
        TrainingError: the dataset is for evaluation, or there are not two repositories.
    """
    if snapshots.manifest.split != "train":
        raise TrainingError(
            f"{folder} holds what is kept for evaluation; train on snapshots of other repositories"
        )
    repositories = snapshots.repositories
    training, _ = split_repositories(repositories, settings.validation_share, settings.seed)
    if not training:
        raise TrainingError(
            f"{folder} has snapshots of {len(set(repositories))} repositories; make some of two at least, "
            "so that one can be kept to measure on"
        )
    numbers = range(len(repositories))
    train = [number for number in numbers if repositories[number] in training]
    return train, [number for number in numbers if repositories[number] not in training]


def build_learner(settings: LensRunSettings, folder: Path) -> LensLearner:
    """A learner as it is at the start of a run."""
    dataset = Snapshots(folder)
    train, _ = split(settings, dataset, folder)
    snapshots = [dataset[number] for number in range(len(dataset))]
    facts = dataset.manifest
    try:
        config = LensNetConfig(
            base_id=facts.base_id,
            encoder_id=facts.encoder_id,
            gist_width=facts.width,
            feature_names=facts.features,
            seed=settings.seed,
            **settings.lens.model_dump(),
        )
    except ValidationError as exc:
        raise TrainingError(
            f"the settings of {settings.name} do not fit {folder}: {exc.errors()[0]['msg']}"
        ) from exc
    lensnet = LensNet(config)
    seen = [snapshots[number] for number in train]
    lensnet.fit(
        torch.cat([one.features for one in seen]), torch.cat([one.entry_gists for one in seen])
    )
    return LensLearner(lensnet, snapshots, settings)


@torch.inference_mode()
def all_scores(lensnet: LensNet, snapshots: Sequence[Snapshot]) -> list[np.ndarray]:
    """The scores `[n]` of each snapshot's entries."""
    device = lensnet.head.device
    found = []
    for start in range(0, len(snapshots), TOGETHER):
        some = snapshots[start : start + TOGETHER]
        batch = collate(some).to(device)
        scores = lensnet(batch.entries, batch.asked).float().cpu().numpy()
        found += [row[: len(one)] for row, one in zip(scores, some, strict=True)]
    return found


def judged(scores: Sequence[np.ndarray], snapshots: Sequence[Snapshot]) -> dict[str, float]:
    """`spearman`, the mean over snapshots, and `regret` = 1 − realised ÷ best gain over all of them.

    Gains are taken to add up, so the regret is a stand-in for one that is measured on the base.
    """
    correlations, realised, best = [], 0.0, 0.0
    for row, one in zip(scores, snapshots, strict=True):
        measured = (one.legal & ~one.gains.isnan()).numpy()
        mine, gains = row[measured], one.gains.numpy()[measured]
        if len(gains) > 1:
            correlations.append(spearman(mine, gains))
        bought = buy(mine, gains, one.detail_costs.numpy()[measured], room_of(one))
        realised, best = realised + bought.realised, best + bought.best
    known = [value for value in correlations if np.isfinite(value)]
    return {
        "spearman": float(np.mean(known)) if known else 0.0,
        "regret": 1 - realised / best if best else 0.0,
    }
