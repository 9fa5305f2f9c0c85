"""Waiting in tests: for conditions, never for times, however busy the machine is."""

import time
from collections.abc import Callable, Iterator

PATIENCE_S = 120.0
"""What has not come by then never comes."""
LOOK_S = 0.01
"""Between two looks at a condition that tells nobody when it holds."""


def held(said: str, until: Callable[[], bool] = lambda: False, then: str = "") -> Iterator[str]:
    """A reply of a scripted model that stops in the middle until something holds, or until it is cancelled."""
    yield said
    while not until():
        time.sleep(LOOK_S)
        yield ""
    yield then
