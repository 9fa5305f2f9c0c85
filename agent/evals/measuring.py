"""What a base loses on the tokens behind a prompt, in nats, measured once for each prompt and kept.

On a processor prompts are read one after the other, each from where it differs from the one before; on a GPU in
batches, padded at the end. The mask is explicit in both. Knows prompts and targets; no tree and no scene.
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
from megacontext.models.language.kv_cache import PositionKey, PrefixCache
from megacontext.models.language.transformers_model import TransformersModel

Losses = NDArray[np.float64]
BATCH = 64
"""Prompts that a GPU reads together."""


@dataclass(frozen=True)
class Laid:
    """A prompt position by position: token ids, and vectors that stand in place of some embeddings."""

    ids: tuple[int, ...]
    vectors: tuple[tuple[int, Tensor], ...]
    """First position and rows `[k, d]` of each."""
    keys: tuple[PositionKey, ...]
    """What tells each position from others: a token's id, or the key of a vector."""
    digest: bytes
    """Equal for equal prompts only."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def order(self) -> list[int]:
        """Sorts prompts so that those with a long beginning in common follow each other."""
        return [
            -1 - int.from_bytes(key[:7]) if isinstance(key, bytes) else key for key in self.keys
        ]


def lay_out(model: TransformersModel, prompt: Sequence[Segment]) -> Laid:
    """A prompt of segments as positions; raises ModelError for a special token that the model lacks."""
    ids: list[int] = []
    keys: list[PositionKey] = []
    vectors: list[tuple[int, Tensor]] = []
    state = hashlib.blake2b(digest_size=16)
    for part in prompt:
        match part:
            case Vectors():
                vectors.append((len(ids), part.rows))
                state.update(b"".join(part.keys))
                ids += [0] * len(part.keys)
                keys += part.keys
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
        keys += more
        state.update(np.asarray(more, "<i8").tobytes() + b"|")
    return Laid((*ids,), (*vectors,), (*keys,), state.digest())


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

    def __init__(
        self,
        model: TransformersModel,
        base_id: str,
        cache: LossCache,
        *,
        together: bool | None = None,
    ) -> None:
        """`together` says whether prompts are read in batches; None leaves it to where the model is."""
        self.model = model
        self._together = model.device.type != "cpu" if together is None else together
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
        read = self._in_batches if self._together else self._one_by_one
        self.forwards += len(laid)
        return read(laid, targets)

    def _in_batches(self, laid: dict[bytes, Laid], targets: Sequence[int]) -> dict[bytes, float]:
        # Prompts of like length share a batch, so that little is padded.
        keys = sorted(laid, key=lambda key: (len(laid[key]), key))
        losses: dict[bytes, float] = {}
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            nats = self._read([laid[key] for key in part], targets)
            losses.update(zip(part, nats.tolist(), strict=True))
        return losses

    @torch.inference_mode()
    def _one_by_one(self, laid: dict[bytes, Laid], targets: Sequence[int]) -> dict[bytes, float]:
        known = PrefixCache(self.model.module.config)
        keys = sorted(laid, key=lambda key: laid[key].order)
        return {key: self._read_on(known, laid[key], targets) for key in keys}

    def _read_on(self, known: PrefixCache, each: Laid, targets: Sequence[int]) -> float:
        """Nats of the targets behind one prompt, of which `known` may hold the beginning."""
        inputs, mask = self.padded([each], targets[:-1])
        length = inputs.shape[1]
        start = known.rewind(each.keys)
        known.reserve(length)
        logits = self.model.module(
            inputs_embeds=inputs[:, start:],
            attention_mask=mask,
            position_ids=torch.arange(start, length)[None],
            past_key_values=known.states,
            use_cache=True,
            logits_to_keep=len(targets),
        ).logits[0]
        known.append([*each.keys, *targets[:-1]][start:])
        return float(
            functional.cross_entropy(logits.float(), torch.tensor(targets), reduction="sum")
        )

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
