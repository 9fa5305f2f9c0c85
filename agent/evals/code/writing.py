"""Who writes completions: a model, the benchmark's own authors, or a file of them. Runs none of them."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from megacontext.configs.errors import ModelError, SettingsError
from megacontext.models.base import BaseModel, Chat, Fill, Prompt, Sampling
from megacontext.models.language.together import answers

from .infilling import KINDS, gap
from .problems import Problem
from .prompting import answered, asked
from .remembering import ARMS, Remembering
from .sandbox.calling import Program
from .settings import CodeSettings

Nats = Callable[[Prompt, str], float | None]
"""What a model loses on a text behind a prompt, in nats a token; None where they do not fit together."""
TOO_LONG = "the prompt does not fit into the model's context"


@dataclass(frozen=True)
class Written:
    """One completion, and the program that it makes."""

    text: str
    program: Program
    note: str = ""
    """Why it is empty, where it was not even asked for."""
    nats: float | None = None
    """What the model loses on the authors' solution behind the same prompt, a token; None where it is not measured."""


class Writer(Protocol):
    """Writes `settings.samples` completions for each problem, in the order of the problems."""

    def write(self, arm: str, problems: Sequence[Problem]) -> list[list[Written]]:
        """Raises ModelError where the model cannot be asked in the way of that arm."""
        ...


@dataclass(frozen=True)
class Canonical:
    """The authors' own solutions: all of them pass."""

    settings: CodeSettings

    def write(self, arm: str, problems: Sequence[Problem]) -> list[list[Written]]:
        """The same for every arm, but for gaps, which get back what stood there."""
        return [
            [self._one(arm, problem, number) for number in range(self.settings.samples)]
            for problem in problems
        ]

    def _one(self, arm: str, problem: Problem, number: int) -> Written:
        for kind in KINDS:
            if arm == kind:
                there = gap(problem, kind, f"{self.settings.seed}/{number}")
                return Written(there.middle, there.program(there.middle))
        return Written(problem.solution, problem.program(problem.solution))


@dataclass(frozen=True)
class Given:
    """Completions from a file, by problem."""

    completions: Mapping[str, Sequence[Mapping[str, str]]]
    digest: str

    @classmethod
    def read(cls, path: Path) -> "Given":
        """A file of lines `{"task_id": …, "completion": …}`, or "solution" for whole programs; compressed or not.

        Raises SettingsError where it cannot be read, with the line.
        """
        try:
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        except (OSError, EOFError, ValueError) as exc:
            raise SettingsError(
                f"{path} cannot be read ({exc}); give a file of completions"
            ) from exc
        found: dict[str, list[Mapping[str, str]]] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                row = _row(path, number, line)
                found.setdefault(row["task_id"], []).append(row)
        return cls(found, blake2b(text.encode(), digest_size=8).hexdigest())

    def write(self, arm: str, problems: Sequence[Problem]) -> list[list[Written]]:
        """What the file has; raises SettingsError for a problem that it lacks."""
        if lacking := [problem.id for problem in problems if problem.id not in self.completions]:
            raise SettingsError(
                f"the given completions have none of {lacking[0]}; add them, or choose tasks with --limit"
            )
        return [
            [_given(problem, row) for row in self.completions[problem.id]] for problem in problems
        ]


@dataclass(frozen=True)
class _Question:
    prompt: Prompt
    sampling: Sampling
    program: Callable[[str], Program]
    """Made of the answer."""
    fits: bool
    solution: str
    """What a right program has there; "" where the prompt is not to be gone on from."""


