"""What all arms choose at a spot, asked once in one state of its repository. Knows no measure."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..repositories import Repository
from .arms.arm import Ask, Context
from .spots import Spot

Choice = tuple[Ask, Mapping[str, Context]]


class Chooser(Protocol):
    """Has repositories, and arms that choose in them."""

    @property
    def repositories(self) -> Mapping[str, Repository]:
        """By name."""
        ...

    def ask(self, spot: Spot) -> Ask:
        """The question at a spot, in the repository as it is now."""
        ...

    def contexts(self, ask: Ask) -> Mapping[str, Context]:
        """What every arm chooses."""
        ...


class Choosing:
    """Keeps the choices of the tasks that are done together, since every arm asks for them in turn."""

    def __init__(self, bench: Chooser) -> None:
        self._bench = bench
        self._known: dict[str, Choice] = {}

    def at(self, spot: Spot, together: Sequence[Spot]) -> Choice:
        """The question at a spot, and what each arm chooses there; only spots of `together` are kept."""
        if spot.id not in self._known:
            wanted = {each.id for each in together}
            self._known = {id_: each for id_, each in self._known.items() if id_ in wanted}
            repository = self._bench.repositories[spot.package]
            with repository.edited(spot.path, spot.before.encode()):
                ask = self._bench.ask(spot)
                self._known[spot.id] = ask, self._bench.contexts(ask)
        return self._known[spot.id]
