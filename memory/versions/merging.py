"""Three-way merging of trees: what one side changed is taken, what both changed is merged as text, span by span.

Where no choice can be made both sides are kept, in the text between marks or beside each other, and the place is
named. Only what differs from the common base is read. Knows no repository and no session; a *driver* merges the files
that it is registered for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..chunking import chunk_file
from .cutting import cuts
from .folders import EntryKind
from .objects import Kind, Objects
from .snapshots import Unsettled
from .three_way import Agreed, Disputed, Part, merge_spans
from .trees import EMPTY, Change, Trees

Side = Literal["a", "b"]
Driver = Callable[[bytes, bytes, bytes], tuple[bytes, str]]
"""Base (b"" without one), ours and theirs to one text, and what is lacking in it; "" for nothing."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place that both sides changed, each in its own way."""

    path: str
    line: int
    """In the merged file, from 1; 0 for the whole file."""
    reason: str
    symbol: str = ""
    """The definition around it, in `a`; "" for none."""
    base: str = ""
    a: str = ""
    b: str = ""

    @property
    def unsettled(self) -> Unsettled:
        """As a snapshot remembers it."""
        return Unsettled(self.path, self.line, self.reason)


@dataclass(slots=True)
class Merged:
    """What came of a merge."""

    root: bytes
    conflicts: list[Conflict]
    from_b: int
    """Files taken as `b` has them."""
    both: int
    """Files that both sides changed."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What both sides are called where they stand beside each other."""

    a: str
    b: str


@dataclass(slots=True)
class _Work:
    edits: dict[str, bytes | None] = field(default_factory=dict)
    """What becomes of `a`'s tree."""
    conflicts: list[Conflict] = field(default_factory=list)
    both: int = 0


