"""The memory that stands in a prompt: where it stands, what is added to it, and when it is laid out anew.

A model reads a prompt again from the first position that changed. So what was focused for an earlier turn is left where
it stands, what a new focus adds is put before the newest message, and what the focus no longer holds is dropped only
when all of it together outgrows the page: then the page starts again with the present focus alone. Knows no model.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from megacontext.memory.focus import Focused, Shown, WorkingEntry
from megacontext.models.base import Segment, Text, Tokens, Vectors

from ..sources import Source, ending, opening

CHUNK, TOKENS = 2, 0
Place = tuple[int, int]
"""Number of a turn and index of a message in it."""
Key = tuple[str, int, Segment]


@dataclass(frozen=True)
class Block:
    """Memory before one message."""

    place: Place
    shown: tuple[tuple[Source, Shown], ...]
    segments: tuple[Segment, ...]
    cost: int
    """Positions, counted from text."""


@dataclass(frozen=True)
class Added:
    """What an update of the page did."""

    block: Block | None
    """None when there was nothing to add."""
    renewed: bool
    """Whether all that stood before was dropped."""


@dataclass
class Page:
    """All memory in the prompt. `limit` is in positions; `count` counts them for a text."""

    limit: int
    count: Callable[[str], int]
    blocks: list[Block] = field(default_factory=list)
    _outdated: set[Key] = field(default_factory=set)
    """Entries of which the model was told that they no longer hold."""

    @property
    def cost(self) -> int:
        """Positions of everything on the page."""
        return sum(block.cost for block in self.blocks)

    @property
    def shown(self) -> list[tuple[Source, Shown]]:
        """Every entry on the page."""
        return [item for block in self.blocks for item in block.shown]

    def update(self, place: Place, focused: Iterable[tuple[Source, Focused]]) -> Added:
        """Bring the present focus onto the page, before the message at `place`."""
        wanted = list(focused)
        added = self._block(place, wanted)
        renewed = added is not None and bool(self.blocks) and self.cost + added.cost > self.limit
        if renewed:
            self.clear()
            added = self._block(place, wanted)
        if added is not None:
            self.blocks.append(added)
        return Added(added, renewed)

    def clear(self) -> None:
        """Take everything off."""
        self.blocks.clear()
        self._outdated.clear()

    def keep_turns(self, first: int, last: int) -> None:
        """Take off what stands before messages of other turns than these."""
        self.blocks = [block for block in self.blocks if first <= block.place[0] <= last]

    def at(self, place: Place) -> tuple[Segment, ...]:
        """What stands before a message."""
        return tuple(s for block in self.blocks if block.place == place for s in block.segments)

    def _block(self, place: Place, focused: Sequence[tuple[Source, Focused]]) -> Block | None:
        segments = self._outdated_since()
        known = {_key(shown): shown.entry for _, shown in self.shown} if self.blocks else {}
        for key in self._outdated:
            known.pop(key, None)
        kept: list[tuple[Source, Shown]] = []
        for source, found in focused:
            if shown := _new(source, found, known):
                parts = [part for item in shown for part in item.parts]
                segments += [Text(opening(source)), *parts, Text(ending(source) or "\n\n")]
                kept += [(source, item) for item in shown]
        cost = sum(map(self._positions, segments))
        return Block(place, tuple(kept), tuple(segments), cost) if segments else None

    def _outdated_since(self) -> list[Segment]:
        """Say once of each verbatim entry on the page that its file has changed."""
        changed: dict[str, None] = {}
        for source, shown in self.shown:
            if shown.entry.level == TOKENS and not source.is_current(shown.entry):
                key = _key(shown)
                if key not in self._outdated:
                    self._outdated.add(key)
                    changed[f"{shown.entry.path}:{shown.entry.start_line}"] = None
        return (
            [Text(f"Changed since it was shown above: {', '.join(changed)}\n\n")] if changed else []
        )

    def _positions(self, segment: Segment) -> int:
        match segment:
            case Text(text):
                return self.count(text)
            case Tokens(ids):
                return len(ids)
            case Vectors(keys=keys):
                return len(keys)
        return 1


def _new(source: Source, focused: Focused, known: Mapping[Key, WorkingEntry]) -> Sequence[Shown]:
    """What of a focus is not on the page yet, a signature of a chunk that stands there whole not either."""
    whole = {entry.node.digest for entry in known.values() if entry.level == TOKENS}
    new = [
        shown.entry
        for shown in source.render(focused.in_order).shown
        if _key(shown) not in known
        and not (shown.entry.level == CHUNK and shown.entry.node.digest in whole)
    ]
    # Rendered again without the others, since an entry's header depends on the entry before it.
    return source.render(new).shown


def _key(shown: Shown) -> Key:
    return shown.entry.path, shown.entry.level, shown.parts[-1]
