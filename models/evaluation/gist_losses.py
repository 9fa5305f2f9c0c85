"""Losses of targets behind every arm, on one set of passages. Knows no interval and no report."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from megacontext.configs.errors import ModelError

from ..gist.initial import embedding_rms
from .arms import Arm, Replaced
from .passages import Passages, Setting
from .reading import Losses, Reader, batches

ArmLosses = dict[Arm, Losses]
"""Nats of each target, [passages, horizon], by arm."""
OnPass = Callable[[], None]
"""Called after every forward pass."""


def read_arms(
    reader: Reader,
    passages: Passages,
    setting: Setting,
    arms: Sequence[Arm],
    gists: Tensor | None = None,
    on_pass: OnPass = lambda: None,
) -> ArmLosses:
    """Read all passages with each arm; `gists` is what `encoded` gives of their replaced tokens.

    Shuffled gists are those of the passage half the set away. Raises ModelError for that arm on a
    single passage, which has no other.
    """
    if len(passages) < 2 and any(arm.kind == "shuffled" for arm in arms):
        raise ModelError("shuffled gists need two windows at least; give more windows")
    rms = embedding_rms(reader.embeddings)
    cut = setting.targets(passages.layout)
    losses = {arm: np.empty((len(passages), cut.stop - cut.start), np.float32) for arm in arms}
    for rows in batches(len(passages), reader.batch):
        replaced = replaced_blocks(reader, passages, rows, gists, rms)
        prefix, tail = reader.embed(passages.prefix[rows]), passages.after[rows, : cut.start]
        targets = torch.from_numpy(passages.after[rows, cut]).to(reader.device)
        for arm in arms:
            context = torch.cat([prefix, arm.vectors(replaced), reader.embed(tail)], dim=1)
            losses[arm][rows] = reader.losses(context, targets)
            on_pass()
    return losses


def replaced_blocks(
    reader: Reader, passages: Passages, rows: slice, gists: Tensor | None, rms: float
) -> Replaced:
    """The replaced blocks of some passages, on the reader's device; without gists, no slots."""
    layout = passages.layout
    ids = passages.replaced[rows].reshape(-1, layout.blocks, layout.block_size)
    tokens = reader.embed(ids)
    if gists is None:
        return Replaced(tokens, tokens[:, :, :0], tokens[:, :, :0], rms)
    own = torch.arange(len(passages))[rows]
    others = (own + len(passages) // 2) % len(passages)
    return Replaced(tokens, gists[own].to(tokens), gists[others].to(tokens), rms)
