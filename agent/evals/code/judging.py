"""Completions run against the tests of their problems, several at once. Knows no model."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from .expecting import expected
from .problems import Problem
from .sandbox.calling import Answer, Program, answers, failure
from .sandbox.cell import Bounds
from .sandbox.shelter import Shelter


@dataclass(frozen=True)
class Verdict:
    """What came out of one program."""

    passed: bool
    """All tests."""
    base: bool
    """Those of the original benchmark."""
    why: str
    """The first thing that went wrong; "" where nothing did."""


class Judge:
    """Threads may share it. Equal programs of one problem are run once."""

    def __init__(self, shelter: Shelter, bounds: Bounds, workers: int, kept: Path) -> None:
        """`kept` is the folder of what canonical solutions answer."""
        self.shelter = shelter
        self._bounds = bounds
        self._workers = workers
        self._kept = kept

    def judge(self, written: Sequence[tuple[Problem, Program]]) -> list[Verdict]:
        """A verdict for each program, in their order. Raises SandboxError where nothing can be run."""
        keys = [(problem.id, program) for problem, program in written]
        once = dict(zip(keys, written, strict=True))
        pool, over = ThreadPoolExecutor(self._workers), Event()
        try:
            verdicts = pool.map(lambda each: self._one(each[0], each[1], over), once.values())
            found = dict(zip(once, verdicts, strict=True))
        finally:
            over.set()  # Ctrl-C does not wait for programs that run
            pool.shutdown(cancel_futures=True)
        return [found[key] for key in keys]

    def _one(self, problem: Problem, program: Program, over: Event) -> Verdict:
        if problem.exam is not None:
            why = failure(self.shelter, program, problem.exam, self._bounds, over)
            return Verdict(not why, not why, why)
        wanted = expected(self.shelter, problem, self._bounds, self._kept)
        found = answers(self.shelter, program, wanted.calls, self._bounds, over)
        rows = zip(wanted.calls, wanted.values, found, strict=True)
        for at, (call, value, answer) in enumerate(rows):
            if why := _wrong(problem, call, value, answer):
                return Verdict(False, at >= wanted.base, why)
        return Verdict(True, True, "")


def _wrong(problem: Problem, call: Sequence[Any], value: Any, found: Answer) -> str:
    if found.error:
        return found.error
    if problem.agreement.holds(call, value, found.value):
        return ""
    return f"{_shown(found.value)} instead of {_shown(value)} from {problem.entry}{_shown(call)}"


def _shown(value: object) -> str:
    try:
        return shortened(repr(value))
    except ValueError:  # an integer with more digits than Python prints
        return f"a long {type(value).__name__}"


def shortened(text: str, most: int = 200) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else f"{text[:most]}…"
