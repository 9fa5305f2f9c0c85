"""The KV cache that survives between prompts: it goes back to the longest common prefix.

Knows positions by their keys (a token id, or the digest of a vector); it knows no text.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from ..base import common_prefix

PositionKey = int | bytes

_REWINDABLE = {"full_attention", "sliding_attention"}
_SLACK = 256  # positions beyond those needed, so that not every token makes a new buffer


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values `[1, heads, n, head_dim]` as views of buffers with room for what is to come.

    A `DynamicLayer` copies everything it holds at every token. This one writes the new rows only,
    and `crop` merely shortens the views. Sliding-window layers use it too: they keep their whole
    past, which the attention mask hides, so that a prompt can go back to any position.
    """

    reserved = 0
    """Positions to make room for when a new buffer is needed."""

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Make empty buffers of the type, device and shape of the first states."""
        super().lazy_initialization(key_states, value_states)
        self._room = [_buffer(states, self.reserved) for states in (key_states, value_states)]
        self.keys, self.values = (room[:, :, :0] for room in self._room)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append states `[1, heads, new, head_dim]`; returns all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.keys.shape[-2]
        end = start + key_states.shape[-2]
        if end > self._room[0].shape[-2]:
            self._grow(max(end + _SLACK, self.reserved))
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[:, :, start:end] = states
        self.keys, self.values = (room[:, :, :end] for room in self._room)
        return self.keys, self.values

    def _grow(self, positions: int) -> None:
        for index, held in enumerate((self.keys, self.values)):
            bigger = _buffer(held, positions)
            bigger[:, :, : held.shape[-2]] = held
            self._room[index] = bigger


class PrefixCache:
    """A cache of attention states and the keys of the positions that are in it.

    Use it inside `torch.inference_mode()` only: its buffers are inference tensors.
    """

    def __init__(self, config: Any) -> None:
        """`config` is the transformers configuration of the model the cache is for."""
        self._config = config.get_text_config(decoder=True)
        kinds = getattr(self._config, "layer_types", None) or ["full_attention"]
        # Linear-attention layers keep one running state: it can go on, but never back.
        self._rewindable = set(kinds) <= _REWINDABLE
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.keys: list[PositionKey] = []
        self.states: Any = (
            Cache(layers=[GrowingLayer() for _ in range(self._config.num_hidden_layers)])
            if self._rewindable
            else DynamicCache(config=self._config)
        )

    def rewind(self, wanted: Sequence[PositionKey]) -> int:
        """Keep the longest common prefix with `wanted`; returns its length.

        At least the last wanted position is left to compute, since its logits are asked for.
        """
        kept = min(common_prefix(self.keys, wanted), len(wanted) - 1)
        surplus = len(self.keys) - kept
        if surplus and (not self._rewindable or not kept):
            self.reset()
        elif surplus:
            self.states.crop(-surplus)
            del self.keys[kept:]
        return len(self.keys)

    def reserve(self, positions: int) -> None:
        """Tell how many positions there will be, so that memory is taken once."""
        for layer in self.states.layers:
            if isinstance(layer, GrowingLayer):
                layer.reserved = positions

    def append(self, keys: Sequence[PositionKey]) -> None:
        """Note the keys of positions whose states the model has just added."""
        self.keys += keys


class TwoCaches:
    """One for conversations and one for all other prompts.

    Whoever types talks to the model in between: neither is to forget what the other's prompts began with.
    """

    def __init__(self, config: Any) -> None:
        """`config` is the transformers configuration of the model."""
        self._caches = {chat: PrefixCache(config) for chat in (False, True)}

    def of(self, *, chat: bool) -> PrefixCache:
        """The cache of one kind of prompt."""
        return self._caches[chat]

    def reset(self) -> bool:
        """Forget everything; whether there was anything."""
        held = any(cache.keys for cache in self._caches.values())
        for cache in self._caches.values():
            cache.reset()
        return held


def _buffer(like: torch.Tensor, positions: int) -> torch.Tensor:
    batch, heads, _, width = like.shape
    return like.new_empty((batch, heads, positions, width))
