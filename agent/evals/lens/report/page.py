"""The report on a focus as a page of Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from megacontext.models.evaluation.bootstrap import Interval

from ...reports import image_name, table
from ..task import LensReport
from .bars import baselines, verdicts

NAMES = {
    "lensnet": "LensNet",
    "features": "feature scorer",
    "features_filled": "feature scorer, budget always spent",
    "random": "random",
    "recency": "recency (nearness)",
    "bm25": "BM25",
    "bm25_recency": "BM25 + recency",
    "jaccard": "Jaccard of identifiers",
    "imports": "import graph",
    "dense": "dense (mean hidden state)",
    "attention": "attention mass on gists",
    "ami": "AMI",
    "hindsight": "*gains alone, in hindsight*",
}
MEASURES = """A *scene* is a cursor inside a function of a held-out package: everything behind the cursor is taken
out of the memory, {tail} tokens before it are verbatim, and {targets} tokens behind it are predicted. Its entries are
chunks (silent, or verbatim) and blocks (read as a gist of {slots} vectors, or verbatim); a *gain* is what an entry's
detail saves on the targets, in nats, everything else left as it was drawn.

- *regret* = 1 − saved ÷ saved by the oracle, both from the context without any detail, at equal budget, summed over
  scenes. A scorer's entries are put in detail by the allocator's priorities; the oracle takes the highest measured
  gain per position, measuring again after each of its first {remeasured} steps, and stops where the base loses least
- *Spearman* between scores and gains over the entries of a scene, averaged
- *precision*: of the {precision_at} entries without detail that score best, those whose detail helps; of all,
  {helpful} do
- *actions a block*: entries whose detail comes or goes while the cursor moves on by a block of 32 tokens, refocusing
  from the working context before, at a budget of {budget} positions, with the {codec} codec
- *residency*: refocuses in a row for which an entry stays in detail
- *ms a refocus*: {entries:,} entries scored for a new query and the allocator run; the median

Brackets hold 95 % intervals of a bootstrap over files. Recency is nearness, since a fresh checkout knows no edits: the
cursor's file by lines, others by shared folders. AMI (LongCodeZip): by how much an entry right before it lowers the
perplexity of the tail. Attention: the tail's, with every entry a gist, over all layers and heads. *In hindsight*: what
an entry saves by itself on the very targets, which no scorer can know."""


def page(report: LensReport, stem: str) -> str:
    """Return the whole page; its images are those of `stem`."""
    return "\n\n".join(_parts(report, stem)) + "\n"


def _parts(report: LensReport, stem: str) -> Iterator[str]:
    yield f"# Focus, {report.date.isoformat()}"
    yield _introduction(report)
    yield _measures(report)
    yield "## Bars"
    rows = [
        [each.measure, each.wanted, figure(each.measured), "met" if each.met else "missed"]
        for each in verdicts(report)
    ]
    yield table(["", "wanted", "measured", ""], rows)
    yield "## Scorers"
    yield f"![Regret and Spearman by scorer]({image_name(stem, 'scorers')})"
    yield _scorers(report)
    yield "## Regret by budget"
    yield _by_budget(report)
    yield f"## {named(report.subject)} against each, paired"
    yield _against(report, tuple(baselines(report)))
    if report.ablations:
        yield "## Ablations"
        yield _against(report, report.ablations)
    if report.notes is not None:
        yield "## What was tried"
        yield report.notes.strip()
    yield "## Again"
    yield _provenance(report)


def _introduction(report: LensReport) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in report.repositories.items())
    gists = "a trained GistNet" if report.trained_gists else "an **untrained** GistNet"
    return (
        f"Scorers of entries with {report.base} and {gists}, on {report.scenes} scenes in {report.files} files of "
        f"packages that nothing was trained on: {packages}."
    )


def _measures(report: LensReport) -> str:
    settings = report.settings
    return MEASURES.format(
        tail=settings.places.tail,
        targets=settings.places.targets,
        slots=settings.draw.slots,
        remeasured=settings.remeasured,
        precision_at=settings.precision_at,
        helpful=figure(report.helpful),
        budget=settings.stability.budget,
        codec=settings.stability.codec,
        entries=report.entries,
    )


def _scorers(report: LensReport) -> str:
    columns = {
        "regret": "regret",
        "spearman": "Spearman",
        "precision": "precision",
        "flips_per_block": "actions a block",
        "residency": "residency",
        "refocus_ms": "ms a refocus",
    }
    rows = [
        [_marked(name, report), *(_cell(found, column) for column in columns)]
        for name, found in report.scorers.items()
    ]
    return table(["", *columns.values()], rows)


def _by_budget(report: LensReport) -> str:
    budgets = [str(budget) for budget in report.settings.budgets]
    rows = [
        [_marked(name, report), *(figure(found["regret_by_budget"][each]) for each in budgets)]
        for name, found in report.scorers.items()
    ]
    rows.append(["nats that the oracle saves", *(figure(report.oracle[each]) for each in budgets)])
    return table(["positions for detail", *budgets], rows)


def _against(report: LensReport, names: tuple[str, ...]) -> str:
    rows = []
    for name in names:
        regret, spearman = report.against[name]["regret"], report.against[name]["spearman"]
        sure = regret.high < 0 and spearman.low > 0
        rows.append([named(name), figure(regret), figure(spearman), "yes" if sure else "no"])
    return table(["against", "regret", "Spearman", "better beyond doubt"], rows)


def _provenance(report: LensReport) -> str:
    rows = [
        ["base", f"`{report.base_id}`"],
        ["encoder", f"`{report.encoder_id}`"],
        ["seed", str(report.settings.seed)],
        ["contexts read", f"{report.forwards:,}, besides those known from before"],
        ["minutes", f"{report.seconds / 60:.1f}"],
        *([name, str(each)] for name, each in {**report.machine, **report.provenance}.items()),
    ]
    return f"```\n{report.command}\n```\n\n" + table(["", ""], rows)


def named(name: str) -> str:
    """What a scorer is called; an ablation by the name it was given."""
    return NAMES.get(name, name)


def figure(interval: Interval) -> str:
    """`0.42 [0.40, 0.45]`"""
    low, mid, high = (f"{each:.2f}" for each in interval)
    return f"{mid} [{low}, {high}]"


def _marked(name: str, report: LensReport) -> str:
    return f"**{named(name)}**" if name == report.subject else named(name)


def _cell(found: Mapping[str, Any], column: str) -> str:
    return figure(found[column]) if column in found else ""
