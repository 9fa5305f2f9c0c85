"""What every tool that is compared does: it answers a question with lines of a repository, within a budget of tokens.

Questions and answers are JSON, one a line. Knows no tool.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What a model would be shown."""

    text: str
    lines: Mapping[str, Sequence[str]]
    """The same by file: lines of code, or the signatures among them."""


class Rival(Protocol):
    """One tool over one repository, which changes between questions."""

    def settle(self) -> None:
        """Wait for what is made in the background, if anything is."""
        ...

    def answer(self, question: str) -> Answer:
        """The best for a question, in the repository as it is now."""
        ...


def serve(rival: Rival) -> None:
    """Answer until the questions end; whatever else prints does so elsewhere."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        question = json.loads(line)["question"]
        if question is None:
            rival.settle()
        answer = Answer("", {}) if question is None else rival.answer(question)
        out.write(json.dumps(asdict(answer)) + "\n")
        out.flush()
