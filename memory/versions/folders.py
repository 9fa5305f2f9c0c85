"""Folders of a snapshot as nodes of a Merkle tree, with the keys that packs' folders have. Knows no store.

A folder of more than 32 names is a tree of groups, whose borders depend on the names alone, so that a change touches
one group and the way up to the folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ..tree.keys import KEY_SIZE, directory_key
from ..tree.shape import DIRECTORY_LEVEL, directory_nodes

TEXT = "text"
"""The encoder of keys that no model decides: equal texts at equal places have equal roots, in packs too."""


class EntryKind(IntEnum):
    """What a name in a folder stands for."""

    FILE = 1
    FOLDER = 2
    GROUP = 3
    """Some of the folder's own entries, from this name on."""


class Entry(NamedTuple):
    """A name in a folder."""

    name: str
    kind: EntryKind
    key: bytes


@dataclass(frozen=True, slots=True)
class FolderNode:
    """A folder's entries, or groups of them, in the order of their names."""

    level: int
    entries: tuple[Entry, ...]

    @property
    def key(self) -> bytes:
        """Covers names and keys."""
        return directory_key(TEXT, self.level, ((each.name, each.key) for each in self.entries))

    @property
    def data(self) -> bytes:
        """As it is kept: the level, then kind, key and name of each entry."""
        parts = (
            bytes([each.kind]) + each.key + each.name.encode() + b"\0" for each in self.entries
        )
        return bytes([self.level]) + b"".join(parts)


def read_folder(data: bytes) -> FolderNode | None:
    """The node that `FolderNode.data` wrote; None for bytes that are none, or that name what is no name."""
    entries: list[Entry] = []
    at = 1
    while at < len(data):
        end = data.find(b"\0", at + 1 + KEY_SIZE)
        if end < 0:
            return None
        try:
            name = data[at + 1 + KEY_SIZE : end].decode()
            kind = EntryKind(data[at])
        except ValueError:
            return None
        if name in ("", ".", "..") or "/" in name or (entries and entries[-1].name >= name):
            return None
        entries.append(Entry(name, kind, data[at + 1 : at + 1 + KEY_SIZE]))
        at = end + 1
    return FolderNode(data[0], tuple(entries)) if data else None


def folder_nodes(entries: Sequence[Entry]) -> Iterator[FolderNode]:
    """The nodes of a folder from its entries in the order of their names; the last node is the folder itself."""
    # A folder's level says how its names are grouped, and nothing of how deep it is.
    shapes = directory_nodes(TEXT, [(e.name, e.key, DIRECTORY_LEVEL - 1) for e in entries])
    row, above = list(entries), list[Entry]()
    for shape in shapes:
        node = FolderNode(shape.level, tuple(row[: len(shape.children)]))
        yield node
        del row[: len(shape.children)]
        if node.entries:
            above.append(Entry(node.entries[0].name, EntryKind.GROUP, shape.key))
        if not row:
            row, above = above, []
