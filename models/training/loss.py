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
ROWS = 256
"""Rows a slice: 256 x 8,192 logits stay in a processor's cache."""


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
        for start in range(0, len(states), ROWS):
            part = slice(start, start + ROWS)
            aims = targets[part]
            valid = aims != IGNORED
            rows = aims.clamp(min=0).unsqueeze(1)
            logits = (states[part] @ weights.T).float()
            logits -= logits.amax(dim=1, keepdim=True)
            aimed = logits.gather(1, rows)
            logits.exp_()
            sums = logits.sum(dim=1, keepdim=True)
            total += ((sums.log() - aimed).squeeze(1) * valid).sum()
            share = valid.unsqueeze(1) / counted
            logits *= share / sums
            logits.scatter_add_(1, rows, -share.to(logits.dtype))
            slopes = logits.to(low)
            grad_hidden[part] = slopes @ weights
            grad_head += slopes.T @ states[part]
        ctx.save_for_backward(grad_hidden.to(hidden.dtype), grad_head.to(head.dtype))
        return total / counted

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * grads[0], grad_head * grads[0], None


def token_losses(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Return the loss in nats of every row [n], 0 where ignored, without gradients."""
    losses = [
        functional.cross_entropy(
            (hidden[start : start + ROWS] @ head.T).float(),
            targets[start : start + ROWS],
            ignore_index=IGNORED,
            reduction="none",
        )
        for start in range(0, len(hidden), ROWS)
    ]
    return torch.cat(losses)
