"""What a base loses on the tokens behind a prompt, in nats, measured once for each prompt and kept.

Prompts of one call are read in batches, padded at the end, with an explicit mask: nothing else is shared. Knows
prompts and targets; no tree and no scene.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from megacontext.configs.errors import ModelError
from megacontext.models.base import Segment, Special, Text, Tokens, Vectors
from megacontext.models.language.transformers_model import TransformersModel

Losses = NDArray[np.float64]
BATCH = {"cpu": 4, "cuda": 64}
"""Prompts read together; on a processor more are no faster."""


@dataclass(frozen=True)
class Laid:
    """A prompt position by position: token ids, and vectors that stand in place of some embeddings."""

    ids: tuple[int, ...]
    vectors: tuple[tuple[int, Tensor], ...]
    """First position and rows `[k, d]` of each."""
    digest: bytes
    """Equal for equal prompts only."""

    def __len__(self) -> int:
        return len(self.ids)


def lay_out(model: TransformersModel, prompt: Sequence[Segment]) -> Laid:
    """A prompt of segments as positions; raises ModelError for a special token that the model lacks."""
    ids: list[int] = []
    vectors: list[tuple[int, Tensor]] = []
    state = hashlib.blake2b(digest_size=16)
    for part in prompt:
        match part:
            case Vectors():
                vectors.append((len(ids), part.rows))
                state.update(b"".join(part.keys))
                ids += [0] * len(part.keys)
                continue
            case Text(text):
                more = model.encode(text)
            case Tokens(tokens):
                more = list(tokens)
            case Special(name):
                token: int | None = getattr(model.specials, name)
                if token is None:
                    raise ModelError(f"{model.name} has no token {name}")
                more = [token]
        ids += more
        state.update(np.asarray(more, "<i8").tobytes() + b"|")
    return Laid((*ids,), (*vectors,), state.digest())


class LossCache:
    """Measured losses on disk, by base, prompt and targets. Stopped at any time, it holds what was measured."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS losses(key BLOB PRIMARY KEY, nats REAL) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._db.close()

    def get(self, key: bytes) -> float | None:
        """What was measured; None if nothing was."""
        with closing(self._db.execute("SELECT nats FROM losses WHERE key = ?", (key,))) as found:
            row = found.fetchone()
        return None if row is None else float(row[0])

    def put(self, losses: dict[bytes, float]) -> None:
        """Keep what one call measured, all or nothing."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO losses VALUES (?, ?)", losses.items())
        self._db.execute("COMMIT")


class Measurer:
    """Measures with one base, which it never changes."""

    def __init__(self, model: TransformersModel, base_id: str, cache: LossCache) -> None:
        self.model = model
        self._base = base_id.encode()
        self._cache = cache
        self.forwards = 0
        """Prompts that were really read."""

    def length(self, prompt: Sequence[Segment]) -> int:
        """Positions that a prompt takes."""
        return len(lay_out(self.model, prompt))

    def losses(self, prompts: Sequence[Sequence[Segment]], targets: Sequence[int]) -> Losses:
        """Nats summed over `targets` behind each of the prompts `[n]`.

        Raises ModelError for a prompt that does not fit the model with them.
        """
        laid = [lay_out(self.model, prompt) for prompt in prompts]
        wanted = np.asarray(targets, "<i8").tobytes()
        keys = [
            hashlib.blake2b(self._base + each.digest + wanted, digest_size=16).digest()
            for each in laid
        ]
        found = {key: self._cache.get(key) for key in keys}
        missing = {key: each for key, each in zip(keys, laid, strict=True) if found[key] is None}
        if missing:
            measured = self._measure(missing, targets)
            self._cache.put(measured)
            found |= measured
        return np.array([found[key] for key in keys], np.float64)

    def _measure(self, laid: dict[bytes, Laid], targets: Sequence[int]) -> dict[bytes, float]:
        # Prompts of like length share a batch, so that little is padded.
        keys = sorted(laid, key=lambda key: (len(laid[key]), key))
        size = BATCH[self.model.device.type]
        losses: dict[bytes, float] = {}
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            nats = self._read([laid[key] for key in part], targets)
            losses.update(zip(part, nats.tolist(), strict=True))
        self.forwards += len(keys)
        return losses

    @torch.inference_mode()
    def _read(self, laid: Sequence[Laid], targets: Sequence[int]) -> Tensor:
        """Nats `[n]` of the targets behind some prompts."""
        inputs, mask = self.padded(laid, targets[:-1])
        first, last = min(map(len, laid)) - 1, inputs.shape[1]
        logits = self.model.module(
            inputs_embeds=inputs,
            attention_mask=mask,
            position_ids=torch.arange(last, device=mask.device).expand(len(laid), -1),
            use_cache=False,
            logits_to_keep=torch.arange(first, last, device=mask.device),
        ).logits
        wanted = torch.tensor(targets, device=mask.device)
        rows = [
            logits[row, len(each) - 1 - first :][: len(targets)] for row, each in enumerate(laid)
        ]
        return torch.stack(
            [functional.cross_entropy(row.float(), wanted, reduction="sum") for row in rows]
        )

    def padded(self, laid: Sequence[Laid], behind: Sequence[int] = ()) -> tuple[Tensor, Tensor]:
        """Embeddings `[n, p, d]` of prompts with some tokens behind them, and the mask `[n, p]` of what is real."""
        length = max(map(len, laid)) + len(behind)
        if length > self.model.context_length:
            raise ModelError(
                f"{length} positions are more than the {self.model.context_length} that "
                f"{self.model.name} reads; set smaller budgets"
            )
        inputs = torch.zeros(
            len(laid),
            length,
            self.model.hidden_size,
            device=self.model.device,
            dtype=self.model.dtype,
        )
        mask = torch.zeros(len(laid), length, dtype=torch.long, device=self.model.device)
        for row, each in enumerate(laid):
            rows = self.model.embed([*each.ids, *behind])
            for at, vectors in each.vectors:
                rows[at : at + len(vectors)] = vectors.to(rows)
            inputs[row, : len(rows)] = rows
            mask[row, : len(rows)] = 1
        return inputs, mask
