"""Whether a GistNet is good enough to be the one that ships: what it must show, and what it shows.

Recovery says whether a base reads the gists, faithfulness whether they hold what was written, spread
and collisions whether they have collapsed to a few vectors. Knows a learner and windows; no file.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..task import Rows
from .dense_cgr import dense_cgr, even_partition
from .learner import GistLearner
from .settings import Gate
from .view import PREFIX, View

BATCH = 8
SAME = 0.999
"""Cosine from which two gists count as the same."""
IDENTIFIER = re.compile(r"[^\W\d]\w{2,}")
"""Three characters and more: shorter names come back by chance."""

Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True)
class Verdict:
    """What was measured, and in which points it falls short."""

    measured: dict[str, float]
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the checkpoint may ship."""
        return not self.faults


def judge(
    learner: GistLearner, rows: Rows, decode: Decode, gate: Gate, slots: tuple[int, ...]
) -> Verdict:
    """Measure held-out windows `[n, seq_len]` and hold the gate's bars against them."""
    measured = dense_cgr(learner, rows, slots)
    measured |= faithfulness(learner, rows, decode, max(slots))
    measured |= collapse(learner, rows)
    return Verdict(measured, tuple(_faults(measured, gate, learner.gistnet.config.block_size)))


def _faults(measured: dict[str, float], gate: Gate, block_size: int) -> list[str]:
    """Each bar that is missed, in words."""
    least = {
        f"behind_tail_{block_size // slots}x": bar for slots, bar in sorted(gate.recovery.items())
    }
    least |= {"identifiers": gate.identifiers, "spread": gate.spread}
    faults = [
        f"{name} is {measured[name]:.3f}, at least {bar} is wanted"
        for name, bar in least.items()
        if not measured[name] >= bar
    ]
    if not measured["collisions"] <= gate.collisions:
        faults.append(
            f"collisions is {measured['collisions']:.3f}, at most {gate.collisions} is wanted"
        )
    return faults


@torch.inference_mode()
def faithfulness(learner: GistLearner, rows: Rows, decode: Decode, slots: int) -> dict[str, float]:
    """How much of blocks comes back when the base says them again from their gists, greedily.

    `identifiers`: share of a block's identifiers that are among what is said; `said_again`: share of
    tokens that are the same at the same place; `repetition`: share of said tokens that repeat the one before.
    """
    found = known = same = tokens = repeated = 0
    for blocks, gists in _blocks(learner, rows, slots):
        said = say_greedily(learner, gists, blocks.shape[1])
        same += int((said == blocks).sum())
        tokens += blocks.numel()
        repeated += int((said[:, 1:] == said[:, :-1]).sum())
        for wanted, given in zip(blocks.tolist(), said.tolist(), strict=True):
            names = set(IDENTIFIER.findall(decode(wanted)))
            found += len(names & set(IDENTIFIER.findall(decode(given))))
            known += len(names)
    return {
        "identifiers": found / max(1, known),
        "said_again": same / max(1, tokens),
        "repetition": repeated / max(1, tokens),
    }


def say_greedily(learner: GistLearner, gists: Tensor, length: int) -> Tensor:
    """Tokens `[n, length]`, the likeliest one after the other, from gists `[n, k, d]`."""
    said = torch.zeros(len(gists), length, dtype=torch.long, device=gists.device)
    for place in range(length):
        states = learner.say_again(gists, said[:, : place + 1])
        said[:, place] = (states[:, -1] @ learner.head.to(states.dtype).T).argmax(1)
    return said


@torch.inference_mode()
def collapse(learner: GistLearner, rows: Rows) -> dict[str, float]:
    """`spread`: variance of first slots as a share of that of tokens; `collisions`: of different blocks."""
    seen: dict[tuple[int, ...], Tensor] = {}
    for blocks, gists in _blocks(learner, rows, 1):
        for block, gist in zip(blocks.tolist(), gists[:, 0], strict=True):
            seen.setdefault(tuple(block), gist.float())
    made = torch.stack(list(seen.values()))
    inputs: Tensor = learner.base.get_input_embeddings().weight.detach().float()  # type: ignore[operator]
    near = functional.normalize(made, dim=1)
    cosines = (near @ near.T).fill_diagonal_(0)
    return {
        "spread": float(made.var(0).sum() / inputs.var(0).sum()),
        "collisions": float((cosines.amax(1) > SAME).float().mean()),
    }


def _blocks(learner: GistLearner, rows: Rows, slots: int) -> list[tuple[Tensor, Tensor]]:
    """Full blocks of windows `[n, block_size]` with their gists `[n, slots, d]`, in batches."""
    size = learner.gistnet.config.block_size
    view = View(even_partition(rows.shape[1] - PREFIX, size), slots)
    batches = []
    for start in range(0, len(rows), BATCH):
        ids = torch.as_tensor(rows[start : start + BATCH], dtype=torch.long)
        ids = ids.to(learner.head.device)
        places, lengths = view.block_places
        blocks = ids[:, places[lengths == size]]
        # Behind the end of a window stands padding, which is no text to keep.
        whole = (blocks != learner.pad).all(2)
        batches.append((blocks[whole], learner.gists(ids, view)[:, lengths == size][whole]))
    return batches
