"""A repository that is edited for long, whose every version of every file can be told again, and when it was there.

A version is a number; one below 0 is that the file is away.
Editors write down when each version may have come and gone. So a reader in another process can say of any piece of
text whether its file held it at some moment of the time in which it was read. Times are of the machine's own clock.
"""

import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.memory.workbench import write_files

FUNCTIONS = 8
LEAD = re.compile(r"\n?(?:### |<\|file_sep\|>|\.\.\.)[^\n]*\n")
"""What stands before a verbatim piece."""


def path_of(number: int) -> str:
    return f"part{number % 7}/sub{number % 3}/module{number}.py"


def text_of(number: int, version: int) -> str:
    """The text of a file in a version: the version is in one function, and each version moves what is behind it."""
    at = random.Random(f"{number} {version}").randrange(FUNCTIONS)
    parts = [f'"""Module {number}: keeps the orders of department {number}."""\n\nimport os\n\n\n']
    for each in range(FUNCTIONS):
        new = f"    # as of version {version}\n    total += {version}\n" if each == at else ""
        parts.append(
            f"def order_{number}_{each}(total, customer):\n"
            f'    """What customer {each} of department {number} has ordered."""\n{new}'
            f"    name = os.path.join(customer, 'department{number}', 'order{each}')\n"
            f"    return load_{number % 5}(name, total)\n\n\n"
        )
    return "".join(parts)


@dataclass
class History:
    """Which versions there were, and when; a file that editors append to and readers follow."""

    path: Path
    _begun: dict[tuple[int, int], int] = field(default_factory=dict)
    _ended: dict[tuple[int, int], int] = field(default_factory=dict)
    _versions: dict[int, list[int]] = field(default_factory=dict)
    _read: int = 0

    def note(self, what: str, number: int, version: int) -> None:
        """Write down that a version is about to come ("begin"), or is there ("end")."""
        with self.path.open("a", encoding="ascii") as file:
            file.write(f"{what} {number} {version} {time.monotonic_ns()}\n")

    def follow(self) -> None:
        """Read what was written down since."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            what, number, version, at = line.split()
            key = int(number), int(version)
            if what == "begin":
                self._begun[key] = int(at)
                self._versions.setdefault(key[0], []).append(key[1])
            else:
                self._ended[key] = int(at)

    def versions(self, number: int, since: int, until: int) -> Iterator[int]:
        """Versions that may have been there at some moment between two times, newest first."""
        gone_at = None
        for version in reversed(self._versions.get(number, [])):
            key = number, version
            if self._begun[key] <= until and (gone_at is None or gone_at >= since):
                yield version
            gone_at = self._ended.get(key)
            if gone_at is not None and gone_at < since:
                return

    def held(self, number: int, piece: str, since: int, until: int) -> bool:
        """Whether a file held a piece of text at some moment between two times."""
        self.follow()
        return any(
            version >= 0 and piece in text_of(number, version)
            for version in self.versions(number, since, until)
        )


class Author:
    """Edits the files of a repository as people and their programs do, and writes down what was when."""

    def __init__(self, root: Path, files: int, history: History, seed: int) -> None:
        self.root = root
        self.files = files
        self.history = history
        self._chance = random.Random(seed)
        self._next = 0
        self._there = dict.fromkeys(range(files), 0)
        write_files(root, {path_of(number): text_of(number, 0) for number in range(files)})
        for number in range(files):
            self.history.note("begin", number, 0)
            self.history.note("end", number, 0)

    def edit(self) -> str:
        """One edit of a file by chance; its path."""
        number = self._chance.randrange(self.files)
        self._next += 1
        away = self._there[number] >= 0 and self._chance.random() < 0.1
        self._change(number, -self._next if away else self._next)
        return path_of(number)

    def look(self) -> None:
        """Somebody else changed the files: see which are there. What they hold is in no history then."""
        for number in range(self.files):
            there = (self.root / path_of(number)).exists()
            self._there[number] = abs(self._there[number]) if there else -1

    def _change(self, number: int, version: int) -> None:
        file = self.root / path_of(number)
        self.history.note("begin", number, version)
        if version < 0:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)  # git deletes empty folders
            # Readers of a half-written file would see no version at all; editors rename as well.
            beside = file.with_name(f".{file.name}.new")
            beside.write_text(text_of(number, version), encoding="utf-8")
            beside.replace(file)
        self.history.note("end", number, version)
        self._there[number] = version