class Asked:
    """A model of the product."""

    def __init__(
        self,
        model: BaseModel,
        settings: CodeSettings,
        memory: Remembering | None = None,
        nats: Nats | None = None,
    ) -> None:
        """`memory` is what the arms with and without memory need; `nats` measures the authors' solutions there."""
        self._model = model
        self._settings = settings
        self._memory = memory
        self._nats = nats

    def write(self, arm: str, problems: Sequence[Problem]) -> list[list[Written]]:
        """Each sample has its own seed, made of the run's, the problem and its number."""
        check_arm(self._model, arm, self._memory)
        asked_for = [
            self._question(arm, problem, number)
            for problem in problems
            for number in range(self._settings.samples)
        ]
        texts = iter(self._texts(asked_for))
        written = [
            Written(
                text,
                question.program(text),
                "" if question.fits else TOO_LONG,
                self._lost(arm, question),
            )
            for question, text in zip(asked_for, texts, strict=True)
        ]
        each = self._settings.samples
        return [written[start : start + each] for start in range(0, len(written), each)]

    def _question(self, arm: str, problem: Problem, number: int) -> "_Question":
        sampling = self._sampling(problem, number)
        for kind in KINDS:
            if arm == kind:
                there = gap(problem, kind, f"{self._settings.seed}/{number}")
                if kind == "infill-line":
                    sampling = replace(sampling, stop=("\n",))
                return self._fitting(Fill(there.prefix, there.suffix), sampling, there.program)
        prompt: Prompt = problem.prompt
        if arm == "chat":
            prompt = asked(problem)
        elif arm in ARMS:
            assert self._memory is not None, "the arm was checked"
            prompt = self._memory.prompt(arm, problem)
        if isinstance(prompt, Chat):
            return self._fitting(prompt, sampling, partial(answered, problem))
        sampling = replace(sampling, stop=self._settings.stop, heal=True)
        return self._fitting(prompt, sampling, problem.program, problem.solution)

    def _fitting(
        self,
        prompt: Prompt,
        sampling: Sampling,
        program: Callable[[str], Program],
        solution: str = "",
    ) -> "_Question":
        fits = self._model.count(prompt) < self._model.context_length
        return _Question(prompt, sampling, program, fits, solution)

    def _lost(self, arm: str, question: "_Question") -> float | None:
        if self._nats is None or arm not in ARMS or not (question.fits and question.solution):
            return None
        return self._nats(question.prompt, question.solution)

    def _texts(self, questions: Sequence["_Question"]) -> list[str]:
        """The answers; empty for a prompt that does not fit."""
        fitting = [each for each in questions if each.fits]
        prompts, samplings = [each.prompt for each in fitting], [each.sampling for each in fitting]
        found = iter(answers(self._model, prompts, samplings, self._settings.together))
        return [next(found) if each.fits else "" for each in questions]

    def _sampling(self, problem: Problem, number: int) -> Sampling:
        settings = self._settings
        name = f"{settings.seed}/{problem.id}/{number}".encode()
        return Sampling(
            max_new_tokens=settings.max_new_tokens,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=int.from_bytes(blake2b(name, digest_size=4).digest(), "big"),
        )


def check_arm(model: BaseModel, arm: str, memory: Remembering | None = None) -> None:
    """Raises ModelError where a model cannot be asked in that way, SettingsError where there is no memory for it."""
    if arm in ARMS and memory is None:
        raise SettingsError(
            f"--arm {arm} needs a repository whose memory stands before the problems; give --memory FOLDER"
        )
    if arm in KINDS and not model.supports_fim:
        raise ModelError(
            f"{model.name} does not fill in the middle (it lacks the tokens, or its preset says `fim: false`); "
            f"choose another --model than for --arm {arm}, or --arm complete"
        )
    if arm == "chat" and not model.supports_chat:
        raise ModelError(
            f"{model.name} does not chat: it has no chat template; choose --arm complete, or another --model"
        )


def _row(path: Path, number: int, line: str) -> dict[str, str]:
    try:
        row = json.loads(line)
        kept = {name: row[name] for name in ("task_id", "completion", "solution") if name in row}
        if "task_id" in kept and len(kept) > 1 and all(isinstance(v, str) for v in kept.values()):
            return kept
        why = "it needs task_id, and completion or solution"
    except (ValueError, TypeError) as exc:
        why = str(exc)
    raise SettingsError(f"line {number} of {path} is no completion ({why}); mend or delete it")


def _given(problem: Problem, row: Mapping[str, str]) -> Written:
    if "solution" in row:
        return Written(row["solution"], Program(row["solution"], problem.entry))
    return Written(row["completion"], problem.program(row["completion"]))
