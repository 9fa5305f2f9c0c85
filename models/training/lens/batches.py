"""Snapshots as padded tensors, and which of them a step reads. Knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ...lens.snapshots import Snapshot
from ...lensnet import Asked, Entries


@dataclass(frozen=True)
class Batch:
    """B snapshots of at most n entries, padded behind."""

    entries: Entries
    asked: Asked
    gains: Tensor
    """`[B, n]` nats; 0 where not measured."""
    measured: Tensor
    """bool `[B, n]`: there, legal and measured."""
    costs: Tensor
    """`[B, n]` positions that detail takes."""
    room: Tensor
    """`[B]` positions that all detail may take."""

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""

        def moved(part: Entries | Asked) -> dict[str, Tensor]:
            values = {field.name: getattr(part, field.name) for field in fields(part)}
            return {name: value.to(device) for name, value in values.items() if value is not None}

        return Batch(
            Entries(**moved(self.entries)),
            Asked(**moved(self.asked)),
            self.gains.to(device),
            self.measured.to(device),
            self.costs.to(device),
            self.room.to(device),
        )


def collate(snapshots: Sequence[Snapshot]) -> Batch:
    """One batch of some snapshots."""

    def padded(name: str) -> Tensor:
        return pad_sequence([getattr(one, name) for one in snapshots], batch_first=True)

    gains = padded("gains")
    return Batch(
        entries=Entries(
            padded("entry_gists"), padded("features"), _present([len(one) for one in snapshots])
        ),
        asked=Asked(padded("query_gists"), _present([len(one.query_gists) for one in snapshots])),
        gains=gains.nan_to_num(0.0),
        measured=padded("legal") & ~gains.isnan(),
        costs=padded("detail_costs").float(),
        room=torch.tensor([float(room_of(one)) for one in snapshots]),
    )


def _present(counts: Sequence[int]) -> Tensor:
    """bool `[B, n]`: the first `counts[i]` of row i."""
    return torch.arange(max(counts))[None] < torch.tensor(counts)[:, None]


def room_of(snapshot: Snapshot) -> int:
    """Positions of the budget that are left for detail when nothing is in detail."""
    bare = int(snapshot.costs.sum()) - int(snapshot.detail_costs[snapshot.detailed].sum())
    return max(0, snapshot.budget - bare)


def part_of(snapshot: Snapshot, count: int, random: torch.Generator) -> Snapshot:
    """The snapshot with `count` of its entries, drawn at random; itself when it has no more."""
    if count >= len(snapshot):
        return snapshot
    kept = torch.randperm(len(snapshot), generator=random)[:count].sort().values
    per_entry = (
        "entry_gists", "features", "levels", "costs", "detail_costs", "detailed", "legal", "gains"
    )  # fmt: skip
    return replace(snapshot, **{name: getattr(snapshot, name)[kept] for name in per_entry})


def split_repositories(
    repositories: Sequence[str], share: float, seed: int
) -> tuple[frozenset[str], frozenset[str]]:
    """Names for training and for validation: `share` of them, at least one, for the latter."""
    names = sorted(set(repositories))
    order = np.random.default_rng(seed).permutation(len(names))
    count = max(1, round(share * len(names)))
    held = frozenset(names[index] for index in order[:count])
    return frozenset(names) - held, held


class Order:
    """An endless order over some numbers; every epoch has its own shuffle."""

    def __init__(self, numbers: Sequence[int], seed: int) -> None:
        self._numbers = np.asarray(numbers)
        self._seed = seed
        self._epoch = lru_cache(2)(self._shuffled)

    def batch(self, index: int, size: int) -> NDArray[np.integer]:
        """Numbers of batch `index`, a pure function of seed and index."""
        places = (divmod(index * size + at, len(self._numbers)) for at in range(size))
        return np.array([self._epoch(epoch)[offset] for epoch, offset in places])

    def _shuffled(self, epoch: int) -> NDArray[np.integer]:
        return np.random.default_rng([self._seed, epoch]).permutation(self._numbers)
