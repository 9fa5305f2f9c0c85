"""Problems of HumanEval, HumanEval+ and MBPP+ as one shape, read from the files that their authors publish.

Knows no model and runs nothing. The rows have these keys: `task_id`, `prompt`, `entry_point`, `canonical_solution`, and
either `test`, which is code, or `base_input` and `plus_input`, which are arguments.
"""

import ast
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from megacontext.configs.errors import SettingsError

from .agreeing import EQUAL, Agreement, agreement
from .sandbox.calling import Exam, Program
from .shapes import alike, arguments

FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution")


@dataclass(frozen=True)
class Problem:
    """A function to be written, and what tells whether it is right."""

    id: str
    prompt: str
    """The beginning of the program: imports, helpers, signature and docstring, or the docstring alone."""
    entry: str
    solution: str
    """What follows the prompt in a right program."""
    exam: Exam | None = None
    """A test as code; None where there are calls instead."""
    calls: tuple[tuple[Any, ...], ...] = field(default=(), repr=False)
    base_calls: int = 0
    """How many of them are of the original benchmark; the others were added to it."""
    agreement: Agreement = EQUAL

    def program(self, completion: str) -> Program:
        """A completion behind the prompt."""
        return Program(self.prompt + completion, self.entry)


@dataclass(frozen=True)
class Problems:
    """A whole benchmark."""

    problems: tuple[Problem, ...]
    digest: str
    """Of what was read."""


def read_problems(path: Path) -> Problems:
    """The problems in a file of lines of JSON, compressed by gzip or not.

    Raises SettingsError where it cannot be read, with the line.
    """
    try:
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        rows = [json.loads(line) for line in text.decode("utf-8").splitlines() if line.strip()]
    except (OSError, EOFError, ValueError) as exc:
        raise SettingsError(
            f"{path} cannot be read as lines of JSON ({exc}); give the benchmark's file with --data"
        ) from exc
    return from_rows(rows, str(path))


def from_rows(rows: Iterable[Mapping[str, Any]], where: str) -> Problems:
    """Problems from rows as their authors publish them. Raises SettingsError for rows that are none."""
    kept = list(rows)
    text = json.dumps(kept, sort_keys=True)
    problems = tuple(_problem(row, number, where) for number, row in enumerate(kept, start=1))
    if not problems:
        raise SettingsError(f"{where} holds no problem; give the benchmark's file with --data")
    return Problems(problems, blake2b(text.encode(), digest_size=8).hexdigest())


def _problem(row: Mapping[str, Any], number: int, where: str) -> Problem:
    try:
        name, prompt, entry, solution = (str(row[each]) for each in FIELDS)
        given = Problem(name, prompt, entry, solution)
        if "plus_input" in row:
            return _with_calls(given, row)
        return replace(given, exam=exam(prompt, row["test"], entry))
    except (KeyError, TypeError, ValueError, SyntaxError) as exc:
        raise SettingsError(
            f"problem {number} of {where} lacks or garbles a part ({type(exc).__name__}: {exc}); "
            "give the benchmark's own file with --data"
        ) from exc


def exam(prompt: str, test: str, entry: str) -> Exam:
    """A test that is code: a `check` that takes the function, or statements that call it by its name."""
    calls_check = any(
        isinstance(node, ast.FunctionDef) and node.name == "check" for node in ast.parse(test).body
    )
    return Exam(prompt, f"{test}\ncheck({entry})\n" if calls_check else test, entry)


def _with_calls(given: Problem, row: Mapping[str, Any]) -> Problem:
    examples = [
        *arguments(row.get("assertion", ""), given.entry),
        *arguments(row.get("test", ""), "candidate"),
    ]
    base = _calls(row["base_input"], examples)
    return replace(
        given,
        calls=(*base, *_calls(row["plus_input"], examples)),
        base_calls=len(base),
        agreement=agreement(given.prompt, given.entry, float(row["atol"])),
    )


def _calls(inputs: Any, examples: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    """MBPP+ has an object without inputs where there are none."""
    return tuple(
        tuple(
            alike([each[at] for each in examples if at < len(each)], value)
            for at, value in enumerate(call)
        )
        for call in inputs or ()
    )
