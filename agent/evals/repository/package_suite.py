"""What all suites over the bench's packages have in common. Knows no task's inside."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import ClassVar, Generic, Protocol, TypeVar

from pydantic import JsonValue

from ..running.figures import Figure
from ..running.suite import Identity, Record, Sample
from .bench import Bench
from .measures import Measure, figures_of
from .settings import Kind

Package = TypeVar("Package")
Found = TypeVar("Found")


class PackageTask(Protocol):
    """A task in one package."""

    @property
    def id(self) -> str:
        """Unique in the suite."""
        ...

    @property
    def package(self) -> str:
        """Its name."""
        ...


TaskT = TypeVar("TaskT", bound=PackageTask)


class GroupedSuite(Generic[TaskT]):
    """What every suite over packages has in common; the tasks of one package are resampled together."""

    batch = 4

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

    def group(self, task: TaskT) -> str:
        """Its package."""
        return task.package

    def sample(self, arm: str, tasks: Sequence[TaskT]) -> Sequence[Record]:
        """See `Suite.sample`."""
        return [self.record(arm, task, tasks) for task in tasks]

    def figures(self, samples: Sequence[Sample]) -> Sequence[Figure]:
        """See `Suite.figures`."""
        return figures_of(samples, self.measures, {task.id: task.package for task in self.tasks})


class PackageSuite(GroupedSuite[TaskT]):
    """Over the bench's packages; see `running.suite.Suite`."""

    kind: ClassVar[Kind]

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @property
    def name(self) -> str:
        """Fit for a folder."""
        return f"{self._bench.settings.name}-{self.kind}"

    @cached_property
    def identity(self) -> Identity:
        """What samples depend on."""
        return self._bench.identity(self.wanted)

    @property
    def wanted(self) -> dict[str, JsonValue]:
        """The settings that these tasks alone depend on."""
        return {self.kind: getattr(self._bench.settings, self.kind).model_dump(mode="json")}

    @property
    def arms(self) -> Sequence[str]:
        """Every arm at each of its budgets."""
        return self._bench.plan.names


def in_shares(
    count: int, packages: Iterable[Package], take: Callable[[Package, int], Iterable[Found]]
) -> list[Found]:
    """At most `count` from all packages in equal shares; what one lacks is taken from those after it."""
    left = list(packages)
    found: list[Found] = []
    while left:
        share = -(-(count - len(found)) // len(left))
        found += take(left.pop(0), share)
    return found
