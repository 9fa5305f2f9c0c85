"""Attention over a view, without computing what its mask would hide.

A segment reads the prefix, the slots and itself: a small part of all pairs of places. Registered
with transformers under `NAME`; everything that is no view goes the usual way. Knows a view's layout,
no base and no GistNet.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .view import View

NAME = "gist_view"


@dataclass(frozen=True)
class Layout:
    """Where the segments of a view stand, on the device; takes a mask's place in a layer's call."""

    view: View
    device: torch.device

    @property
    def head(self) -> int:
        """Places of prefix and slots, which come first."""
        return self.view.head

    @cached_property
    def members(self) -> Tensor:
        """Tokens of each segment `[segments, longest]`, counted from the head's end; short ones repeat their last."""
        starts, counts = self.view.segment_tokens
        offsets = torch.arange(int(counts.max()))
        return (starts[:, None] + torch.minimum(offsets, counts[:, None] - 1)).to(self.device)

    @cached_property
    def places(self) -> Tensor:
        """Where each token is in the flattened `members`, `[n]`."""
        starts, counts = self.view.segment_tokens
        longest = int(counts.max())
        owners = torch.arange(len(starts)).repeat_interleave(counts)
        offsets = torch.arange(int(counts.sum())) - starts[owners]
        return (owners * longest + offsets).to(self.device)

    @cached_property
    def mask(self) -> Tensor:
        """What each token of a segment sees of head and segment, `[segments, 1, longest, head + longest]`."""
        members = self.members.cpu()
        whole = self.view.mask
        rows = members + self.head
        head = whole[rows][:, :, : self.head]
        longest = members.shape[1]
        inside = torch.ones(longest, longest, dtype=torch.bool).tril().expand(len(members), -1, -1)
        return torch.cat((head, inside), dim=2)[:, None].to(self.device)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | Layout | None,
    **more: Any,
) -> tuple[Tensor, None]:
    """The attention of a layer, `[b, S, heads, head_dim]`, over a view or over anything else."""
    if not isinstance(attention_mask, Layout):
        result: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **more
        )
        return result
    layout, head = attention_mask, attention_mask.head
    scale = more.get("scaling")
    before = functional.scaled_dot_product_attention(
        query[:, :, :head],
        key[:, :, :head],
        value[:, :, :head],
        is_causal=True,
        scale=scale,
        enable_gqa=True,
    )
    segments = len(layout.members)
    mixed = functional.scaled_dot_product_attention(
        _by_segment(query[:, :, head:], layout).flatten(0, 1),
        _with_head(key, layout),
        _with_head(value, layout),
        attn_mask=layout.mask.repeat(len(query), 1, 1, 1),
        scale=scale,
        enable_gqa=True,
    )
    # [b · segments, heads, longest, hd] → [b, heads, segments · longest, hd] → the tokens in order
    rows = mixed.unflatten(0, (-1, segments)).transpose(1, 2).flatten(2, 3)  # type: ignore[no-untyped-call]
    both = torch.cat((before, rows[:, :, layout.places]), dim=2)
    return both.transpose(1, 2).contiguous(), None


def _by_segment(states: Tensor, layout: Layout) -> Tensor:
    """`[b, segments, heads, longest, hd]` of tokens `[b, heads, n, hd]`."""
    return states[:, :, layout.members].transpose(1, 2)


def _with_head(states: Tensor, layout: Layout) -> Tensor:
    """What each segment can read, `[b · segments, heads, head + longest, hd]`."""
    segments = _by_segment(states[:, :, layout.head :], layout)
    head = states[:, None, :, : layout.head].expand(-1, segments.shape[1], -1, -1, -1)
    return torch.cat((head, segments), dim=3).flatten(0, 1)


def use_view_attention(base: nn.Module) -> None:
    """Let a causal LM of transformers read views as well as plain windows."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    base.config._attn_implementation = NAME  # type: ignore[union-attr]
