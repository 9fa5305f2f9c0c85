"""What a snapshot's tree is made of. Imports nothing, so that commands can name it at no cost."""

from enum import StrEnum


class Part(StrEnum):
    """A part of a snapshot: the folder of its tree that it lies in."""

    repository = "repository"
    sessions = "sessions"
    packs = "packs"


REPOSITORY, SESSIONS, PACKS = (f"{part.value}/" for part in Part)
MOUNT = ".mount.json"
"""Ends the names of the files that say which version of a pack is mounted."""
STORE = "versions.db"
"""In a repository's state folder."""
