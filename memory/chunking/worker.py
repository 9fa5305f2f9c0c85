"""`python -m megacontext.memory.chunking.worker`: cuts files for another process until that one closes the pipe.

Asked by pickles of `[(path, bytes), …]` on the standard input; answers each with pickled `[ChunkedFile, …]`.
"""

import os
import pickle
import sys
from contextlib import suppress

from .chunker import chunk_file

NICENESS = 5
"""Whoever waits at a screen goes first."""


def main() -> None:
    """Answer until there is nobody to answer."""
    os.nice(NICENESS)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):  # the one who asks has enough, or has died
        while True:
            files: list[tuple[str, bytes]] = pickle.load(questions)
            pickle.dump([chunk_file(path, data) for path, data in files], answers)
            answers.flush()


if __name__ == "__main__":
    main()
