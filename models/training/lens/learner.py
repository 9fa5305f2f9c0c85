"""LensNet with its losses and its curriculum. Knows snapshots; no step's optimizer and no clock."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...lens.snapshots import Snapshot
from ...lensnet import LensNet
from ..task import Learner, Moment, Rows
from .batches import Batch, collate, part_of
from .losses import budget_loss, ranking_loss, regression_loss, squash
from .settings import LensRunSettings


class LensLearner(Learner):
    """A LensNet that learns what the detail of entries is worth; rows are numbers of `snapshots`."""

    def __init__(
        self, lensnet: LensNet, snapshots: Sequence[Snapshot], settings: LensRunSettings
    ) -> None:
        super().__init__()
        self.lensnet = lensnet
        self.snapshots = snapshots
        self._settings = settings

    def loss(self, rows: Rows, moment: Moment) -> tuple[Tensor, dict[str, float]]:
        """The weighed sum of all terms, and each by its name."""
        batch = self.batch(rows, moment).to(self.lensnet.head.device)
        with torch.autocast(batch.gains.device.type, enabled=False):
            scores = self.lensnet(batch.entries, batch.asked)
            terms = self._terms(scores.masked_fill(~batch.measured, 0), batch, moment)
        weights = self._settings.terms.model_dump()
        total = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return total, {name: float(term.detach()) for name, term in terms.items()}

    def batch(self, rows: Rows, moment: Moment) -> Batch:
        """Some snapshots, with as many entries as the curriculum has come to, and some gists left out."""
        random = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + moment.step)
        first, grown = self._settings.curriculum.first_entries, self._grown(moment)
        chosen = [self.snapshots[row] for row in rows.tolist()]
        batch = collate([part_of(one, first + round(grown * len(one)), random) for one in chosen])
        dropped = torch.rand(batch.measured.shape, generator=random) < self._settings.drop_gists
        batch.entries.gists.masked_fill_(dropped[..., None], 0)
        return batch

    def worth(self, batch: Batch) -> Tensor:
        """What scores should be `[B, n]`."""
        worth = self._settings.worth
        return squash(batch.gains - worth.price * batch.costs, worth.unit)

    def _terms(self, scores: Tensor, batch: Batch, moment: Moment) -> dict[str, Tensor]:
        weights, worth = self._settings.terms, self.worth(batch)
        terms = {}
        if weights.regression:
            terms["regression"] = regression_loss(scores, worth, batch.measured)
        if weights.ranking:
            least = self._settings.curriculum.first_difference * (1 - self._grown(moment))
            terms["ranking"] = ranking_loss(scores, worth, batch.measured, least)
        if weights.budget:
            terms["budget"] = budget_loss(
                scores, batch.gains, batch.costs, batch.measured, batch.room
            )
        return terms

    def _grown(self, moment: Moment) -> float:
        """How much of the curriculum is over, in [0, 1]."""
        opening = self._settings.curriculum.opening
        return min(1.0, moment.progress / opening) if opening else 1.0
