"""All arms by name, made for one repository. Knows no measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...lens.entrants import Lenses
from ...measuring import Measurer
from ...repositories import Repository
from ..settings import RepositorySettings
from .arm import Arm, Ask, Context
from .focused import Focused
from .outline import Outline, RepositoryMap
from .packing import Packer
from .passages import Passages
from .plain import Ceiling, Nothing, Recency
from .retrieval import Bm25, Explaining

NONE, FULL, BM25, OUTLINE = "none", "full", "bm25", "outline"
TEXT, GIST, LENSNET = "text", "gist", "lensnet"
COMPARED = ("recency", BM25, OUTLINE, "ami", TEXT, GIST, LENSNET)
"""At each budget; LensNet reads gists, with its scores in place of those that ship."""
AROUND = 64
"""Positions of a prompt that are neither memory nor text: names of repository and file."""
MORE = 4
"""BM25 has a further arm at so many times each budget."""


@dataclass(frozen=True)
class Plan:
    """Which arms there are at which budgets."""

    budgets: Sequence[int]
    room: int
    """Positions that the model has for memory, at most."""
    lensnet: bool
    """Whether the model has a LensNet."""

    @property
    def larger(self) -> list[int]:
        """Budgets of BM25 alone, as far as they fit."""
        wanted = (MORE * budget for budget in self.budgets)
        return [each for each in wanted if each <= self.room and each not in self.budgets]

    @property
    def budgeted(self) -> dict[str, list[int]]:
        """The budgets of each arm."""
        names = [name for name in COMPARED if name != LENSNET or self.lensnet]
        equal = {name: [*self.budgets] for name in names}
        return {NONE: [0], **equal, BM25: [*self.budgets, *self.larger], FULL: [self.room]}

    @property
    def names(self) -> tuple[str, ...]:
        """Every arm with its budget."""
        return tuple(
            named(arm, budget) for arm, budgets in self.budgeted.items() for budget in budgets
        )


def named(arm: str, budget: int) -> str:
    """`bm25@256`; none and full have one budget only."""
    return arm if arm in (NONE, FULL) else f"{arm}@{budget}"


class Entrants:
    """The arms of one repository."""

    def __init__(
        self,
        repository: Repository,
        plan: Plan,
        settings: RepositorySettings,
        measurer: Measurer,
        lenses: Lenses,
    ) -> None:
        self._plan = plan
        wanted = repository.workplace.settings.focus
        passages, packer = Passages(repository), Packer(repository.model)
        words = Bm25(passages, packer)
        self._arms: dict[str, Arm] = {
            NONE: Nothing(),
            "recency": Recency(passages, packer),
            BM25: words,
            OUTLINE: Outline(RepositoryMap(repository), Packer(repository.model, gaps=False)),
            "ami": Explaining(words, packer, measurer, settings.candidates),
            TEXT: Focused(repository.text_lens, wanted),
            GIST: Focused(repository.lens, wanted),
            FULL: Ceiling(passages, packer),
        }
        for name, scorer in lenses.scorers(repository, repository.lens.tree).items():
            self._arms[name] = Focused(repository.lens, wanted, scorer)

    def contexts(self, ask: Ask) -> Mapping[str, Context]:
        """What each arm chooses at a cursor, by its name with the budget."""
        return {
            named(arm, budget): context
            for arm, budgets in self._plan.budgeted.items()
            for budget, context in zip(budgets, self._arms[arm].contexts(ask, budgets), strict=True)
        }
