"""Cross-entropy and divergence from a teacher, straight from hidden states.

As `loss.linear_cross_entropy`, a few rows of logits at a time, with the teacher's own distribution
(Hinton et al. 2015, "Distilling the knowledge in a neural network") among the aims. Knows no view.
"""

from typing import Any

import torch
from torch import Tensor

from ..loss import ROWS


def distilled_loss(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    teacher: Tensor,
    mix: float,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean of `(1 - mix) · CE + mix · KL(teacher ‖ student)` in nats.

    Args:
        hidden: [n, d], the states that predict.
        head: [vocabulary, d], the teacher's too.
        targets: [n], what comes next.
        teacher: [n, d], the states that predict the same with everything in sight.
        mix: share of the divergence, in [0, 1].
        weights: [n], how much each row counts; all the same without.
    """
    if weights is None:
        weights = hidden.new_ones(len(hidden), dtype=torch.float32)
    loss: Tensor = _DistilledLoss.apply(hidden, head, targets, teacher, mix, weights)  # type: ignore[no-untyped-call]
    return loss


class _DistilledLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        teacher: Tensor,
        mix: float,
        weights: Tensor,
    ) -> Tensor:
        low = hidden.dtype if not torch.is_autocast_enabled(hidden.device.type) else torch.bfloat16
        states, maps, seen = hidden.to(low), head.to(low), teacher.to(low)
        shares = (weights / weights.sum().clamp(min=1e-6)).float()
        total = hidden.new_zeros((), dtype=torch.float32)
        grad_hidden = torch.empty_like(states)
        grad_head = torch.zeros_like(head, dtype=torch.float32) if head.requires_grad else None
        rows = ROWS[hidden.device.type]
        for start in range(0, len(states), rows):
            part = slice(start, start + rows)
            logs = torch.log_softmax((states[part] @ maps.T).float(), dim=1)
            aims = torch.log_softmax((seen[part] @ maps.T).float(), dim=1)
            chances = aims.exp()
            divergence = (chances * (aims - logs)).sum(1)
            surprise = -logs.gather(1, targets[part, None]).squeeze(1)
            share = shares[part]
            total += (share * ((1 - mix) * surprise + mix * divergence)).sum()
            slopes = logs.exp_().sub_(chances, alpha=mix)
            slopes.scatter_add_(
                1, targets[part, None], slopes.new_full((len(slopes), 1), mix - 1.0)
            )
            slopes = (slopes * share[:, None]).to(low)
            grad_hidden[part] = slopes @ maps
            if grad_head is not None:
                grad_head += slopes.T @ states[part]
        ctx.save_for_backward(
            grad_hidden.to(hidden.dtype),
            grad_head.to(head.dtype) if grad_head is not None else None,
        )
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden, grad_head = ctx.saved_tensors
        return (
            grad_hidden * grads[0],
            None if grad_head is None else grad_head * grads[0],
            None,
            None,
            None,
            None,
        )
