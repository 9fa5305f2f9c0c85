"""Write trained weights as a model folder that transformers loads. Knows files, no training."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GenerationConfig, Qwen2ForCausalLM

from .tokenizer import END, PAD, SPECIAL_TOKENS

TOLERATED = 0.005
"""Relative loss that halving the weights' precision may cost."""
WEIGHTS = "model.safetensors"
TOKENIZER_CONFIG = "tokenizer_config.json"
TOKENIZER_FILES = ("tokenizer.json", TOKENIZER_CONFIG)


@dataclass(frozen=True)
class ExportedWeights:
    """What was written: the weights as a reader will have them."""

    network: Qwen2ForCausalLM
    dtype: str
    cost: float
    """Relative rise in bits per byte from rounding the weights to bfloat16, measured."""


def export_weights(
    network: Qwen2ForCausalLM,
    tokenizer: Path,
    out: Path,
    measure: Callable[[Qwen2ForCausalLM], float],
    positions: int,
) -> ExportedWeights:
    """Write configuration, weights and tokenizer to `out`.

    The weights are bfloat16 where that costs less than `TOLERATED` of what `measure` returns.
    `network` is left in float32 with the values that were written.

    Args:
        network: in float32.
        tokenizer: folder with the tokenizer's files.
        out: made if missing; files of the same names are replaced.
        measure: the loss of a network, lower is better.
        positions: of the windows it was trained on: more are not offered.
    """
    exact = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    before = measure(network)
    network.load_state_dict({name: t.bfloat16().float() for name, t in exact.items()})
    cost = measure(network) / before - 1
    dtype = torch.bfloat16 if cost < TOLERATED else torch.float32
    if dtype is torch.float32:
        network.load_state_dict(exact)
    write_model(network, tokenizer, out, positions, dtype)
    return ExportedWeights(network, network.config.dtype, cost)


def write_model(
    network: Qwen2ForCausalLM,
    tokenizer: Path,
    out: Path,
    positions: int,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write configuration, weights in `dtype` and tokenizer to `out`; see `export_weights`."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.to(dtype).contiguous()
        for name, tensor in network.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(weights, out / WEIGHTS, metadata={"format": "pt"})
    # The library writes for the owner alone, and a wheel would keep that.
    (out / WEIGHTS).chmod(0o644)
    network.config.dtype = str(dtype).removeprefix("torch.")
    network.config.architectures = [type(network).__name__]
    network.config.max_position_embeddings = positions
    network.config.save_pretrained(out)
    GenerationConfig(do_sample=False, eos_token_id=_id(END), pad_token_id=_id(PAD)).save_pretrained(
        out
    )
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer / name, out / name)
    settings = json.loads((out / TOKENIZER_CONFIG).read_text(encoding="utf-8"))
    settings["model_max_length"] = positions
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    (out / TOKENIZER_CONFIG).write_text(text + "\n", encoding="utf-8")


def write_card(out: Path, card: str) -> None:
    """Write the model card beside the weights."""
    (out / "README.md").write_text(card, encoding="utf-8")


def _id(token: str) -> int:
    return SPECIAL_TOKENS.index(token)
