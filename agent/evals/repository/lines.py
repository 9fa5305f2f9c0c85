"""Lines that use a definition of another file, completed under every arm."""

import re
from collections.abc import Sequence
from functools import cached_property

from pydantic import JsonValue

from ..running.figures import Figure
from ..running.suite import Identity, Record, Sample, Section
from .arms.arm import Context
from .bench import Bench, Made
from .choosing import Choosing
from .likeness import edit_similarity, identifier_f1, is_exact
from .measures import Measure, figures_of
from .page import about_arms, bars, by_budget
from .spots import Spot, SpotFinder

BATCH = 4
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


class LineSuite:
    """See `running.suite.Suite`; a package's lines are resampled together."""

    batch = BATCH

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._choosing = Choosing(bench)

    @property
    def name(self) -> str:
        """Fit for a folder."""
        return f"{self._bench.settings.name}-lines"

    @cached_property
    def identity(self) -> Identity:
        """What samples depend on."""
        wanted: JsonValue = self._bench.settings.lines.model_dump(mode="json")
        return self._bench.identity({"lines": wanted})

    @cached_property
    def tasks(self) -> Sequence[Spot]:
        """Spots of all packages; what small ones lack is taken from those after them."""
        wanted = self._bench.settings.lines
        return spots_of(self._bench, wanted.count, wanted.per_file)

    @property
    def arms(self) -> Sequence[str]:
        """Every arm at each of its budgets."""
        return self._bench.plan.names

    def group(self, task: Spot) -> str:
        """Its package."""
        return task.package

    def sample(self, arm: str, tasks: Sequence[Spot]) -> Sequence[Record]:
        """See `Suite.sample`; only times differ from run to run."""
        return [self._record(arm, task, tasks) for task in tasks]

    def _record(self, arm: str, task: Spot, together: Sequence[Spot]) -> Record:
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

    def figures(self, samples: Sequence[Sample]) -> Sequence[Figure]:
        """See `Suite.figures`."""
        groups = {task.id: self.group(task) for task in self.tasks}
        return figures_of(samples, MEASURES, groups)

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
    found: list[Spot] = []
    for number, repository in enumerate(bench.repositories.values()):
        share = -(-(count - len(found)) // (len(bench.repositories) - number))
        finder = SpotFinder(repository, settings.tail, settings.lines.longest, settings.seed)
        found += finder.find(share, per_file)
    return found


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
