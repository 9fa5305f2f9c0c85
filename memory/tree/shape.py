"""How keys are built up: chunks to a file, named children to a directory. Pure; knows no storage."""

from collections.abc import Sequence
from dataclasses import dataclass

from .grouping import group
from .keys import digest, directory_key, node_key

FILE_LEVEL = 3
DIRECTORY_LEVEL = 4
MAX_LEVEL = 31
"""Deeper directories share this level's file; their keys differ all the same."""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node of L3 and above: its key covers its children's keys in order."""

    key: bytes
    level: int
    children: tuple[bytes, ...]


def file_nodes(encoder: str, chunks: Sequence[tuple[bytes, bytes]]) -> list[TreeNode]:
    """Nodes of a file from its chunks, `(digest of the text, key)` in order; the last node is the file itself.

    At most 32 chunks make one L3 node; a longer file has several, under an L4 node.
    """
    made: list[TreeNode] = []
    level, children = FILE_LEVEL, list(chunks)
    while True:
        parts = group(children, key=lambda child: child[0]) or [[]]
        keys = [tuple(key for _, key in part) for part in parts]
        nodes = [TreeNode(node_key(encoder, level, part), level, part) for part in keys]
        made += nodes
        if len(nodes) == 1:
            return made
        children, level = [(node.key, node.key) for node in nodes], level + 1


def directory_nodes(encoder: str, children: Sequence[tuple[str, bytes, int]]) -> list[TreeNode]:
    """Nodes of a directory from its children, `(name, key, level)` in order; the last node is the directory itself.

    More than 32 children are grouped by their names, so that an edit inside a child moves no border.
    """
    made: list[TreeNode] = []
    level = max([DIRECTORY_LEVEL - 1, *(level for *_, level in children)])
    named = [(name, key) for name, key, _ in children]
    while True:
        level = min(level + 1, MAX_LEVEL)
        parts = group(named, key=lambda child: digest(child[0].encode())) or [[]]
        nodes = [
            TreeNode(directory_key(encoder, level, part), level, tuple(key for _, key in part))
            for part in parts
        ]
        made += nodes
        if len(nodes) == 1:
            return made
        named = [(part[0][0], node.key) for part, node in zip(parts, nodes, strict=True)]
