"""What directories, files and chunks look like as a few words of text. Knows no token and no score."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..catalogue import ChunkRecord, SymbolRecord
from .node import DIRECTORY, Node
from .tree_view import TreeView

OUTLINED = frozenset(
    {"class", "function", "method", "module", "type", "interface", "macro", "heading"}
)
"""Kinds of definitions that a file's outline lists; constants and fields would drown them."""
MAX_LINES = 20
"""Signatures in the outline of a file: what is worth more than this is worth opening."""
MAX_NAMES = 12
"""Names of children in a directory line."""
MAX_LINE = 160
"""Characters of one line of an outline; machine-made code has definitions of any length."""


def directory_line(node: Node, tree: TreeView) -> str:
    """One line: where it is, how much is in it, and the first names."""
    names = list(_child_names(node, tree))
    shown = ", ".join(names[:MAX_NAMES])
    more = f", … {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{node.path or '.'}/: {shown}{more}\n"


def _child_names(node: Node, tree: TreeView) -> Iterable[str]:
    for child in tree.children(node):
        if child.fold:
            yield from _child_names(child, tree)
        else:
            name = child.path.rpartition("/")[2]
            yield name + "/" if child.level == DIRECTORY else name


def file_outline(chunks: Sequence[ChunkRecord], symbols: Sequence[SymbolRecord]) -> str:
    """The signatures of the definitions in some chunks of one file, one a line, without documentation.

    `symbols` are those of the whole file in order. A chunk that defines nothing shows the first line of its
    outline.
    """
    by_chunk: dict[int, list[SymbolRecord]] = defaultdict(list)
    for symbol in symbols:
        if symbol.kind in OUTLINED:
            by_chunk[symbol.chunk_id].append(symbol)
    lines = [line for chunk in chunks for line in _signatures(chunk, by_chunk[chunk.id])]
    more = [f"… {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
    return "".join(f"{_short(line)}\n" for line in [*lines[:MAX_LINES], *more])


def _signatures(chunk: ChunkRecord, symbols: Sequence[SymbolRecord]) -> list[str]:
    if not symbols and chunk.kind not in ("imports", "block"):
        return chunk.outline.split("\n", 1)[:1]
    return [
        "    " * symbol.scope.count(".") + "    " * bool(symbol.scope) + symbol.signature
        for symbol in symbols
    ]


def chunk_signature(chunk: ChunkRecord) -> str:
    """What a chunk defines and the first lines of documentation, as its outline says."""
    return "".join(f"{_short(line)}\n" for line in chunk.outline.split("\n") if line.strip())


def _short(line: str) -> str:
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 2] + " …"
