"""The tree of nodes that the catalogue implies, loaded where it is looked at and never whole.

Knows no query, no cost and no gist; only which node holds which, and what lines they span.
"""

from collections.abc import Callable, Sequence

from megacontext.configs.errors import FocusError

from ..catalogue import Catalogue, ChunkRecord, FileRecord, SymbolRecord
from ..tree.grouping import group
from ..tree.keys import digest
from .node import BLOCK, CHUNK, DIRECTORY, FILE, ROOT, TEXT_LEVELS, TOKENS, Node, directory_of


class TreeView:
    """Children, parents and facts of nodes, over one source of the catalogue.

    `levels` is what the codec can show: with L1 among them a chunk's children are its blocks, otherwise its
    tokens. `blocks` then tells how many blocks of a chunk have gists; without any, its child is its tokens too.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        levels: frozenset[int] = TEXT_LEVELS,
        blocks: Callable[[ChunkRecord], int] | None = None,
        label: str = "",
    ) -> None:
        """`label` stands before paths wherever they are shown; "" for the repository."""
        if BLOCK in levels and blocks is None:
            raise ValueError(
                "a tree with blocks (L1) needs a function that counts the blocks of a chunk"
            )
        self.catalogue = catalogue
        self.levels = levels
        self.label = label
        self._blocks = blocks
        self.version = self._version()
        """Changes whenever the catalogue has changed and `refresh` noticed."""
        self._forget()

    def _forget(self) -> None:
        self._children: dict[Node, tuple[Node, ...]] = {}
        self._parents: dict[Node, Node] = {}
        self._files: dict[str, FileRecord | None] = {}
        self._chunks: dict[str, list[ChunkRecord]] = {}
        self._symbols: dict[str, list[SymbolRecord]] = {}

    def _version(self) -> tuple[int, int]:
        db = self.catalogue.db
        # data_version counts commits of other connections, total_changes our own writes.
        return db.execute("PRAGMA data_version").fetchone()[0], db.total_changes

    def refresh(self) -> None:
        """Forget everything that was loaded if the catalogue has changed since."""
        version = self._version()
        if version != self.version:
            self.version = version
            self._forget()

    def shown(self, path: str) -> str:
        """A path as people and models see it, told from those of other sources."""
        return f"{self.label}/{path}" if self.label else path

    # Facts

    def file(self, path: str) -> FileRecord | None:
        """The record of a file, None when it is not indexed."""
        if path not in self._files:
            self._files[path] = self.catalogue.file(path)
        return self._files[path]

    def chunks_of(self, path: str) -> list[ChunkRecord]:
        """The chunks of a file in order; none when it is not indexed."""
        if path not in self._chunks:
            record = self.file(path)
            self._chunks[path] = [] if record is None else self.catalogue.chunks_of(record.id)
        return self._chunks[path]

    def symbols_of(self, path: str) -> list[SymbolRecord]:
        """The definitions in a file in order of position; none when it is not indexed."""
        if path not in self._symbols:
            record = self.file(path)
            self._symbols[path] = [] if record is None else self.catalogue.symbols_of(record.id)
        return self._symbols[path]

    def chunks(self, node: Node) -> list[ChunkRecord]:
        """The chunks that a node of L3 or below covers, in order.

        Raises FocusError when the node is no longer in the tree.
        """
        records = self.chunks_of(node.path)
        if node.level == FILE:
            return (
                records if not node.fold else [records[leaf.start] for leaf in self._leaves(node)]
            )
        if node.start >= len(records) or records[node.start].digest != node.digest:
            raise FocusError(
                f"{node.path} has changed: chunk {node.start} is no longer in the tree; focus again"
            )
        return [records[node.start]]

    def chunk(self, node: Node) -> ChunkRecord:
        """The chunk that a node of L2, L1 or L0 belongs to; raises FocusError when it is gone."""
        return self.chunks(node)[0]

    def span(self, node: Node) -> tuple[int, int]:
        """First and last line, 1-based; (0, 0) for directories and empty files."""
        if node.level == DIRECTORY:
            return 0, 0
        records = self.chunks(node)
        return (records[0].start_line, records[-1].end_line) if records else (0, 0)

    # Shape

    def children(self, node: Node) -> tuple[Node, ...]:
        """The children of a node in reading order; none below L0 or where nothing is."""
        if node.level == TOKENS:
            return ()
        if node not in self._children:
            if node.level == DIRECTORY:
                self._load_directory(node.path)
            elif node.level == FILE:
                self._load_file(node.path)
            else:
                self._adopt(node, self._parts_of_chunk(node))
        return self._children.get(node, ())

    def parent(self, node: Node) -> Node | None:
        """The node above, None for the root; raises FocusError when the node is not in the tree."""
        if node == ROOT:
            return None
        if node not in self._parents:
            self._find(node)
        if node not in self._parents:
            raise FocusError(f"{node.path} (L{node.level}) is not in the tree; focus again")
        return self._parents[node]

    def _find(self, node: Node) -> None:
        whole = not node.fold
        if node.level == DIRECTORY:
            self._load_directory(directory_of(node.path) if whole else node.path)
        elif node.level == FILE and whole:
            self._load_directory(directory_of(node.path))
        elif node.level >= CHUNK:
            self._load_file(node.path)
        else:
            chunk = Node(CHUNK, node.path, node.start, digest=node.digest)
            for child in self.children(chunk):
                self.children(child)

    def path_to(self, node: Node) -> list[Node]:
        """The nodes from the root down to `node`, both included."""
        path = [node]
        while (above := self.parent(path[-1])) is not None:
            path.append(above)
        return path[::-1]

    def node_of(self, chunk: ChunkRecord) -> Node:
        """The L2 node of a chunk."""
        return Node(CHUNK, chunk.path, chunk.ordinal, digest=chunk.digest)

    def node_at(self, path: str, line: int) -> Node:
        """The chunk (L2) that covers a 1-based line; raises FocusError when the path is not indexed."""
        found = self.catalogue.chunk_at(path, line)
        if found is None:
            raise FocusError(
                f"{path}:{line} is not in the index; check the path, or run `megacontext index`"
            )
        return self.node_of(found)

    def match(self, node: Node) -> Node | None:
        """The node of today's tree that shows the same as `node` of an older one; None when it is gone."""
        if node.level >= FILE:
            return node if self.children(node) else None
        same = [chunk.ordinal for chunk in self.chunks_of(node.path) if chunk.digest == node.digest]
        if not same:
            return None
        nearest = min(same, key=lambda ordinal: abs(ordinal - node.start))
        found = node._replace(start=nearest)
        # Gists may have come or gone since: then a chunk has blocks where it had none, or none any more.
        self._find(found)
        return found if found in self._parents else None

    # Loading

    def _load_directory(self, path: str) -> None:
        catalogue = self.catalogue
        named = [(folder, Node(DIRECTORY, folder)) for folder in catalogue.directories_in(path)]
        for record in catalogue.files_in(path):
            self._files[record.path] = record
            named.append((record.path, Node(FILE, record.path)))
        # Names alone decide the order and the borders, so an edit inside a child moves neither.
        named.sort()
        self._fold(Node(DIRECTORY, path), [node for _, node in named])

    def _load_file(self, path: str) -> None:
        self._fold(Node(FILE, path), [self.node_of(chunk) for chunk in self.chunks_of(path)])

    def _fold(self, top: Node, children: Sequence[Node]) -> None:
        layer, starts = list(children), list(range(len(children)))
        fold = 0
        while len(groups := group(list(zip(layer, starts, strict=True)), _border_key)) > 1:
            fold += 1
            layer = [self._inner(top, fold, members) for members in groups]
            starts = [members[0][1] for members in groups]
        self._adopt(top, layer)

    def _inner(self, top: Node, fold: int, members: Sequence[tuple[Node, int]]) -> Node:
        lead, start = members[0]
        if top.level == DIRECTORY:
            node = Node(DIRECTORY, top.path, start, fold, lead.first or lead.path)
        else:
            # The digest of an inner node of a file is what borders above it depend on.
            joined = digest(b"".join(member.digest for member, _ in members))
            node = Node(FILE, top.path, start, fold, digest=joined)
        self._adopt(node, [member for member, _ in members])
        return node

    def _parts_of_chunk(self, node: Node) -> list[Node]:
        blocks = 0
        if node.level == CHUNK and self._blocks is not None and BLOCK in self.levels:
            blocks = self._blocks(self.chunk(node))
        named = [node._replace(level=BLOCK, block=block) for block in range(blocks)]
        return named or [node._replace(level=TOKENS)]

    def _adopt(self, node: Node, children: Sequence[Node]) -> None:
        self._children[node] = tuple(children)
        for child in children:
            self._parents[child] = node

    def _leaves(self, node: Node) -> list[Node]:
        if node.level < FILE:
            return [node]
        return [leaf for child in self.children(node) for leaf in self._leaves(child)]


def _border_key(member: tuple[Node, int]) -> bytes:
    node, _ = member
    return node.digest or digest((node.first or node.path).rpartition("/")[2].encode())
