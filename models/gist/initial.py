"""A GistNet to start from: its layers are the base LM's own first ones.

Knows the layout of Hugging Face's dense Llama-like models (Qwen2, SmolLM3), told by their module
names; a base of another kind is refused.
"""

import math
from typing import Any

import torch
from torch import nn

from megacontext.configs.errors import ModelError

from ..gistnet import GistNet, GistNetConfig
from .base_identity import BaseIdentity
from .layers import Layer


def initial_gistnet(
    base_model: nn.Module,
    base: BaseIdentity,
    *,
    layers: int = 2,
    bottleneck: int | None = None,
    seed: int = 0,
) -> GistNet:
    """A GistNet in float32 on the CPU for a loaded causal LM; the base is only read.

    Fresh, its gists are embeddings of tokens of the block. `bottleneck` is half the width where it
    is not given. Raises ModelError where GistNet cannot
    take over the base's layers (mixture of experts, quantised weights, normed queries).
    """
    rms = embedding_rms(base_model.get_input_embeddings().weight)  # type: ignore[operator]
    config = fitting_config(
        base_model, base, layers=layers, bottleneck=bottleneck, seed=seed, output_rms=rms
    )
    gistnet = GistNet(config)
    for layer, own in zip(gistnet.layers, _first_layers(base_model, layers), strict=True):
        layer.load_state_dict(own.state_dict())
    return gistnet


def fitting_config(
    base_model: nn.Module,
    base: BaseIdentity,
    *,
    layers: int,
    bottleneck: int | None = None,
    seed: int = 0,
    output_rms: float = 1.0,
) -> GistNetConfig:
    """The configuration of a GistNet that can take over a base's first layers.

    Looks at shapes alone, so that a base on the meta device serves too. Raises ModelError as
    `initial_gistnet` does.
    """
    if layers < 1:
        raise ValueError(f"layers is {layers}; it must be at least 1, in which the slots read")
    own_layers = _first_layers(base_model, layers)
    narrow = bottleneck or max(1, base.width // 2)
    config = _config(base_model, own_layers, base, narrow, seed, output_rms)
    with torch.device("meta"):
        empty = [Layer(config.layer_shape(index)) for index in range(config.layers)]
    if any(_shapes(layer) != _shapes(own) for layer, own in zip(empty, own_layers, strict=True)):
        raise _unfit(base, "has layers of another kind")
    return config


def _first_layers(base_model: nn.Module, count: int) -> list[nn.Module]:
    model: Any = base_model  # Hugging Face's own methods are not typed
    return list(model.get_decoder().layers)[:count]


def _shapes(layer: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in layer.state_dict().items()}


def _config(
    model: Any,
    own_layers: list[Any],
    base: BaseIdentity,
    bottleneck: int,
    seed: int,
    output_rms: float,
) -> GistNetConfig:
    told = model.config
    if getattr(told, "hidden_act", None) != "silu":
        raise _unfit(base, "has another activation than silu")
    first = own_layers[0]
    if not hasattr(first, "self_attn") or not hasattr(first.mlp, "gate_proj"):
        raise _unfit(base, "has no dense attention and gated feed-forward layers")
    attention, mlp = first.self_attn, first.mlp
    return GistNetConfig(
        base=base,
        layers=len(own_layers),
        heads=told.num_attention_heads,
        kv_heads=told.num_key_value_heads,
        head_dim=attention.head_dim,
        intermediate=told.intermediate_size,
        bottleneck=bottleneck,
        norm_eps=told.rms_norm_eps,
        rotary_theta=told.rope_parameters["rope_theta"],
        rotary_layers=tuple(bool(getattr(own.self_attn, "use_rope", True)) for own in own_layers),
        qkv_bias=attention.q_proj.bias is not None,
        out_bias=attention.o_proj.bias is not None,
        mlp_bias=mlp.gate_proj.bias is not None,
        output_rms=output_rms,
        seed=seed,
    )


@torch.no_grad()
def embedding_rms(weight: torch.Tensor) -> float:
    """Root mean square over all numbers of an embedding matrix `[vocabulary, d]`."""
    # No copy in float32: the embeddings of a large base take gigabytes.
    norm = torch.linalg.vector_norm(weight, dtype=torch.float32)
    return float(norm) / math.sqrt(weight.numel())


def _unfit(base: BaseIdentity, why: str) -> ModelError:
    return ModelError(
        f"GistNet cannot start from {base.name}, which {why}; use the text codec with this base"
    )
