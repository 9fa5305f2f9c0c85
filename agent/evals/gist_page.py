"""The report on a GistNet as a page of Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from megacontext.models.evaluation.ceiling import CeilingFigures
from megacontext.models.evaluation.gist_figures import SettingFigures, Table

from .gist_report import CONTROL_NAMES, FROZEN, HORIZON, GistReport, Verdict, verdicts
from .reports import image_name, percent, table

NAMES = {
    "right_before": "right before the targets",
    "behind_tail": "behind a tail",
    **CONTROL_NAMES,
}
MEASURES = """CGR = (NLL of no context − NLL) ÷ (NLL of no context − NLL of the full context), in percent: at 0 what
stands in place of the {replaced} replaced tokens helps as little as nothing, at 100 as much as the tokens themselves.
ΔNLL = (NLL − NLL of the full context) ÷ NLL of the full context, in percent. Brackets hold 95 % intervals of a paired
bootstrap over files.

- *right before*: the targets follow the replaced tokens at once
- *behind a tail*: {tail} verbatim tokens stand between them, as in the product
- the head of a window, {prefix} tokens, is verbatim in every row, that without context included
- *last tokens*: the last of the replaced ones, as many as the gists have positions
- *mixed*: the last tokens, and one slot for each block before them, at as many positions again"""


def page(report: GistReport, stem: str) -> str:
    """Return the whole page; its images are those of `stem`."""
    return "\n\n".join(_parts(report, stem)) + "\n"


def _parts(report: GistReport, stem: str) -> Iterator[str]:
    figures = report.figures
    layout = figures.layout
    yield f"# GistNet, {report.subject.date.isoformat()}"
    yield _introduction(report)
    yield MEASURES.format(replaced=layout.replaced, tail=layout.tail, prefix=layout.prefix)
    if judged := list(verdicts(figures)):
        yield "## Bars"
        yield _bars(judged)
    yield "## Gists and controls"
    yield f"![CGR by ratio]({image_name(stem, 'cgr')})"
    for name, found in figures.settings.items():
        horizon = HORIZON if HORIZON in found.cgr else next(iter(found.cgr))
        yield f"### CGR@{horizon}, {NAMES[name]}"
        yield _arms(found, horizon, report.ceiling.get(name, {}))
        yield _bounds(found, horizon)
    yield "## Horizons"
    yield _horizons(figures.settings)
    yield "## Slots"
    yield f"![CGR by slots per block]({image_name(stem, 'slots')})"
    if report.ceiling:
        yield "## Fitted ceiling"
        yield _ceiling(report)
    if report.recall is not None:
        yield "## Descendant recall"
        rows = [[name, _value(each)] for name, each in _flat(report.recall)]
        yield table(["", "value"], rows)
    if report.notes is not None:
        yield "## What was tried"
        yield report.notes.strip()
    yield "## Again"
    yield _provenance(report)


def _introduction(report: GistReport) -> str:
    subject, figures = report.subject, report.figures
    made = "trained" if subject.trained else "**untrained**, as built from the base's own layers"
    base = "frozen" if subject.arm == FROZEN else f"trained along with it ({subject.arm})"
    zero = max(each.all_verbatim for each in figures.settings.values())
    return (
        f"The GistNet of {subject.model}, {made}; its base is {base}. Measured on "
        f"{figures.passages} windows of held-out packages ({figures.clusters} files). With every "
        f"block at level 0 the codec of gists differs from the full context by {zero:g} nats. "
        "The base's weights are the same to the bit after measuring as before."
    )


def _bars(judged: Sequence[Verdict]) -> str:
    ratios = list(dict.fromkeys(each.ratio for each in judged))
    rows: dict[str, dict[str, str]] = {}
    for each in judged:
        came = "met" if each.met else "missed"
        row = rows.setdefault(f"{each.measure}, {NAMES[each.setting]}", {})
        row[each.ratio] = f"{100 * each.measured.mid:.1f} ({each.wanted}: {came})"
    cells = [[name, *(row.get(ratio, "") for ratio in ratios)] for name, row in rows.items()]
    return table([f"at {HORIZON} targets, %", *ratios], cells)


def _arms(found: SettingFigures, horizon: str, ceiling: Mapping[str, CeilingFigures]) -> str:
    ratios = list(found.cgr[horizon])
    rows = [["**gists**", *map(percent, found.cgr[horizon].values())]]
    for kind, control in found.controls.items():
        rows.append([NAMES[kind], *map(percent, control.cgr[horizon].values())])
    for kind, control in found.controls.items():
        gains = map(percent, control.gist_minus[horizon].values())
        rows.append([f"gists − {NAMES[kind]}", *gains])
    if ceiling:
        fitted = [percent(ceiling[ratio].fitted) if ratio in ceiling else "" for ratio in ratios]
        rows.append(["slots fitted to every other target, there", *fitted])
    return table(["CGR, %", *ratios], rows)


def _bounds(found: SettingFigures, horizon: str) -> str:
    none, full = (found.nll[horizon][name].mid for name in ("none", "full"))
    return (
        f"No context: {none:.3f} nats a target, full context: {full:.3f}; dropping all of it is a "
        f"ΔNLL of {percent(found.none_delta_nll[horizon])} %."
    )


def _horizons(settings: Mapping[str, SettingFigures]) -> str:
    rows: list[list[str]] = []
    for name, found in settings.items():
        for measure, figures in (("CGR", found.cgr), ("ΔNLL", found.delta_nll)):
            rows += _by_horizon(f"{measure}@{{}}, {NAMES[name]}", figures)
    ratios = next(iter(next(iter(settings.values())).cgr.values()))
    return table(["%", *ratios], rows)


def _by_horizon(name: str, figures: Table) -> list[list[str]]:
    return [[name.format(horizon), *map(percent, row.values())] for horizon, row in figures.items()]


def _ceiling(report: GistReport) -> str:
    rows = [
        [
            f"{ratio}, {NAMES[setting]}",
            *map(percent, (each.start_fitted, each.fitted, each.start_between, each.between)),
        ]
        for setting, ratios in report.ceiling.items()
        for ratio, each in ratios.items()
    ]
    headings = ["CGR, %", "GistNet", "fitted", "GistNet, between", "fitted, between"]
    return (
        f"On {report.ceiling_windows} windows the slots themselves were moved by gradient, the base frozen, until "
        "reading them gave what reading the tokens gives at every other target; scored at those targets, and at "
        "the ones between, to which they were not fitted. High at the first: slots have the room. Low at the "
        "second: what was fitted is an answer to these targets, not what the text says.\n\n"
        + table(headings, rows)
    )


def _provenance(report: GistReport) -> str:
    subject = report.subject
    rows = [
        ["base", f"`{subject.base_id}`"],
        ["encoder", f"`{subject.encoder_id}`"],
        ["seed", str(subject.seed)],
        ["minutes", f"{subject.seconds / 60:.1f}"],
        *([name, str(each)] for name, each in {**subject.machine, **subject.provenance}.items()),
    ]
    return f"```\n{subject.command}\n```\n\n" + table(["", ""], rows)


def _flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure of nested ones, by its path."""
    for name, each in data.items():
        if isinstance(each, Mapping):
            yield from _flat(each, f"{above}{name} ")
        else:
            yield f"{above}{name}", each


def _value(value: Any) -> str:
    """A figure or an interval as text."""
    match value:
        case [int() | float() as low, int() | float() as mid, int() | float() as high]:
            return f"{mid:.3f} [{low:.3f}, {high:.3f}]"
        case float():
            return f"{value:.3f}"
    return str(value)
