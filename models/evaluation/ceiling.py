"""The fitted ceiling: how well slots could do that know the targets.

Slots start as GistNet's and are moved by gradient, the base frozen, until reading them gives what
reading the tokens gives, at every other target of their own passage. High there and low at the
targets between: the slots have the room, but what fits is not what the text says. Low at both: the
slots have no room.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..gist.initial import embedding_rms
from ..gistnet import GistNet
from .arms import FULL, NONE, Arm
from .bootstrap import Bootstrap, Interval, Numbers
from .gist_cgr import cgr
from .gist_losses import ArmLosses, OnPass, read_arms, replaced_blocks
from .passages import Passages, Setting
from .reading import Losses, Reader, batches, encoded

STEPS = 40
RATE = 0.1
"""Of Adam, in units of the embeddings' root mean square."""
FITTED, BETWEEN = slice(0, None, 2), slice(1, None, 2)
"""The targets that slots are fitted to, and those in between."""


@dataclass(frozen=True)
class CeilingFigures:
    """CGR over all targets of either half."""

    fitted: Interval
    """At the targets to which the slots were fitted."""
    between: Interval
    """At the targets between those."""
    start_fitted: Interval
    """GistNet's own slots at the same targets."""
    start_between: Interval


class Ceiling:
    """Fits slots to passages, setting by setting and ratio by ratio."""

    def __init__(
        self,
        base_model: nn.Module,
        gistnet: GistNet,
        passages: Passages,
        clusters: Sequence[Hashable],
        *,
        steps: int = STEPS,
        seed: int = 0,
    ) -> None:
        """`clusters` names what each passage is resampled with; `steps` is how often slots move."""
        self._reader = Reader(base_model)
        self._passages = passages
        self._gists = encoded(self._reader, gistnet, passages.replaced)
        self._rms = embedding_rms(self._reader.embeddings)
        self._bootstrap = Bootstrap(clusters, seed=seed)
        self._steps = steps

    @property
    def passes(self) -> int:
        """Steps of one fit, over all batches."""
        return self._steps * len(batches(len(self._passages), self._reader.batch))

    def fit(self, setting: Setting, slots: int, on_pass: OnPass = lambda: None) -> CeilingFigures:
        """Fit `slots` slots per block of every passage; `on_pass` is told of `passes` steps."""
        arm = Arm("gist", slots)
        losses = read_arms(self._reader, self._passages, setting, [FULL, NONE, arm], self._gists)
        fitted = np.empty_like(losses[FULL])
        for rows in batches(len(self._passages), self._reader.batch):
            fitted[rows] = self._fit(setting, arm, rows, on_pass)
        return CeilingFigures(
            fitted=self._cgr(losses, fitted, FITTED),
            between=self._cgr(losses, fitted, BETWEEN),
            start_fitted=self._cgr(losses, losses[arm], FITTED),
            start_between=self._cgr(losses, losses[arm], BETWEEN),
        )

    def _fit(self, setting: Setting, arm: Arm, rows: slice, on_pass: OnPass) -> Losses:
        """Losses [n, horizon] behind the fitted slots of a few passages."""
        reader, passages = self._reader, self._passages
        cut = setting.targets(passages.layout)
        targets = torch.from_numpy(passages.after[rows, cut]).to(reader.device)
        prefix = reader.embed(passages.prefix[rows])
        tail = reader.embed(passages.after[rows, : cut.start])
        blocks = replaced_blocks(reader, passages, rows, self._gists, self._rms)

        def logits(middle: Tensor) -> Tensor:
            states = reader.states(torch.cat([prefix, middle, tail], dim=1), targets)
            return (states[:, FITTED] @ reader.head.T).float()

        with torch.no_grad():
            aims = functional.softmax(logits(FULL.vectors(blocks)), dim=-1)
        slots = arm.vectors(blocks).float().requires_grad_()
        adam = torch.optim.Adam([slots], lr=RATE * self._rms)
        for _ in range(self._steps):
            spread = functional.log_softmax(logits(slots.to(prefix)), dim=-1)
            # A sum over passages: each is fitted as if alone.
            loss = functional.kl_div(spread, aims, reduction="sum")
            (slots.grad,) = torch.autograd.grad(loss, slots)  # nothing reaches the base
            adam.step()
            on_pass()
        return reader.losses(torch.cat([prefix, slots.detach().to(prefix), tail], 1), targets)

    def _cgr(self, losses: ArmLosses, arm: Losses, part: slice) -> Interval:
        def mean(each: Losses) -> Numbers:
            means: Numbers = each[:, part].mean(1, dtype=np.float64)
            return means

        columns = (mean(losses[NONE]), mean(arm), mean(losses[FULL]))
        return self._bootstrap.interval(cgr, *columns)
