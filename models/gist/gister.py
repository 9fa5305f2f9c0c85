"""Token ids to gists, in the raw bf16 bits that a tree's rows hold.

What is to be kept runs in batches of one fixed shape: a row's gist must not depend on which rows happen
to be encoded along with it, since gists are kept by the content of their block. Knows a base's
embeddings and a GistNet; no tree, no repository.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from megacontext.configs.errors import ModelError

from ..gistnet import GistNet
from .files import encoder_id

Bits = NDArray[np.uint16]
"""bf16 numbers as their raw 16 bits, since numpy has no such type."""
CPU_BATCH, GPU_BATCH = 16, 512
"""Blocks in one run. Small on a CPU: an edit makes a handful, and more rows are no faster there."""
CPU_NODES = 4
"""Nodes in one run on a CPU: an edit makes one on each level up to the root, and there are many levels."""


class Gister:
    """Encodes blocks of tokens, and children's gists, into gists. Safe to share between threads."""

    def __init__(
        self, embeddings: Tensor, gistnet: GistNet, batch: int | None = None, workers: int = 1
    ) -> None:
        """`embeddings` `[vocabulary, d]` are the base's own, on the device to work on.

        `gistnet` is moved there, into the embeddings' dtype; `workers` threads encode batches side by side.
        Raises ModelError if widths differ.
        """
        if embeddings.shape[1] != gistnet.config.base.width:
            raise ModelError(
                f"GistNet is {gistnet.config.base.width} wide, the base {embeddings.shape[1]}; "
                "use the GistNet of this base"
            )
        self._embeddings = embeddings.detach()
        self._encoder_id = encoder_id(gistnet)
        self._gistnet = gistnet.to(embeddings).eval()
        self._workers = workers
        on_cpu = embeddings.device.type == "cpu"
        self._blocks = batch or (CPU_BATCH if on_cpu else GPU_BATCH)
        self._nodes = batch or (CPU_NODES if on_cpu else GPU_BATCH)

    @property
    def width(self) -> int:
        """d, the numbers in one slot."""
        return self._gistnet.config.base.width

    @property
    def slots(self) -> int:
        """Slots of a gist; its first k are the gist of k slots."""
        return self._gistnet.config.slots

    @property
    def block_size(self) -> int:
        """Tokens of a block, and children of a node, at most."""
        return self._gistnet.config.block_size

    @property
    def encoder_id(self) -> str:
        """Hex digest that names this encoder with its base: equal ids make equal gists."""
        return self._encoder_id

    @property
    def base_id(self) -> str:
        """Hex digest of the base the gists are for."""
        return self._gistnet.config.base.base_id

    def encode_blocks(
        self, token_ids: NDArray[np.integer], lengths: NDArray[np.integer], *, to_keep: bool = True
    ) -> Bits:
        """Gists `[n, slots, d]` of blocks `[n, block_size]` with `lengths[i]` tokens each.

        What stands behind a block's tokens is not read. Those that are not `to_keep` may differ in the last bits from
        what another call gives; a few of them are quicker. Raises ValueError for shapes or token ids that cannot be.
        """
        ids = self._ids(token_ids, lengths)
        tokens = self._embeddings
        batch = self._blocks if to_keep else max(1, min(self._blocks, len(lengths)))
        return self._encode(lambda rows: tokens[ids[rows].to(self._device)], lengths, batch)

    def encode_children(self, vectors: Bits, lengths: NDArray[np.integer]) -> Bits:
        """Gists `[n, slots, d]` of nodes whose children's first slots are `[n, block_size, d]`.

        `lengths[i]` is the number of children. Raises ValueError for shapes that cannot be.
        """
        self._check(vectors.shape, (len(lengths), self.block_size, self.width), lengths)
        return self._encode(
            lambda rows: from_bits(vectors[rows]).to(self._device), lengths, self._nodes
        )

    @property
    def _device(self) -> torch.device:
        return self._embeddings.device

    def _encode(
        self, inputs: Callable[[slice], Tensor], lengths: NDArray[np.integer], batch: int
    ) -> Bits:
        result = np.empty((len(lengths), self.slots, self.width), np.uint16)
        counts = torch.from_numpy(np.asarray(lengths, np.int64))

        @torch.inference_mode()
        def encode(start: int) -> None:
            rows = slice(start, min(start + batch, len(lengths)))
            filled = rows.stop - rows.start
            blocks = self._embeddings.new_zeros(batch, self.block_size, self.width)
            in_block = torch.ones(batch, dtype=torch.int64, device=self._device)
            blocks[:filled] = inputs(rows)
            in_block[:filled] = counts[rows].to(self._device)
            result[rows] = to_bits(self._gistnet(blocks, in_block)[:filled])

        starts = range(0, len(lengths), batch)
        if self._workers > 1 and len(starts) > 1:
            with ThreadPoolExecutor(self._workers, "gist") as pool:
                list(pool.map(encode, starts))
        else:
            for start in starts:
                encode(start)
        return result

    def _ids(self, token_ids: NDArray[np.integer], lengths: NDArray[np.integer]) -> Tensor:
        self._check(token_ids.shape, (len(lengths), self.block_size), lengths)
        inside = np.arange(self.block_size) < np.asarray(lengths)[:, None]
        ids = np.where(inside, token_ids, 0).astype(np.int64)
        vocabulary = len(self._embeddings)
        if ids.size and not (ids.min() >= 0 and ids.max() < vocabulary):
            raise ValueError(f"token ids must be from 0 to {vocabulary - 1}, the base's vocabulary")
        return torch.from_numpy(ids)

    def _check(
        self, shape: tuple[int, ...], expected: tuple[int, ...], lengths: NDArray[np.integer]
    ) -> None:
        if shape != expected:
            raise ValueError(f"shape {shape} must be {expected}")
        if len(lengths) and not (lengths.min() >= 1 and lengths.max() <= self.block_size):
            raise ValueError(f"lengths must be from 1 to {self.block_size}")


def to_bits(vectors: Tensor) -> Bits:
    """Any tensor rounded to bf16, as raw bits of the same shape."""
    plain = vectors.to("cpu", torch.bfloat16).contiguous()
    return plain.view(torch.int16).numpy().view(np.uint16)


def from_bits(bits: Bits) -> Tensor:
    """The bf16 tensor on the CPU that `bits` are; shares their memory where it can be written."""
    writable = np.require(bits.view(np.int16), requirements=["C", "W"])
    return torch.from_numpy(writable).view(torch.bfloat16)
