"""What a GistNet run takes: bytes of memory, tokens a second, bytes on disk. From shapes; loads no weights.

Bytes that are kept for gradients were fitted to what torch keeps of small Qwen2 and SmolLM3 bases (a
test compares them). Speed is counted in multiplications of matrices; attention, norms and the
optimizer are left to `UTILISATION`.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch

from ..gist.view import PREFIX
from ..loss import LOGITS
from ..windows import dtype_for

BLOCK = 32
UTILISATION = 0.4
"""Share of a device's rate at large square matrices that training reaches; assumed."""
SLACK = 1.15
"""Of memory: what an allocator cannot use."""
TRAINED = 16
"""Bytes of a trained number: float32 weight and gradient, and the optimizer's two."""
PER_LOGIT = 14
"""Bytes of a logit of the slice that is at hand: its kinds of probability, and a rounded one."""
SAID_AGAIN = 41
"""Places a block takes that is said again: 8 slots, the question, 32 tokens."""


@dataclass(frozen=True)
class Numbers:
    """What of a base and its GistNet decides what a run takes."""

    layers: int
    width: int
    intermediate: int
    kv_width: int
    """Numbers of the keys of one position in one layer."""
    vocabulary: int
    parameters: int
    """Of the base, tied ones once."""
    body: int
    """Of its layers."""
    gistnet: int
    gist_layers: int


@dataclass(frozen=True)
class Plan:
    """How a run reads its windows."""

    seq_len: int
    windows: int
    """That go through the base together."""
    recompute: bool = False
    base_bytes: int = 2
    """Of a number of the base, which stays frozen."""
    segment: int = 4
    """Blocks of a segment, on average."""
    slots: int = 8
    """The most that a block is read with."""
    reconstructed: int = 6
    """Blocks of a window that are said again."""

    @property
    def blocks(self) -> int:
        """Of a window."""
        return (self.seq_len - PREFIX) // BLOCK

    @property
    def places(self) -> int:
        """That the base reads behind gists for one window, all together."""
        return self.seq_len + self.blocks * self.slots + self.reconstructed * SAID_AGAIN


@dataclass(frozen=True)
class Memory:
    """Bytes on the device that trains."""

    base: int
    gistnet: int
    """Its optimizer included."""
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All of it, with what an allocator cannot use."""
        return int(SLACK * (self.base + self.gistnet + self.activations + self.logits))


def memory_of(numbers: Numbers, plan: Plan, device: str = "cuda") -> Memory:
    """What training takes on a device of a kind ("cuda", "cpu")."""
    return Memory(
        base=numbers.parameters * plan.base_bytes,
        gistnet=numbers.gistnet * TRAINED,
        activations=plan.windows * kept_bytes(numbers, plan),
        logits=LOGITS[device] * PER_LOGIT,
    )


def kept_bytes(numbers: Numbers, plan: Plan) -> int:
    """Bytes that one window keeps until its gradients are taken."""
    layer = _layer_bytes(numbers, plan)
    inputs = numbers.layers * 2 * numbers.width * plan.places
    base = inputs + layer if plan.recompute else numbers.layers * layer
    # GistNet's own layers are trained: what went into each product is kept too, in float32.
    encoder = 2 * numbers.gist_layers * _place_bytes(numbers) * plan.blocks * BLOCK
    return int(base + encoder)


def flops_of(numbers: Numbers, plan: Plan) -> float:
    """Operations that a window of training takes."""
    head = numbers.vocabulary * numbers.width
    plain = 2.0 * plan.seq_len * (numbers.body + head)
    # Forwards, and backwards to what was put in: the base's own weights get no gradients.
    passes = 6.0 if plan.recompute else 4.0
    behind = plan.places * (passes * numbers.body + 4.0 * head)
    return plain + behind + 6.0 * plan.seq_len * numbers.gistnet


def teacher_bytes(numbers: Numbers, top: int, tokens: int) -> int:
    """Bytes on disk of what a base says of so many tokens, with `top` likeliest ones kept."""
    token = np.dtype(dtype_for(numbers.vocabulary)).itemsize
    return tokens * (top * (token + 2) + 2)


def tokens_a_second(numbers: Numbers, plan: Plan, flops: float) -> float:
    """Tokens of windows, on a device of a rate in operations a second."""
    return plan.seq_len * UTILISATION * flops / flops_of(numbers, plan)


def measured_flops(device: torch.device, seconds: float = 0.3) -> float:
    """Operations a second that a device reaches at products of large square bfloat16 matrices."""
    size = 8192 if device.type == "cuda" else 1024
    matrix = torch.randn(size, size, device=device).bfloat16()
    _settle(matrix @ matrix)
    begun, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - begun) < seconds:
        _settle(matrix @ matrix)
        count += 1
    return 2 * size**3 * count / taken


def _settle(product: torch.Tensor) -> None:
    """Wait until a product is there."""
    product[0, 0].item()


def _layer_bytes(numbers: Numbers, plan: Plan) -> float:
    """Bytes that one layer of the base keeps of one window."""
    segments = -(-plan.blocks // plan.segment)
    seen = PREFIX + plan.blocks * plan.slots + plan.segment * BLOCK
    # Each segment has keys and values of its own, in bfloat16: those of all slots, and its tokens'.
    gathered = segments * seen * 4 * numbers.kv_width
    grown = 1.3 if plan.base_bytes == 4 else 1.0
    return grown * _place_bytes(numbers) * plan.places + gathered


def _place_bytes(numbers: Numbers) -> int:
    """Bytes that one layer keeps of one place."""
    return 15 * numbers.width + 6 * numbers.intermediate + 6 * numbers.kv_width
