"""The layer LensNet is built of: one set reads another, and tells how strongly it answers.

Knows sets of states and which of them are there; no entry, no query and no score.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..gist.layers import RMSNorm

NORM_EPS = 1e-6
GROWTH = 2
"""Width of the feed-forward part over that of the states."""


class Read(nn.Module):
    """A pre-norm layer of cross-attention and feed-forward: `readers` read `read`.

    With `competition` the read divide themselves among the readers, and each reader takes the mean of what it
    won (slot attention, Locatello et al. 2020); otherwise each reader divides its attention among the read.
    """

    def __init__(self, width: int, heads: int, *, competition: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.competition = competition
        self.reader_norm = RMSNorm(width, NORM_EPS)
        self.read_norm = RMSNorm(width, NORM_EPS)
        self.mlp_norm = RMSNorm(width, NORM_EPS)
        self.q_proj = nn.Linear(width, width, bias=False)
        self.kv_proj = nn.Linear(width, 2 * width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)
        self.up_proj = nn.Linear(width, GROWTH * width)
        self.down_proj = nn.Linear(GROWTH * width, width)

    def forward(
        self, readers: Tensor, read: Tensor, present: Tensor, rivals: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """New states `[B, q, w]` of the readers, and the attention's logits `[B, heads, k, q]`.

        `read` is `[B, k, w]`; where `present` `[B, k]` is false it has no influence, and its logits are the least.
        `rivals` `[B, q]` tells which readers compete, all by default.
        """
        queries = self._split(self.q_proj(self.reader_norm(readers)))
        keys, values = map(self._split, self.kv_proj(self.read_norm(read)).chunk(2, dim=-1))
        # Readers last: softmax over a short last dimension takes ten times as long.
        logits = keys @ queries.transpose(-1, -2) * queries.shape[-1] ** -0.5
        # Not −inf: where nothing is there to read, a softmax over it would be NaN.
        logits = logits.masked_fill(~present[:, None, :, None], torch.finfo(logits.dtype).min)
        mixed = self._shares(logits, present, rivals).transpose(-1, -2) @ values
        states = readers + self.o_proj(mixed.transpose(1, 2).flatten(2))
        inner = functional.silu(self.up_proj(self.mlp_norm(states)))
        return states + self.down_proj(inner), logits

    @torch.no_grad()
    def attend_to_alike(self, random: torch.Generator) -> None:
        """Project queries and keys alike, without distortion, so that like attends to like."""
        nn.init.orthogonal_(self.q_proj.weight, generator=random)
        self.kv_proj.weight[: len(self.q_proj.weight)] = self.q_proj.weight

    def _shares(self, logits: Tensor, present: Tensor, rivals: Tensor | None) -> Tensor:
        if not self.competition:
            return logits.softmax(-2)
        if rivals is not None:
            logits = logits.masked_fill(~rivals[:, None, None, :], torch.finfo(logits.dtype).min)
        won = logits.softmax(-1) * present[:, None, :, None]
        return won / won.sum(-2, keepdim=True).clamp_min(NORM_EPS)

    def _split(self, states: Tensor) -> Tensor:
        batch, count, width = states.shape
        return states.view(batch, count, self.heads, width // self.heads).transpose(1, 2)
