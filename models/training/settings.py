"""Settings of a training run, as `configs/runs/*.yaml` gives them. Reads no data."""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from .corpus.settings import Strict

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0, lt=1)]


class TokenizerSettings(Strict):
    """The vocabulary, learned from a sample of the train split."""

    vocab_size: Annotated[int, Field(gt=0, le=65_536)]
    """At most what two bytes a token can hold on disk."""
    sample_mb: Annotated[float, Field(gt=0)] = 30.0


class ModelSettings(Strict):
    """The shape of the Qwen2 network; embeddings are tied."""

    hidden_size: Positive
    layers: Positive
    heads: Positive
    kv_heads: Positive
    intermediate_size: Positive
    rope_theta: Annotated[float, Field(gt=0)] = 10_000.0
    max_positions: Positive = 4096

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.hidden_size % self.heads or self.heads % self.kv_heads:
            raise ValueError("heads must divide hidden_size, and kv_heads must divide heads")
        return self


class OptimizerSettings(Strict):
    """Muon for the matrices inside, AdamW for embeddings, norms and biases."""

    muon_lr: Rate = 0.02
    muon_weight_decay: Annotated[float, Field(ge=0)] = 0.05
    momentum: Rate = 0.95
    adamw_lr: Rate = 0.003
    betas: tuple[Rate, Rate] = (0.9, 0.95)
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Largest norm of the whole gradient."""


class ScheduleSettings(Strict):
    """Warm-up, a plateau, a linear decay to zero; whichever budget is spent first ends the run."""

    warmup_steps: Annotated[int, Field(ge=0)] = 100
    decay_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    """The share of the budget, steps or hours, that the decay takes."""
    total_steps: Positive | None = None
    max_hours: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.total_steps is None and self.max_hours is None:
            raise ValueError("give total_steps, max_hours or both, or the run never ends")
        return self


class BatchSettings(Strict):
    """How many windows one optimizer step reads."""

    windows: Positive
    """Windows that go through the network together."""
    accumulate: Positive = 1
    """How many such groups make one step."""


class CheckpointSettings(Strict):
    """When the state of the run is written, and how many are kept."""

    minutes: Annotated[float, Field(gt=0)] = 5.0
    keep: Positive = 2


class EvaluationSettings(Strict):
    """How a run is measured: often on a little, at its end on all held-out text."""

    every_steps: Positive = 250
    windows: Positive = 32
    """Of the small evaluation inside a run."""
    line_tasks: Positive = 300
    """Lines to complete at the end."""


class LoopSettings(Strict):
    """What every run has; its checkpoints go on only in a run with equal `FIXED` settings.

    Budgets, devices and reporting may change between a run and its continuation.
    """

    FIXED: ClassVar[tuple[str, ...]]
    LATER: ClassVar[tuple[str, ...]] = ()
    """Settings that decide steps too, but count only where they are not the default: runs from before
    they came stay what they were."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    seed: int = 0
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings
    batch: BatchSettings
    checkpoint: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Positive | None = None
    """Of each process; None leaves the choice to torch."""
    workers: Positive = 1
    """Processes that share a batch; more than one on a CPU only."""
    compile: bool = False
    """Compile the network; on a GPU only."""
    wandb: bool = False
    """Tell Weights & Biases too."""

    def fingerprint(self) -> str:
        """Hash of what a checkpoint depends on."""
        before = self._before_later()
        values = self.model_dump(mode="json")
        later = (key for key in self.LATER if values[key] != before[key])
        return self._digest((*self.FIXED, *later))

    def differences(self, other: dict[str, Any]) -> list[str]:
        """Name the settings in which `other`, a dump of this model, is a different run."""
        mine = self.model_dump(mode="json")
        theirs = self._before_later() | other
        return [
            f"{key} ({theirs.get(key)} there, {mine[key]} here)"
            for key in (*self.FIXED, *self.LATER)
            if theirs.get(key) != mine[key]
        ]

    def _before_later(self) -> dict[str, Any]:
        """What held for runs from before there were the `LATER` settings."""
        fields, plain = type(self).model_fields, TypeAdapter[Any](Any)
        return {
            key: plain.dump_python(fields[key].get_default(), mode="json") for key in self.LATER
        }

    def _digest(self, keys: tuple[str, ...], start: str = "") -> str:
        values = self.model_dump(mode="json")
        text = json.dumps({key: values[key] for key in keys}, separators=(",", ":"))
        return hashlib.blake2b((start + text).encode(), digest_size=16).hexdigest()


class RunSettings(LoopSettings):
    """One run of `megacontext train base`."""

    FIXED = ("corpus", "seed", "seq_len", "tokenizer", "model", "optimizer", "batch")

    corpus: str
    """Name of a prepared corpus under the data folder."""
    seq_len: Annotated[int, Field(ge=128)]
    tokenizer: TokenizerSettings
    model: ModelSettings

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.seq_len > self.model.max_positions:
            raise ValueError(f"seq_len {self.seq_len} is over max_positions of the model")
        return self

    def data_fingerprint(self, corpus_hash: str) -> str:
        """Hash of what the packed windows depend on."""
        return self._digest(("seed", "seq_len", "tokenizer"), corpus_hash)
