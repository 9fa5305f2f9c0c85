"""The borders of the packages: imports point down only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW = {
    "configs": set(),
    "models": {"configs"},
    "memory": {"configs", "models"},
    "agent": {"configs", "models", "memory"},
    "lsp": {"configs", "models", "memory", "agent"},
    "tui": {"configs", "models", "memory", "agent"},
}
"""What each package may import besides itself; `lsp` and `tui` never meet."""
FILES = sorted(file for package in BELOW for file in (ROOT / package).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, at any depth, relative imports resolved."""
    package = ["megacontext", *file.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(file.read_bytes(), file)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{name.name}" for name in node.names)


def package_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "megacontext" and len(parts) > 1 else None


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_down_only(file):
    own = file.relative_to(ROOT).parts[0]
    reached = {package_of(name) for name in imported(file)} - {None, own}
    assert reached <= BELOW[own]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_other_packages_are_named_in_full_and_own_modules_relatively(file):
    own = file.relative_to(ROOT).parts[0]
    for node in ast.walk(ast.parse(file.read_bytes(), file)):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= len(file.relative_to(ROOT).parent.parts)
        elif isinstance(node, ast.ImportFrom):
            assert package_of(node.module or "") != own
            # Without the prefix it would be whatever folder the user happens to stand in.
            assert (node.module or "").split(".")[0] not in BELOW
