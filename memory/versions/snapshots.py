"""Snapshots and lines: which state of memory came from which, and what the next one goes on from.

A *snapshot* is a tree with its parents, a time and a message. A *line* is a name that moves on with each snapshot that
is saved on it. Knows nothing of what a tree holds.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from megacontext.configs.errors import StoreDamagedError, VersionError

from ..catalogue.connection import named_errors
from ..tree.keys import digest
from .objects import Kind, Objects

FORMAT = 1
FIRST_LINE = "main"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}")
ID = re.compile(r"[0-9a-f]{32}")
SHORT = 10
"""Digits of an identity that people are shown."""
LONGEST_MESSAGE = 4_000


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A place where a merge kept both sides, since it could not choose."""

    path: str
    line: int
    """Of the file as it was merged, from 1; 0 for the file as a whole."""
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of memory. Its identity is the digest of all this."""

    root: str
    """Key of its tree, in hexadecimal."""
    parents: tuple[str, ...]
    """None for the first, two for a merge."""
    made: float
    """Seconds since the epoch."""
    message: str
    unsettled: tuple[Unsettled, ...] = ()

    @property
    def data(self) -> bytes:
        """Canonical JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True).encode()

    @property
    def id(self) -> str:
        """What it is called by, in hexadecimal."""
        return digest(self.data).hex()

    @property
    def short(self) -> str:
        """The beginning of its identity."""
        return self.id[:SHORT]


def now() -> float:
    """Seconds since the epoch, as snapshots note them."""
    return round(time.time(), 3)


def read_snapshot(data: bytes) -> Snapshot:
    """The snapshot that `Snapshot.data` is; raises ValueError for anything else."""
    try:
        found = json.loads(data)
        if found.pop("format") != FORMAT:
            raise ValueError("it is of a newer MegaContext")
        places = tuple(Unsettled(**each) for each in found.pop("unsettled"))
        snapshot = Snapshot(parents=tuple(found.pop("parents")), unsettled=places, **found)
        ids = (snapshot.root, *snapshot.parents)
        told = isinstance(snapshot.message, str) and isinstance(snapshot.made, int | float)
        if not told or not all(isinstance(each, str) and ID.fullmatch(each) for each in ids):
            raise ValueError("it names what is no identity, message or time")
        if snapshot.data != data:
            raise ValueError("it is not written as snapshots are")
    except (TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise ValueError("it is no snapshot") from exc
    return snapshot


class Snapshots:
    """The snapshots of one store, its lines, and where the working state stands."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.db = objects.db

    # Snapshots

    def add(self, snapshot: Snapshot, *, listed: bool = True) -> Snapshot:
        """Keep a snapshot whose tree and parents are here; one of a conversation alone is not `listed`."""
        with self.objects.writing():
            self.objects.put(Kind.SNAPSHOT, bytes.fromhex(snapshot.id), snapshot.data)
            if listed:
                self.db.execute(
                    "INSERT OR IGNORE INTO snapshots VALUES (?, ?)", (snapshot.id, snapshot.made)
                )
        return snapshot

    def get(self, snapshot_id: str) -> Snapshot:
        """A snapshot by its whole identity; raises StoreDamagedError."""
        data = self.objects.get(Kind.SNAPSHOT, bytes.fromhex(snapshot_id))
        try:
            return read_snapshot(data)
        except ValueError as exc:
            raise StoreDamagedError(f"snapshot {snapshot_id} cannot be read: {exc}") from exc

    def has(self, snapshot_id: str) -> bool:
        """Whether a snapshot is here."""
        return not self.objects.missing(Kind.SNAPSHOT, [bytes.fromhex(snapshot_id)])

    def all(self) -> list[Snapshot]:
        """Every snapshot that is listed, the latest first."""
        with named_errors(self.objects.path):
            rows = self.db.execute("SELECT id FROM snapshots ORDER BY made DESC, rowid DESC")
            return [self.get(each) for (each,) in rows.fetchall()]

    def find(self, wanted: str) -> Snapshot:
        """The snapshot that a line's name, or the beginning of an identity, means; raises VersionError."""
        if wanted in (lines := self.lines()):
            return self.get(lines[wanted])
        with named_errors(self.objects.path):
            rows = self.db.execute("SELECT id FROM snapshots WHERE id GLOB ?", (f"{wanted}*",))
            fits = [each for (each,) in rows if re.fullmatch("[0-9a-f]+", wanted)]
        if len(fits) == 1:
            return self.get(fits[0])
        if fits:
            raise VersionError(f"{len(fits)} snapshots begin with {wanted}; give more of the one")
        raise VersionError(
            f"there is no snapshot or line {wanted!r}; `megacontext snapshot list` shows them"
        )

    def ancestors(self, *starts: str) -> Iterator[str]:
        """Identities of snapshots and of all that they came from, each once, the latest made first."""
        found = {each: self.get(each) for each in starts}
        waiting = dict(found)
        while waiting:
            latest = max(waiting.values(), key=lambda each: (each.made, each.id))
            del waiting[latest.id]
            yield latest.id
            for parent in latest.parents:
                if parent not in found:
                    found[parent] = waiting[parent] = self.get(parent)

    def base_of(self, a: str, b: str) -> str | None:
        """The latest snapshot that both came from; None when there is none."""
        of_a = set(self.ancestors(a))
        common = [each for each in self.ancestors(b) if each in of_a]
        # A clock that went back may put an ancestor before what came from it.
        older = {p for each in common for p in self.get(each).parents}
        return next((each for each in common if each not in older), None)

    def came_from(self, snapshot_id: str, origin: str) -> bool:
        """Whether a snapshot is, or came from, another."""
        return origin in self.ancestors(snapshot_id)

    # Lines, and where the working state stands

    def lines(self) -> dict[str, str]:
        """The latest snapshot of each line, by name."""
        with named_errors(self.objects.path):
            return dict(self.db.execute("SELECT name, snapshot FROM lines ORDER BY name"))

    def set_line(self, name: str, snapshot_id: str) -> None:
        """Let a line end in a snapshot; raises VersionError for what is no name."""
        if not NAME.fullmatch(name) or re.fullmatch("[0-9a-f]{4,32}", name) or name == "now":
            raise VersionError(
                f"{name!r} names no line: names are of letters, digits and ._@+-, and look like no identity"
            )
        with self.objects.writing():
            self.db.execute("INSERT OR REPLACE INTO lines VALUES (?, ?)", (name, snapshot_id))

    @property
    def line(self) -> str:
        """The line that is worked on."""
        return self._state("line") or FIRST_LINE

    @property
    def head(self) -> str | None:
        """The snapshot that the working state goes on from; None before the first."""
        return self._state("head")

    def stand_at(self, snapshot_id: str, line: str | None = None) -> None:
        """Let the working state go on from a snapshot, and perhaps on another line."""
        with self.objects.writing():
            wanted = {"head": snapshot_id, **({"line": line} if line else {})}
            self.db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", wanted.items())

    def _state(self, name: str) -> str | None:
        with named_errors(self.objects.path):
            row = self.db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def save(self, root: bytes, message: str) -> Snapshot:
        """A snapshot of a tree that goes on from where the working state stands, at the end of its line."""
        parents = (self.head,) if self.head else ()
        snapshot = Snapshot(root.hex(), parents, now(), message[:LONGEST_MESSAGE])
        with self.objects.writing():
            self.add(snapshot)
            self.stand_at(snapshot.id)
            self.set_line(self.line, snapshot.id)
        return snapshot
