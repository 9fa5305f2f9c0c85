"""Which base LM something was made for: name, width, weights, tokenizer.

GistNet's checkpoints and gists fit one base only; this is what they are compared by. Knows any
Hugging Face causal LM, no file.
"""

import hashlib

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

SAMPLES = 1024
"""Numbers read of each tensor: any training touches all tensors, and a 32B base stays quick."""


class BaseIdentity(BaseModel):
    """A base LM as far as gists depend on it. Two with the same `base_id` can share gists."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """For people, such as "pocket"; no part of `base_id`."""
    width: int = Field(ge=1, le=65_536)
    """d of the input embeddings."""
    weights: str
    """Hex digest of the weights, the same for every precision they are held in."""
    tokenizer: str
    """Hex digest of the tokenizer, `TextTokenizer.fingerprint`."""

    @property
    def base_id(self) -> str:
        """Hex digest (32 digits) of width, weights and tokenizer."""
        parts = f"{self.width}\n{self.weights}\n{self.tokenizer}"
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def identify_base(base_model: nn.Module, name: str, tokenizer: str) -> BaseIdentity:
    """The identity of a loaded causal LM whose tokenizer has the fingerprint `tokenizer`."""
    digest = hashlib.blake2b(digest_size=16)
    for key, parameter in sorted(base_model.named_parameters()):
        flat = parameter.detach().flatten()
        step = max(1, flat.numel() // SAMPLES)
        digest.update(f"{key} {tuple(parameter.shape)}\n".encode())
        digest.update(stable_bytes(flat[::step]))
    width = base_model.get_input_embeddings().weight.shape[1]  # type: ignore[operator]
    return BaseIdentity(name=name, width=width, weights=digest.hexdigest(), tokenizer=tokenizer)


def stable_bytes(tensor: torch.Tensor) -> bytes:
    """The numbers rounded to bf16, as bytes: the same whether held in fp32 or in bf16."""
    return (
        tensor.detach().to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes()
    )
