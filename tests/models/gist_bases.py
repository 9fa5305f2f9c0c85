"""Tiny random base LMs, as transformers builds them."""

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, SmolLM3Config, SmolLM3ForCausalLM

from megacontext.models.gist.base_identity import BaseIdentity, identify_base

VOCABULARY = 96
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.1,
}


def base_lm(kind: str = "qwen2", seed: int = 0, **changes):
    torch.manual_seed(seed)
    sizes = {**SIZES, **changes}
    model = (
        Qwen2ForCausalLM(Qwen2Config(**sizes, tie_word_embeddings=True))
        if kind == "qwen2"
        else SmolLM3ForCausalLM(SmolLM3Config(**sizes))
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name:  # transformers starts them at 0 and 1
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def identity(model, name: str = "tiny", tokenizer: str = "t1") -> BaseIdentity:
    return identify_base(model, name, tokenizer)
