"""What a part of the suite is asked for, and how it tells what went wrong. Knows no part."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.benchmarks.bars import Bar

IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""For thousands of small repositories: a disk adds time and no other fault than those put in."""
SHOWN = 5
QUICK_MINUTES = 1.0
"""Of editing, when it is to be quick."""


@dataclass(frozen=True)
class Task:
    """How much to do, and from which seed on."""

    quick: bool = False
    minutes: float = 60.0
    """Of the parts that go by time."""
    seed: int = 0
    only: bool = False
    """Whether `seed` alone is tried: a fault that was found, again."""
    defect: str = ""
    """One of `defective.py` that the product is given, so that the suite can show that it is noticed."""

    def command(self, module: str, *arguments: str, function: str = "main") -> list[str]:
        """How a process of the product is started."""
        if self.defect:
            module, arguments = (
                "tests.soak.defective",
                (self.defect, f"{module}:{function}", *arguments),
            )
        return [sys.executable, "-m", module, *arguments]

    def share(self, whole: int) -> int:
        """How many to try: a twentieth when it is to be quick."""
        return 1 if self.only else whole // 20 if self.quick else whole

    def seeds(self, count: int) -> Iterable[int]:
        return range(self.seed, self.seed + count)


@dataclass
class Faults:
    """What went wrong, each with the seed that shows it again."""

    part: str
    found: dict[int, str] = field(default_factory=dict)

    def add(self, seed: int, told: str) -> None:
        self.found.setdefault(seed, " ".join(told.split())[:400])

    def bar(self, name: str) -> Bar:
        """None may be."""
        return Bar(name, len(self.found), at_most=0, note=self.told())

    def told(self) -> str:
        """How to see the first of them again, and what they are."""
        again = f"python -m tests.soak {self.part} --only --seed"
        first = list(self.found.items())[:SHOWN]
        return "; ".join(f"`{again} {seed}`: {told}" for seed, told in first)
