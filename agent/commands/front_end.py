"""The terminal app and the language server, found by name: this package imports none."""

import sys
from collections.abc import Callable
from typing import Any

import typer

FRONT_ENDS = "megacontext.front_ends"
"""Entry points of what commands open."""


def open_front_end(name: str, *arguments: Any, otherwise: str = "") -> int:
    """Open the front end `name` on this terminal; its exit code. Misuse where there is no terminal, or no such app.

    `otherwise` says what to do without one.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter(f"there is no terminal{otherwise}")
    return find_front_end(name, otherwise)(*arguments)


def find_front_end(name: str, otherwise: str = "") -> Callable[..., int]:
    """What opens a front end and gives its exit code; misuse where it is not installed."""
    from importlib.metadata import entry_points

    found = [each for each in entry_points(group=FRONT_ENDS) if each.name == name]
    if not found:
        raise typer.BadParameter(f"{name} is not installed{otherwise}")
    run: Callable[..., int] = found[0].load()
    return run
