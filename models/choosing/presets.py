"""The base models MegaContext knows by name: their shapes, needs and manners.

One YAML file each in `configs/models/`. Sizes are computed from the shape, so a preset cannot
claim a memory need that its own numbers contradict. Knows no machine and loads no torch.
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

import yaml
from pydantic import BaseModel as Settings
from pydantic import ConfigDict, Field, ValidationError, model_validator

from megacontext.configs.errors import ModelChoiceError, SettingsError

Precision = Literal["float32", "bfloat16", "float16"]
Architecture = Literal["qwen2", "qwen3_moe", "smollm3"]

BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of one number."""

WORKSPACE = 512 * 1024**2
"""Bytes for activations of one chunk of the prompt, kernels and the allocator's slack."""

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Shape(Settings):
    """The numbers in a model's config.json that decide how large it is."""

    model_config = _STRICT

    architecture: Architecture
    vocabulary: int = Field(gt=0)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    """Width of the feed-forward part, or of one expert."""
    layers: int = Field(gt=0)
    heads: int = Field(gt=0)
    kv_heads: int = Field(gt=0)
    head_dim: int = Field(gt=0)
    tied_embeddings: bool
    experts: int = Field(default=1, ge=1)
    active_experts: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _divides(self) -> "Shape":
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} must be a multiple of kv_heads {self.kv_heads}")
        if self.active_experts > self.experts:
            raise ValueError(f"active_experts must be at most experts, {self.experts}")
        return self

    @property
    def parameters(self) -> int:
        """Number of weights, all experts included."""
        return self._weights(self.experts)

    @property
    def active_parameters(self) -> int:
        """Number of weights that one token passes through."""
        return self._weights(self.active_experts)

    @property
    def kv_numbers(self) -> int:
        """Numbers that one position adds to the KV cache."""
        return 2 * self.layers * self.kv_heads * self.head_dim

    def _weights(self, experts: int) -> int:
        queries, keys = self.heads * self.head_dim, 2 * self.kv_heads * self.head_dim
        attention = self.hidden_size * (2 * queries + keys)
        if self.architecture == "qwen2":
            attention += queries + keys  # biases
        if self.architecture == "qwen3_moe":
            attention += 2 * self.head_dim  # norms of queries and keys
        forward = experts * 3 * self.hidden_size * self.intermediate_size
        if self.experts > 1:
            forward += self.hidden_size * self.experts  # the router
        norms = 2 * self.hidden_size
        tables = self.vocabulary * self.hidden_size * (1 if self.tied_embeddings else 2)
        return tables + self.layers * (attention + forward + norms) + self.hidden_size


class SamplingDefaults(Settings):
    """What the model's own generation config says; its repetition penalty is not applied."""

    model_config = _STRICT

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)


class Preset(Settings):
    """A base model known by name."""

    model_config = _STRICT

    name: str
    hub_id: str | None
    """Name on the Hugging Face hub; None for a model that comes with MegaContext."""
    rank: int
    """Quality for code: `auto` tries higher ranks first."""
    licence: str
    parameters: int = Field(gt=0)
    """The published count."""
    active_parameters: int | None = None
    """The published count of those a token passes through, if fewer."""
    context_length: int = Field(gt=0)
    """Positions its own configuration allows."""
    precisions: tuple[Precision, ...] = Field(min_length=1)
    fim: bool
    chat: bool
    sampling: SamplingDefaults
    shape: Shape

    @property
    def speed_parameters(self) -> int:
        """Weights that are read for every token: what the speed depends on."""
        return self.active_parameters or self.parameters

    def memory(self, precision: Precision, positions: int) -> int:
        """Bytes to run it with room for a KV cache of so many positions."""
        numbers = self.shape.parameters + self.shape.kv_numbers * positions
        return numbers * BYTES[precision] + WORKSPACE


@cache
def presets() -> tuple[Preset, ...]:
    """All shipped presets, best first. Raises `SettingsError` for a wrong file."""
    folder = files("megacontext.configs") / "models"
    shipped = [_read(file) for file in folder.iterdir() if file.name.endswith(".yaml")]
    return tuple(sorted(shipped, key=lambda preset: -preset.rank))


def preset(name: str) -> Preset:
    """The preset of that name. Raises `ModelChoiceError` naming those there are."""
    found = next((each for each in presets() if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in presets())
        raise ModelChoiceError(f"there is no model preset {name!r}; choose one of {names}")
    return found


def read_preset(text: str, origin: str) -> Preset:
    """A preset from YAML. Raises `SettingsError` naming file, key, value and what is allowed."""
    try:
        content: Any = yaml.safe_load(text)
        return Preset.model_validate(content)
    except yaml.YAMLError as exc:
        raise SettingsError(f"{origin} is no YAML: {exc}") from exc
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}"
            f" (read {fault['input']!r})"
            for fault in exc.errors()
        )
        raise SettingsError(f"{origin}: {faults}") from exc


def _read(file: Traversable) -> Preset:
    return read_preset(file.read_text("utf-8"), f"configs/models/{file.name}")
