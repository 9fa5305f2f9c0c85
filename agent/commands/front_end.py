"""The terminal app, found by name: this package imports none."""

import sys
from typing import Any

import typer

FRONT_ENDS = "megacontext.front_ends"
"""Entry points of what commands open on a terminal."""


def open_front_end(name: str, *arguments: Any, otherwise: str = "") -> int:
    """Open the front end `name` on this terminal; its exit code. Misuse where there is no terminal, or no such app.

    `otherwise` says what to do without one.
    """
    from importlib.metadata import entry_points

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter(f"there is no terminal{otherwise}")
    found = [each for each in entry_points(group=FRONT_ENDS) if each.name == name]
    if not found:
        raise typer.BadParameter(f"the terminal app is not installed{otherwise}")
    return int(found[0].load()(*arguments))
