"""HumanEval, HumanEval+ and MBPP+ as a suite: problems, ways of asking, pass@k. Knows no command line."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from ..reports import table
from ..running.figures import Figure
from ..running.suite import Identity, Record, Sample, Section
from .infilling import KINDS
from .judging import Judge
from .passing import pass_at
from .problems import Problem
from .settings import CodeSettings
from .writing import Writer

MOST_REASONS = 12
NLL = "NLL of the authors' solution"


@dataclass(frozen=True)
class CodeSuite:
    """Use `running.runner.run_suite`."""

    settings: CodeSettings
    identity: Identity
    tasks: Sequence[Problem]
    arms: Sequence[str]
    writer: Writer
    judge: Judge

    @property
    def name(self) -> str:
        """That of the benchmark."""
        return self.settings.name

    @property
    def batch(self) -> int:
        """Problems at once."""
        return self.settings.batch

    def group(self, task: Problem) -> str:
        """Each problem by itself."""
        return task.id

    def sample(self, arm: str, tasks: Sequence[Problem]) -> list[Record]:
        """What was written for each problem, and how it did."""
        written = self.writer.write(arm, tasks)
        pairs = [
            (problem, each.program)
            for problem, some in zip(tasks, written, strict=True)
            for each in some
        ]
        verdicts = iter(self.judge.judge(pairs))
        records: list[Record] = []
        for some in written:
            completions: list[JsonValue] = []
            for each in some:
                verdict = next(verdicts)
                completions.append(
                    {
                        "text": each.text,
                        "passed": verdict.passed,
                        "base": verdict.base,
                        "why": each.note or verdict.why,
                    }
                )
            # All samples of a problem have the same prompt.
            records.append({"completions": completions, "nats": some[0].nats})
        return records

    def figures(self, samples: Sequence[Sample]) -> list[Figure]:
        """pass@k of each arm; of benchmarks with added tests, also by the original ones."""
        tests = {"passed": ""}
        if any(task.base_calls for task in self.tasks):
            tests["base"] = ", base tests"
        passed = [
            figure
            for arm in self.arms
            for k in self._ks(arm)
            for test, told in tests.items()
            if (figure := _figure(f"pass@{k}{told}", arm, samples, test, k)).values
        ]
        lost = (_lost(arm, samples) for arm in self.arms)
        return [*passed, *(figure for figure in lost if figure.values)]

    def sections(self, samples: Sequence[Sample]) -> list[Section]:
        """Why programs failed, and what kept them in."""
        parts = [f"Protection: {self.judge.shelter.description}."]
        for arm in self.arms:
            mine = [
                each for sample in samples if sample.arm == arm for each in _completions(sample)
            ]
            reasons = Counter(_kind(each["why"]) for each in mine if not each["passed"])
            if reasons:
                rows = [[why, str(count)] for why, count in reasons.most_common(MOST_REASONS)]
                parts += [f"### {arm}", table(["why it failed", "programs"], rows)]
        return [Section("Programs", "\n\n".join(parts))]

    def _ks(self, arm: str) -> Sequence[int]:
        # Every sample of a problem fills another gap, so that no two of them are tries at the same.
        return (1,) if arm in KINDS else self.settings.k


def _figure(name: str, arm: str, samples: Sequence[Sample], test: str, k: int) -> Figure:
    values = {}
    for sample in samples:
        if sample.arm == arm:
            right = [bool(each[test]) for each in _completions(sample)]
            if len(right) >= k:
                values[sample.task] = pass_at(k, len(right), sum(right))
    return Figure(name, arm, values, {task: task for task in values})


def _lost(arm: str, samples: Sequence[Sample]) -> Figure:
    """What the model loses on the authors' solutions: tells what memory does where hardly a program passes."""
    values = {
        sample.task: float(nats)
        for sample in samples
        if sample.arm == arm and isinstance(nats := sample.record.get("nats"), float)
    }
    groups = {task: task for task in values}
    return Figure(NLL, arm, values, groups, "nats a token", higher_is_better=False)


def _completions(sample: Sample) -> list[dict[str, Any]]:
    found = sample.record["completions"]
    assert isinstance(found, list)
    return [each for each in found if isinstance(each, dict)]


def _kind(why: str) -> str:
    """The kind of error, or that values were wrong."""
    if " instead of " in why:
        return "wrong value"
    head = why.partition(":")[0]
    return head or "wrong value"
