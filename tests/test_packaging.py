"""What is built and shipped matches what is there: packages, data files, dependencies, pins."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TOP = sorted(PROJECT["tool"]["setuptools"]["package-dir"].values())
NOT_SHIPPED = {".pyc", ".py"}
# What torch brings along for a GPU, at the versions it names itself.
CUDA = re.compile(r"nvidia-|cuda-|triton$")
REASONS = ROOT / "docs" / "dependencies.md"


def requirements(*extras: str) -> list[Requirement]:
    project = PROJECT["project"]
    lines = list(project["dependencies"])
    for extra in extras or project["optional-dependencies"]:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_every_folder_with_an_init_is_a_listed_package():
    found = {
        "megacontext." + ".".join(file.parent.relative_to(ROOT).parts)
        for top in TOP
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_module_lies_in_a_package():
    modules = [file for top in TOP for file in (ROOT / top).rglob("*.py")]
    assert modules
    assert all((file.parent / "__init__.py").is_file() for file in modules)


def test_top_level_folders_are_mapped_and_have_no_package_above_them():
    folders = PROJECT["tool"]["setuptools"]["package-dir"]
    assert all(name == f"megacontext.{folder}" for name, folder in folders.items())
    assert not (ROOT / "megacontext" / "__init__.py").exists()


@pytest.mark.parametrize("top", TOP)
def test_types_are_marked(top):
    assert (ROOT / top / "py.typed").is_file()


def test_every_data_file_is_shipped():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    shipped = {file for top in TOP for pattern in patterns for file in (ROOT / top).glob(pattern)}
    data = {
        file
        for top in TOP
        for file in (ROOT / top).rglob("*")
        if file.is_file() and file.suffix not in NOT_SHIPPED and "__pycache__" not in file.parts
    }
    assert data - shipped == set()


def names_in_tables(text: str) -> list[str]:
    return re.findall(r"^\| `([A-Za-z0-9._-]+)` \|", text, re.MULTILINE)


DECLARED, ALONG = REASONS.read_text("utf-8").split("## Imported, and there")


def test_every_dependency_has_its_reason_and_every_reason_its_dependency():
    reasons = [canonicalize_name(name) for name in names_in_tables(DECLARED)]
    assert len(reasons) == len(set(reasons))
    assert set(reasons) == {canonicalize_name(each.name) for each in requirements()}


def imported() -> set[str]:
    """Top-level names of every absolute import in the packages."""
    names = set()
    for file in (file for top in TOP for file in (ROOT / top).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes(), file)):
            if isinstance(node, ast.Import):
                names |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").split(".")[0])
    return names


def test_whatever_is_imported_is_named_as_a_dependency():
    named = {canonicalize_name(name) for name in names_in_tables(DECLARED + ALONG)}
    foreign = imported() - sys.stdlib_module_names - {"megacontext"}
    distributions = packages_distributions()
    assert {
        name
        for name in foreign
        if not {canonicalize_name(one) for one in distributions[name]} & named
    } == set()


def test_every_pin_fits_what_is_asked_for():
    pinned = pins()
    for each in requirements():
        assert each.specifier.contains(pinned[canonicalize_name(each.name)]), each


def needs_of(found: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in found.requires or []:
        each = Requirement(line)
        if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in extras | {""}):
            yield each


def test_pins_cover_what_dependencies_need_and_nothing_else():
    needed: set[tuple[str, frozenset[str]]] = set()
    waiting = requirements()
    while waiting:
        each = waiting.pop()
        key = canonicalize_name(each.name), frozenset(each.extras)
        if key not in needed and not CUDA.match(each.name):
            needed.add(key)
            waiting += needs_of(distribution(each.name), each.extras)
    assert set(pins()) == {name for name, _ in needed}


def test_pins_hold_everywhere():
    text = (ROOT / "constraints.txt").read_text("utf-8")
    assert "@" not in text
    assert "+" not in text  # a local version is to be had from one index only
    assert pins()["torch"] == "2.13.0"


WRITTEN = sorted(
    file
    for pattern in ("*.py", "*.md", "*.yaml", "*.toml", "*.scm", "*.svg", "Makefile", ".ci/run")
    for file in ROOT.rglob(pattern)
    if not {part for part in file.relative_to(ROOT).parts[:-1] if part != ".ci"}
    & {"data", "runs", "build", "dist", "artifacts", "shared"}
    and not any(
        part.startswith(".") and part != ".ci" for part in file.relative_to(ROOT).parts[:-1]
    )
)
# Spelled in parts, so that this file does not hold what it looks for.
SOMEBODYS_MACHINE = re.compile("/(?:" + "ro" + "ot|ho" + "me/[a-z]|Us" + "ers/[a-z]|wo" + "rk)/")


def test_nothing_names_a_folder_of_somebodys_machine():
    assert WRITTEN
    named = {
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in WRITTEN
        if (found := SOMEBODYS_MACHINE.search(file.read_text("utf-8", "replace")))
    }
    assert named == set()
