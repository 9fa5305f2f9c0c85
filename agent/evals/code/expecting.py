"""What canonical solutions answer, asked once and kept on disk: the same for every run on the same data.

A call that the canonical solution itself cannot answer within the limits is asked of nobody.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from .problems import Problem
from .sandbox.calling import Answer, answers
from .sandbox.cell import Bounds
from .sandbox.inside.wire import line, packed, unpacked
from .sandbox.shelter import Shelter

LONGER = 10
"""How many times the limits of a program all calls of a canonical solution may take."""
MOST_STARTS = 10


@dataclass(frozen=True)
class Expected:
    """The calls of a problem that have a right value."""

    calls: tuple[tuple[Any, ...], ...]
    values: tuple[Any, ...]
    base: int
    """How many of them are of the original benchmark."""


def expected(shelter: Shelter, problem: Problem, bounds: Bounds, folder: Path) -> Expected:
    """From the folder where it is there, else from the canonical solution. Raises SandboxError as `answers` does."""
    longer = replace(bounds, cpu_s=LONGER * bounds.cpu_s, wall_s=LONGER * bounds.wall_s)
    file = folder / f"{_key(problem, bounds)}.jsonl"
    found = _kept(file, len(problem.calls))
    if found is None:
        found = _asked(shelter, problem, longer)
        folder.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_bytes(b"".join(map(_line, found)))
        new.replace(file)
    right = [at for at, each in enumerate(found) if not each.error]
    return Expected(
        tuple(problem.calls[at] for at in right),
        tuple(found[at].value for at in right),
        sum(at < problem.base_calls for at in right),
    )


def _asked(shelter: Shelter, problem: Problem, bounds: Bounds) -> list[Answer]:
    """All answers; behind a call that ended the program it is started again."""
    program, found = problem.program(problem.solution), list[Answer]()
    for _ in range(MOST_STARTS):
        some = answers(shelter, program, problem.calls[len(found) :], bounds)
        dead = next((at for at, each in enumerate(some) if each.ended), len(some))
        found += some[: dead + 1]
        if len(found) == len(problem.calls):
            return found
    return found + [Answer(error="not asked")] * (len(problem.calls) - len(found))


def _key(problem: Problem, bounds: Bounds) -> str:
    told = json.dumps([problem.id, packed(problem.calls), problem.solution, asdict(bounds)])
    return blake2b((problem.prompt + told).encode(), digest_size=12).hexdigest()


def _line(answer: Answer) -> bytes:
    return line({"error": answer.error} if answer.error else {"value": packed(answer.value)})


def _kept(file: Path, count: int) -> list[Answer] | None:
    try:
        rows: Sequence[dict[str, Any]] = list(map(json.loads, file.read_bytes().splitlines()))
        found = [Answer(unpacked(row.get("value")), row.get("error", "")) for row in rows]
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return found if len(found) == count else None
