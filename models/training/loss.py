"""Losses of predicted tokens straight from hidden states, a few rows of logits at a time.

The logits of a window outweigh every other tensor of a small model. Here they live for one slice of
rows only, and their gradient is taken while they are at hand (the idea of Hsu et al. 2024, "Liger
Kernel"). Knows no model and no batch layout.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100
LOGITS = {"cpu": 256 * 8192, "cuda": 8192 * 8192}
"""Of one slice: some stay in a processor's cache; a GPU wants fewer, larger steps, but its memory holds
no window's logits over a vocabulary of 150,000."""
TOLD = 8
"""A divergence is told from every eighth row: its gradient needs no value, and logarithms take time."""


def rows_a_slice(head: Tensor) -> int:
    """Rows whose logits over the vocabulary of `head` are there at once."""
    return max(1, LOGITS[head.device.type] // len(head))


@dataclass(frozen=True)
class Likeliest:
    """What a teacher finds likeliest, instead of all that it finds."""

    tokens: Tensor
    """`[n, k]`, int64"""
    chances: Tensor
    """Their probabilities `[n, k]`, float32; what they lack to 1 is spread over all other tokens."""


def linear_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss in nats of predicting `targets` from `hidden @ head.T`.

    Args:
        hidden: [n, d], the states that predict.
        head: [vocabulary, d].
        targets: [n]; `IGNORED` marks rows that do not count.
    """
    weights = (targets != IGNORED).float()
    loss: Tensor = _SlicedLoss.apply(  # type: ignore[no-untyped-call]
        hidden, head, targets.clamp(min=0), weights, None, None, None, 0.0
    )
    return loss


def distilled_loss(
    hidden: Tensor,
    head: Tensor,
    targets: Tensor,
    weights: Tensor,
    teacher: Tensor | Likeliest | None = None,
    mix: float = 0.0,
) -> Tensor:
    """The weighted mean of `(1 - mix) · CE + mix · KL(teacher ‖ student)` in nats.

    The divergence from a teacher's distribution is that of Hinton et al. 2015, "Distilling the
    knowledge in a neural network"; its value (not its gradient) is an estimate from every eighth row.

    Args:
        hidden: [n, d], the states that predict.
        head: [vocabulary, d], the teacher's too.
        targets: [n], what comes next.
        weights: [n], how much each row counts.
        teacher: [n, d], the states that predict the same with everything in sight; or what is
            likeliest then. Of all the rest together the teacher's chance alone is known: it counts
            as one outcome, and within it the student keeps its own proportions.
        mix: share of the divergence, in [0, 1]; 0 without a teacher.
    """
    states, tokens, chances = (
        (None, teacher.tokens, teacher.chances)
        if isinstance(teacher, Likeliest)
        else (teacher, None, None)
    )
    loss: Tensor = _SlicedLoss.apply(  # type: ignore[no-untyped-call]
        hidden, head, targets, weights, states, tokens, chances, mix
    )
    return loss


class _SlicedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        weights: Tensor,
        teacher: Tensor | None,
        likeliest: Tensor | None,
        chances: Tensor | None,
        mix: float,
    ) -> Tensor:
        low = _working_type(hidden)
        states, maps = hidden.to(low), head.to(low)
        seen = teacher.to(low) if teacher is not None and mix else None
        shares = (weights / weights.sum().clamp(min=1e-6)).float()
        total = hidden.new_zeros((), dtype=torch.float32)
        grad_hidden = torch.empty_like(states)
        grad_head = torch.zeros_like(head, dtype=torch.float32) if head.requires_grad else None
        rows = rows_a_slice(head)
        for start in range(0, len(states), rows):
            part = slice(start, start + rows)
            share, aims = shares[part], targets[part, None]
            slopes = _chances(states[part], maps)
            surprise = -slopes.gather(1, aims).squeeze(1).clamp(min=1e-30).log()
            total += (1 - mix) * (share * surprise).sum()
            wanted = None
            if seen is not None:
                wanted = _chances(seen[part], maps)
            elif likeliest is not None and chances is not None and mix:
                wanted = _completed(slopes, likeliest[part], chances[part])
            if wanted is not None:
                total += (
                    mix * share.sum() * _divergence(wanted[::TOLD], slopes[::TOLD], share[::TOLD])
                )
                slopes.sub_(wanted, alpha=mix)
            slopes.scatter_add_(1, aims, slopes.new_full((len(slopes), 1), mix - 1.0))
            # Shares weigh the narrow matrices: the wide one is passed over as seldom as can be.
            rounded, weighed = slopes.to(low), share[:, None].to(low)
            grad_hidden[part] = (rounded @ maps) * weighed
            if grad_head is not None:
                grad_head += rounded.T @ (states[part] * weighed)
        ctx.save_for_backward(
            grad_hidden.to(hidden.dtype),
            None if grad_head is None else grad_head.to(head.dtype),
        )
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_hidden, grad_head = ctx.saved_tensors
        scaled = None if grad_head is None else grad_head * grads[0]
        return grad_hidden * grads[0], scaled, None, None, None, None, None, None


def next_chances(hidden: Tensor, head: Tensor) -> Tensor:
    """Probabilities `[n, vocabulary]` of what comes next, as the losses see them, in float32."""
    low = _working_type(hidden)
    return _chances(hidden.to(low), head.to(low))


def _working_type(hidden: Tensor) -> torch.dtype:
    return hidden.dtype if not torch.is_autocast_enabled(hidden.device.type) else torch.bfloat16


def _completed(given: Tensor, tokens: Tensor, chances: Tensor) -> Tensor:
    """A teacher's `[rows, vocabulary]` that agrees with `given` about all that is not among `tokens`."""
    rest = (1 - chances.sum(1)).clamp(min=0)
    room = (1 - given.gather(1, tokens).sum(1)).clamp(min=1e-30)
    return (given * (rest / room)[:, None]).scatter_(1, tokens, chances)


def _chances(states: Tensor, maps: Tensor) -> Tensor:
    """Probabilities `[rows, vocabulary]` in float32."""
    return torch.softmax(states @ maps.T, dim=1, dtype=torch.float32)


def _divergence(wanted: Tensor, given: Tensor, share: Tensor) -> Tensor:
    """The weighted mean of KL(wanted ‖ given) over rows of probabilities."""
    floor = 1e-30
    logs = wanted.clamp(min=floor).log() - given.clamp(min=floor).log()
    return (share * (wanted * logs).sum(1)).sum() / share.sum().clamp(min=1e-12)


def token_losses(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Return the loss in nats of every row [n], 0 where ignored, without gradients."""
    rows = rows_a_slice(head)
    losses = [
        functional.cross_entropy(
            (states @ head.T).float(), aims, ignore_index=IGNORED, reduction="none"
        )
        for states, aims in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat(losses)
