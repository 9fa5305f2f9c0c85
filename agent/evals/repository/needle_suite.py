"""Needles, searched for under every arm. Knows no way of finding."""

import time
from collections.abc import Sequence
from functools import cached_property

from pydantic import JsonValue

from ..running.figures import Figure
from ..running.suite import Identity, Record, Sample, Section
from .bench import Bench
from .finding import Finder, Place, finders_of, names_of, place_of
from .measures import Measure, figures_of
from .needles import Needle, needles_in


class NeedleSuite:
    """See `running.suite.Suite`; a package's needles are resampled together."""

    batch = 8

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._finders: dict[str, dict[str, Finder]] = {}

    @property
    def name(self) -> str:
        """Fit for a folder."""
        return f"{self._bench.settings.name}-needles"

    @cached_property
    def identity(self) -> Identity:
        """What samples depend on."""
        wanted: JsonValue = self._bench.settings.needles.model_dump(mode="json")
        return self._bench.identity({"needles": wanted})

    @cached_property
    def tasks(self) -> Sequence[Needle]:
        """Needles of all packages; what small ones lack is taken from those after them."""
        wanted, bench = self._bench.settings.needles, self._bench
        found: list[Needle] = []
        for number, repository in enumerate(bench.repositories.values()):
            share = -(-(wanted.count - len(found)) // (len(bench.repositories) - number))
            found += needles_in(repository, wanted.words, bench.settings.seed)[:share]
        return found

    @property
    def arms(self) -> Sequence[str]:
        """Every way of finding."""
        return names_of(self._bench)

    def group(self, task: Needle) -> str:
        """Its package."""
        return task.package

    def sample(self, arm: str, tasks: Sequence[Needle]) -> Sequence[Record]:
        """See `Suite.sample`; only times differ from run to run."""
        return [self._record(arm, task) for task in tasks]

    def _record(self, arm: str, task: Needle) -> Record:
        repository = self._bench.repositories[task.package]
        if task.package not in self._finders:
            self._finders[task.package] = finders_of(repository, self._bench)
        with repository.edited(task.path, task.text.encode()):
            started = time.perf_counter()
            found = self._finders[task.package][arm].find(task.description)
            ms = 1000 * (time.perf_counter() - started)
            home = repository.memory.catalogue.chunk_at(task.path, task.line)
        assert home is not None, "every line of an indexed file is in a chunk"
        rank = _rank(place_of(home), found)
        return {
            "description": task.description,
            "rank": rank,
            "reciprocal": 1 / rank if rank else 0.0,
            "named": len(found),
            "ms": round(ms, 3),
            **{_key(at): rank is not None and rank <= at for at in self._bench.settings.needles.at},
        }

    def figures(self, samples: Sequence[Sample]) -> Sequence[Figure]:
        """See `Suite.figures`."""
        groups = {task.id: self.group(task) for task in self.tasks}
        measures = [Measure(_key(at), _key(at)) for at in self._bench.settings.needles.at]
        measures += [
            Measure("mean reciprocal rank", "reciprocal", ""),
            Measure("finding", "ms", "ms", higher_is_better=False),
        ]
        return figures_of(samples, measures, groups)

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """How it is done."""
        settings = self._bench.settings
        text = (
            "A needle is a function whose docstring was taken out of the searched copy; that docstring, in which "
            "the function's name is not told, is what is asked. Found is the chunk that the function begins in: all "
            "arms rank the same chunks. `text` and `gist` name those that stand in a working context of "
            f"{settings.needles.budget} positions, best first, and no more; `ami` reads BM25's "
            f"{settings.candidates} best."
        )
        return [Section("How needles are found", text)]


def _key(at: int) -> str:
    return f"recall@{at}"


def _rank(home: Place, found: Sequence[Place]) -> int | None:
    """From 1; None where it was not found."""
    return found.index(home) + 1 if home in found else None
