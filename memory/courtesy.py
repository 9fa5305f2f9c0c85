"""Work in the background lets whoever waits at a screen go first."""

import os
import sys
import threading

NICENESS = 5


def stand_back() -> None:
    """Lower the priority of this thread, and of those that it starts, where threads have one of their own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # A program that was started with a lower priority may not raise it.
        if os.getpriority(os.PRIO_PROCESS, thread) < NICENESS:
            os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
