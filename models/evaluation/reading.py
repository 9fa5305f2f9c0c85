"""A base LM reads a context of vectors and is asked for the loss of each target after it.

Knows a causal LM of transformers and tensors; no tokenizer, no arm.
"""

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..gist.gister import from_bits, to_bits
from ..gistnet import GistNet
from ..training.loss import token_losses

Losses = NDArray[np.float32]
BATCH = {"cpu": 8, "cuda": 64}
"""Passages read together."""
GIST_BATCH = {"cpu": 64, "cuda": 2048}
"""Blocks encoded together."""


class Reader:
    """Reads with a base LM, which it never changes. Gradients reach the context in `states`."""

    def __init__(self, base_model: nn.Module) -> None:
        model: Any = base_model  # Hugging Face's own methods are not typed
        self._decoder = model.get_decoder()
        self.embeddings: Tensor = model.get_input_embeddings().weight.detach()
        self.head: Tensor = model.get_output_embeddings().weight.detach()

    @property
    def device(self) -> torch.device:
        """Where the base is."""
        return self.embeddings.device

    @property
    def batch(self) -> int:
        """Passages to read together."""
        return BATCH[self.device.type]

    def embed(self, ids: NDArray[np.integer[Any]]) -> Tensor:
        """Input embeddings [..., d] of token ids [...]."""
        return self.embeddings[torch.from_numpy(np.asarray(ids, np.int64)).to(self.device)]

    def states(self, context: Tensor, targets: Tensor) -> Tensor:
        """Last hidden states [n, h, d] that predict `targets` [n, h] after `context` [n, p, d].

        The first target is predicted at the last position of the context.
        """
        inputs = torch.cat([context, self.embeddings[targets[:, :-1]].to(context)], dim=1)
        count, length = inputs.shape[:2]
        # Explicit: without a mask, transformers takes gaps in positions for packed sequences.
        mask = torch.ones(count, length, dtype=torch.long, device=self.device)
        positions = torch.arange(length, device=self.device).expand(count, -1)
        hidden: Tensor = self._decoder(
            inputs_embeds=inputs, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
        return hidden[:, context.shape[1] - 1 :]

    @torch.no_grad()
    def losses(self, context: Tensor, targets: Tensor) -> Losses:
        """Nats of each target [n, h] after `context` [n, p, d]."""
        hidden = self.states(context, targets)
        losses = token_losses(hidden.flatten(0, 1), self.head, targets.flatten())
        found: Losses = losses.view(targets.shape).float().cpu().numpy()
        return found


@torch.no_grad()
def encoded(reader: Reader, gistnet: GistNet, ids: NDArray[np.int64]) -> Tensor:
    """Gists [n, blocks, slots, d] on the CPU of whole blocks of `ids` [n, blocks * block_size].

    Rounded to bf16 as the rows of a tree are, in the type of the base's embeddings.
    """
    size = gistnet.config.block_size
    blocks = ids.reshape(-1, size)
    batch = GIST_BATCH[reader.device.type]
    rounded = []
    for start in range(0, len(blocks), batch):
        vectors = reader.embed(blocks[start : start + batch])
        lengths = torch.full((len(vectors),), size, device=reader.device)
        rounded.append(from_bits(to_bits(gistnet(vectors, lengths))))
    gists = torch.cat(rounded).to(reader.embeddings.dtype)
    return gists.view(len(ids), -1, *gists.shape[1:])


def full_digest(base_model: nn.Module) -> str:
    """Hex digest of every number of a model, to the bit: it tells whether anything changed."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(base_model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def batches(count: int, size: int) -> list[slice]:
    """Cut `count` things into runs of at most `size`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]
