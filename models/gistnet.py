"""GistNet: up to 32 vectors of the base LM's input space become 8 that the base can read in place.

    vectors [B, 32, d] ─ layers ─► states [B, 32, d]
                                     │ at 8 anchors, + learned queries
                                     ▼
                        last layer: slots read all states ─► bottleneck ─► residual [B, 8, d]
    vectors at the anchors ───────────────────────────────────────────────► + ─► rescaled to RMS

The slots are nested: the first k are the gist of k slots. The same network stacks: the first
slots of up to 32 blocks make the gist of a chunk, those of chunks a file's. Knows no tokenizer
and no file.
"""

from collections.abc import Iterator

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from .gist.base_identity import BaseIdentity
from .gist.layers import Layer, LayerShape, RMSNorm, Stream, rotation_table

INITIAL_SPREAD = 0.02
"""Standard deviation of new weights, as in the bases' own configurations."""
QUERY_SPREAD = 0.1
"""Of the queries, in units of the embeddings: enough that slots with one anchor come apart."""


class GistNetConfig(BaseModel):
    """Everything but the weights. Lengths are counted in vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: BaseIdentity
    layers: int = Field(ge=1, le=128)
    """Layers taken from the base's first; in the last of them the slots read."""
    heads: int = Field(ge=1, le=1024)
    kv_heads: int = Field(ge=1, le=1024)
    head_dim: int = Field(ge=2, le=1024, multiple_of=2)
    intermediate: int = Field(ge=1, le=262_144)
    bottleneck: int = Field(ge=1, le=65_536)
    """Width through which the residual passes."""
    norm_eps: float = Field(gt=0, lt=1)
    rotary_theta: float = Field(gt=1)
    rotary_layers: tuple[bool, ...]
    """For each layer whether it knows positions."""
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    output_rms: float = Field(gt=0)
    """Root mean square of the base's input embeddings, which every slot has too."""
    block_size: int = Field(default=32, ge=1, le=1024)
    slots: int = Field(default=8, ge=1, le=1024)
    seed: int = 0
    version: int = Field(default=1, ge=1, le=1)
    """Of this architecture."""

    @model_validator(mode="after")
    def _whole(self) -> "GistNetConfig":
        if len(self.rotary_layers) != self.layers:
            raise ValueError("rotary_layers needs one entry for each layer")
        if self.heads % self.kv_heads:
            raise ValueError("heads must be a multiple of kv_heads")
        if self.slots > self.block_size:
            raise ValueError("slots must be no more than block_size")
        return self

    def layer_shape(self, index: int) -> LayerShape:
        """Sizes of one layer."""
        return LayerShape(
            width=self.base.width,
            heads=self.heads,
            kv_heads=self.kv_heads,
            head_dim=self.head_dim,
            intermediate=self.intermediate,
            norm_eps=self.norm_eps,
            qkv_bias=self.qkv_bias,
            out_bias=self.out_bias,
            mlp_bias=self.mlp_bias,
            rotary=self.rotary_layers[index],
        )


class GistNet(nn.Module):
    """The encoder, seeded by its configuration: equal configurations give equal weights.

    Fresh, it answers with tokens of the block: the residual's last projection starts at zero.
    """

    anchors: Tensor
    cosines: Tensor
    sines: Tensor

    def __init__(self, config: GistNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.base.width
        empty = torch.device("meta")  # seeded below: the global random state stays as it is
        with empty:
            self.layers = nn.ModuleList(Layer(config.layer_shape(i)) for i in range(config.layers))
            self.norm = RMSNorm(width, config.norm_eps)
            self.queries = nn.Parameter(torch.empty(config.slots, width))
            self.recall = nn.Parameter(torch.empty(width))
            """Behind gists, it asks the base to say again what they stand for."""
            self.down = nn.Linear(width, config.bottleneck, bias=False)
            self.up = nn.Linear(config.bottleneck, width, bias=False)
        self.to_empty(device="cpu")
        self._seed()
        anchors = torch.tensor(anchor_positions(config.block_size, config.slots))
        cosines, sines = rotation_table(config.block_size, config.head_dim, config.rotary_theta)
        self.register_buffer("anchors", anchors, persistent=False)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    def forward(self, blocks: Tensor, lengths: Tensor, slots: int | None = None) -> Tensor:
        """Gists `[B, slots, d]` of `blocks` `[B, block_size, d]`, in the weights' dtype.

        Row i has `lengths[i]` vectors (1 to block_size); what stands behind them has no influence.
        `slots` asks for the first ones only.
        """
        size = self.config.block_size
        inside = torch.arange(size, device=blocks.device) < lengths[:, None]
        blocks = blocks.to(self.queries.dtype).masked_fill(~inside[..., None], 0)
        visible = inside[:, None, None, :]
        tokens = Stream(blocks, (self.cosines, self.sines))
        for layer in self.layers[:-1]:
            tokens = Stream(layer(tokens, tokens, visible), tokens.rotation)
        # ⌈(a + 1) · length / size⌉ − 1 spreads the anchors of a full block over a shorter one.
        at = ((self.anchors[:slots] + 1) * lengths[:, None] + size - 1) // size - 1
        states = _taken(tokens.states, at) + self.queries[:slots]
        rotation = (self.cosines[at][:, None], self.sines[at][:, None])
        states = self.layers[-1](Stream(states, rotation), tokens, visible)
        residual = self.up(functional.silu(self.down(self.norm(states))))
        return self._rescaled(_taken(blocks, at) + residual)

    def _rescaled(self, gists: Tensor) -> Tensor:
        """Each vector at the root mean square of the base's embeddings, which it expects."""
        normed = functional.rms_norm(gists.float(), gists.shape[-1:], eps=1e-12)
        return (normed * self.config.output_rms).to(gists.dtype)

    @torch.no_grad()
    def _seed(self) -> None:
        random = torch.Generator().manual_seed(self.config.seed)
        for name, parameter in self.named_parameters():
            if name == "queries":
                spread = QUERY_SPREAD * self.config.output_rms
                parameter.normal_(std=spread, generator=random)
            elif name == "recall":
                parameter.normal_(std=self.config.output_rms, generator=random)
            elif parameter.ndim == 2:
                parameter.normal_(std=INITIAL_SPREAD, generator=random)
            else:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
        self.up.weight.zero_()


def anchor_positions(block_size: int, slots: int) -> list[int]:
    """Positions of the slots' first tokens, by halving: 31, 15, 23, 7, 27, 19, 11, 3 for 32 and 8.

    Any first k of them lie spread over the block.
    """
    halvings = _halvings()
    return [max(0, int(next(halvings) * block_size) - 1) for _ in range(slots)]


def reading_order(block_size: int, slots: int) -> list[int]:
    """The first `slots` slots by the places of their anchors: the order in which a base reads them.

    Nested order says which slots a gist of k has; reading order puts the last token's nearest to
    what follows.
    """
    anchors = anchor_positions(block_size, slots)
    return sorted(range(slots), key=anchors.__getitem__)


def _halvings() -> Iterator[float]:
    """1, 1/2, 3/4, 1/4, 7/8, 5/8, 3/8, 1/8, 15/16, …"""
    yield 1.0
    parts = 2
    while True:
        yield from (odd / parts for odd in range(parts - 1, 0, -2))
        parts *= 2


def _taken(states: Tensor, at: Tensor) -> Tensor:
    """`[B, k, d]`: the vectors of `[B, n, d]` at the positions `[B, k]`."""
    return states.gather(1, at[..., None].expand(-1, -1, states.shape[-1]))
