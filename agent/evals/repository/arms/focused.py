"""MegaContext's own arms: a focus, read by the text codec or with gists."""

from collections.abc import Sequence

from megacontext.configs.errors import FocusError
from megacontext.configs.settings import FocusSettings as Wanted
from megacontext.memory.focus import FocusQuery, FocusSettings, Scorer, focus

from ....codecs import Lens
from .arm import Ask, Chosen, Context, timed


class Focused:
    """The working context that a completion would read, chosen anew at every cursor."""

    def __init__(self, lens: Lens, wanted: Wanted, scorer: Scorer | None = None) -> None:
        """`scorer` takes the place of the one that ships."""
        self._lens = lens
        self._scorer = scorer or lens.scorer
        self._settings = settings_of(wanted)

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """See `Arm.contexts`."""
        return timed(lambda budget: self._read(ask, budget), budgets, 0.0)

    def _read(self, ask: Ask, budget: int) -> Chosen:
        query = FocusQuery(
            at=ask.cursor.at, window=ask.window, budget=budget, exclude=(ask.cursor.span,)
        )
        lens = self._lens
        found = focus(lens.tree, query, lens.plain, self._scorer, settings=self._settings)
        rendering = lens.plain.render(found.in_order)
        if rendering.stale:
            raise FocusError(f"{rendering.stale[0]} has changed while it was measured; start again")
        return rendering.segments, rendering.text


def settings_of(wanted: Wanted) -> FocusSettings:
    """How a focus is made under these settings."""
    return FocusSettings(
        step=wanted.max_actions_per_round, cooldown=wanted.cooldown_rounds, rounds=wanted.rounds
    )
