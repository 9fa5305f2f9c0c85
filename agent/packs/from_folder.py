"""A folder as the origin of a pack: what git would list of it, under the name that its project file gives."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from megacontext.configs.errors import PackError, RepositoryError
from megacontext.memory.ingest.reading import FileText, read_file
from megacontext.memory.left_out import LeftOutRules
from megacontext.memory.listing import list_files
from megacontext.memory.packs.building import Identity, SourceFile

from .licences import UNKNOWN, spdx_of_words
from .origins import LOCAL, Gathered

NO_VERSION = "0"
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def from_folder(folder: Path, rules: LeftOutRules) -> Gathered:
    """The files of a folder; raises PackError when they cannot be listed."""
    root = folder.resolve()
    try:
        paths = list_files(root).paths
    except RepositoryError as exc:
        raise PackError(f"{folder} cannot be packed: {exc}") from exc
    found = (read_file(root, path, rules) for path in paths)
    files = [
        SourceFile(each.path, each.data, max(0, each.mtime_ns), LOCAL)
        for each in found
        if isinstance(each, FileText)
    ]
    texts = {file.path: file.data for file in files}
    return Gathered(identity_of(texts, root.name, f"dir:{root.name}"), files)


def identity_of(texts: dict[str, bytes], fallback: str, origin: str) -> Identity:
    """Name, version and licence as the project file of some files says, or as far as it does."""
    project = _python_project(texts) or _node_project(texts)
    name = str(project.get("name") or fallback)
    licence = project.get("license")
    if isinstance(licence, dict):
        licence = licence.get("text")
    spdx = spdx_of_words(licence) if isinstance(licence, str) else UNKNOWN
    version = str(project.get("version") or NO_VERSION)
    return Identity(sound_name(name), NOT_IN_A_NAME.sub("-", version) or NO_VERSION, origin, spdx)


def sound_name(name: str) -> str:
    """A name as packs may have."""
    return NOT_IN_A_NAME.sub("-", name).strip("-._")[:64] or "pack"


def _python_project(texts: dict[str, bytes]) -> dict[str, Any]:
    try:
        project = tomllib.loads(texts.get("pyproject.toml", b"").decode()).get("project", {})
    except ValueError:
        return {}
    return project if isinstance(project, dict) else {}


def _node_project(texts: dict[str, bytes]) -> dict[str, Any]:
    try:
        project = json.loads(texts.get("package.json", b"{}"))
    except (ValueError, RecursionError):
        return {}
    return project if isinstance(project, dict) else {}
