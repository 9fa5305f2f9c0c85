"""What a person can ask for with a slash in an editor: what the agent does beside its turns. Knows no connection."""

from collections.abc import Callable
from dataclasses import dataclass

from ..chat.agent import Agent, Undone

SHOWN = 40


@dataclass(frozen=True)
class Command:
    """One of them."""

    name: str
    description: str
    do: Callable[[Agent], str]
    """What came of it, as Markdown; raises MegaContextError."""


def _told(verb: str, done: Undone) -> str:
    paths = ", ".join(f"`{change.path}`" for change in done.reversal.changes) or "no file"
    count = len(done.turns)
    turns = f"; {count} turn{'s' * (count != 1)} of the conversation" if count else ""
    return f"{verb}: {paths}{turns}"


def _focus(agent: Agent) -> str:
    focused = agent.engine.focused
    if focused is None:
        return "Nothing is in focus yet; it is chosen with the first message."
    lines = [
        f"- `{entry.path or '.'}{f':{entry.start_line}-{entry.end_line}' if entry.start_line else '/'}` "
        f"L{entry.level}, {entry.cost} positions"
        for entry in focused.entries[:SHOWN]
    ]
    more = len(focused.entries) - SHOWN
    return "\n".join(
        [
            f"{focused.total_cost:,} of {focused.budget:,} positions:\n",
            *lines,
            *([f"- and {more} more"] if more > 0 else []),
        ]
    )


COMMANDS = {
    each.name: each
    for each in (
        Command(
            "undo",
            "Take back the last turn that changed files: files and conversation",
            lambda agent: _told("Undone", agent.undo()),
        ),
        Command("redo", "Take the last undo back", lambda agent: _told("Done again", agent.redo())),
        Command("focus", "Show which parts of the repository are before the model", _focus),
    )
}


def command_in(text: str) -> Command | None:
    """The command that a message is, if it is one."""
    name = text.strip()
    return COMMANDS.get(name[1:]) if name.startswith("/") else None
