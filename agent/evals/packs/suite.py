"""What both suites have in common. Knows no task's inside."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..repository.package_suite import GroupedSuite, TaskT
from ..running.suite import Identity
from .bench import PackBench
from .settings import Kind
from .stand import COMPARED, named


class PackSuite(GroupedSuite[TaskT]):
    """Over the bench's stands; see `running.suite.Suite`."""

    kind: ClassVar[Kind]

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
    def ways(self) -> Mapping[str, tuple[str, int]]:
        """Every arm's way and budget, by the arm's name."""
        return {named(way, budget): (way, budget) for way in COMPARED for budget in self.budgets}

    @property
    def arms(self) -> Sequence[str]:
        """Every way at each of its budgets."""
        return tuple(self.ways)
