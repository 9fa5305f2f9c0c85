"""The layers GistNet is built of: those of a Llama-like base LM, without the causal mask.

Module names are those of Hugging Face's decoder layers, so that a base layer's weights load as
they are. Knows shapes; no base by name, no block and no slot.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """Sizes of one layer. `rotary` is off for the layers some bases run without positions."""

    width: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    norm_eps: float
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    rotary: bool


@dataclass(frozen=True)
class Stream:
    """Hidden states `[B, n, d]` and the rotation of their positions (`rotation`'s pair)."""

    states: Tensor
    rotation: tuple[Tensor, Tensor]


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang and Sennrich 2019), computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, states: Tensor) -> Tensor:
        """`[..., d]` to the same shape and dtype."""
        normed = functional.rms_norm(states.float(), self.weight.shape, eps=self.eps)
        return self.weight * normed.to(states.dtype)


class Attention(nn.Module):
    """Grouped-query attention (Ainslie et al. 2023) of one stream to another, both ways."""

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        self.shape = shape
        inner, kv_inner = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.width, inner, bias=shape.qkv_bias)
        self.k_proj = nn.Linear(shape.width, kv_inner, bias=shape.qkv_bias)
        self.v_proj = nn.Linear(shape.width, kv_inner, bias=shape.qkv_bias)
        self.o_proj = nn.Linear(inner, shape.width, bias=shape.out_bias)

    def forward(self, reader: Stream, read: Stream, visible: Tensor) -> Tensor:
        """What each of `[B, q, d]` takes from `[B, k, d]`; `visible` `[B, 1, 1, k]` is boolean."""
        queries = self._heads(self.q_proj(reader.states))
        keys = self._heads(self.k_proj(read.states))
        values = self._heads(self.v_proj(read.states))
        if self.shape.rotary:
            queries, keys = rotate(queries, reader.rotation), rotate(keys, read.rotation)
        mixed = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=visible, enable_gqa=True
        )
        mixed_states: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return mixed_states

    def _heads(self, states: Tensor) -> Tensor:
        split = (*states.shape[:-1], -1, self.shape.head_dim)
        return states.view(split).transpose(1, 2)


class GatedMLP(nn.Module):
    """The SwiGLU feed-forward part (Shazeer 2020)."""

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.intermediate, bias=shape.mlp_bias)
        self.up_proj = nn.Linear(shape.width, shape.intermediate, bias=shape.mlp_bias)
        self.down_proj = nn.Linear(shape.intermediate, shape.width, bias=shape.mlp_bias)

    def forward(self, states: Tensor) -> Tensor:
        """`[..., d]` to the same shape."""
        gated = functional.silu(self.gate_proj(states)) * self.up_proj(states)
        result: Tensor = self.down_proj(gated)
        return result


class Layer(nn.Module):
    """A pre-norm layer in which one stream reads another, or itself."""

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = GatedMLP(shape)
        self.input_layernorm = RMSNorm(shape.width, shape.norm_eps)
        self.post_attention_layernorm = RMSNorm(shape.width, shape.norm_eps)

    def forward(self, reader: Stream, read: Stream, visible: Tensor) -> Tensor:
        """New states of `reader`, `[B, q, d]`."""
        normed_read = Stream(self.input_layernorm(read.states), read.rotation)
        normed = normed_read
        if reader is not read:
            normed = Stream(self.input_layernorm(reader.states), reader.rotation)
        states = reader.states + self.self_attn(normed, normed_read, visible)
        result: Tensor = states + self.mlp(self.post_attention_layernorm(states))
        return result


def rotation_table(positions: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[positions, head_dim]` of rotary embeddings (Su et al. 2021)."""
    rates = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.arange(positions, dtype=torch.float32)[:, None] * torch.cat((rates, rates))
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn `[B, heads, n, head_dim]` by the angles of its positions (`[1 or B, 1, n, head_dim]`)."""
    cosines, sines = rotation
    first, second = heads.chunk(2, dim=-1)
    return heads * cosines + torch.cat((-second, first), dim=-1) * sines