class Merger:
    """Merges trees of one store."""

    def __init__(
        self,
        objects: Objects,
        labels: Labels,
        driver_of: Callable[[str], Driver | None] = lambda _: None,
        prefer: Side | None = None,
    ) -> None:
        """`driver_of` says what merges a path; `prefer` is the side that is taken where both have changed a place."""
        self.objects = objects
        self.trees = Trees(objects)
        self._labels = labels
        self._driver_of = driver_of
        self._prefer = prefer

    def merge(self, base: bytes | None, a: bytes, b: bytes) -> Merged:
        """The tree that holds what both have changed since `base`. Joins the transaction that the caller has open."""
        origin = base or EMPTY.key
        ours = {change.path: change for change in self.trees.changes(origin, a)}
        theirs = {change.path: change for change in self.trees.changes(origin, b)}
        moved_a, moved_b = _moves(ours.values()), _moves(theirs.values())
        work = _Work()
        for path, change in theirs.items():
            if path in moved_a and change.after is not None:
                # What they have changed, we have elsewhere by now.
                work.edits[moved_a[path]] = change.after
            elif path in moved_b and path in ours and ours[path].after is not None:
                work.edits[path] = None
                work.edits[moved_b[path]] = ours[path].after
            elif path not in ours:
                if path not in work.edits:
                    work.edits[path] = change.after
            elif ours[path].after != change.after:
                self._both(work, path, (change.before, ours[path].after, change.after))
        self._make_room(work, a)
        root = self.trees.changed(a, work.edits)
        taken = len(theirs.keys() - ours.keys())
        return Merged(root, work.conflicts, taken, work.both)

    def _both(
        self, work: _Work, path: str, keys: tuple[bytes | None, bytes | None, bytes | None]
    ) -> None:
        _, a, b = keys
        if a is None or b is None:
            self._against_deletion(work, path, a, b)
            return
        work.both += 1
        texts = [self.objects.file(key) if key else b"" for key in keys]
        if (driver := self._driver_of(path)) is not None:
            merged, lacking = driver(*texts)
            if lacking and self._prefer == "b":
                merged, lacking = texts[2], ""
            if lacking and self._prefer is None:
                sides = [text.decode("utf-8", "replace") for text in texts]
                work.conflicts.append(Conflict(path, 0, lacking, "", *sides))
        else:
            merged, found = self._written(path, merge_spans(*map(self._spans, keys)), texts[1])
            work.conflicts += found
        work.edits[path] = self.objects.put_file(merged, cuts(path, merged))

    def _spans(self, key: bytes | None) -> list[bytes]:
        spans = self.objects.spans_of(key) if key else []
        return [self.objects.get(Kind.SPAN, span) for span in spans]

    def _against_deletion(self, work: _Work, path: str, a: bytes | None, b: bytes | None) -> None:
        """One side changed what the other deleted: the text stays, unless the other is preferred."""
        changed, deleted = ("a", "b") if b is None else ("b", "a")
        if self._prefer == deleted:
            work.edits[path] = None
            return
        work.edits[path] = a or b
        if self._prefer is None:
            names = {"a": self._labels.a, "b": self._labels.b}
            reason = f"changed in {names[changed]}, deleted in {names[deleted]}"
            kept = self.objects.file(a or b or b"").decode("utf-8", "replace")
            sides = {changed: kept, deleted: ""}
            work.conflicts.append(Conflict(path, 0, reason, a=sides["a"], b=sides["b"]))

    def _written(
        self, path: str, parts: Sequence[Part], ours: bytes
    ) -> tuple[bytes, list[Conflict]]:
        """The merged text, with both sides of every dispute between marks, and the disputes."""
        out = bytearray()
        found = []
        for part in parts:
            if isinstance(part, Agreed):
                out += part.text
                continue
            if self._prefer is not None:
                out += part.a if self._prefer == "a" else part.b
                continue
            if out and not out.endswith(b"\n"):
                out += b"\n"
            line = out.count(b"\n") + 1
            out += self._marked(part)
            found.append(_conflict(path, line, part, ours))
        return bytes(out), found

    def _marked(self, part: Disputed) -> bytes:
        """A dispute as git writes it in its diff3 style."""
        a, base, b = (
            text if text.endswith(b"\n") or not text else text + b"\n"
            for text in (part.a, part.base, part.b)
        )
        heads = [
            f"{mark * 7} {label}".rstrip().encode() + b"\n"
            for mark, label in (
                ("<", self._labels.a),
                ("|", "base"),
                ("=", ""),
                (">", self._labels.b),
            )
        ]
        return heads[0] + a + heads[1] + base + heads[2] + b + heads[3]

    def _make_room(self, work: _Work, a: bytes) -> None:
        """Move what would lie where a folder is, or below what is a file, aside."""
        for path, key in sorted(work.edits.items()):
            taken = self._taken(work, a, path) if key is not None else None
            if taken is None:
                continue
            aside = f"{taken}~{self._labels.b}{path.removeprefix(taken)}"
            del work.edits[path]
            work.edits[aside] = key
            reason = f"{taken} is a file on one side and a folder on the other"
            work.conflicts.append(Conflict(aside, 0, reason))

    def _taken(self, work: _Work, a: bytes, path: str) -> str | None:
        """The part of a path at which `a`, as it will be, has something that cannot give way."""
        gone = {each for each, key in work.edits.items() if key is None}
        found = self.trees.find(a, path)
        if found is not None and found.kind == EntryKind.FOLDER:
            below = {file for file, _ in self.trees.files(found.key, f"{path}/")}
            if below - gone:
                return path
        parts = path.split("/")
        for above in ("/".join(parts[:count]) for count in range(1, len(parts))):
            held = self.trees.find(a, above)
            is_file = held is not None and held.kind == EntryKind.FILE
            if (is_file and above not in gone) or work.edits.get(above) is not None:
                return above
        return None


def _moves(changes: Iterable[Change]) -> dict[str, str]:
    """Where files went that are elsewhere now, unchanged: new path by old one. Texts that are there twice stay out."""
    left, come = Counter[bytes](), Counter[bytes]()
    old, new = dict[bytes, str](), dict[bytes, str]()
    for change in changes:
        if change.after is None and change.before is not None:
            left[change.before] += 1
            old[change.before] = change.path
        elif change.before is None and change.after is not None:
            come[change.after] += 1
            new[change.after] = change.path
    return {old[key]: new[key] for key in old.keys() & new.keys() if left[key] == come[key] == 1}


def _conflict(path: str, line: int, part: Disputed, ours: bytes) -> Conflict:
    at = ours.find(part.a) if part.a else -1
    around = [each for each in chunk_file(path, ours).symbols if each.start <= at < each.end]
    symbol = min(around, key=lambda each: each.end - each.start).qualified if around else ""
    texts = [text.decode("utf-8", "replace") for text in (part.base, part.a, part.b)]
    return Conflict(path, line, "changed on both sides", symbol, *texts)
