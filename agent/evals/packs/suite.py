"""What both suites have in common. Knows no task's inside."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic

from ..repository.measures import Measure, figures_of
from ..repository.package_suite import TaskT
from ..running.figures import Figure
from ..running.suite import Identity, Record, Sample
from .bench import PackBench
from .settings import Kind
from .stand import COMPARED, named


class PackSuite(Generic[TaskT]):
    """See `running.suite.Suite`; the tasks of one package are resampled together."""

    kind: ClassVar[Kind]
    batch = 4

    def __init__(self, bench: PackBench) -> None:
        self._bench = bench

    @property
    def name(self) -> str:
        """Fit for a folder."""
        return f"{self._bench.settings.name}-{self.kind}"

    @property
    def identity(self) -> Identity:
        """What samples depend on."""
        return self._bench.identity(self.kind)

    @property
    def budgets(self) -> Sequence[int]:
        """Positions that each arm is given."""
        raise NotImplementedError

    @property
    def tasks(self) -> Sequence[TaskT]:
        """In the order in which they are run."""
        raise NotImplementedError

    @property
    def measures(self) -> Sequence[Measure]:
        """Which numbers of a record count."""
        raise NotImplementedError

    def record(self, arm: str, task: TaskT, together: Sequence[TaskT]) -> Record:
        """What was found out about a task, which is run with others; only times differ from run to run."""
        raise NotImplementedError

    @property
    def ways(self) -> Mapping[str, tuple[str, int]]:
        """Every arm's way and budget, by the arm's name."""
        return {named(way, budget): (way, budget) for way in COMPARED for budget in self.budgets}

    @property
    def arms(self) -> Sequence[str]:
        """Every way at each of its budgets."""
        return tuple(self.ways)

    def group(self, task: TaskT) -> str:
        """Its package."""
        return task.package

    def sample(self, arm: str, tasks: Sequence[TaskT]) -> Sequence[Record]:
        """See `Suite.sample`."""
        return [self.record(arm, task, tasks) for task in tasks]

    def figures(self, samples: Sequence[Sample]) -> Sequence[Figure]:
        """See `Suite.figures`."""
        return figures_of(samples, self.measures, {task.id: task.package for task in self.tasks})
