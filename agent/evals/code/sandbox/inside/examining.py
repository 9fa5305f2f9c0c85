"""Runs a test whose function is answered elsewhere: `EXAM_FD TO_FD FROM_FD VERDICT_FD`.

The test comes with the benchmark. It calls a stand-in for the program's function, which sends arguments to the other
sandbox and reads values back, so that the program never shares a process with what judges it.
"""

import json
import os
import random
import sys
import sysconfig
from typing import IO, Any

from .answering import told
from .seal import seal
from .wire import Large, line, packed, unpacked


class ProgramError(Exception):
    """The program raised something, or is gone."""


def main() -> None:
    """Write one verdict, at the very end."""
    exam_fd, to_fd, from_fd, verdict_fd = map(int, sys.argv[-4:])
    del sys.argv[1:], sys.path[0]
    # Programs have the standard library alone; a test may need what is installed.
    sys.path += map(sysconfig.get_path, ("purelib", "platlib"))
    with os.fdopen(exam_fd, "rb") as file:
        exam = json.loads(file.read())
    with os.fdopen(to_fd, "wb", 0) as to, os.fdopen(from_fd, "rb") as back:
        if not seal() and exam["sealed"]:
            return
        verdict = _verdict(exam, to, back)
    with os.fdopen(verdict_fd, "wb") as file:
        file.write(line(verdict))


def _verdict(exam: dict[str, Any], to: IO[bytes], back: IO[bytes]) -> dict[str, str]:
    """`{"failed": ""}` when it passed."""

    def candidate(*arguments: Any) -> Any:
        try:
            to.write(line(packed(list(arguments))))
        except BrokenPipeError as exc:
            raise ProgramError("the program ended") from exc
        return _value(back)

    random.seed(0)
    names: dict[str, Any] = {"__name__": "exam"}
    try:
        for _ in ("sealed", "loaded"):
            _value(back)
        exec(compile(exam["context"], "context.py", "exec"), names)  # noqa: S102
        names[exam["entry"]] = candidate
        exec(compile(exam["test"], "test.py", "exec"), names)  # noqa: S102
    except BaseException as exc:  # noqa: BLE001
        return {"failed": told(exc)}
    return {"failed": ""}


def _value(back: IO[bytes]) -> Any:
    """What the program answered. Raises ProgramError where it answered nothing, or an error."""
    data = back.readline()
    if not data:
        raise ProgramError("the program ended")
    answer = json.loads(data)
    if not isinstance(answer, dict) or "error" in answer:
        raise ProgramError(str(answer)[:300])
    value = unpacked(answer.get("value"))
    if isinstance(value, Large):
        raise ProgramError("the program answered too much")
    return value
