"""Programs asked for values, and examined: what comes back is data, read here and believed in nothing.

A program is asked in one process of the sandbox. A test that comes as code runs in another one, so that the program
never meets what judges it. Whoever ends early, lies or writes nonsense has not answered.
"""

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import IO, Any

from megacontext.configs.errors import SandboxError
from megacontext.models.base import Cancel

from ....sandbox.process import Outcome
from .cell import Bounds, Script, rewound, run_cell
from .inside.wire import LARGEST, line, packed, unpacked
from .shelter import Shelter

EXAM_MORE_S = 15.0
"""How much longer a test may take than the program that it asks."""
ENDED = {
    "time": "it did not end in time",
    "output": "it wrote too much",
    "memory": "it took too much memory",
    "processes": "it started too many processes",
}
LONGEST = 2 * LARGEST
"""Bytes of an answer; longer ones are not from our side of the program, and are not even read."""
GONE = "ProgramError: the program ended"
"""What a test says of a program that is not there any more."""
OVERTIME = (128 + signal.SIGPROF, 128 + signal.SIGXCPU, 128 + signal.SIGKILL)


@dataclass(frozen=True)
class Program:
    """Source code, and the function of it that is asked."""

    source: str
    entry: str


@dataclass(frozen=True)
class Answer:
    """What one call gave."""

    value: Any = None
    error: str = ""
    """Why there is no value; "" where there is one."""
    ended: bool = False
    """The program ended before it answered."""


@dataclass(frozen=True)
class _Either:
    """Whether what is done is over, or no longer wanted."""

    over: Event
    cancel: Cancel | None

    def is_set(self) -> bool:
        return self.over.is_set() or (self.cancel is not None and self.cancel.is_set())


@dataclass(frozen=True)
class Exam:
    """A test as code: `context` is run before it, `test` calls the function `entry`."""

    context: str
    test: str
    entry: str


def answers(
    shelter: Shelter,
    program: Program,
    calls: Sequence[Sequence[Any]],
    bounds: Bounds,
    cancel: Cancel | None = None,
) -> list[Answer]:
    """What the program answers to each call. Raises SandboxError where nothing can be run."""
    requests = [_first(shelter, program, bounds), *(line(packed(list(call))) for call in calls)]
    with _file(b"".join(requests)) as asked, _file() as answered:
        outcome = _run(shelter, "answering", [asked.fileno(), answered.fileno()], bounds, cancel)
        lines = rewound(answered).split(b"\n")
    if not lines[0] and not outcome.ended:
        raise SandboxError(f"a program could not be started: {_why(outcome)}")
    read = list(_read(lines[1:-1][: len(calls) + 1]))
    gone = Answer(error=_why(outcome), ended=True)
    if not read or read[0].error:
        return [read[0] if read else gone] * len(calls)
    found = read[1:]
    return found + [gone] * (len(calls) - len(found))


def failure(
    shelter: Shelter, program: Program, exam: Exam, bounds: Bounds, cancel: Cancel | None = None
) -> str:
    """Why a program fails a test; "" where it passes. Raises SandboxError where nothing can be run."""
    wanted = {
        "context": exam.context,
        "test": exam.test,
        "entry": exam.entry,
        "sealed": shelter.seals,
    }
    longer = Bounds(**{**bounds.__dict__, "wall_s": bounds.wall_s + EXAM_MORE_S})
    over = Event()
    with _file(json.dumps(wanted).encode()) as asked, _file() as verdict, _file() as first:
        first.write(_first(shelter, program, bounds))
        with ThreadPoolExecutor(2) as pool:
            to_program, from_exam = os.pipe()
            to_exam, from_program = os.pipe()
            os.write(from_exam, rewound(first))
            done = pool.submit(
                _closing,
                (to_program, from_program),
                lambda: _run(
                    shelter, "answering", [to_program, from_program], bounds, _Either(over, cancel)
                ),
            )
            handed = [asked.fileno(), from_exam, to_exam, verdict.fileno()]
            _closing(
                (from_exam, to_exam), lambda: _run(shelter, "examining", handed, longer, cancel)
            )
            over.set()
            outcome = done.result()
        return _verdict(rewound(verdict), outcome)


def _first(shelter: Shelter, program: Program, bounds: Bounds) -> bytes:
    return line(
        {
            "source": program.source,
            "entry": program.entry,
            "sealed": shelter.seals,
            "call_s": bounds.call_s,
        }
    )


def _run(
    shelter: Shelter,
    script: Script,
    handed: Sequence[int],
    bounds: Bounds,
    cancel: Cancel | None = None,
) -> Outcome:
    try:
        outcome = run_cell(shelter.kind, script, handed, bounds, cancel)
    except OSError as exc:
        raise SandboxError(f"no program can be started: {exc}") from exc
    if outcome.failure:
        raise SandboxError(f"the sandbox ({shelter.kind}) failed: {outcome.failure}")
    return outcome


def _closing(fds: Sequence[int], work: Callable[[], Outcome]) -> Outcome:
    """Do the work, then close what was handed: whoever reads the other end learns that it is over."""
    try:
        return work()
    finally:
        for fd in fds:
            os.close(fd)


def _read(lines: Sequence[bytes]) -> Iterator[Answer]:
    for each in lines:
        try:
            answer = json.loads(each if len(each) <= LONGEST else b"")
            if "error" in answer:
                yield Answer(error=str(answer["error"]) or "it raised an error")
            else:
                yield Answer(unpacked(answer.get("value")))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError, MemoryError):
            yield Answer(error="it answered nonsense")


def _verdict(written: bytes, outcome: Outcome) -> str:
    if outcome.ended in ENDED:
        return ENDED[outcome.ended]
    try:
        failed = str(json.loads(written)["failed"])
        return _why(outcome) if failed == GONE else failed
    except (ValueError, TypeError, KeyError):
        return _why(outcome)


def _why(outcome: Outcome) -> str:
    if outcome.ended in ENDED:
        return ENDED[outcome.ended]
    if outcome.status in OVERTIME:
        return ENDED["time"]
    said = outcome.head[-200:].decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"it ended with status {outcome.status}" + (f": {said}" if said else "")


@contextmanager
def _file(content: bytes = b"") -> Iterator[IO[bytes]]:
    """A file without a name."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file
