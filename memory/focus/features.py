"""Features of nodes for one query: numbers in [0, 1] under named columns, carried up the tree.

They are what the feature scorer weighs, and the scalar inputs of a learned one. A coarse node has the largest
value of each column over everything below it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from ..catalogue import ChunkRecord, FileRecord
from .evidence import FAR_IN_FILE, Evidence, Finding
from .node import DIRECTORY, FILE, Node, ancestors_of, directory_of
from .words import asked_share, names_in, overlap, parameters_in, stems

FEATURES = (
    "bm25",  # full text against the question, 1 for the best hit
    "covers",  # share of the question's words in its names, outline and references
    "similar",  # full text against the window around the cursor
    "company",  # how well the rest of the file answers the question
    "defines",  # it defines a name that is asked for or used at the cursor
    "uses",  # it uses what is asked for or defined at the cursor
    "imports",  # the cursor's file seems to import its file
    "path",  # words of the question in its path
    "name",  # words that the question and its symbol's name have in common
    "named",  # share of the words of its own name, without what encloses it, that the question has
    "takes",  # share of the words of its parameters that the question has
    "near",  # distance to the cursor
    "recent",  # lately edited or read
    "accessed",  # how often this session touched the file
    "aside",  # tests, examples, vendored and generated text, unless the question asks for them
    "level",  # 0 for tokens, 1 for directories
    "span",  # its number of lines, on a logarithmic scale
)
COLUMN = {name: index for index, name in enumerate(FEATURES)}
ASIDE = stems(
    "test tests testing idlelib_test example examples demo vendor vendored third_party fixtures benchmarks"
)
LONGEST_SPAN = 100_000
"""Lines at which the span feature reaches 1."""
UNSAVED_NS = 2**62
"""Later than any time a file has."""
STALE_SECONDS = 60
"""Files written within a minute of each other are equally old: a checkout is no edit."""

Array = NDArray[np.float32]


class FeatureTable:
    """The features of any node for one query: a row for each candidate chunk, one for each file, and their maxima."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.tree = evidence.tree
        self.chunks = list(evidence.chunks.values())
        self._word_starts = re.compile(
            f"(?<![a-z])(?:{'|'.join(map(re.escape, sorted(evidence.asked, reverse=True)))})"
        )
        query = evidence.query
        self._accesses = dict(query.accesses)
        self._is_aside_asked = bool(
            (evidence.asked | (stems(query.at.path) if query.at else frozenset())) & ASIDE
        )
        self._cursor_names = frozenset(query.names) or frozenset(
            name
            for chunk in (self.tree.chunks_of(query.at.path)[:2] if query.at else [])
            for name in chunk.references
        )
        self._above_cursor = ancestors_of(query.at.path)[::-1] if query.at else []
        self._nearness = cache(self._directory_nearness)
        self._company = self._companies()
        self._ages = self._recency()
        self._own_row: dict[str, Array] = {}
        self._found_files = frozenset(chunk.path for chunk in self.chunks)
        found = evidence.findings
        self.rows = np.stack(
            [self._chunk_row(chunk, found.get(chunk.id)) for chunk in self.chunks]
            or [self._blank()]
        )
        """Candidate chunks `[m, F]`, in the order of `chunks`; one blank row when there are none."""

    def features(self, nodes: Sequence[Node]) -> Array:
        """The features `[n, F]` of some nodes."""
        if not nodes:
            return np.zeros((0, len(FEATURES)), np.float32)
        table = np.array([self._carried.at(node) for node in nodes], np.float32)
        table[:, COLUMN["level"]] = [node.level / DIRECTORY for node in nodes]
        spans = map(self.tree.span, nodes)
        # What has no lines of its own is as long as anything.
        table[:, COLUMN["span"]] = spans_of(
            [last - first + 1 if first else LONGEST_SPAN for first, last in spans]
        )
        return table

    @cached_property
    def _carried(self) -> "Carried":
        return Carried(self, self.rows, self.file_row)

    def row_of_unfound(self, path: str) -> Array:
        """What holds of the chunks of a file that are no candidates `[F]`; nothing for ""."""
        if self.evidence.limits.found_only and path not in self._found_files:
            path = ""
        return self.file_row(path)

    def file_row(self, path: str) -> Array:
        """What holds of every chunk of a file `[F]`, found or not; nothing for ""."""
        if path not in self._own_row:
            self._own_row[path] = self._file_row(path) if path else self._blank()
        return self._own_row[path]

    def _blank(self) -> Array:
        return np.zeros(len(FEATURES), np.float32)

    def _chunk_row(self, chunk: ChunkRecord, finding: Finding | None) -> Array:
        row = self.file_row(chunk.path).copy()
        if asked := self.evidence.asked:
            names = list(names_in(chunk.symbol, chunk.outline))
            own = (stems(name.rpartition(".")[2]) for name in names)
            row[COLUMN["name"]] = max((overlap(asked, stems(name)) for name in names), default=0.0)
            row[COLUMN["named"]] = max((asked_share(asked, words) for words in own), default=0.0)
            row[COLUMN["takes"]] = asked_share(asked, stems(parameters_in(chunk.outline)))
            row[COLUMN["covers"]] = self._covered(chunk)
        for column, value in (finding.values if finding else {}).items():
            row[COLUMN[column]] = value
        return row

    def _covered(self, chunk: ChunkRecord) -> float:
        text = " ".join((chunk.path, chunk.symbol, chunk.outline, *chunk.references)).lower()
        return len(set(self._word_starts.findall(text))) / len(self.evidence.asked)

    def _file_row(self, path: str) -> Array:
        row = self._blank()
        asked = self.evidence.asked
        words = stems(path)
        row[COLUMN["company"]] = self._company.get(path, 0.0)
        row[COLUMN["path"]] = len(asked & words) / len(asked) if asked else 0.0
        row[COLUMN["imports"]] = self._imported(path)
        row[COLUMN["near"]] = self._near(path)
        row[COLUMN["recent"]] = self._ages.get(path, 0.0)
        row[COLUMN["accessed"]] = 1 - 0.5 ** self._accesses.get(path, 0)
        row[COLUMN["aside"]] = float(not (self._is_aside_asked or words.isdisjoint(ASIDE)))
        return row

    def _companies(self) -> dict[str, float]:
        by_file: dict[str, list[float]] = defaultdict(list)
        for id_, finding in self.evidence.findings.items():
            if value := finding.values.get("bm25"):
                by_file[self.evidence.chunks[id_].path].append(value)
        sums = {
            path: sum(value * 0.5**rank for rank, value in enumerate(sorted(values, reverse=True)))
            for path, values in by_file.items()
        }
        best = max(sums.values(), default=1.0)
        return {path: value / best for path, value in sums.items()}

    def _recency(self) -> dict[str, float]:
        """By path: what the session touched last, or else the share of candidate files that are older."""
        recent = {path: 1 / (1 + rank / 4) for rank, path in enumerate(self.evidence.query.recent)}
        files: dict[str, FileRecord] = {}
        for path in {chunk.path for chunk in self.chunks}:
            if record := self.tree.file(path):
                files[path] = record
        # An unsaved buffer has no time of its own: it is being edited now.
        written = {
            path: record.mtime_ns if record.mtime_ns >= 0 else UNSAVED_NS
            for path, record in files.items()
        }
        times = np.sort(list(written.values()))
        older = {
            path: float(np.searchsorted(times, time - STALE_SECONDS * 10**9)) / len(times) / 2
            for path, time in written.items()
        }
        return older | recent

    def _imported(self, path: str) -> float:
        cursor = self.evidence.query.at
        if cursor is None or path == cursor.path:
            return 0.0
        names = self._cursor_names
        *folders, stem = path.rpartition(".")[0].split("/") if "." in path else path.split("/")
        if stem in ("__init__", "index", "mod", "lib") and folders:
            stem = folders.pop()
        if stem not in names:
            return 0.0
        beside = directory_of(path) == directory_of(cursor.path) or bool(
            folders and folders[-1] in names
        )
        return 1.0 if beside else 0.6

    def _near(self, path: str) -> float:
        cursor = self.evidence.query.at
        if cursor is None:
            return 0.0
        if path == cursor.path:
            return FAR_IN_FILE
        return self._nearness(directory_of(path))

    def _directory_nearness(self, directory: str) -> float:
        """How near a directory's files are to the cursor's: the share of the way down that they have in common."""
        theirs, ours = [*ancestors_of(directory)[::-1], directory], self._above_cursor
        shared = sum(a == b for a, b in zip(theirs, ours, strict=False)) - 1
        return FAR_IN_FILE * shared / max(len(theirs), len(ours)) if shared else 0.0


