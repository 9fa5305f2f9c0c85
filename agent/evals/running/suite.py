"""What a suite of tasks is to the runner. Knows no benchmark, no model and no disk.

Data flows one way: a `Suite` has tasks and arms; for each arm and task it makes one record; all records give figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import JsonValue

from .figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot

Record = Mapping[str, JsonValue]
"""What was found out about one task under one arm, as JSON has it."""


class Task(Protocol):
    """One problem."""

    @property
    def id(self) -> str:
        """Unique in the suite, and the same in every run."""
        ...


TaskT = TypeVar("TaskT", bound=Task)


@dataclass(frozen=True)
class Sample:
    """The record of one task under one arm: one line of `samples.jsonl`."""

    arm: str
    task: str
    record: Record


@dataclass(frozen=True)
class Identity:
    """What the samples of a run depend on; equal ones are one run, and go on where it stopped."""

    settings: Record
    """In full, the seed among them."""
    model: Record
    """Its name, and the digests of base and encoder; {} where no model is asked."""
    data: Mapping[str, str]
    """The digest of each data set, whole, whatever part of it is run."""


@dataclass(frozen=True)
class Section:
    """A further part of a run's page."""

    heading: str
    text: str
    """Markdown."""
    plots: Mapping[str, "Plot"] = field(default_factory=dict)
    """By the last part of their files' names."""


class Suite(Protocol[TaskT]):
    """Tasks, the arms they are tried under, and what comes out of that."""

    @property
    def name(self) -> str:
        """Lower case, fit for a folder."""
        ...

    @property
    def identity(self) -> Identity:
        """What every record depends on."""
        ...

    @property
    def tasks(self) -> Sequence[TaskT]:
        """In the order in which they are run."""
        ...

    @property
    def arms(self) -> Sequence[str]:
        """Different ways to do the same tasks."""
        ...

    @property
    def batch(self) -> int:
        """How many tasks `sample` is given at once, at most."""
        ...

    def group(self, task: TaskT) -> str:
        """What is resampled together: a package, or the task itself."""
        ...

    def sample(self, arm: str, tasks: Sequence[TaskT]) -> Sequence[Record]:
        """A record for each task, in their order; repetitions are inside of it.

        The same under the same identity, whatever was asked before and however tasks are batched.
        """
        ...

    def figures(self, samples: Sequence[Sample]) -> Sequence[Figure]:
        """What the samples amount to; they may be those of a part of the tasks."""
        ...

    def sections(self, samples: Sequence[Sample]) -> Sequence[Section]:
        """What its page says besides the figures."""
        ...
