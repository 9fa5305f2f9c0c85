"""CGR and ΔNLL, and a quick measurement of them for a GistNet in training.

CGR  = (NLL_none − NLL_arm) / (NLL_none − NLL_full)    what of the context's worth is kept
ΔNLL = (NLL_arm − NLL_full) / NLL_full                 what losing the rest costs
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..gistnet import GistNet
from ..training.windows import Windows
from .arms import FULL, NONE, Arm
from .gist_losses import ArmLosses, read_arms
from .passages import LAYOUT, SETTINGS, Layout, Setting, sample_passages
from .reading import Reader, encoded

Number = TypeVar("Number", float, NDArray[np.float64])
RATIOS = (8, 4, 2, 1)
"""Slots per block at 4x, 8x, 16x and 32x."""
QUICK = replace(LAYOUT, horizon=64)
"""The passages of a quick measurement."""


def cgr(none: Number, arm: Number, full: Number) -> Number:
    """The share of the gap between no context and the full one that an arm recovers."""
    return (none - arm) / (none - full)


def delta_nll(arm: Number, full: Number) -> Number:
    """The loss that an arm adds to the full context's, as a share of it."""
    return (arm - full) / full


def ratio_name(slots: int, block_size: int = LAYOUT.block_size) -> str:
    """How many tokens stand behind a position: "4x" of 8 slots."""
    return f"{block_size // slots}x"


class QuickCGR:
    """Measures GistNets on the same passages, quickly and again and again.

    What does not depend on the GistNet is read at construction, so the base must stay as it is.
    """

    def __init__(
        self,
        base_model: nn.Module,
        windows: Windows,
        count: int = 32,
        *,
        seed: int = 0,
        layout: Layout = QUICK,
    ) -> None:
        """`base_model` is a causal LM of transformers; raises as `sample_passages` does."""
        self._reader = Reader(base_model)
        self._passages = sample_passages(windows, count, seed, layout)
        last = [Arm("last_tokens", slots) for slots in RATIOS]
        self._fixed = {setting: self._read(setting, [FULL, NONE, *last]) for setting in SETTINGS}

    def __call__(self, gistnet: GistNet) -> dict[str, float]:
        """Figures by name, in shares and nats; the GistNet must be on the base's device.

        For each setting, "right_before" and "behind_tail", and each ratio, "4x" to "32x":
        "right_before/4x/cgr", "right_before/4x/delta_nll", and "right_before/4x/last", the CGR of
        the last tokens at as many positions; and "right_before/full_nll", "right_before/none_nll".
        """
        gists = encoded(self._reader, gistnet, self._passages.replaced)
        figures: dict[str, float] = {}
        for setting, fixed in self._fixed.items():
            arms = [Arm("gist", slots) for slots in RATIOS]
            losses = read_arms(self._reader, self._passages, setting, arms, gists)
            found = fixed | _means(losses)
            for name, value in self._figures(found).items():
                figures[f"{setting.name}/{name}"] = value
        return figures

    def _read(self, setting: Setting, arms: list[Arm]) -> dict[Arm, float]:
        return _means(read_arms(self._reader, self._passages, setting, arms))

    def _figures(self, nll: dict[Arm, float]) -> dict[str, float]:
        none, full = nll[NONE], nll[FULL]
        figures = {"full_nll": full, "none_nll": none}
        for slots in RATIOS:
            gist, last = nll[Arm("gist", slots)], nll[Arm("last_tokens", slots)]
            ratio = ratio_name(slots, self._passages.layout.block_size)
            figures[f"{ratio}/cgr"] = cgr(none, gist, full)
            figures[f"{ratio}/delta_nll"] = delta_nll(gist, full)
            figures[f"{ratio}/last"] = cgr(none, last, full)
        return figures


def quick_cgr(
    base_model: nn.Module,
    gistnet: GistNet,
    windows: Windows,
    count: int = 32,
    *,
    seed: int = 0,
    layout: Layout = QUICK,
) -> dict[str, float]:
    """Measure once; see `QuickCGR`, which is cheaper from the second time on."""
    return QuickCGR(base_model, windows, count, seed=seed, layout=layout)(gistnet)


def _means(losses: ArmLosses) -> dict[Arm, float]:
    return {arm: float(each.mean(dtype=np.float64)) for arm, each in losses.items()}