def spans_of(lines: Sequence[int]) -> Array:
    """The span feature `[n]` of so many lines."""
    found: Array = np.minimum(1.0, np.log1p(lines) / np.log1p(LONGEST_SPAN)).astype(np.float32)
    return found


class Carried:
    """Values of candidate chunks `[m, k]`, carried up the tree: the largest over everything below a node.

    `unfound` gives the row `[k]` of a file's chunks that are no candidates, and of directories without any ("").
    """

    def __init__(self, table: FeatureTable, values: Array, unfound: Callable[[str], Array]) -> None:
        self._tree = table.tree
        self._unfound = cache(unfound)
        self._by_chunk: dict[tuple[str, int], Array] = {}
        self._by_path: dict[str, Array] = {}
        for chunk, row in zip(table.chunks, values, strict=False):
            self._by_chunk[chunk.path, chunk.ordinal] = row
            held = self._by_path.get(chunk.path)
            self._by_path[chunk.path] = row if held is None else np.maximum(held, row)
        for path, row in list(self._by_path.items()):
            for above in ancestors_of(path):
                held = self._by_path.get(above)
                self._by_path[above] = row if held is None else np.maximum(held, row)

    def at(self, node: Node) -> Array:
        """The row `[k]` of one node; not to be written into."""
        if node.level < FILE:
            row = self._by_chunk.get((node.path, node.start))
            return self._unfound(node.path) if row is None else row
        if node.fold:
            rows = [self.at(child) for child in self._tree.children(node)]
            largest: Array = np.maximum.reduce(rows)
            return largest
        row = self._by_path.get(node.path)
        if row is not None:
            return row
        return self._unfound("" if node.level == DIRECTORY else node.path)
