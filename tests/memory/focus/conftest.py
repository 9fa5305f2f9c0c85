from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .shelf import Shelf

Build = Callable[[dict[str, list[str]]], Shelf]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Make a shelf from `{path: [chunk texts]}`; several per test are fine."""
    shelves: list[Shelf] = []

    def make(files: dict[str, list[str]]) -> Shelf:
        shelves.append(Shelf(tmp_path / f"shelf{len(shelves)}", files))
        return shelves[-1]

    yield make
    for shelf in shelves:
        shelf.close()


@pytest.fixture
def library(build: Build) -> Shelf:
    """Mail code, forty small modules that import each other, one file of two hundred definitions."""
    files = {
        "mail/fold.py": [
            'def fold_header(line):\n    """Fold a long header of an email message."""\n    return line\n\n',
            "def unfold(line):\n    return line.strip()\n",
        ],
        "mail/send.py": ["def send(message, server):\n    return server.deliver(message)\n"],
        "mail/tests/test_fold.py": [
            "def test_fold_header():\n    assert fold_header('a header of an email')\n"
        ],
        "big.py": [f"def big{n}():\n    return {n}\n\n" for n in range(200)],
    }
    for number in range(40):
        files[f"many/mod{number:02}.py"] = [
            f"from many.mod{(number + 1) % 40:02} import work{(number + 1) % 40}\n\n",
            f"def work{number}(value):\n    return work{(number + 1) % 40}(value)\n\n",
            f"def rest{number}(value):\n    return value + {number}\n",
        ]
    return build(files)
