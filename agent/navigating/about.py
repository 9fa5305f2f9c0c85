"""What memory knows of a name, without asking a model: definition, members, who uses it, level of detail."""

from collections.abc import Sequence
from dataclasses import dataclass

from megacontext.memory.focus import WorkingEntry

from .definitions import Definition
from .navigator import Navigator, User
from .words import Word

MOST_MEMBERS, MOST_USERS = 12, 24


@dataclass(frozen=True, slots=True)
class About:
    """What is known of one name at one place."""

    word: Word
    definitions: tuple[Definition, ...]
    """What it most likely means, never empty."""
    members: tuple[Definition, ...]
    """Definitions directly in the first of them, MOST_MEMBERS at most."""
    more_members: int
    """How many are left out."""
    users: tuple[User, ...]
    more_users: bool
    """Whether there may be others."""
    level: int | None
    """The level of detail of the first definition in the working context; None where it is not rendered."""


def about(
    navigator: Navigator, word: Word, path: str, entries: Sequence[WorkingEntry]
) -> About | None:
    """What is known of a name in a file; None where nothing of that name is defined. `entries` are in focus."""
    found = navigator.meant(word, path)
    if not found:
        return None
    first = found[0]
    members = [
        each
        for each in navigator.outline(first.path)
        if each.scope == first.qualified and first.whole.start <= each.at.start <= first.whole.end
    ]
    users, more_users = navigator.users(word.name, MOST_USERS)
    return About(
        word,
        tuple(found),
        tuple(members[:MOST_MEMBERS]),
        max(0, len(members) - MOST_MEMBERS),
        tuple(users),
        more_users,
        level_of(first.path, navigator.remembered_line(first), entries),
    )


def level_of(path: str, line: int | None, entries: Sequence[WorkingEntry]) -> int | None:
    """The finest level at which a working context renders a line that memory has read; None for not at all."""
    if line is None:
        return None
    return min((entry.level for entry in entries if _covers(entry, path, line)), default=None)


def _covers(entry: WorkingEntry, path: str, line: int) -> bool:
    if entry.start_line:
        return entry.path == path and entry.start_line <= line <= entry.end_line
    return not entry.path or path.startswith(f"{entry.path}/")
