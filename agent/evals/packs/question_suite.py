"""Questions about frameworks, put to a repository with the pack and without. Knows no way of finding."""

import time
from collections.abc import Sequence

from megacontext.memory.focus import Span

from ..repository.measures import Measure
from ..running.suite import Record, Sample, Section
from .bench import PackBench
from .page import bars
from .questions import Question, homes_of
from .suite import PackSuite


class QuestionSuite(PackSuite[Question]):
    """Questions; see `PackSuite`."""

    kind = "questions"

    def __init__(self, bench: PackBench) -> None:
        super().__init__(bench)
        self._homes = {
            (name, framework.label): homes_of(framework)
            for name, frameworks in bench.frameworks.items()
            for framework in frameworks
        }

    @property
    def budgets(self) -> Sequence[int]:
        """Positions of a working context."""
        return self._bench.settings.questions.budgets

    @property
    def tasks(self) -> Sequence[Question]:
        """Questions about all frameworks."""
        return self._bench.questions

    def record(self, arm: str, task: Question, together: Sequence[Question]) -> Record:
        """See `PackSuite.record`; questions have nothing to do with each other."""
        way, budget = self.ways[arm]
        started = time.perf_counter()
        shown = self._bench.stands[task.repository].places(way, task.description, budget)
        ms = 1000 * (time.perf_counter() - started)
        home = self._homes[task.repository, task.framework][task.path, task.symbol]
        rank = _rank(home, shown)
        return {
            "description": task.description,
            "rank": rank,
            "reciprocal": 1 / rank if rank else 0.0,
            "named": len(shown),
            "packed": any(place.path.startswith(f"{task.framework}/") for place in shown),
            "ms": round(ms, 3),
            **{_key(at): rank is not None and rank <= at for at in self._at},
        }

    @property
    def measures(self) -> Sequence[Measure]:
        """See `PackSuite.measures`."""
        return [
            *(Measure(_key(at), _key(at)) for at in self._at),
            Measure("mean reciprocal rank", "reciprocal", ""),
            Measure("places shown", "named", ""),
            Measure("the right pack among them", "packed"),
            Measure("finding", "ms", "ms", higher_is_better=False),
        ]

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """What the pack gives, and how it is done."""
        names = [_key(at) for at in self._at]
        return [bars(self.figures(samples), names, self.budgets), Section("What is asked", HOW)]

    @property
    def _at(self) -> Sequence[int]:
        return self._bench.settings.questions.at


HOW = (
    "A public function, method or class of a framework is described by its docstring, in which its name is not told. "
    "That docstring was taken out of the framework before its pack was made, and stands nowhere else in it. Found is "
    "a place that shows some of the definition's lines (of a class, those up to its first method). All arms have the "
    "same positions. `pack` and `without` are the places of one working context, best first: with the pack, which may "
    "take its share of the budget, and with the repository alone. Since the definition is in the pack alone, `without` "
    "finds it by no means; it tells what a user has who mounts nothing. `bm25` has the whole budget for passages of "
    "ten lines of the packs' texts, and is told that the answer is there: `pack` has to tell that from the question."
)


def _key(at: int) -> str:
    return f"recall@{at}"


def _rank(home: Span, shown: Sequence[Span]) -> int | None:
    """From 1; None where it is not shown."""
    ranks = (
        rank
        for rank, place in enumerate(shown, start=1)
        if place.overlaps(home.path, home.start_line, home.end_line)
    )
    return next(ranks, None)
