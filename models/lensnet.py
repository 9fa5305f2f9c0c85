"""LensNet: what the detail of each entry is worth for a query, from gists and scalar features.

    gists, features of entries [B, n, …] ─► entries [B, n, w] ◄── read ──┐
                                               │  ▲                      │
                                               ▼  └─────── read ──┐      │
    gists of the query [B, m, d] ─► slots ── read ──────────────► slots ─┘

Entries never read each other, only the slots: time grows with n alone, the order of entries has no meaning, and an
entry can be scored later against slots that are kept. Not causal: slots read all entries. Beside the layers a plain
weighing of the features leads to the score, so that a fresh LensNet ranks as these weights do. Knows no tree and
no text.
"""

import math
import re
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from .gist.layers import RMSNorm
from .lens.layers import NORM_EPS, Read

FAINT = 0.1
"""Spread of new weights of what is added to states, where that of the others is 1."""
ADDING = re.compile(r"feature_in|has_gist|place_embeddings|o_proj|down_proj")


class LensNetConfig(BaseModel):
    """Everything but the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_id: str
    """Of the base in whose embedding space the gists lie."""
    encoder_id: str
    """Of the GistNet that makes them."""
    gist_width: int = Field(ge=1, le=65_536)
    feature_names: tuple[str, ...]
    """Columns of the features, in order."""
    feature_weights: dict[str, float] = {}
    """What a fresh LensNet weighs each feature with; 0 for the rest."""
    minimum: float = 0.05
    """What a fresh LensNet takes off every sum."""
    width: int = Field(default=64, ge=1, le=4096)
    """Of the states of entries and slots."""
    heads: int = Field(default=4, ge=1, le=256)
    layers: int = Field(default=1, ge=1, le=32)
    """Times that slots read entries, and entries the slots again."""
    query_positions: int = Field(default=16, ge=1, le=4096)
    """Blocks of the query told apart by how near its end they are; those before share the last place."""
    features: bool = True
    """Off, features have no influence."""
    query: bool = True
    """Off, the query's gists have no influence: every query is the same one."""
    latents: int = Field(default=0, ge=0, le=4096)
    """Learned slots that read the query and stand for it (Perceiver IO, Jaegle et al. 2021); 0 for none."""
    competition: bool = False
    """Whether slots compete for entries (slot attention, Locatello et al. 2020)."""
    seed: int = 0
    version: int = Field(default=1, ge=1, le=1)
    """Of this architecture."""

    @model_validator(mode="after")
    def _whole(self) -> "LensNetConfig":
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if len(set(self.feature_names)) != len(self.feature_names):
            raise ValueError("feature_names must differ")
        if unknown := sorted(self.feature_weights.keys() - set(self.feature_names)):
            raise ValueError(f"feature_weights names {unknown[0]}, which is no feature")
        return self


@dataclass(frozen=True)
class Entries:
    """What is to be scored: B sets of at most n entries."""

    gists: Tensor
    """`[B, n, d]`, zeros where an entry has none."""
    features: Tensor
    """`[B, n, F]`"""
    present: Tensor
    """bool `[B, n]`: false for padding."""
    legal: Tensor | None = None
    """bool `[B, n]`: false where no action may be taken; such an entry is read, but scores −inf."""


@dataclass(frozen=True)
class Asked:
    """B queries of at most m gists: those of the question, then of the text before the cursor, its end last."""

    gists: Tensor
    """`[B, m, d]`, padding behind."""
    present: Tensor
    """bool `[B, m]`"""


@dataclass(frozen=True)
class Slots:
    """A query as entries read it at one depth."""

    states: Tensor
    """`[B, s, w]`; the first stands for no query at all."""
    present: Tensor
    """bool `[B, s]`"""


@dataclass(frozen=True)
class Verdict:
    """Scores, and what made them."""

    scores: Tensor
    """`[B, n]`, −inf for padding and what is illegal."""
    likeness: Tensor
    """`[B, n]`: what the entry's likeness to the query adds by itself."""


