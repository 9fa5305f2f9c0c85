"""Needles, searched for under every arm. Knows no way of finding."""

import time
from collections.abc import Sequence
from functools import cached_property

from ..running.suite import Record, Sample, Section
from .bench import Bench
from .finding import Finder, Place, finders_of, names_of, place_of
from .measures import Measure
from .needles import Needle, needles_in
from .package_suite import PackageSuite, in_shares


class NeedleSuite(PackageSuite[Needle]):
    """Needles; see `PackageSuite`."""

    kind = "needles"
    batch = 8

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._finders: dict[str, dict[str, Finder]] = {}

    @cached_property
    def tasks(self) -> Sequence[Needle]:
        """Needles of all packages; what small ones lack is taken from those after them."""
        wanted, seed = self._bench.settings.needles, self._bench.settings.seed
        return in_shares(
            wanted.count,
            self._bench.repositories.values(),
            lambda repository, share: needles_in(repository, wanted.words, seed)[:share],
        )

    @property
    def arms(self) -> Sequence[str]:
        """Every way of finding."""
        return names_of(self._bench)

    def record(self, arm: str, task: Needle, together: Sequence[Needle]) -> Record:
        """See `PackageSuite.record`; needles have nothing to do with each other."""
        repository = self._bench.repositories[task.package]
        if task.package not in self._finders:
            self._finders[task.package] = finders_of(repository, self._bench)
        with repository.edited(task.path, task.text.encode(), lately=False):
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

    @property
    def measures(self) -> Sequence[Measure]:
        """See `PackageSuite.measures`."""
        return [
            *(Measure(_key(at), _key(at)) for at in self._bench.settings.needles.at),
            Measure("mean reciprocal rank", "reciprocal", ""),
            Measure("finding", "ms", "ms", higher_is_better=False),
        ]

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
