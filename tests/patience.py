"""Waiting in tests: for conditions, never for times, however busy the machine is."""

import time
from collections.abc import Callable, Iterator

PATIENCE_S = 200.0
"""What has not come by then never comes: to load a model takes minutes where others have the processor."""
LOOK_S = 0.01
"""Between two looks at a condition that tells nobody when it holds."""


def held(said: str, until: Callable[[], bool] = lambda: False, then: str = "") -> Iterator[str]:
    """A reply of a scripted model that stops in the middle until something holds, or until it is cancelled."""
    yield said
    while not until():
        time.sleep(LOOK_S)
        yield ""
    yield then
