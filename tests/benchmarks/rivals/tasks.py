"""One repository of packages that nothing was trained on, questions about it, and edits of it.

The questions are the needles of the repository evals: a function's docstring, which is gone from the repository. Knows
no tool.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from megacontext.agent.evals.pinned import packages_of
from megacontext.agent.evals.repository.bodies import functions_of
from megacontext.agent.evals.repository.needles import Needle, needles_in
from megacontext.agent.evals.repository.package_suite import in_shares
from megacontext.agent.evals.repository.sdists import sdist, source_files
from megacontext.agent.evals.repository.settings import RepositorySettings
from megacontext.models.training.corpus.settings import read_yaml

from ..corpora import commit_all
from ..machine import ROOT
from .answering import Answer

SETTINGS = ROOT / "configs" / "eval" / "repository.yaml"
SDISTS = ROOT / "data" / "sdists"
EDIT_LINES = 10
"""Of an edit: as many as a passage has, so that no tool has to cut the rest of the file anew."""


@dataclass(frozen=True)
class Task:
    """A question, and the definition that answers it."""

    package: str
    path: str
    question: str
    head: str
    """The line of its name, without blanks around it."""
    code: frozenset[str]
    """Its lines, without blanks around them."""

    def named(self, answer: Answer) -> bool:
        """Whether the answer shows the definition's head in its file, at least as a signature."""
        bare = self.head.rstrip(":")
        return any(line.strip().startswith(bare) for line in answer.lines.get(self.path, ()))

    def shown(self, answer: Answer) -> float:
        """The share of the definition's lines that the answer shows."""
        lines = {line.strip() for line in answer.lines.get(self.path, ())}
        return len(self.code & lines) / len(self.code)


@dataclass(frozen=True)
class Package:
    """The Python files of one package; see `repositories.Texts`."""

    name: str
    contents: Mapping[str, str]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.contents)

    def text(self, path: str) -> str:
        return self.contents[path]


def lay_down(root: Path, packages: int | None, count: int) -> list[Task]:
    """Write the first `packages` (None: all) as one repository, at most `count` functions without their docstrings.

    Raises TrainingError when a package cannot be had.
    """
    settings = read_yaml(SETTINGS, RepositorySettings)
    found = _packages(settings, packages)
    needles = in_shares(count, found, lambda package, share: _one_a_file(package, settings)[:share])
    for package in found:
        for path, text in package.contents.items():
            _write(root / package.name / path, text)
    for needle in needles:
        _write(root / needle.package / needle.path, needle.text)
    commit_all(root)
    return [_task(needle) for needle in needles]


def _packages(settings: RepositorySettings, count: int | None) -> list[Package]:
    pinned = packages_of(settings.names, settings.corpus, "held_out", SETTINGS)
    return [
        Package(
            package.name,
            {
                path: data.decode("utf-8", "replace")
                for path, data in source_files(sdist(package, SDISTS))
                if path.endswith(".py") and not any(part in f"/{path}" for part in wanted.skip)
            },
        )
        for package, wanted in list(zip(pinned, settings.packages, strict=True))[:count]
    ]


def _one_a_file(package: Package, settings: RepositorySettings) -> list[Needle]:
    """So that the files of all needles can lack their docstrings at once; none whose head its file has twice."""
    found: dict[str, Needle] = {}
    for needle in needles_in(package, settings.needles.words, settings.seed):
        lines = [line.strip() for line in needle.text.splitlines()]
        if lines.count(lines[needle.line - 1]) == 1:
            found.setdefault(needle.path, needle)
    return list(found.values())


def _task(needle: Needle) -> Task:
    lines = needle.text.splitlines()
    own = next(
        node for _, node in functions_of(ast.parse(needle.text)) if node.lineno == needle.line
    )
    code = (line.strip() for line in lines[needle.line - 1 : own.end_lineno])
    return Task(
        needle.package,
        f"{needle.package}/{needle.path}",
        needle.description,
        lines[needle.line - 1].strip(),
        frozenset(filter(None, code)),
    )


def edit(root: Path, path: str, number: int) -> Task:
    """Put a function, and a call of it, at the top of a file; the question is what was written."""
    name = f"weathered_lantern_{number}"
    code = [
        f"def {name}(harbour, tide={number}):",
        f"    quay = harbour.moorings(tide + {number})",
        f"    if quay.is_flooded(tide * {number + 2}):",
        f"        raise ValueError('no lantern {number} at the quay')",
        f"    buoys = [buoy for buoy in quay if buoy.depth > {number}]",
        "    return sorted(buoys, key=len)",
        "",
        f"def lit_{name}(harbour):",
        f"    return {name}(harbour, {number + 1})",
        "",
    ]
    assert len(code) == EDIT_LINES
    file = root / path
    text = "\n".join([*code, file.read_text("utf-8")])
    file.write_text(text, encoding="utf-8")
    question = "\n".join(code)
    return Task("", path, question, code[0], frozenset(line.strip() for line in code[:6]))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
