"""Completions run against the tests of their problems, several at once. Knows no model."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

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

    def __init__(self, shelter: Shelter, bounds: Bounds, workers: int) -> None:
        self.shelter = shelter
        self._bounds = bounds
        self._workers = workers
        self._expected: dict[str, list[Answer]] = {}
        self._lock = Lock()

    def judge(self, written: Sequence[tuple[Problem, Program]]) -> list[Verdict]:
        """A verdict for each program, in their order. Raises SandboxError where nothing can be run."""
        keys = [(problem.id, program) for problem, program in written]
        once = dict(zip(keys, written, strict=True))
        pool = ThreadPoolExecutor(self._workers)
        try:
            found = dict(
                zip(once, pool.map(lambda each: self._one(*each), once.values()), strict=True)
            )
        finally:
            pool.shutdown(cancel_futures=True)
        return [found[key] for key in keys]

    def _one(self, problem: Problem, program: Program) -> Verdict:
        if problem.exam is not None:
            why = failure(self.shelter, program, problem.exam, self._bounds)
            return Verdict(not why, not why, why)
        expected = self._expected_of(problem)
        found = answers(self.shelter, program, problem.calls, self._bounds)
        for at, answer in enumerate(found):
            # Where the canonical solution gives nothing, nothing can be expected.
            if not expected[at].error and (why := _wrong(problem, at, expected[at], answer)):
                return Verdict(False, at >= problem.base_calls, why)
        return Verdict(True, True, "")

    def _expected_of(self, problem: Problem) -> list[Answer]:
        with self._lock:
            found = self._expected.get(problem.id)
        if found is None:
            canonical = problem.program(problem.solution)
            found = answers(self.shelter, canonical, problem.calls, self._bounds)
            with self._lock:
                self._expected[problem.id] = found
        return found


def _wrong(problem: Problem, at: int, expected: Answer, found: Answer) -> str:
    if found.error:
        return found.error
    call = problem.calls[at]
    if problem.agreement.holds(call, expected.value, found.value):
        return ""
    return f"{_shown(found.value)} instead of {_shown(expected.value)} from {problem.entry}{_shown(call)}"


def _shown(value: object) -> str:
    try:
        return shortened(repr(value))
    except ValueError:  # an integer with more digits than Python prints
        return f"a long {type(value).__name__}"


def shortened(text: str, most: int = 200) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else f"{text[:most]}…"
