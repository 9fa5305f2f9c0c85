"""What the prompt suggests: commands, their arguments, files and definitions. Knows commands and the desk."""

from collections.abc import Callable

from ..commands import COMMANDS, Room, named
from ..desk.fuzzy import best
from ..desk.mentions import Mention
from ..widgets.prompt.asking import Ask
from ..widgets.prompt.suggestions import Suggestion

SHOWN = 24
Answer = Callable[[list[Suggestion], Ask], None]


def suggest(room: Room, ask: Ask, answer: Answer) -> None:
    """Find what `ask` could mean; `answer` is called at once, or later in the screen's thread."""
    if ask.kind == "command":
        answer(_commands(ask), ask)
        return
    command = named(ask.command) if ask.kind == "argument" else None
    if ":" in ask.query:
        answer([], ask)  # the path is there; lines are for the person to say
    elif ask.kind == "mention" or (command is not None and command.takes_path):
        at = "@" * (ask.kind == "mention")
        room.desk.find(ask.query, lambda found: _later(room, answer, _mentions(found, at), ask))
    elif command is not None and " " not in ask.query:
        choices = command.choices(room)
        fitting = best(ask.query, choices, lambda choice: choice.label, SHOWN)
        found = [Suggestion(choice.label, choice.label, choice.about) for choice in fitting]
        exact = any(item.text == ask.query for item in found)
        answer([] if exact else found, ask)
    else:
        answer([], ask)


def _later(room: Room, answer: Answer, found: list[Suggestion], ask: Ask) -> None:
    room.from_thread(lambda: answer(found, ask))


def _commands(ask: Ask) -> list[Suggestion]:
    fitting = best(ask.query, COMMANDS, lambda command: command.name, SHOWN)
    fitting.sort(key=lambda command: not command.name.startswith(ask.query))
    return [
        Suggestion(
            f"/{command.name}" + " " * command.needs_argument,
            f"/{command.name} {command.argument}".rstrip(),
            command.words,
            sends=not command.needs_argument,
        )
        for command in fitting
    ]


def _mentions(found: list[Mention], at: str) -> list[Suggestion]:
    """As suggestions; commands take paths alone."""
    return [
        Suggestion(
            f"{at}{mention.name}" + (" " if at else ":" * mention.is_file),
            mention.name,
            mention.about,
        )
        for mention in found
        if at or mention.is_file
    ]
