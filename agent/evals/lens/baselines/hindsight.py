"""No baseline but a bound: scores that know what is to be predicted."""

import numpy as np

from ...measuring import Measurer
from ..choosing import Outcomes
from ..scenes.scene import Scene
from ..snapshots import memory_room
from .judges import Scores


class Hindsight:
    """What each entry's detail saves by itself, measured on the targets.

    How far it stays behind the gains among other entries is how far they depend on each other.
    """

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer

    def scores(self, scene: Scene) -> Scores:
        """Nats over the targets; 0 for what does not fit the window."""
        room = memory_room(scene, self._measurer) - scene.base.total
        fits = [index for index, cost in enumerate(scene.bare_costs) if cost <= room]
        outcomes = Outcomes(scene, self._measurer)
        bare, *alone = outcomes.losses([frozenset(), *(frozenset({index}) for index in fits)])
        found = np.zeros(len(scene.nodes))
        found[fits] = bare - np.array(alone)
        return found
