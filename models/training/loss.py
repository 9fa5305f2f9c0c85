"""Next-token cross-entropy straight from hidden states, a few rows of logits at a time.

The logits of a window outweigh every other tensor of a small model. Here they live for one slice of
rows only, and their gradient is taken while they are at hand (the idea of Hsu et al. 2024, "Liger
Kernel"). Knows no model and no batch layout.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
ROWS = {"cpu": 256, "cuda": 8192}
"""Rows a slice: 256 x 8,192 logits stay in a processor's cache; a GPU wants fewer, larger steps."""


def linear_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss in nats of predicting `targets` from `hidden @ head.T`.

    Args:
        hidden: [n, d], the states that predict.
        head: [vocabulary, d].
        targets: [n]; `IGNORED` marks rows that do not count.
    """
    loss: Tensor = _LinearCrossEntropy.apply(hidden, head, targets)  # type: ignore[no-untyped-call]
    return loss


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        counted = (targets != IGNORED).sum().clamp(min=1)
        low = hidden.dtype if not torch.is_autocast_enabled(hidden.device.type) else torch.bfloat16
        states, weights = hidden.to(low), head.to(low)
        total = hidden.new_zeros((), dtype=torch.float32)
        grad_hidden = torch.empty_like(states)
        grad_head = torch.zeros_like(head, dtype=torch.float32)
        rows_a_slice = ROWS[hidden.device.type]
        for start in range(0, len(states), rows_a_slice):
            part = slice(start, start + rows_a_slice)
            logits = (states[part] @ weights.T).float()
            total += _turn_into_slopes(logits, targets[part]) / counted
            slopes = (logits / counted).to(low)
            grad_hidden[part] = slopes @ weights
            grad_head += slopes.T @ states[part]
        ctx.save_for_backward(grad_hidden.to(hidden.dtype), grad_head.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * grads[0], grad_head * grads[0], None


def _turn_into_slopes(logits: Tensor, targets: Tensor) -> Tensor:
    """Replace logits [n, vocabulary] by the gradient of their summed loss; return that loss."""
    valid = (targets != IGNORED).unsqueeze(1)
    aims = targets.clamp(min=0).unsqueeze(1)
    logits -= logits.amax(dim=1, keepdim=True)
    aimed = logits.gather(1, aims)
    logits.exp_()
    sums = logits.sum(dim=1, keepdim=True)
    logits *= valid / sums
    logits.scatter_add_(1, aims, -valid.to(logits.dtype))
    return ((sums.log() - aimed) * valid).sum()


def token_losses(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Return the loss in nats of every row [n], 0 where ignored, without gradients."""
    rows = ROWS[hidden.device.type]
    losses = [
        functional.cross_entropy(
            (states @ head.T).float(), aims, ignore_index=IGNORED, reduction="none"
        )
        for states, aims in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat(losses)
