"""A suite that needs no model: each task is a number, each arm adds another one."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from megacontext.agent.evals.running.figures import Figure
from megacontext.agent.evals.running.suite import Identity, Record, Sample, Section


@dataclass(frozen=True)
class Number:
    id: str


@dataclass
class Counting:
    """`stop_after` samples, Ctrl-C is pressed."""

    count: int = 10
    arms: Sequence[str] = ("plain", "raised")
    batch: int = 3
    seed: int = 0
    data: str = "d"
    stop_after: int | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    name = "counting"

    @property
    def identity(self) -> Identity:
        return Identity({"seed": self.seed}, {"name": "none"}, {"numbers": self.data})

    @property
    def tasks(self) -> list[Number]:
        return [Number(f"n/{at}") for at in range(self.count)]

    def group(self, task: Number) -> str:
        return task.id

    def sample(self, arm: str, tasks: Sequence[Number]) -> list[Record]:
        if self.stop_after is not None and len(self.asked) + len(tasks) > self.stop_after:
            raise KeyboardInterrupt
        self.asked += [(arm, task.id) for task in tasks]
        return [{"value": self._value(arm, task)} for task in tasks]

    def _value(self, arm: str, task: Number) -> float:
        noise = zlib.crc32(f"{self.seed}/{task.id}".encode()) / 2**32
        return noise / 2 + (0.25 if arm == "raised" else 0.0)

    def figures(self, samples: Sequence[Sample]) -> list[Figure]:
        found = []
        for arm in dict.fromkeys(each.arm for each in samples):
            values = {each.task: each.record["value"] for each in samples if each.arm == arm}
            found.append(Figure("share", arm, values, {task: task for task in values}))
        return found

    def sections(self, samples: Sequence[Sample]) -> list[Section]:
        return [Section("Numbers", f"{len(samples)} of them.")]
