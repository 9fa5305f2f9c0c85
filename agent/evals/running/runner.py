"""Running a suite: what is missing is sampled, batch by batch, and kept at once. Knows no benchmark.

All arms of a batch are done before the next batch, so that a run that is stopped has complete pairs.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .figures import Figure
from .run_folder import RunFolder
from .suite import Sample, Suite, TaskT

OnProgress = Callable[[int, int], None]
"""Is told how many samples there are, and how many there will be."""


@dataclass(frozen=True)
class Results:
    """A finished run."""

    samples: tuple[Sample, ...]
    figures: tuple[Figure, ...]


def run_suite(suite: Suite[TaskT], folder: RunFolder, on_progress: OnProgress) -> Results:
    """Sample every task under every arm that the folder lacks, and write the figures.

    Whatever ends it, Ctrl-C among it, leaves what was done in the folder. Raises what `suite.sample` raises.
    """
    _check(suite)
    began = time.monotonic()
    wanted = {(arm, task.id) for arm in suite.arms for task in suite.tasks}
    kept = {(each.arm, each.task): each for each in folder.samples()}
    done = {key: sample for key, sample in kept.items() if key in wanted}
    on_progress(len(done), len(wanted))
    try:
        for samples in _batches(suite, done.keys()):
            folder.append(samples)
            done |= {(each.arm, each.task): each for each in samples}
            on_progress(len(done), len(wanted))
    except BaseException:
        folder.spent(time.monotonic() - began)
        raise
    ordered = tuple(done[arm, task.id] for arm in suite.arms for task in suite.tasks)
    figures = tuple(suite.figures(ordered))
    folder.finish(figures, time.monotonic() - began)
    return Results(ordered, figures)


def _batches(suite: Suite[TaskT], done: Iterable[tuple[str, str]]) -> Iterator[list[Sample]]:
    finished = set(done)
    for start in range(0, len(suite.tasks), suite.batch):
        tasks = suite.tasks[start : start + suite.batch]
        for arm in suite.arms:
            left = [task for task in tasks if (arm, task.id) not in finished]
            if left:
                yield _sampled(suite, arm, left)


def _sampled(suite: Suite[TaskT], arm: str, tasks: Sequence[TaskT]) -> list[Sample]:
    records = suite.sample(arm, tasks)
    pairs = zip(tasks, records, strict=True)
    return [Sample(arm, task.id, record) for task, record in pairs]


def _check(suite: Suite[TaskT]) -> None:
    ids = [task.id for task in suite.tasks]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{suite.name}: two tasks have the same id")
    if len(set(suite.arms)) != len(suite.arms):
        raise ValueError(f"{suite.name}: two arms have the same name")
