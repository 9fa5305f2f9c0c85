"""Runs one program and answers calls of its function, as lines of JSON: `REQUESTS_FD ANSWERS_FD`.

The first request is the program; each further one holds arguments. The program shares this process and may do anything
to it. All that it can reach is its own answers: what they should be is not here.
"""

import os
import random
import signal
import sys
import types
from collections.abc import Callable
from typing import IO, Any

from .seal import seal
from .wire import answer, line, unpacked


def main() -> None:
    """Answer until nobody asks."""
    import json

    requests_fd, answers_fd = map(int, sys.argv[-2:])
    del sys.argv[1:], sys.path[0]
    with os.fdopen(requests_fd, "rb") as requests, os.fdopen(answers_fd, "wb", 0) as answers:
        wanted = json.loads(requests.readline())
        sealed = seal()
        answers.write(line({"sealed": sealed}))
        if sealed or not wanted["sealed"]:
            _answer(wanted, requests, answers)


def _answer(wanted: dict[str, Any], requests: IO[bytes], answers: IO[bytes]) -> None:
    import json

    random.seed(0)
    try:
        function = loaded(wanted["source"], wanted["entry"])
    except BaseException as exc:  # noqa: BLE001  sys.exit too
        answers.write(line({"error": told(exc)}))
        return
    answers.write(line({"loaded": True}))
    for request in requests:
        # Whoever takes longer over one call is ended by the signal; the sum over all calls has a limit of its own.
        signal.setitimer(signal.ITIMER_PROF, wanted["call_s"])
        try:
            data = answer(function(*unpacked(json.loads(request))))
        except BaseException as exc:  # noqa: BLE001
            data = line({"error": told(exc)})
        answers.write(data)


def loaded(source: str, entry: str) -> Callable[..., Any]:
    """The function `entry` of a program, which runs as a module and not as `__main__`."""
    module = types.ModuleType("program")
    sys.modules[module.__name__] = module
    exec(compile(source, "program.py", "exec"), module.__dict__)  # noqa: S102  the very purpose
    function: Callable[..., Any] = getattr(module, entry)
    return function


def told(exc: BaseException, most: int = 300) -> str:
    """An error in a line."""
    try:
        return f"{type(exc).__name__}: {exc}"[:most]
    except BaseException:  # noqa: BLE001  its text is the program's, too
        return type(exc).__name__
