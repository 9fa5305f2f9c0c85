"""`megacontext doctor`: the environment, the model that was chosen, and why not another one."""

import platform
import shutil
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import MegaContextError

from ..console import human_bytes, print_json, say
from .options import Json, Model, Repo, overrides

if TYPE_CHECKING:
    from megacontext.models.choosing.machine import Machine

LIBRARIES = ("torch", "transformers", "tokenizers", "tree-sitter", "watchdog", "textual", "pygls")


def doctor(repo: Repo = None, model: Model = None, as_json: Json = False) -> None:
    """Show what this machine offers, which model is used and why."""
    report = _report(repo, model)
    if as_json:
        print_json(report)
        return
    environment = report["environment"]
    say(
        f"megacontext {environment['megacontext']}, Python {environment['python']} on {environment['system']}"
    )
    say("  " + ", ".join(f"{name} {number}" for name, number in environment["libraries"].items()))
    say(
        f"  git: {environment['git'] or 'not found: .gitignore files are read by MegaContext itself'}"
    )
    machine = report["machine"]
    memory, gpu = human_bytes(machine["memory"]), machine["gpu"] or "none"
    say(f"{machine['processors']} processors, {memory} of memory, GPU: {gpu}")
    say(f"repository {report['repository']}")
    chosen = report["model"]
    say(
        f"model: {chosen['name']} on {chosen['device']} in {chosen['precision']}"
        if chosen["name"]
        else "model: none"
    )
    for reason in chosen["reasons"]:
        say(f"  {reason}")
    say(f"settings: your file is {report['user_file']}")
    for item in report["settings"]:
        say(f"  {item['key']} = {item['value']} ({item['where']})")


def _report(repo: Path | None, model: str | None) -> dict[str, Any]:
    from megacontext.configs.loading import explain, load_settings, user_file
    from megacontext.memory.places import find_places
    from megacontext.models.choosing.machine import probe_machine

    places = find_places(repo or Path.cwd())
    flags = overrides(model__name=model)
    explained = [
        item for item in explain(load_settings(places.root, flags)) if item.layer != "defaults"
    ]
    return {
        "environment": {
            "megacontext": version("megacontext"),
            "python": platform.python_version(),
            "system": platform.platform(),
            "executable": sys.executable,
            "sqlite": sqlite3.sqlite_version,
            "git": shutil.which("git"),
            "libraries": {name: version(name) for name in LIBRARIES},
        },
        "machine": _machine(probe_machine()),
        "repository": str(places.root),
        "model": _model(repo, flags),
        "user_file": str(user_file()),
        "settings": [
            {"key": item.key, "value": str(item.value), "where": item.where} for item in explained
        ],
    }


def _machine(machine: "Machine") -> dict[str, Any]:
    gpu = machine.accelerator
    return {
        "processors": machine.processors,
        "memory": machine.memory,
        "gpu": f"{gpu.name}, {human_bytes(gpu.free)} free of {human_bytes(gpu.total)}"
        if gpu
        else None,
    }


def _model(repo: Path | None, flags: dict[str, object]) -> dict[str, Any]:
    from ..opening import Workplace

    nothing: dict[str, Any] = {"name": None, "device": None, "precision": None, "folder": None}
    try:
        workplace = Workplace.at(repo, flags)
    except MegaContextError as exc:
        return {**nothing, "reasons": [str(exc)]}
    choice = workplace.choice
    if choice is None:
        remote = workplace.settings.model.remote
        assert remote is not None, "without a choice there is a remote model"
        return {
            **nothing,
            "name": remote.model,
            "device": remote.base_url,
            "reasons": ["set as model.remote"],
        }
    return {
        "name": choice.name,
        "device": choice.device,
        "precision": choice.precision,
        "folder": str(choice.folder) if choice.folder else None,
        "reasons": list(choice.reasons),
    }
