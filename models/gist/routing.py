"""How near coarse gists are to a query's: what they are learned for above the level of blocks.

A gist of a chunk or of a file is read by no model; it says what lies below it. Knows vectors only.
"""

import torch
from torch import Tensor
from torch.nn import functional

SHARPNESS = 10.0
"""How much the nearest of a query's gists counts before the others."""


def affinity(queries: Tensor, heard: Tensor, nodes: Tensor) -> Tensor:
    """How well nodes `[n, d]` answer queries of several gists `[q, m, d]`: `[q, n]`, about -1 … 1.

    `heard` `[q, m]` tells which of a query's gists there are. A soft maximum of their cosines.
    """
    cosines = torch.einsum(
        "qmd,nd->qmn",
        functional.normalize(queries.float(), dim=-1),
        functional.normalize(nodes.float(), dim=-1),
    )
    hidden = ~heard[..., None]
    mean = heard.sum(1).clamp(min=1).log()[:, None]
    best = (SHARPNESS * cosines).masked_fill(hidden, float("-inf")).logsumexp(1) - mean
    return best / SHARPNESS
