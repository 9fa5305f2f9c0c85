"""CGR over whole windows, quickly: what a run watches itself by.

Every segment of every window counts, behind as much replaced text as stands before it. The reports
measure one context length at a time instead. Knows a learner and windows.
"""

import torch
from torch import Tensor

from ..loss import token_losses
from ..task import Rows
from .learner import GistLearner
from .view import PREFIX, Partition, View

SEGMENT = 4
"""Blocks of a segment: a first half right behind the gists, a second half behind a verbatim tail."""
BATCH = 4


@torch.inference_mode()
def dense_cgr(learner: GistLearner, rows: Rows, slots: tuple[int, ...]) -> dict[str, float]:
    """CGR of the halves of segments ("right_before", "behind_tail") for each number of slots.

    Names are such as "behind_tail_4x"; also "full_nll", in nats a token over what is read.
    """
    size = learner.gistnet.config.block_size
    partition = even_partition(rows.shape[1] - PREFIX, size)
    nothing = View(partition, 0)
    sums: dict[str, Tensor] = {}
    for start in range(0, len(rows), BATCH):
        ids = torch.as_tensor(rows[start : start + BATCH], dtype=torch.long)
        ids = ids.to(learner.head.device)
        full = learner.read_plain(ids)
        arms = {"full": _losses(learner, full, ids, *_places(nothing))}
        bare = learner.read_view(None, ids, nothing)
        arms["none"] = _losses(learner, bare, ids, nothing.predicting[0], _places(nothing)[1])
        for count in slots:
            view = View(partition, count)
            read = learner.read_view(learner.gists(ids, view), ids, view)
            kept = view.depth > 0
            places = view.predicting[0][kept], view.predicting[1][kept]
            arms[f"{size // count}x"] = _losses(learner, read, ids, *places)
        for name, losses in arms.items():
            sums[name] = sums.get(name, torch.zeros(losses.shape[1])) + losses.sum(0).cpu()
    return _told(sums, nothing.depth, size * SEGMENT // 2, len(rows))


def even_partition(tokens: int, block_size: int) -> Partition:
    """Full blocks in segments of `SEGMENT`."""
    full, rest = divmod(tokens, block_size)
    blocks = (block_size,) * full + ((rest,) if rest else ())
    return Partition(blocks, tuple(range(0, len(blocks), SEGMENT)))


def _places(view: View) -> tuple[Tensor, Tensor]:
    in_window = view.predicting[1]
    return in_window, in_window


def _losses(
    learner: GistLearner, states: Tensor, ids: Tensor, predicting: Tensor, in_window: Tensor
) -> Tensor:
    """Nats `[b, M]`."""
    chosen = states[:, predicting.to(ids.device)]
    targets = ids[:, (in_window + 1).to(ids.device)]
    flat = token_losses(chosen.flatten(0, 1), learner.head, targets.flatten())
    return flat.view(len(ids), -1)


def _told(sums: dict[str, Tensor], depth: Tensor, half: int, rows: int) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, inside in (("behind_tail", depth > half), ("right_before", depth <= half)):
        none, full = float(sums["none"][inside].sum()), float(sums["full"][inside].sum())
        for arm, losses in sums.items():
            if arm.endswith("x"):
                told[f"{name}_{arm}"] = (none - float(losses[inside].sum())) / (none - full)
        told[f"{name}_gap"] = (none - full) / rows / int(inside.sum())
    told["full_nll"] = float(sums["full"].mean()) / rows
    return told
