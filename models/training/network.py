"""Build the pocket network: a Qwen2 causal LM with tied embeddings. Knows shapes, no data."""

import torch
from torch import Tensor
from transformers import Qwen2Config, Qwen2ForCausalLM

from .loss import linear_cross_entropy
from .settings import RunSettings
from .tokenizer import END, PAD, SPECIAL_TOKENS


def build_network(settings: RunSettings) -> Qwen2ForCausalLM:
    """Return a freshly initialised network in float32, seeded by the run."""
    torch.manual_seed(settings.seed)
    network: Qwen2ForCausalLM = Qwen2ForCausalLM(network_config(settings))
    return network


def network_config(settings: RunSettings) -> Qwen2Config:
    """Return the transformers configuration of a run's network."""
    shape = settings.model
    return Qwen2Config(
        vocab_size=settings.tokenizer.vocab_size,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.intermediate_size,
        max_position_embeddings=shape.max_positions,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=SPECIAL_TOKENS.index(END),
        pad_token_id=SPECIAL_TOKENS.index(PAD),
    )


def window_loss(network: Qwen2ForCausalLM, ids: Tensor, pad: int) -> Tensor:
    """Return the mean next-token loss in nats over windows [b, n], padding left out."""
    hidden = network.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    targets = ids[:, 1:].masked_fill(ids[:, 1:] == pad, -100)
    return linear_cross_entropy(
        hidden.reshape(-1, hidden.shape[-1]), network.lm_head.weight, targets.reshape(-1)
    )
