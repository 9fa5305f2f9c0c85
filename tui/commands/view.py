"""Commands about the screen itself."""

from ..screens.picker import Choice
from .command import Command, Room


def _help(room: Room, _: str) -> None:
    room.help()


def _theme(room: Room, name: str) -> None:
    if name in room.theme_names():
        room.set_theme(name)
    elif name:
        room.note(f"there is no theme {name}; there are {', '.join(room.theme_names())}", "bad")
    else:
        room.pick_theme()


def _themes(room: Room) -> list[Choice]:
    return [Choice(name, value=name) for name in room.theme_names()]


def _editor(room: Room, _: str) -> None:
    room.write_in_editor()


def _clear(room: Room, _: str) -> None:
    room.clear()


def _quit(room: Room, _: str) -> None:
    room.leave()


COMMANDS = (
    Command("help", "keys and commands", _help),
    Command("theme", "another theme", _theme, "[NAME]", choices=_themes),
    Command("editor", "write the message in your editor", _editor),
    Command("clear", "empty the screen; the conversation stays", _clear),
    Command("quit", "leave", _quit),
)
