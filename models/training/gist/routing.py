"""Coarse gists learn to be found: the definition that a cursor is about to use among those of its package.

    query ─► blocks ─► GistNet ─► first slots [m, d] ─┐
    definition ─► blocks ─► GistNet ─► GistNet ─► [d] ─┴► affinity ─► which one is meant

Knows pairs of tokens and a GistNet; no file.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ...gist.routing import affinity
from ...gistnet import GistNet
from .pairs import QUERY

Embed = Callable[[Tensor], Tensor]
"""Token ids to the base's embeddings."""
SCALE = 20.0
"""Turns affinities into logits; a fixed temperature of 0.05."""


def routing_loss(gistnet: GistNet, embed: Embed, rows: Tensor, pad: int) -> Tensor:
    """InfoNCE (van den Oord et al. 2018) over pairs `[p, WIDTH]`: each query's own definition among all."""
    scores, same = routing_scores(gistnet, embed, rows, pad)
    own = torch.arange(len(rows), device=rows.device)
    # The same definition under another query is no wrong answer.
    others = same & ~torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    return functional.cross_entropy((SCALE * scores).masked_fill(others, float("-inf")), own)


@torch.inference_mode()
def routing_recall(gistnet: GistNet, embed: Embed, rows: Tensor, pad: int, count: int) -> float:
    """Share of queries whose definition is among the `count` nearest of all different ones in `rows`."""
    scores, same = routing_scores(gistnet, embed, rows, pad)
    first = same.float().argmax(1)
    different = first == torch.arange(len(rows), device=rows.device)
    own = scores.gather(1, first[:, None])
    better = (scores > own)[:, different].sum(1)
    return float((better < count).float().mean())


def routing_scores(gistnet: GistNet, embed: Embed, rows: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """Affinities `[p, p]` of queries to definitions, and which definitions are the same `[p, p]`."""
    size = gistnet.config.block_size
    queries, heard = _first_slots(gistnet, embed, rows[:, :QUERY], pad, size)
    parts, there = _first_slots(gistnet, embed, rows[:, QUERY:], pad, size)
    children = functional.pad(parts, (0, 0, 0, size - parts.shape[1]))
    nodes = gistnet(children, there.sum(1), 1)[:, 0]
    defined = rows[:, QUERY:]
    same = (defined[:, None] == defined).all(2)
    return affinity(queries, heard, nodes), same


def _first_slots(
    gistnet: GistNet, embed: Embed, ids: Tensor, pad: int, size: int
) -> tuple[Tensor, Tensor]:
    """First slots `[p, blocks, d]` of padded texts `[p, n]`, and which blocks there are `[p, blocks]`."""
    blocks = ids.unflatten(1, (-1, size))  # type: ignore[no-untyped-call]
    lengths = (blocks != pad).sum(2)
    there = lengths > 0
    made = gistnet(embed(blocks[there]), lengths[there], 1)[:, 0]
    slots = made.new_zeros(*there.shape, made.shape[-1])
    slots[there] = made
    return slots, there
