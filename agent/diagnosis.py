"""What `doctor` tells: the environment, the machine, the settings, and the model with the reasons for it.

Reads headers of model files, but loads no model; torch is asked only where there is a GPU. A part that fails is
told as a problem and never hides the others.
"""

import platform
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from megacontext.configs.errors import MegaContextError
from megacontext.configs.loading import explain, user_file
from megacontext.models.choosing.machine import probe_machine

from .opening import Workplace

LIBRARIES = ("torch", "transformers", "tokenizers", "tree-sitter", "watchdog", "textual", "pygls")


def diagnose(repository: Path | None, overrides: Mapping[str, object]) -> dict[str, Any]:
    """All of it as JSON data; `ok` is false when there is no model to work with, and `problems` say why."""
    report: dict[str, Any] = {
        "ok": True,
        "problems": [],
        "environment": _environment(),
        "machine": _machine(),
        "repository": None,
        "model": None,
        "user_file": str(user_file()),
        "settings": [],
    }
    try:
        workplace = Workplace.at(repository, overrides)
        report["repository"] = str(workplace.places.root)
        report["settings"] = [
            {"key": item.key, "value": str(item.value), "where": item.where}
            for item in explain(workplace.settings)
            if item.layer != "defaults"
        ]
        report["model"] = _model(workplace)
    except MegaContextError as exc:
        report |= {"ok": False, "problems": [str(exc)]}
    return report


def _environment() -> dict[str, Any]:
    return {
        "megacontext": version("megacontext"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "executable": sys.executable,
        "sqlite": sqlite3.sqlite_version,
        "git": shutil.which("git"),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _machine() -> dict[str, Any]:
    machine = probe_machine()
    gpu = machine.accelerator
    return {
        "processors": machine.processors,
        "memory": machine.memory,
        "gpu": {"name": gpu.name, "memory": gpu.total, "free": gpu.free} if gpu else None,
    }


def _model(workplace: Workplace) -> dict[str, Any]:
    """The model that would answer; raises ModelError when its files are not fit to be loaded."""
    choice, remote = workplace.choice, workplace.settings.model.remote
    if choice is None:
        assert remote is not None, "without a choice there is a remote model"
        return {
            "name": remote.model,
            "device": remote.base_url,
            "precision": None,
            "folder": None,
            "chat": True,
            "reasons": ["set as model.remote"],
        }
    if choice.folder is not None:
        workplace.spec()
        _ = workplace.tokenizer
    return {
        "name": choice.name,
        "device": choice.device,
        "precision": choice.precision,
        "folder": str(choice.folder) if choice.folder else None,
        "chat": workplace.can_chat,
        "reasons": list(choice.reasons),
    }
