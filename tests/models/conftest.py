"""Tiny random models in real folders, so that tests run the real loading code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from megacontext.models.language.tokenizing import TextTokenizer

SPECIALS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|repo_name|>",
    "<|file_sep|>",
]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 400
KINDS = ["qwen2", "smollm3", "smollm3-sliding", "qwen3_moe"]


@pytest.fixture(scope="session")
def tokenizer_json() -> bytes:
    """A byte-level BPE whose special tokens are marked as plain ones, as Qwen coders do."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    source = Path(__file__).read_text("utf-8")
    tokenizer.train_from_iterator([source], trainer)
    tokenizer.add_tokens([AddedToken(word, special=False, normalized=False) for word in SPECIALS])
    return tokenizer.to_str().encode()


@pytest.fixture(scope="session")
def tokenizer(tokenizer_json: bytes) -> TextTokenizer:
    return TextTokenizer(tokenizer_json)


def tiny_module(kind: str):
    """A random causal LM, large weights so that greedy answers do not hang on rounding."""
    import torch
    from transformers import (
        Qwen2Config,
        Qwen2ForCausalLM,
        Qwen3MoeConfig,
        Qwen3MoeForCausalLM,
        SmolLM3Config,
        SmolLM3ForCausalLM,
    )

    torch.set_num_threads(1)  # more would only wait for each other on matrices this small
    torch.manual_seed(7)
    common = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "initializer_range": 0.4,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
        "tie_word_embeddings": True,
    }
    match kind:
        case "qwen2":
            return Qwen2ForCausalLM(Qwen2Config(**common))
        case "smollm3":
            return SmolLM3ForCausalLM(SmolLM3Config(**common))
        case "smollm3-sliding":
            sliding = {"use_sliding_window": True, "sliding_window": 16}
            return SmolLM3ForCausalLM(SmolLM3Config(**common, **sliding))
        case "qwen3_moe":
            experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
            return Qwen3MoeForCausalLM(Qwen3MoeConfig(**common, **experts, head_dim=8))
    raise ValueError(kind)


@pytest.fixture(scope="session")
def write_model(tokenizer_json: bytes) -> Callable[..., Path]:
    def write(folder: Path, kind: str = "qwen2", *, chat: bool = True) -> Path:
        tiny_module(kind).save_pretrained(folder)
        (folder / "tokenizer.json").write_bytes(tokenizer_json)
        settings = {"eos_token": "<|im_end|>"} | ({"chat_template": TEMPLATE} if chat else {})
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_models(write_model, tmp_path_factory):
    """kind → loaded model; each is loaded once."""
    from megacontext.models.language.loading import load_folder

    loaded = {}

    def get(kind: str):
        if kind not in loaded:
            loaded[kind] = load_folder(write_model(tmp_path_factory.mktemp(kind), kind))
        loaded[kind].forget()
        return loaded[kind]

    return get
