"""`megacontext doctor`: the environment, the model that was chosen, and why not another one."""

from typing import Any

import typer

from ..console import human_bytes, print_json, say
from .options import Json, Model, Repo, overrides


def doctor(repo: Repo = None, model: Model = None, as_json: Json = False) -> None:
    """Show what this machine offers, which model is used and why; exit 1 when there is none to use."""
    from ..diagnosis import diagnose

    report = diagnose(repo, overrides(model__name=model))
    if as_json:
        print_json(report)
    else:
        _show(report)
    if not report["ok"]:
        raise typer.Exit(1)


def _show(report: dict[str, Any]) -> None:
    environment, machine = report["environment"], report["machine"]
    say(
        f"megacontext {environment['megacontext']}, Python {environment['python']} on {environment['system']}"
    )
    libraries = environment["libraries"].items()
    say("  " + ", ".join(f"{name} {number or 'missing'}" for name, number in libraries))
    git = environment["git"] or "not found, so .gitignore files are read by MegaContext itself"
    say(f"  git: {git}")
    say(
        f"{machine['processors']} processors, {human_bytes(machine['memory'])} of memory, "
        f"GPU: {_gpu(machine['gpu'])}"
    )
    say(f"your settings: {report['user_file']}")
    for item in report["settings"]:
        say(f"  {item['key']} = {item['value']} ({item['where']})")
    if report["repository"]:
        say(f"repository: {report['repository']}")
    if report["model"]:
        _show_model(report["model"])
    else:
        say("model: none")
    for problem in report["problems"]:
        say(f"problem: {problem}")


def _gpu(gpu: dict[str, Any] | None) -> str:
    if gpu is None:
        return "none"
    return f"{gpu['name']}, {human_bytes(gpu['free'])} free of {human_bytes(gpu['memory'])}"


def _show_model(model: dict[str, Any]) -> None:
    precision = f" in {model['precision']}" if model["precision"] else ""
    talks = "answers questions and completes code" if model["chat"] else "completes code, no chat"
    say(f"model: {model['name']} on {model['device']}{precision}; {talks}")
    for reason in model["reasons"]:
        say(f"  {reason}")
