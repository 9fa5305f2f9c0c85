"""Gaps in canonical solutions, for models that fill in the middle: a line, several lines, or any span of characters.

The three kinds are those of Bavarian et al. 2022 (section 3); here each problem has as many gaps as it is sampled,
drawn under the seed. Knows no model.
"""

import random
from dataclasses import dataclass
from typing import Literal

from .problems import Problem
from .sandbox.calling import Program

Kind = Literal["infill-line", "infill-lines", "infill-span"]
KINDS: tuple[Kind, ...] = ("infill-line", "infill-lines", "infill-span")


@dataclass(frozen=True)
class Gap:
    """A program that lacks its middle."""

    problem: Problem
    prefix: str
    middle: str
    """What stood there."""
    suffix: str

    def program(self, middle: str) -> Program:
        """The program with something else there."""
        return Program(self.prefix + middle + self.suffix, self.problem.entry)


def gap(problem: Problem, kind: Kind, seed: str) -> Gap:
    """One gap, the same for the same seed."""
    text = problem.solution
    draw = random.Random(f"{seed}/{kind}/{problem.id}")  # noqa: S311  not for secrets
    start, end = _span(text, draw) if kind == "infill-span" else _lines(text, kind, draw)
    return Gap(problem, problem.prompt + text[:start], text[start:end], text[end:])


def _span(text: str, draw: random.Random) -> tuple[int, int]:
    """From any character to any other, with something between them that is no space."""
    first = len(text) - len(text.lstrip())
    last = max(first + 1, len(text.rstrip()))
    start, end = sorted(draw.sample(range(first, last + 1), 2))
    while not text[start:end].strip():
        end += 1
    return start, end


def _lines(text: str, kind: Kind, draw: random.Random) -> tuple[int, int]:
    """Whole lines, the end of the last one left out; first and last line of the gap are not blank."""
    starts, ends, at = [], [], 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            starts.append(at)
            ends.append(at + len(line.rstrip("\n")))
        at += len(line)
    first, last = sorted(draw.choices(range(len(starts)), k=2))
    if kind == "infill-line":
        last = first
    return starts[first], ends[last]
