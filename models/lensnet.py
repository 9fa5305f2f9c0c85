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
from torch.nn import functional

from .gist.layers import RMSNorm
from .lens.layers import NORM_EPS, Read

LEAST_SCALE = 1e-2
"""Of features and gists, so that what hardly varies is not blown up."""
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
class Reading:
    """A query as it was read along with some entries."""

    gists: Tensor
    """`[B, m, d]`, as `LensNet` looks at them."""
    present: Tensor
    """bool `[B, m]`"""
    slots: list[Slots]
    """At every depth."""


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
    gist_mean: Tensor
    gist_scale: Tensor

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
            self.likeness = nn.Parameter(torch.empty(2 + (config.layers + 1) * config.heads))
            self.weights = nn.Parameter(torch.empty(features))
            self.corrections = nn.Parameter(torch.empty(features))
            self.bias = nn.Parameter(torch.empty(()))
        self.to_empty(device="cpu")
        self._seed()
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_scale", torch.ones(features))
        self.register_buffer("gist_mean", torch.zeros(config.gist_width))
        self.register_buffer("gist_scale", torch.ones(config.gist_width))

    def forward(self, entries: Entries, asked: Asked) -> Tensor:
        """Signed scores `[B, n]`: above 0 detail is worth its positions; −inf for padding and what is illegal."""
        return self.consider(entries, asked)[0].scores

    def consider(self, entries: Entries, asked: Asked) -> tuple[Verdict, Reading]:
        """What `forward` gives in full, and the query as it was read, for `judge`."""
        reading = self._heard(asked)
        states, nearness = self._entered(entries, reading)
        answers = [nearness]
        for depth, entry_read in enumerate(self.entry_reads):
            if depth:
                reading.slots.append(self._next_slots(depth, reading.slots[-1], states, entries))
            slots = reading.slots[-1]
            states, logits = entry_read(states, slots.states, slots.present)
            answers.append(_answer(logits))
        return self._verdict(entries, states, answers), reading

    def judge(self, entries: Entries, reading: Reading) -> Verdict:
        """Score more entries for a query that `consider` has read, as if they had come along without being read."""
        states, nearness = self._entered(entries, reading)
        answers = [nearness]
        for entry_read, slots in zip(self.entry_reads, reading.slots, strict=True):
            states, logits = entry_read(states, slots.states, slots.present)
            answers.append(_answer(logits))
        return self._verdict(entries, states, answers)

    @property
    def learned_weights(self) -> Tensor:
        """What each feature counts by itself, `[F]`: the weights it began with, as they were corrected."""
        return self.weights + self.corrections / self.feature_scale

    @torch.no_grad()
    def fit(self, features: Tensor, gists: Tensor) -> None:
        """Take the scales of features `[k, F]` and of gists `[k, d]` from a sample; gists of zeros do not count."""
        gists = gists[gists.any(-1)].float()
        seen = gists / _length(gists)
        for mean, scale, rows in (
            (self.feature_mean, self.feature_scale, features),
            (self.gist_mean, self.gist_scale, seen),
        ):
            if len(rows):
                spread = rows.std(0, correction=0)
                mean.copy_(rows.mean(0))
                scale.copy_(torch.where(spread < LEAST_SCALE, torch.inf, spread))

    def _read(self, *, competition: bool = False) -> Read:
        return Read(self.config.width, self.config.heads, competition=competition)

    def _entered(self, entries: Entries, reading: Reading) -> tuple[Tensor, Tensor]:
        """States `[B, n, w]` of entries, and how near their gists are to the query's `[B, n, 2]`."""
        gists = entries.gists.float()
        length = _length(gists)
        there = length > NORM_EPS
        states = self._products(gists, length, self.entry_in.weight) + there * self.has_gist
        if self.config.features:
            states = states + self.feature_in(self._scaled(entries.features))
        return states, _nearness(self._products(gists, length, reading.gists), reading)

    def _scaled(self, features: Tensor) -> Tensor:
        """Features on the scale of their columns; 0 where a column did not vary, of which nothing was learned."""
        return (features - self.feature_mean) / self.feature_scale

    def _products(self, gists: Tensor, length: Tensor, rows: Tensor) -> Tensor:
        """What `_seen(gists) @ rows.mT` gives `[B, n, k]`, without a copy of what may be many wide gists."""
        scaled = rows / self.gist_scale
        common = (scaled @ self.gist_mean)[..., None, :]
        return (length > NORM_EPS) * (gists @ scaled.mT / length - common)

    def _seen(self, gists: Tensor) -> Tensor:
        """Gists of one length, each number on the scale of its column; zeros where there is none."""
        gists = gists.float()
        length = _length(gists)
        return (length > NORM_EPS) * (gists / length - self.gist_mean) / self.gist_scale

    def _heard(self, asked: Asked) -> Reading:
        """The query before any entry is read."""
        seen, present = self._seen(asked.gists), asked.present
        if not self.config.query:
            seen, present = seen[:, :0], present[:, :0]
        from_end = present.sum(-1, keepdim=True) - present.cumsum(-1)
        places = from_end.clamp(0, self.config.query_positions - 1)
        told = self.query_in(seen) + self.query_place_embeddings[places]
        states = torch.cat((self.no_query.expand(len(seen), 1, -1), told), 1)
        slots = Slots(states, functional.pad(present, (1, 0), value=True))
        if self.config.latents:
            latents = self.latent_queries.expand(len(seen), -1, -1)
            latents, _ = self.latent_reads[0](latents, slots.states, slots.present)
            slots = Slots(latents, present.new_ones(latents.shape[:2]))
        return Reading(seen, present, [slots])

    def _next_slots(self, depth: int, slots: Slots, states: Tensor, entries: Entries) -> Slots:
        """The slots after they have read the entries."""
        read, there = self.slot_reads[depth - 1], slots.present
        states, _ = read(slots.states, states, entries.present, rivals=there)
        if self.config.latents:
            states, _ = self.latent_reads[depth](states, states, there)
        return Slots(states, there)

    def _verdict(self, entries: Entries, states: Tensor, answers: list[Tensor]) -> Verdict:
        likeness = torch.cat(answers, -1) @ self.likeness
        scores = self.norm(states) @ self.head + likeness + self.bias
        if self.config.features:
            scores = scores + entries.features @ self.weights
            scores = scores + self._scaled(entries.features) @ self.corrections
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
        self.corrections.zero_()
        self.bias.fill_(-self.config.minimum)
        weights = self.config.feature_weights
        self.weights.copy_(
            torch.tensor([weights.get(name, 0.0) for name in self.config.feature_names])
        )


def _nearness(products: Tensor, reading: Reading) -> Tensor:
    """The largest and the mean of entries' products with the query's gists, `[B, n, 2]`; 0 without query."""
    products = products * reading.present[:, None] / math.sqrt(reading.gists.shape[-1])
    counts = reading.present.sum(-1).clamp_min(1)[:, None]
    return torch.stack((functional.pad(products, (1, 0)).amax(-1), products.sum(-1) / counts), -1)


def _answer(logits: Tensor) -> Tensor:
    """How strongly entries answer the slots, `[B, n, heads]`: one number, as a single dot product would give."""
    return logits.logsumexp(-2).transpose(-1, -2)


def _length(gists: Tensor) -> Tensor:
    """Root mean squares `[…, 1]`, or next to nothing for zeros."""
    lengths = torch.linalg.vector_norm(gists, dim=-1, keepdim=True)
    at_least: Tensor = (lengths / math.sqrt(gists.shape[-1])).clamp_min(NORM_EPS)
    return at_least
