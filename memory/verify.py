"""Is the index whole and fresh? Checks everything that is promised of it; repairs by making damaged parts again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from megacontext.configs.errors import StoreError

from .catalogue import Catalogue, FileRecord
from .catalogue.connection import named_errors
from .ingest.reading import FileText, Gone, Refusal
from .tree.keys import digest
from .tree.shape import TreeNode, directory_nodes, file_nodes
from .tree.store import ChunkRows, TreeStore


@dataclass
class Damage:
    """What has to be made again."""

    chunks: set[bytes] = field(default_factory=set)
    """Digests of chunks whose token ids are missing or damaged."""
    gists: set[bytes] = field(default_factory=set)
    """Digests of chunks whose gists are damaged."""
    nodes: set[bytes] = field(default_factory=set)
    """Keys of nodes whose gists are damaged."""
    paths: set[str] = field(default_factory=set)
    """Files whose facts are wrong or stale."""
    keys: bool = False
    """Keys of files or directories are missing or wrong."""
    texts: bool = False
    """Full text holds other chunks than the catalogue."""


@dataclass
class Verdict:
    """What `verify` found."""

    errors: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(
        default_factory=lambda: {"files": 0, "chunks": 0, "rows": 0, "nodes": 0}
    )
    damage: Damage = field(default_factory=Damage)

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.errors


class Verifier:
    """Compares the index with itself and with the files."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: TreeStore,
        look: Callable[[str], FileText | Refusal | Gone],
    ) -> None:
        """`look` gives a file as it is now."""
        self.catalogue = catalogue
        self.store = store
        self._look = look
        self.verdict = Verdict()

    def run(self, on_progress: Callable[[int, int], None] | None = None) -> Verdict:
        """Check it all: database, tiling, freshness, rows and their CRCs, keys up to the root."""
        with named_errors():
            self._database()
            files = list(self.catalogue.files())
            keys: dict[str, bytes] = {}
            for done, file in enumerate(files, start=1):
                keys[file.path] = self._file(file)
                if on_progress:
                    on_progress(done, len(files))
            self._directories(keys)
            self._node_gists()
        return self.verdict

    def _wrong(self, error: str) -> None:
        self.verdict.errors.append(error)

    def _database(self) -> None:
        for (line,) in self.catalogue.db.execute("PRAGMA quick_check"):
            if line != "ok":
                self._wrong(f"catalogue.db: {line}")
        lost, left = self.catalogue.db.execute(
            "SELECT (SELECT count(*) FROM chunks WHERE id NOT IN (SELECT id FROM chunk_text_docsize)), "
            "(SELECT count(*) FROM chunk_text_docsize WHERE id NOT IN (SELECT id FROM chunks))"
        ).fetchone()
        if lost or left:
            self._wrong(f"full text lacks {lost} chunks, and holds {left} that are gone")
            self.verdict.damage.texts = True

    def _file(self, file: FileRecord) -> bytes:
        """Check one file; the key it should have, b"" when that cannot be told."""
        self.verdict.checked["files"] += 1
        chunks = self.catalogue.chunks_of(file.id)
        self.verdict.checked["chunks"] += len(chunks)
        borders = [0, *(chunk.end for chunk in chunks)]
        if [chunk.start for chunk in chunks] != borders[:-1] or borders[-1] != file.size:
            self._wrong(f"{file.path}: its chunks do not tile it")
            self.verdict.damage.paths.add(file.path)
        text = self._fresh(file)
        if text is not None and any(
            digest(text[chunk.start : chunk.end]) != chunk.digest for chunk in chunks
        ):
            self._wrong(f"{file.path}: its chunks are not its text")
            self.verdict.damage.paths.add(file.path)
        rows = self.store.known(chunk.digest for chunk in chunks)
        for chunk in chunks:
            if chunk.digest not in rows:
                self._wrong(f"{file.path}:{chunk.start_line}: its chunk has no tokens")
                self.verdict.damage.chunks.add(chunk.digest)
        for text, found in rows.items():
            self._rows(file.path, text, found)
        if any(chunk.digest not in rows for chunk in chunks):
            return b""
        nodes = file_nodes(
            self.store.spec.encoder, [(chunk.digest, rows[chunk.digest].key) for chunk in chunks]
        )
        self._present(file.path, nodes)
        return nodes[-1].key

    def _present(self, path: str, nodes: Sequence[TreeNode]) -> None:
        if any(self.store.node(node.key) is None for node in nodes):
            self._wrong(f"{path or 'the root'}: a node of it is missing")
            self.verdict.damage.keys = True

    def _fresh(self, file: FileRecord) -> bytes | None:
        """The bytes of a file if they are what was indexed."""
        found = self._look(file.path)
        if not isinstance(found, FileText):
            self._wrong(f"{file.path}: indexed, but gone or left out now")
        elif found.digest != file.digest:
            self._wrong(f"{file.path}: changed since it was indexed")
        else:
            return found.data
        self.verdict.damage.paths.add(file.path)
        return None

    def _rows(self, path: str, text: bytes, rows: ChunkRows) -> None:
        checks: list[tuple[Callable[[ChunkRows], object], set[bytes]]] = [
            (self.store.tokens, self.verdict.damage.chunks),
            (self.store.block_gists, self.verdict.damage.gists),
            (self.store.chunk_gists, self.verdict.damage.gists),
        ]
        for read, damaged in checks:
            self.verdict.checked["rows"] += 1
            try:
                read(rows)
            except StoreError as exc:
                self._wrong(f"{path}: {exc}")
                damaged.add(text)

    def _directories(self, keys: dict[str, bytes]) -> None:
        """Compute every key above the files and compare it with what is stored, from the deepest up."""
        levels: dict[str, tuple[bytes, int]] = {}
        for path, key in keys.items():
            levels[path] = self._compare(path, key, directory=False)
        for directory in self._deepest_first():
            inner = [file.path for file in self.catalogue.files_in(directory)]
            children = sorted([*inner, *self.catalogue.directories_in(directory)])
            named = [(child.rpartition("/")[2], *levels[child]) for child in children]
            nodes = directory_nodes(self.store.spec.encoder, named)
            self._present(directory, nodes)
            levels[directory] = self._compare(directory, nodes[-1].key, directory=True)

    def _deepest_first(self) -> list[str]:
        found, waiting = [], [""]
        while waiting:
            directory = waiting.pop()
            found.append(directory)
            waiting.extend(self.catalogue.directories_in(directory))
        return found[::-1]

    def _compare(self, path: str, expected: bytes, *, directory: bool) -> tuple[bytes, int]:
        self.verdict.checked["nodes"] += 1
        stored = self.store.path_key(self.catalogue.source_id, path, directory=directory)
        if stored is None or stored[0] != expected:
            self._wrong(
                f"{path or 'the root'}: its key is {'missing' if stored is None else 'wrong'}"
            )
            self.verdict.damage.keys = True
        return expected, stored[1] if stored else 0

    def _node_gists(self) -> None:
        for key, level in self._reachable_nodes():
            try:
                self.store.node_gist(key)
            except StoreError as exc:
                self._wrong(f"L{level}: {exc}")
                self.verdict.damage.nodes.add(key)

    def _reachable_nodes(self) -> Iterator[tuple[bytes, int]]:
        root = self.store.path_key(self.catalogue.source_id, "", directory=True)
        waiting, seen = [root[0]] if root else [], set[bytes]()
        while waiting:
            key = waiting.pop()
            node = self.store.node(key)
            if node is None or key in seen:
                continue
            seen.add(key)
            yield key, node.level
            waiting.extend(node.children)
