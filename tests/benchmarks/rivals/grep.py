"""ripgrep alone: the words of a question are searched for, and where the rarest of them stand is read.

It is what an agent, or a person, does with `rg`; there is no index, and nothing is kept.
"""

import math
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from megacontext.agent.evals.repository.arms.passages import LINES, Passage
from megacontext.memory.catalogue.terms import query_words

from .answering import Answer
from .passages import Packer, read_passages

Window = tuple[str, int]
"""Of a file: the first of its ten lines."""
SHORTEST = 3
NOTHING_FOUND = 1


@dataclass
class Grep:
    """See `answering.Rival`."""

    root: Path
    packer: Packer
    program: str
    """`rg`, or where it is."""

    def settle(self) -> None:
        """Nothing is made in the background."""

    def answer(self, question: str) -> Answer:
        """The windows whose words are rarest together, best first."""
        words = [word for word in query_words(question) if len(word) >= SHORTEST]
        hits = self._hits(words) if words else {}
        spread = Counter(word for found in hits.values() for word in found)
        rarity = {word: math.log1p(len(hits) / count) for word, count in spread.items()}
        worth = {at: sum(rarity[word] for word in found) for at, found in hits.items()}
        ranked = sorted(worth, key=lambda at: (-worth[at], at))
        return self.packer.pack(passage for at in ranked[:200] if (passage := self._read(at)))

    def _hits(self, words: list[str]) -> dict[Window, set[str]]:
        """The words in each window that has some."""
        options = [
            "--type",
            "py",
            "-n",
            "-o",
            "-i",
            "--no-heading",
            "--no-config",
            "--color",
            "never",
        ]
        command = [self.program, *options, "-e", "|".join(words), "."]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        if done.returncode > NOTHING_FOUND:
            raise RuntimeError(f"{self.program} failed: {done.stderr.strip()}")
        found: dict[Window, set[str]] = defaultdict(set)
        for line in done.stdout.splitlines():
            path, number, word = line.split(":", 2)
            start = (int(number) - 1) // LINES * LINES + 1
            found[path.removeprefix("./"), start].add(word.lower())
        return found

    def _read(self, at: Window) -> Passage | None:
        path, first = at
        return next((each for each in read_passages(self.root, path) if each.first == first), None)
