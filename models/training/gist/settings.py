"""Settings of a GistNet run, as `configs/runs/gistnet_*.yaml` gives them. Reads no data."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from ...choosing.presets import Precision
from ..corpus.settings import Strict
from ..settings import LoopSettings, Positive

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class BaseChoice(Strict):
    """The base LM that reads the gists: a model folder, or the newest state of a base-model run."""

    folder: str | None = None
    """A Hugging Face model folder."""
    run: str | None = None
    """Config of a `train base` run, as a path."""
    plateau: bool = True
    """Start from a run's state before its rate decayed, where there is one; else from its newest."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.folder is None) == (self.run is None):
            raise ValueError("give either folder or run")
        return self


class Blend(Strict):
    """One prepared corpus and its share of the windows."""

    corpus: str
    weight: Annotated[float, Field(gt=0)] = 1.0
    middles: Share = 0.0
    """Share of its pieces that are fill-in-the-middle."""


class EncoderSettings(Strict):
    """The shape of GistNet beyond what the base decides."""

    layers: Positive = 4
    """Taken from the base's first; in the last one the slots read."""
    bottleneck: Positive | None = None
    """Width through which the residual passes; half the base's without."""
    start: str | None = None
    """Folder of a trained GistNet of this base to go on from."""


class ViewSettings(Strict):
    """How windows are cut, and with how many slots they are read."""

    segments: Annotated[tuple[Positive, ...], Field(min_length=1)] = (4, 4, 2, 8)
    """Lengths in blocks that are drawn from: how far a token is from the gists."""
    ragged: Share = 0.25
    """Share of the steps whose blocks are as short as the ends of chunks."""
    slots: Annotated[tuple[Positive, ...], Field(min_length=1)] = (8, 4, 2, 1)
    """Slots a block is read with, the most first."""
    opening: Share = 0.0
    """Share of the budget in which the chance of fewer slots grows to that of many."""

    @model_validator(mode="after")
    def _descends(self) -> Self:
        if list(self.slots) != sorted(set(self.slots), reverse=True):
            raise ValueError("slots must descend, without repetition")
        return self


class TermSettings(Strict):
    """How much each part of the loss counts; 0 leaves it out."""

    continuation: Weight = 1.0
    """What comes after gists."""
    teacher: Share = 0.5
    """Share of the divergence from the full context's distribution in the continuation; the rest is
    cross-entropy."""
    plain: Weight = 1.0
    """Next tokens without gists; counts only where the base is trained along."""
    reconstruction: Weight = 0.5
    """Saying again what a gist stands for."""
    first_lengths: tuple[Positive, ...] = (4, 8, 16)
    """Tokens of a block that are said again at first, in equal parts of `reconstruction_opening`."""
    reconstruction_opening: Share = 0.0
    """Share of the budget in which the said length grows."""
    reconstructed: Positive = 6
    """Blocks of a window that are said again in a step."""
    contrast: Weight = 0.0
    """Telling which block's states a gist belongs to, among all of the batch."""
    importance: Share = 0.0
    """How much a token's surprise to the teacher, rather than nothing, weighs it when it is said again
    (the idea of keep probabilities, Pan et al. 2024, "LLMLingua-2")."""


class TeacherSettings(Strict):
    """What a frozen base says of windows with everything in sight, which it says in every epoch."""

    top: Positive | None = None
    """So many of the likeliest tokens are kept on disk for each place, so that a window is read plainly
    once; without, the whole distribution is made anew each time."""


class RoutingSettings(Strict):
    """Finding the definition that a cursor is about to use, by the gist of its chunk."""

    weight: Weight = 0.0
    """How much it counts in the steps spent on it; 0 spends none."""
    every: Annotated[int, Field(ge=2)] = 4
    """Every so many steps one reads pairs in place of windows."""
    pairs: Positive = 32
    """Of one package, in such a step."""

    def is_due(self, step: int) -> bool:
        """Whether a step is one of routing."""
        return self.weight > 0 and step % self.every == self.every - 1


class Gate(Strict):
    """What a checkpoint must show before it is promoted to be the one that ships."""

    recovery: dict[int, float] = Field(default_factory=dict)
    """Least CGR behind a tail, by slots."""
    identifiers: Share = 0.0
    """Least share of a block's identifiers that come back when it is said again with all slots."""
    spread: Share = 0.2
    """Least variance of gists, as a share of that of the embeddings."""
    collisions: Share = 0.05
    """Largest share of different blocks whose gists are nearly the same (cosine above 0.999)."""


class GistRunSettings(LoopSettings):
    """One run of `megacontext train gistnet`."""

    FIXED: ClassVar[tuple[str, ...]] = (
        "base",
        "train_base",
        "base_rate",
        "data",
        "seed",
        "seq_len",
        "encoder",
        "view",
        "terms",
        "optimizer",
        "batch",
    )

    LATER: ClassVar[tuple[str, ...]] = ("teacher", "routing", "base_precision")

    base: BaseChoice
    train_base: bool = False
    """Whether the base learns along to read gists (*gist-native*), or stays as it is."""
    base_rate: Annotated[float, Field(gt=0, le=10)] = 1.0
    """What the base's learning rates are, as a multiple of GistNet's."""
    base_precision: Precision = "float32"
    """What a frozen base is held in; one that learns along needs float32."""
    recompute: bool = False
    """Compute the base's layers again for gradients, rather than keep what they gave: far less memory, a
    third more time."""
    data: Annotated[tuple[Blend, ...], Field(min_length=1)]
    seq_len: Annotated[int, Field(ge=128)]
    encoder: EncoderSettings = EncoderSettings()
    view: ViewSettings = ViewSettings()
    terms: TermSettings = TermSettings()
    teacher: TeacherSettings = TeacherSettings()
    routing: RoutingSettings = RoutingSettings()
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _frozen_if_need_be(self) -> Self:
        if self.teacher.top is not None and self.train_base:
            raise ValueError("teacher.top keeps what a base says, but train_base changes it")
        if self.base_precision != "float32" and self.train_base:
            raise ValueError("base_precision is for a frozen base; one that learns needs float32")
        if self.teacher.top is not None and self.terms.contrast:
            raise ValueError("teacher.top keeps no states, which terms.contrast compares with")
        return self
