"""Real text to measure on: the running Python's standard library, and repositories made of it.

Every choice is made with a fixed seed, so two runs with one Python measure the same files.
"""

import os
import random
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from megacontext.agent.opening import Workplace
from megacontext.memory.memory import Memory
from megacontext.models.language.tokenizing import TextTokenizer

NOT_TEXT = ("__pycache__", "site-packages", "dist-packages", "*.so", "*.a", "*.o", "*.pyc", "*.exe")
SEED = 20


def standard_library(into: Path) -> Path:
    """A copy of the standard library without what pip installed and what was compiled."""
    source = Path(sysconfig.get_paths()["stdlib"])
    shutil.copytree(source, into, ignore=shutil.ignore_patterns(*NOT_TEXT), symlinks=True)
    return into


def python_files() -> list[tuple[str, Path]]:
    """`(path in a repository, file)` of the standard library and of the installed packages, shuffled."""
    paths = sysconfig.get_paths()
    found: dict[str, Path] = {}
    for name, top in (("lib", Path(paths["stdlib"])), ("packages", Path(paths["purelib"]))):
        for file in sorted(top.rglob("*.py")):
            inner = file.relative_to(top)
            if not (name == "lib" and "site-packages" in inner.parts):
                found[f"{name}/{inner.as_posix()}"] = file
    files = list(found.items())
    random.Random(SEED).shuffle(files)
    # The standard library first: packages differ from one environment to the next.
    return sorted(files, key=lambda item: not item[0].startswith("lib/"))


def repository(root: Path, tokens: int, tokenizer: TextTokenizer) -> Path:
    """A git repository of at least `tokens` tokens of Python files."""
    left = tokens
    for path, file in python_files():
        data = file.read_bytes()
        if len(data) > 500_000:
            continue
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        left -= tokenizer.count(data.decode("utf-8", "replace"))
        if left < 0:
            break
    commit_all(root)
    return root


def indexed(root: Path, tokens: int) -> Path:
    """Such a repository whose memory has taken in everything, with the embedded model's tokenizer."""
    repository(root, tokens, TextTokenizer.load(Workplace.at().folder))
    with open_memory(root) as memory:
        memory.writer.reconcile()
    return root


def slices(count: int, size: int = 1_000) -> Iterator[str]:
    """`count` pieces of real Python, each of whole definitions and of about `size` characters."""
    made = 0
    for _, file in python_files():
        lines: list[str] = []
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            starts = line.startswith(("def ", "class ", "@", "async def "))
            if starts and sum(map(len, lines)) >= size:
                yield "".join(lines)
                made, lines = made + 1, []
                if made == count:
                    return
            lines.append(line)


def open_memory(root: Path, *, write: bool = True) -> Memory:
    """The memory of a repository with the tokenizer and the settings that a user would get."""
    return Workplace.at(root).open_memory(write=write)


def git(root: Path, *arguments: str) -> None:
    """Run real git, without the user's own settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "gc.auto=0")
    command = ["git", "-C", str(root), *identity, *arguments]
    subprocess.run(command, env=env, check=True, capture_output=True)


def commit_all(root: Path) -> None:
    """Make `root` a git repository if it is none, and commit everything in it."""
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "all")
