"""How wrong scores are, for whole batches of snapshots at once: worth, order, and what a budget buys.

Tensors are `[B, n]`, snapshots by entries; what is not measured counts nowhere. Every loss is a mean over
snapshots, so that large ones count no more than small ones.
"""

import torch
from torch import Tensor
from torch.nn import functional

SOFTNESS = 0.5
"""Score at which a soft choice is 88 % sure."""
LEAST = 1e-6


def squash(nats: Tensor, unit: float) -> Tensor:
    """`sign(x) · log1p(|x| / unit)`: the order stays, and a few large gains do not rule."""
    return nats.sign() * (nats.abs() / unit).log1p()


def regression_loss(scores: Tensor, worth: Tensor, measured: Tensor) -> Tensor:
    """Mean Huber distance of measured scores from their worth."""
    distance = functional.huber_loss(scores, worth, reduction="none")
    return _mean((distance * measured).sum(-1), measured.sum(-1))


def ranking_loss(scores: Tensor, worth: Tensor, measured: Tensor, least: float = 0.0) -> Tensor:
    """Logistic loss over all pairs that differ by more than `least`, weighed by the difference.

    RankNet's (Burges et al. 2005), weighed as by a cost of misordering.
    """
    difference = worth[:, :, None] - worth[:, None, :]
    pairs = measured[:, :, None] & measured[:, None, :] & (difference > least)
    weights = difference * pairs
    ahead = scores[:, :, None] - scores[:, None, :]
    return _mean((weights * functional.softplus(-ahead)).sum((-2, -1)), weights.sum((-2, -1)))


def budget_loss(
    scores: Tensor, gains: Tensor, costs: Tensor, measured: Tensor, room: Tensor
) -> Tensor:
    """A soft knapsack: the share of all gain that is forgone, plus the share of the room that is overspent.

    Entries are chosen as far as `sigmoid(score / SOFTNESS)` is sure; `room` `[B]` is what their `costs` may take.
    """
    chosen = (scores / SOFTNESS).sigmoid() * measured
    forgone = ((gains.clamp_min(0) - chosen * gains) * measured).sum(-1)
    whole = (gains.abs() * measured).sum(-1)
    over = ((chosen * costs).sum(-1) - room).clamp_min(0) / room.clamp_min(1)
    return _mean(forgone, whole) + over.mean()


def _mean(sums: Tensor, weights: Tensor) -> Tensor:
    """The mean of `sums / weights` over snapshots that have a weight; 0 when none has."""
    there = weights > LEAST
    ratios = torch.where(there, sums, 0.0) / torch.where(there, weights, 1.0)
    return ratios.sum() / there.sum().clamp_min(1)
