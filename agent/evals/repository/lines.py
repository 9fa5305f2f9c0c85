"""Lines that use a definition of another file, completed under every arm."""

import re
from collections.abc import Sequence
from functools import cached_property

from pydantic import JsonValue

from ..repositories import Repository
from ..running.suite import Record, Sample, Section
from .arms.arm import Context
from .bench import Bench
from .choosing import Choosing
from .completer import Made
from .likeness import edit_similarity, identifier_f1, is_exact
from .measures import Measure
from .package_suite import PackageSuite, in_shares
from .page import about_arms, bars, by_budget
from .spots import Spot, SpotFinder

EXACT, IDENTIFIERS, NLL = "exact match", "identifier F1", "NLL of the true line"
MEASURES = (
    Measure(EXACT, "exact"),
    Measure(IDENTIFIERS, "identifiers"),
    Measure("edit similarity", "similarity"),
    Measure(NLL, "nats", "nats a token", higher_is_better=False),
    Measure("needed name in memory", "shown"),
    Measure("positions of memory", "positions", "", higher_is_better=False),
    Measure("choosing memory", "choose_ms", "ms", higher_is_better=False),
    Measure("reading and writing", "make_ms", "ms", higher_is_better=False),
)


class LineSuite(PackageSuite[Spot]):
    """Lines; see `PackageSuite`."""

    kind = "lines"
    measures = MEASURES

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._choosing = Choosing(bench)

    @cached_property
    def tasks(self) -> Sequence[Spot]:
        """Spots of all packages; what small ones lack is taken from those after them."""
        wanted = self._bench.settings.lines
        return spots_of(self._bench, wanted.count, wanted.per_file)

    def record(self, arm: str, task: Spot, together: Sequence[Spot]) -> Record:
        """See `PackageSuite.record`."""
        ask, contexts = self._choosing.at(task, together)
        context = contexts[arm]
        prompt = self._bench.prompt(ask, context)
        self._bench.model.forget()
        made = self._bench.made(prompt, self._bench.settings.lines.longest)
        bare = self._bench.model.count(self._bench.prompt(ask, Context((), "", 0.0)))
        return {
            **judged(made, task.rest),
            "nats": self._bench.nats(ask, [context], f"{task.rest}\n")[0],
            "shown": names(context.text, task.name),
            "positions": made.positions - bare,
            "prompt": made.positions,
            "choose_ms": round(context.ms, 3),
            "make_ms": round(made.ms, 3),
        }

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """The bars, and what the arms are."""
        found = self.figures(samples)
        plan = self._bench.plan
        return [
            bars(found, (EXACT, IDENTIFIERS), plan),
            by_budget(found, (EXACT, IDENTIFIERS, NLL), plan),
            about_arms(self._bench),
        ]


def spots_of(bench: Bench, count: int, per_file: int) -> list[Spot]:
    """At most `count` spots in equal shares from every package, the small ones first."""
    settings = bench.settings

    def take(repository: Repository, share: int) -> list[Spot]:
        finder = SpotFinder(repository, settings.tail, settings.lines.longest, settings.seed)
        return finder.find(share, per_file)

    return in_shares(count, bench.repositories.values(), take)


def judged(made: Made, true: str) -> dict[str, JsonValue]:
    """How near what was made comes to what really stood there."""
    return {
        "made": made.text,
        "exact": is_exact(made.text, true),
        "similarity": edit_similarity(made.text, true),
        "identifiers": identifier_f1(made.text, true),
    }


def names(text: str, name: str) -> bool:
    """Whether a text holds a name as a word."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None
