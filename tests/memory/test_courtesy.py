"""Whoever waits at a screen goes first, and a program that was told to stand back further does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STAND_BACK = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from megacontext.memory.courtesy import stand_back
os.setpriority(os.PRIO_PROCESS, 0, int(sys.argv[1]))
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
with ThreadPoolExecutor(1, initializer=stand_back) as pool:
    print(pool.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())).result())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux")
@pytest.mark.parametrize(("own", "wanted"), [(0, 5), (5, 5), (12, 12)])
def test_the_priority_is_lowered_and_never_raised(own: int, wanted: int) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    own, wanted = max(own, before), max(wanted, before)
    done = subprocess.run(
        [sys.executable, "-c", STAND_BACK, str(own)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == wanted
