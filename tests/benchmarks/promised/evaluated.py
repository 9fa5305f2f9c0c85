"""Promises that evals measure: finished runs hold their figures, task by task, so that differences are paired."""

from collections.abc import Callable, Iterator

from megacontext.agent.evals.running.figures import Difference, difference
from megacontext.agent.evals.running.figures import Figure as Measured
from megacontext.agent.evals.running.run_folder import Run

from .kept import Kept
from .promise import Figure, Promise, Source

AREA = "proof"
CODECS = ("text", "gist", "lensnet")
"""Arms that are ours."""
METRICS = ("exact match", "identifier F1")
BUDGET, SMALL, TIMES = 256, 128, 4
"""Positions at which arms are compared; and those that four times as many of BM25 are compared with."""
LINES = "megacontext eval repository --task lines"
NEEDLES = "megacontext eval repository --task needles"
PACKS = "megacontext eval packs"
CODE_SUITES = (
    ("humaneval", "HumanEval", 164),
    ("humaneval_plus", "HumanEval+", 164),
    ("mbpp_plus", "MBPP+", 378),
)
"""Name, what people call it, and how many problems it has."""


def figure(run: Run | None, name: str, arm: str) -> Measured | None:
    """A figure of a run; None where it has none of that name, or no task was done."""
    if run is None:
        return None
    found = (each for each in run.figures if (each.name, each.arm) == (name, arm))
    return next((each for each in found if each.values), None)


def _of_pocket(run: Run) -> bool:
    return bool(run.about["model"].get("name") == "pocket")


def ahead(run: Run | None, budget: int, other: str) -> Difference | None:
    """Our best arm at a budget minus another arm, by the metric and the codec where that is largest."""
    found = [
        difference(ours, theirs)
        for metric in METRICS
        for codec in CODECS
        if (ours := figure(run, metric, f"{codec}@{budget}"))
        and (theirs := figure(run, metric, other))
    ]
    return max(found, key=lambda each: each.interval.mid, default=None)


def _ahead(budget: int, other: str, *, end: int) -> Source:
    def source(kept: Kept) -> Figure | None:
        found = ahead(kept.run("repository-lines", _of_pocket), budget, other)
        if found is None:
            return None
        low, _, high = (100 * each for each in found.interval)
        note = f"{found.left} against {found.right}, {found.name}, [{low:.1f}, {high:.1f}]"
        return Figure(100 * found.interval[end], f"{note}, {found.tasks} lines")

    return source


def _recall(kept: Kept) -> Figure | None:
    run = kept.run("repository-needles", _of_pocket)
    ours = [each for codec in CODECS if (each := figure(run, "recall@5", codec))]
    best = max(ours, key=lambda each: each.interval.mid, default=None)
    if best is None:
        return None
    low, mid, high = best.interval
    return Figure(mid, f"{best.arm}, [{low:.2f}, {high:.2f}], {len(best.values)} needles")


def _canonical(suite: str, problems: int) -> Callable[[Kept], Run | None]:
    """The newest run of the authors' own solutions to all problems."""

    def fits(run: Run) -> bool:
        passed = figure(run, "pass@1", "complete")
        canonical = run.about["model"].get("name") == "canonical"
        return canonical and passed is not None and len(passed.values) == problems

    return lambda kept: kept.run(suite, fits)


def _passes(suite: str, problems: int) -> Source:
    def source(kept: Kept) -> Figure | None:
        found = figure(_canonical(suite, problems)(kept), "pass@1", "complete")
        return None if found is None else Figure(100 * found.interval.mid, f"{problems} problems")

    return source


def _seconds(kept: Kept) -> Figure | None:
    suite, _, problems = CODE_SUITES[0]
    run = _canonical(suite, problems)(kept)
    if run is None:
        return None
    return Figure(sum(start["seconds"] or 0 for start in run.about["starts"]))


def _harm(kept: Kept) -> Figure | None:
    """What memory costs, beyond doubt: how far the whole interval of the difference lies below 0."""
    for run in reversed([run for run in kept.runs if run.suite == "humaneval"]):
        with_memory, without = (
            figure(run, "pass@1", arm) for arm in ("with-memory", "without-memory")
        )
        if with_memory is not None and without is not None:
            low, mid, high = (100 * each for each in difference(with_memory, without).interval)
            return Figure(max(0.0, -high), f"{mid:.1f} [{low:.1f}, {high:.1f}] points")
    return None


def _with_packs(name: str, suite: str, arm: str, other: str, *, end: int) -> Source:
    """A figure with packs minus the one without, or than another arm's; `end` 0 is the lower one of the interval."""

    def source(kept: Kept) -> Figure | None:
        run = kept.run(suite, _of_pocket)
        ours, theirs = figure(run, name, arm), figure(run, name, other)
        if ours is None or theirs is None:
            return None
        found = difference(ours, theirs)
        low, mid, high = (100 * each for each in found.interval)
        note = f"{arm} against {other}, {mid:.1f} [{low:.1f}, {high:.1f}], {found.tasks} tasks"
        return Figure(100 * found.interval[end], note)

    return source


def _packs() -> Iterator[Promise]:
    for metric in METRICS:
        source = _with_packs(metric, "packs-calls", "pack@512", "without@512", end=0)
        name = (
            f"calls to frameworks at 512 positions, with packs above without, {metric}, lower end"
        )
        yield Promise(AREA, name, source, PACKS, "points", at_least=0)
    source = _with_packs("recall@5", "packs-questions", "pack@1024", "bm25@1024", end=0)
    name = "questions about frameworks at 1,024 positions, recall@5 above BM25, lower end"
    yield Promise(AREA, name, source, PACKS, "points", at_least=0)


def _lines() -> Iterator[Promise]:
    rivals = {f"bm25@{BUDGET}": "BM25", f"outline@{BUDGET}": "the outline map"}
    for other, told in rivals.items():
        name = f"lines at {BUDGET} positions, best codec above {told}"
        source = _ahead(BUDGET, other, end=1)
        yield Promise(AREA, name, source, LINES, "points", at_least=5)
        source = _ahead(BUDGET, other, end=0)
        yield Promise(AREA, f"{name}, lower end", source, LINES, "points", at_least=0)
    name = f"lines, best codec at {SMALL} above BM25 at {TIMES * SMALL} positions, upper end"
    source = _ahead(SMALL, f"bm25@{TIMES * SMALL}", end=2)
    yield Promise(AREA, name, source, LINES, "points", at_least=0)


PROMISES = (
    *_lines(),
    *_packs(),
    Promise(AREA, "needles, recall@5", _recall, NEEDLES, at_least=0.9),
    *(
        Promise(
            AREA,
            f"{told}, canonical solutions that pass",
            _passes(suite, problems),
            f"megacontext eval {suite} --samples canonical",
            "%",
            at_least=100,
        )
        for suite, told, problems in CODE_SUITES
    ),
    Promise(
        AREA,
        "164 programs of HumanEval, run",
        _seconds,
        "megacontext eval humaneval --samples canonical",
        "s",
        at_most=60,
    ),
    Promise(
        AREA,
        "HumanEval with memory below without, beyond doubt",
        _harm,
        "megacontext eval humaneval --memory .",
        "points",
        at_most=0,
    ),
)
