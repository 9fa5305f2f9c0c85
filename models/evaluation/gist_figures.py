"""GistNet measured in full: every arm, horizon and ratio in both settings, with intervals.

Knows losses of passages; no file and no report.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from ..gistnet import GistNet
from .arms import ALL_VERBATIM, FULL, KINDS, NONE, Arm
from .bootstrap import Bootstrap, Interval, Numbers
from .gist_cgr import RATIOS, cgr, delta_nll, ratio_name
from .gist_losses import ArmLosses, OnPass, read_arms
from .passages import SETTINGS, Layout, Passages
from .reading import Reader, batches, encoded

HORIZONS = (16, 64, 128)
"""How many targets a figure counts, from the first."""
CONTROLS = tuple(kind for kind in KINDS if kind != "gist")

Table = dict[str, dict[str, Interval]]
"""Figures by horizon, then mostly by ratio: `table["64"]["4x"]`."""


@dataclass(frozen=True)
class ControlFigures:
    """Another arm at the same positions."""

    cgr: Table
    delta_nll: Table
    gist_minus: Table
    """CGR of the gists minus that of this arm, paired."""


@dataclass(frozen=True)
class SettingFigures:
    """All figures of one setting."""

    cgr: Table
    delta_nll: Table
    controls: dict[str, ControlFigures]
    slots: Table
    """CGR by horizon, then by number of slots per block."""
    nll: Table
    """Nats a target by horizon, then of the arms `none` and `full`."""
    none_delta_nll: dict[str, Interval]
    """By horizon: ΔNLL of dropping the whole context."""
    all_verbatim: float
    """Largest difference at any target that the codec of gists makes with every block at level 0."""


@dataclass(frozen=True)
class GistFigures:
    """What was measured, by setting."""

    settings: dict[str, SettingFigures]
    layout: Layout
    passages: int
    clusters: int
    """What was resampled whole: files, where their names are known."""


def measure_gists(
    base_model: nn.Module,
    gistnet: GistNet,
    passages: Passages,
    clusters: Sequence[Hashable],
    *,
    seed: int = 0,
    on_pass: OnPass = lambda: None,
) -> GistFigures:
    """Read the passages with every arm; `clusters` names what each is resampled with.

    Raises ModelError for fewer than two passages.
    """
    reader = Reader(base_model)
    gists = encoded(reader, gistnet, passages.replaced)
    bootstrap = Bootstrap(clusters, seed=seed)
    slots = gistnet.config.slots
    found = {}
    for setting in SETTINGS:
        losses = read_arms(reader, passages, setting, arms_read(slots), gists, on_pass)
        found[setting.name] = _setting_figures(losses, bootstrap, passages.layout, slots)
    return GistFigures(found, passages.layout, len(passages), bootstrap.clusters)


def passes(base_model: nn.Module, gistnet: GistNet, passages: Passages) -> int:
    """How many forward passes `measure_gists` makes."""
    runs = len(batches(len(passages), Reader(base_model).batch))
    return len(SETTINGS) * len(arms_read(gistnet.config.slots)) * runs


def arms_read(slots: int) -> list[Arm]:
    """Everything that is read for a GistNet of so many slots."""
    gists = [Arm("gist", count) for count in range(1, slots + 1)]
    controls = [Arm(kind, count) for kind in CONTROLS for count in _reported(slots)]
    return [FULL, NONE, ALL_VERBATIM, *gists, *controls]


class Comparison:
    """Figures of arms against the bounds, on the same targets."""

    def __init__(self, losses: ArmLosses, bootstrap: Bootstrap) -> None:
        self._losses = losses
        self._bootstrap = bootstrap

    def nll(self, arm: Arm, horizon: int) -> Interval:
        """Nats a target."""
        return self._bootstrap.mean(self._of(arm, horizon))

    def cgr(self, arm: Arm, horizon: int) -> Interval:
        """What is kept of the context's worth."""
        columns = (self._of(each, horizon) for each in (NONE, arm, FULL))
        return self._bootstrap.interval(cgr, *columns)

    def delta_nll(self, arm: Arm, horizon: int) -> Interval:
        """What losing the rest costs."""
        return self._bootstrap.interval(delta_nll, self._of(arm, horizon), self._of(FULL, horizon))

    def gain(self, arm: Arm, other: Arm, horizon: int) -> Interval:
        """CGR of an arm minus that of another."""
        columns = (self._of(each, horizon) for each in (NONE, FULL, other, arm))
        return self._bootstrap.interval(_gain, *columns)

    def _of(self, arm: Arm, horizon: int) -> Numbers:
        means: Numbers = self._losses[arm][:, :horizon].mean(1, dtype=np.float64)
        return means


def _gain(none: Numbers, full: Numbers, other: Numbers, arm: Numbers) -> Numbers:
    return (other - arm) / (none - full)


def _setting_figures(
    losses: ArmLosses, bootstrap: Bootstrap, layout: Layout, slots: int
) -> SettingFigures:
    compared = Comparison(losses, bootstrap)
    horizons = [each for each in HORIZONS if each <= layout.horizon] or [layout.horizon]

    def table(figure: Callable[[Arm, int], Interval], arms: Mapping[str, Arm]) -> Table:
        return {
            str(horizon): {name: figure(arm, horizon) for name, arm in arms.items()}
            for horizon in horizons
        }

    def at_ratios(kind: str) -> dict[str, Arm]:
        counts = _reported(slots)
        return {ratio_name(count, layout.block_size): Arm(kind, count) for count in counts}

    def control(kind: str) -> ControlFigures:
        return ControlFigures(
            cgr=table(compared.cgr, at_ratios(kind)),
            delta_nll=table(compared.delta_nll, at_ratios(kind)),
            gist_minus=table(
                lambda arm, horizon: compared.gain(Arm("gist", arm.slots), arm, horizon),
                at_ratios(kind),
            ),
        )

    return SettingFigures(
        cgr=table(compared.cgr, at_ratios("gist")),
        delta_nll=table(compared.delta_nll, at_ratios("gist")),
        controls={kind: control(kind) for kind in CONTROLS},
        slots=table(compared.cgr, {str(k): Arm("gist", k) for k in range(1, slots + 1)}),
        nll=table(compared.nll, {"none": NONE, "full": FULL}),
        none_delta_nll={str(each): compared.delta_nll(NONE, each) for each in horizons},
        all_verbatim=float(np.abs(losses[ALL_VERBATIM] - losses[FULL]).max()),
    )


def _reported(slots: int) -> Iterable[int]:
    return [count for count in RATIOS if count <= slots]
