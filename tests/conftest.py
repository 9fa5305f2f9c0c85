"""What holds for all tests."""

import os

from hypothesis import HealthCheck, settings

# Tiny tensors gain nothing from threads, and on a busy machine threads that wait for each other
# make tests ten times slower. Set before anything imports torch; subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says something of the machine, not of the code; pytest ends what never does.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
