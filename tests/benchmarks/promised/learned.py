"""Promises about gists and LensNet: the reports on the weights that ship hold their figures."""

from collections.abc import Iterator, Mapping
from typing import Any

from .kept import Kept
from .promise import Figure, Promise, Source

AREA = "gists and focus"
HORIZON = "64"
SETTINGS = {"right_before": "right before the targets", "behind_tail": "behind a tail"}
WANTED = {"4x": 85, "8x": 75, "16x": 65, "32x": 50}
"""CGR in percent, by ratio."""
CONTROLS = {"last_tokens": "last tokens", "mean_pooled": "mean-pooled embeddings"}
EVAL_GIST, EVAL_LENS = "megacontext eval gist", "megacontext eval lens"
RECALL = "megacontext eval recall, then eval gist --recall"
Ends = tuple[float, float, float]
"""Low, middle, high."""


def _gist(setting: str, *path: str, end: int = 1) -> Source:
    """An interval of the report in percent: its middle, or another end of it."""

    def source(kept: Kept) -> Figure | None:
        found: Any = None if kept.gist is None else kept.gist["settings"].get(setting)
        for part in path:
            found = None if found is None else found.get(part)
        if found is None:
            return None
        low, _, high = (100 * each for each in found)
        return Figure(100 * found[end], f"[{low:.1f}, {high:.1f}]")

    return source


def _verbatim(setting: str) -> Source:
    def source(kept: Kept) -> Figure | None:
        return None if kept.gist is None else Figure(kept.gist["settings"][setting]["all_verbatim"])

    return source


def _recall(kept: Kept) -> Figure | None:
    """Of the second level, by the better of the two ways to compare gists that the report has."""
    recall = None if kept.gist is None else kept.gist.get("recall")
    ways = {name: each["5"] for name, each in (recall or {}).items() if name.startswith("L2")}
    if not ways:
        return None
    name = max(ways, key=lambda way: ways[way][1])
    low, mid, high = ways[name]
    return Figure(mid, f"[{low:.2f}, {high:.2f}], {name}")


def _lens(measure: str) -> Source:
    def source(kept: Kept) -> Figure | None:
        found = None if kept.lens is None else kept.lens.get(measure)
        return None if found is None else Figure(found[1], f"[{found[0]:.2f}, {found[2]:.2f}]")

    return source


def _gap(measure: str, *, lower_is_better: bool) -> Source:
    """How far LensNet's interval lies on the better side of that of the best baseline; below 0 they meet."""

    def source(kept: Kept) -> Figure | None:
        if kept.lens is None or kept.lens.get(measure) is None:
            return None
        own: Ends = kept.lens[measure]
        others: Mapping[str, Ends] = {
            name: each[measure] for name, each in kept.lens["baselines"].items()
        }
        if lower_is_better:
            best = min(others, key=lambda name: others[name][1])
            return Figure(others[best][0] - own[2], f"best is {best}")
        best = max(others, key=lambda name: others[name][1])
        return Figure(own[0] - others[best][2], f"best is {best}")

    return source


def _nowhere(kept: Kept) -> None:
    """Nothing that is kept says it."""


def _gists() -> Iterator[Promise]:
    for setting, where in SETTINGS.items():
        for ratio, least in WANTED.items():
            name = f"CGR@{HORIZON} at {ratio.replace('x', '×')}, {where}"
            source = _gist(setting, "cgr", HORIZON, ratio)
            yield Promise(AREA, name, source, EVAL_GIST, "%", at_least=least)
        for control, told in CONTROLS.items():
            for ratio in WANTED:
                name = f"CGR at {ratio.replace('x', '×')} above that of {told}, lower end, {where}"
                path = ("controls", control, "gist_minus", HORIZON, ratio)
                source = _gist(setting, *path, end=0)
                yield Promise(AREA, name, source, EVAL_GIST, "points", at_least=0)
        name = f"ΔNLL@{HORIZON} at 8×, {where}"
        source = _gist(setting, "delta_nll", HORIZON, "8x")
        yield Promise(AREA, name, source, EVAL_GIST, "%", at_most=5)
        name = f"ΔNLL with every block verbatim, {where}"
        yield Promise(AREA, name, _verbatim(setting), EVAL_GIST, at_most=0)


PROMISES = (
    *_gists(),
    Promise(AREA, "recall@5 of the file a cursor needs, from L2", _recall, RECALL, at_least=0.8),
    Promise(AREA, "LensNet: regret", _lens("regret"), EVAL_LENS, at_most=0.2),
    Promise(AREA, "LensNet: Spearman", _lens("spearman"), EVAL_LENS, at_least=0.5),
    Promise(
        AREA,
        "LensNet: regret below that of the best baseline, between the intervals",
        _gap("regret", lower_is_better=True),
        EVAL_LENS,
        at_least=0,
    ),
    Promise(
        AREA,
        "LensNet: Spearman above that of the best baseline, between the intervals",
        _gap("spearman", lower_is_better=False),
        EVAL_LENS,
        at_least=0,
    ),
    Promise(AREA, "LensNet: actions a block", _lens("flips_per_block"), EVAL_LENS, at_most=0.25),
    Promise(AREA, "LensNet: share of decoding on a GPU", _nowhere, "not there yet", "%", at_most=3),
)
