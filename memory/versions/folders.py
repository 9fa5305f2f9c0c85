"""Folders of a snapshot as nodes of a Merkle tree, with the keys that packs' folders have. Knows no store.

A folder of more than 32 names is a tree of groups, whose borders depend on the names alone, so that a change touches
one group and the way up to the folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from ..tree.keys import KEY_SIZE, directory_key, node_key
from ..tree.shape import DIRECTORY_LEVEL, directory_nodes

TEXT = "text"
"""The encoder of keys that no model decides: equal texts at equal places have equal roots, in packs too."""


class EntryKind(IntEnum):
    """What a name in a folder stands for."""

    FILE = 1
    FOLDER = 2
    GROUP = 3
    """Some of the folder's own entries, from this name on."""


KINDS = {int(kind): kind for kind in EntryKind}
HEAD = Struct(">BH")


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
        """As it is kept: level, number of entries, their kinds, then name and key of each, as the key covers them."""
        kinds = bytes(each.kind for each in self.entries)
        covered = b"".join(each.name.encode() + b"\0" + each.key for each in self.entries)
        return HEAD.pack(self.level, len(kinds)) + kinds + covered


def key_of(data: bytes) -> bytes:
    """The key of a node that was kept, without reading its entries."""
    if len(data) < HEAD.size:
        return b""
    level, count = HEAD.unpack_from(data)
    return node_key(TEXT, level, [data[HEAD.size + count :]])


def read_folder(data: bytes) -> FolderNode | None:
    """The node that `FolderNode.data` wrote; None for bytes that are none, or that name what is no name."""
    if len(data) < HEAD.size:
        return None
    level, count = HEAD.unpack_from(data)
    at = HEAD.size + count
    entries: list[Entry] = []
    before = ""
    for kind in data[HEAD.size : at]:
        end = data.find(b"\0", at)
        try:
            name = data[at:end].decode() if end >= 0 else ""
            entry = Entry(name, KINDS[kind], data[end + 1 : end + 1 + KEY_SIZE])
        except (ValueError, KeyError):
            return None
        if name <= before or name in (".", "..") or "/" in name or len(entry.key) < KEY_SIZE:
            return None
        entries.append(entry)
        before, at = name, end + 1 + KEY_SIZE
    return FolderNode(level, tuple(entries)) if len(entries) == count and at == len(data) else None


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
