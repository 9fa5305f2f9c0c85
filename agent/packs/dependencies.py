"""What a project depends on, and at which version: from its project file, its requirements and its lock files.

A lock file names the very version; without one, what is pinned does, and then what is installed beside the project.
Reads files, and runs and fetches nothing.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

Ecosystem = Literal["pypi", "npm"]
MAX_BYTES = 50_000_000
REQUIREMENTS = ("requirements*.txt", "requirements/*.txt")
PINS = ("constraints.txt",)
PIN = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*===?\s*([A-Za-z0-9][\w.!+-]*)\s*(?:[;#\\].*)?"
)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something that a project depends on directly."""

    ecosystem: Ecosystem
    name: str
    version: str
    """"" where no file says."""
    declared_in: str
    """The file that names it."""
    version_from: str
    """The file, or the environment, that says which version; "" where none does."""

    @property
    def origin(self) -> str:
        """What a pack of it is built from; "" where there is no way yet."""
        return (
            f"pypi:{self.name}=={self.version}" if self.ecosystem == "pypi" and self.version else ""
        )


def dependencies(root: Path) -> list[Dependency]:
    """What the project at `root` names itself, by name; what those bring along is left out."""
    declared = {**dict(_declared_in_node(root)), **dict(_declared_in_python(root))}
    versions = _Versions(root)
    found = []
    for (ecosystem, name), place in sorted(declared.items()):
        version, where = versions.of(ecosystem, name)
        found.append(Dependency(ecosystem, name, version, place, where))
    return found


Key = tuple[Ecosystem, str]


def _declared_in_python(root: Path) -> Iterator[tuple[Key, str]]:
    for line, place in _requirement_lines(root):
        if name := _name_of(line):
            yield ("pypi", name), place
    poetry = _mapping(_mapping(_toml(root / "pyproject.toml").get("tool")).get("poetry"))
    for group in (poetry, *map(_mapping, _mapping(poetry.get("group")).values())):
        for name in _mapping(group.get("dependencies")):
            if name != "python":
                yield ("pypi", canonicalize_name(name)), "pyproject.toml"
    for section in ("packages", "dev-packages"):
        for name in _mapping(_toml(root / "Pipfile").get(section)):
            yield ("pypi", canonicalize_name(name)), "Pipfile"


def _requirement_lines(root: Path) -> Iterator[tuple[str, str]]:
    """Every requirement in the usual form, with the file that it stands in."""
    project = _toml(root / "pyproject.toml")
    table = _mapping(project.get("project"))
    lists = [
        table.get("dependencies"),
        *_mapping(table.get("optional-dependencies")).values(),
        *_mapping(project.get("dependency-groups")).values(),
    ]
    for line in (line for each in lists for line in _list(each) if isinstance(line, str)):
        yield line, "pyproject.toml"
    for path in _files(root, REQUIREMENTS):
        place = path.relative_to(root).as_posix()
        for line in _text(path).splitlines():
            yield line.partition(" #")[0], place


def _declared_in_node(root: Path) -> Iterator[tuple[Key, str]]:
    project = _json(root / "package.json")
    for section in ("dependencies", "devDependencies", "peerDependencies"):
        for name in _mapping(project.get(section)):
            yield ("npm", name), "package.json"


class _Versions:
    """Which versions the lock files of a project name."""

    def __init__(self, root: Path) -> None:
        readers: tuple[tuple[str, Callable[[Path], Iterator[tuple[Key, str]]]], ...] = (
            ("uv.lock", _package_tables),
            ("poetry.lock", _package_tables),
            ("pdm.lock", _package_tables),
            ("Pipfile.lock", _pipfile_lock),
            ("package-lock.json", _package_lock),
        )
        self._root = root
        self._found: dict[Key, tuple[str, str]] = {}
        for lock, read in readers:
            for key, version in read(root / lock):
                self._found.setdefault(key, (version, lock))
        pins = (
            (line, path.name) for path in _files(root, PINS) for line in _text(path).splitlines()
        )
        for line, place in (*pins, *_requirement_lines(root)):
            if pinned := PIN.fullmatch(line):
                name = canonicalize_name(pinned[1])
                self._found.setdefault(("pypi", name), (pinned[2], place))

    def of(self, ecosystem: Ecosystem, name: str) -> tuple[str, str]:
        """`(version, where it is said)`; `("", "")` where nothing says."""
        found = self._found.get((ecosystem, name))
        return found or (self._installed(name) if ecosystem == "pypi" else ("", ""))

    def _installed(self, name: str) -> tuple[str, str]:
        """What lies in the project's own virtual environment."""
        for folder in (".venv", "venv"):
            for site in sorted((self._root / folder).glob("lib/python3*/site-packages")):
                for path in site.glob("*.dist-info"):
                    distribution, _, version = path.name.removesuffix(".dist-info").rpartition("-")
                    if canonicalize_name(distribution) == name:
                        return version.partition("+")[0], folder
        return "", ""


def _package_tables(path: Path) -> Iterator[tuple[Key, str]]:
    for package in _list(_toml(path).get("package")):
        name, version = _mapping(package).get("name"), _mapping(package).get("version")
        if isinstance(name, str) and isinstance(version, str):
            yield ("pypi", canonicalize_name(name)), version


def _pipfile_lock(path: Path) -> Iterator[tuple[Key, str]]:
    lock = _json(path)
    for section in ("default", "develop"):
        for name, entry in _mapping(lock.get(section)).items():
            version = _mapping(entry).get("version")
            if isinstance(version, str):
                yield ("pypi", canonicalize_name(name)), version.removeprefix("==")


def _package_lock(path: Path) -> Iterator[tuple[Key, str]]:
    for place, entry in _mapping(_json(path).get("packages")).items():
        version = _mapping(entry).get("version")
        top, _, name = place.partition("node_modules/")
        if not top and name and "node_modules/" not in name and isinstance(version, str):
            yield ("npm", name), version


def _files(root: Path, patterns: Sequence[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


def _name_of(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line.strip().rstrip("\\").partition(" --")[0]).name)
    except InvalidRequirement:
        return ""


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return _mapping(json.loads(_text(path) or "{}"))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
