"""One node of the tree as a value: where it lies and how coarse it is. Knows no catalogue and no cost."""

from typing import NamedTuple

TOKENS, BLOCK, CHUNK, FILE, DIRECTORY = range(5)
"""L0 … L4. Every directory has level 4, however high it stands: the design's "L4+"."""

TEXT_LEVELS = frozenset({TOKENS, CHUNK, FILE, DIRECTORY})
GIST_LEVELS = frozenset({TOKENS, BLOCK, CHUNK, FILE, DIRECTORY})


class Node(NamedTuple):
    """The identity of one node. A tuple, because hashing nodes is the inner loop of focus.

    A directory of more than 32 children, or a file of more than 32 chunks, has inner nodes of its own
    level between it and them: `fold` is their height above the children, `start` the first child they cover.
    """

    level: int
    path: str
    """Of the file or directory; "" is the root."""
    start: int = 0
    """First chunk covered (files and below), or first child covered (inner nodes of a directory)."""
    fold: int = 0
    """0 for a whole directory, file, chunk, block or run of tokens; more for inner nodes."""
    first: str = ""
    """Path of the first child of a directory's inner node, "" elsewhere."""
    digest: bytes = b""
    """blake2b-16 of the chunk's bytes for L0, L1 and L2, so that edited text is another node; of the
    chunks' digests for an inner node of a file; b"" elsewhere."""
    block: int = -1
    """Index of the block in its chunk for L1, and for L0 under it; -1 elsewhere."""


ROOT = Node(DIRECTORY, "")

ReadingKey = tuple[list[str], int, int]


def reading_key(node: Node) -> ReadingKey:
    """Sorts nodes that do not contain each other into reading order: by name, chunk, block."""
    return (node.first or node.path).split("/"), node.start, node.block


def directory_of(path: str) -> str:
    """The parent directory of a path, "" at the top."""
    return path.rpartition("/")[0]


def ancestors_of(path: str) -> list[str]:
    """The directories above a path, the nearest first, the root "" last."""
    found = []
    while path:
        path = directory_of(path)
        found.append(path)
    return found
