"""What holds for all tests."""

import os

# Tiny tensors gain nothing from threads, and on a busy machine threads that wait for each other
# make tests ten times slower. Set before anything imports torch; subprocesses inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
