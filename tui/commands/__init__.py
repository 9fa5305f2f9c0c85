"""What can be asked for by name: with `/` in the prompt, or from the palette."""

from . import memory, session, view
from .command import Command, Room

COMMANDS: tuple[Command, ...] = (*memory.COMMANDS, *session.COMMANDS, *view.COMMANDS)

__all__ = ["COMMANDS", "Command", "Room", "named"]


def named(name: str) -> Command | None:
    """The command of this name."""
    return next((command for command in COMMANDS if command.name == name), None)
