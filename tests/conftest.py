"""What holds for all tests."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# Tiny tensors gain nothing from threads, and on a busy machine threads that wait for each other
# make tests ten times slower. Set before anything imports torch; subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says something of the machine, not of the code; pytest ends what never does. The examples
# are the same in every run, so that a change is judged by what it changes; `--hypothesis-profile=explore` tries others.
settings.register_profile(
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("the same examples", settings.get_profile("explore"), derandomize=True)
settings.load_profile("the same examples")


@pytest.fixture(autouse=True)
def _what_is_drawn_is_the_same_whatever_was_tested_before() -> None:
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)