class LensNet(nn.Module):
    """The scorer, seeded by its configuration: equal configurations give equal weights."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: LensNetConfig) -> None:
        super().__init__()
        self.config = config
        width, features = config.width, len(config.feature_names)
        empty = torch.device("meta")  # seeded below: the global random state stays as it is
        with empty:
            self.entry_in = nn.Linear(config.gist_width, width, bias=False)
            self.feature_in = nn.Linear(features, width)
            self.has_gist = nn.Parameter(torch.empty(width))
            self.query_in = nn.Linear(config.gist_width, width, bias=False)
            self.query_place_embeddings = nn.Parameter(torch.empty(config.query_positions, width))
            self.no_query = nn.Parameter(torch.empty(width))
            if config.latents:
                self.latent_queries = nn.Parameter(torch.empty(config.latents, width))
            self.entry_reads = nn.ModuleList(self._read() for _ in range(config.layers + 1))
            self.slot_reads = nn.ModuleList(
                self._read(competition=config.competition) for _ in range(config.layers)
            )
            self.latent_reads = nn.ModuleList(
                self._read() for _ in range(config.layers + 1 if config.latents else 0)
            )
            self.norm = RMSNorm(width, NORM_EPS)
            self.head = nn.Parameter(torch.empty(width))
            self.likeness = nn.Parameter(torch.empty((config.layers + 1) * config.heads))
            self.weights = nn.Parameter(torch.empty(features))
            self.bias = nn.Parameter(torch.empty(()))
        self.to_empty(device="cpu")
        self._seed()
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_scale", torch.ones(features))

    def forward(self, entries: Entries, asked: Asked) -> Tensor:
        """Signed scores `[B, n]`: above 0 detail is worth its positions; −inf for padding and what is illegal."""
        return self.consider(entries, asked)[0].scores

    def consider(self, entries: Entries, asked: Asked) -> tuple[Verdict, list[Slots]]:
        """What `forward` gives in full, and the slots at every depth, for `judge`."""
        states = self._entered(entries)
        kept = [self._slots(asked)]
        states, logits = self.entry_reads[0](states, kept[0].states, kept[0].present)
        answers = [_answer(logits)]
        for depth, slot_read in enumerate(self.slot_reads, 1):
            there = kept[-1].present
            slots, _ = slot_read(kept[-1].states, states, entries.present, rivals=there)
            if self.config.latents:
                slots, _ = self.latent_reads[depth](slots, slots, there)
            kept.append(Slots(slots, there))
            states, logits = self.entry_reads[depth](states, slots, there)
            answers.append(_answer(logits))
        return self._verdict(entries, states, answers), kept

    def judge(self, entries: Entries, kept: list[Slots]) -> Verdict:
        """Score more entries for a query that `consider` has read, as if they had come along without being read."""
        states = self._entered(entries)
        answers = []
        for read, slots in zip(self.entry_reads, kept, strict=True):
            states, logits = read(states, slots.states, slots.present)
            answers.append(_answer(logits))
        return self._verdict(entries, states, answers)

    @torch.no_grad()
    def fit_features(self, features: Tensor) -> None:
        """Take the scale of each feature from a sample `[…, F]`."""
        columns = features.flatten(0, -2)
        self.feature_mean.copy_(columns.mean(0))
        self.feature_scale.copy_(columns.std(0, correction=0).clamp_min(1e-2))

    def _read(self, *, competition: bool = False) -> Read:
        return Read(self.config.width, self.config.heads, competition=competition)

    def _entered(self, entries: Entries) -> Tensor:
        gists = entries.gists.float()
        length = _length(gists)
        states: Tensor = self.entry_in(gists) / length + (length > NORM_EPS) * self.has_gist
        if not self.config.features:
            return states
        scaled = (entries.features - self.feature_mean) / self.feature_scale
        with_features: Tensor = states + self.feature_in(scaled)
        return with_features

    def _slots(self, asked: Asked) -> Slots:
        batch = len(asked.gists)
        nothing = self.no_query.expand(batch, 1, -1)
        states, present = nothing, asked.present.new_ones(batch, 1)
        if self.config.query:
            from_end = asked.present.sum(-1, keepdim=True) - 1 - asked.present.cumsum(-1)
            places = from_end.clamp(0, self.config.query_positions - 1)
            gists = asked.gists.float()
            told = self.query_in(gists) / _length(gists) + self.query_place_embeddings[places]
            states = torch.cat((nothing, told), 1)
            present = torch.cat((present, asked.present), 1)
        if not self.config.latents:
            return Slots(states, present)
        latents, _ = self.latent_reads[0](
            self.latent_queries.expand(batch, -1, -1), states, present
        )
        return Slots(latents, present.new_ones(batch, self.config.latents))

    def _verdict(self, entries: Entries, states: Tensor, answers: list[Tensor]) -> Verdict:
        likeness = torch.cat(answers, -1) @ self.likeness
        scores = self.norm(states) @ self.head + likeness + self.bias
        if self.config.features:
            scores = scores + entries.features @ self.weights
        silent = ~entries.present if entries.legal is None else ~(entries.present & entries.legal)
        return Verdict(scores.masked_fill(silent, -torch.inf), likeness)

    @torch.no_grad()
    def _seed(self) -> None:
        random = torch.Generator().manual_seed(self.config.seed)
        for name, parameter in self.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif name.endswith("bias"):
                parameter.zero_()
            else:
                spread = FAINT if ADDING.search(name) else 1.0
                parameter.normal_(std=spread * parameter.shape[-1] ** -0.5, generator=random)
        # What is alike in the gists' space attracts from the start.
        nn.init.orthogonal_(self.entry_in.weight, generator=random)
        self.query_in.weight.copy_(self.entry_in.weight)
        for read in self.entry_reads:
            read.attend_to_alike(random)  # type: ignore[operator]
        self.head.zero_()
        self.likeness.zero_()
        self.bias.fill_(-self.config.minimum)
        weights = self.config.feature_weights
        self.weights.copy_(
            torch.tensor([weights.get(name, 0.0) for name in self.config.feature_names])
        )


def _answer(logits: Tensor) -> Tensor:
    """How strongly entries answer the slots, `[B, n, heads]`: one number, as a single dot product would give."""
    return logits.logsumexp(-2).transpose(-1, -2)


def _length(gists: Tensor) -> Tensor:
    """Root mean squares `[…, 1]`, or next to nothing for zeros."""
    lengths = torch.linalg.vector_norm(gists, dim=-1, keepdim=True)
    at_least: Tensor = (lengths / math.sqrt(gists.shape[-1])).clamp_min(NORM_EPS)
    return at_least
