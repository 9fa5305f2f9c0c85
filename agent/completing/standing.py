"""The working context of the completion before, for as long as it will do: the model need not read it again.

Whoever types asks again at every key. A focus for each would change the memory a little, and with it all that the model
has to read.
"""

from dataclasses import dataclass

from megacontext.memory.focus import Position, Rendering
from megacontext.memory.packs.mounts import Mounted

from ..sources import Composed

NEAR_LINES = 24


@dataclass(frozen=True)
class Standing:
    """What was focused for a place, and how it was read."""

    at: Position
    codec: str | None
    mounted: tuple[Mounted, ...]
    """The packs that were beside the repository."""
    composed: Composed
    rendering: Rendering
    reach: str = ""
    """What could be called of the packs, told by the text at the cursor; "" where there are none."""

    def serves(self, at: Position, budget: int, codec: str | None, reach: str = "") -> bool:
        """Whether it is near enough to a place, with the same to be called, and fits what is left there."""
        return (
            reach == self.reach
            and at.path == self.at.path
            and abs(at.line - self.at.line) <= NEAR_LINES
            and codec == self.codec
            and self.composed.total_cost <= budget
        )
