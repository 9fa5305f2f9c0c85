"""Focus: from a query to the working context. Knows no chat, no screen and no model's inside."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .allocator import WORTH, FocusSettings, allocate
from .codec import Codec, WorkingEntry
from .cut import Cut, carried
from .node import Node
from .query import FocusQuery
from .scorer import Scorer
from .tree_view import TreeView


@dataclass(frozen=True, slots=True)
class Changes:
    """What a refocus changed in what is rendered."""

    expanded: tuple[Node, ...]
    """Rendered now and not before, in reading order."""
    collapsed: tuple[Node, ...]
    """Rendered before and not now, in reading order."""


@dataclass(frozen=True, slots=True)
class Focused:
    """A working context."""

    cut: Cut
    """Hand it to the next `focus` as `previous`; do not change it."""
    entries: tuple[WorkingEntry, ...]
    """What is rendered, best first."""
    total_cost: int
    """Sum of the entries' costs, in positions; at most `budget`."""
    budget: int
    changes: Changes
    elapsed_ms: float

    @property
    def in_order(self) -> tuple[WorkingEntry, ...]:
        """What is rendered, in reading order: what a codec renders."""
        place = {node: index for index, node in enumerate(self.cut.spoken)}
        return tuple(sorted(self.entries, key=lambda entry: place[entry.node]))


def focus(
    tree: TreeView,
    query: FocusQuery,
    codec: Codec,
    scorer: Scorer,
    previous: Cut | None = None,
    settings: FocusSettings | None = None,
) -> Focused:
    """Choose the working context for a query.

    From `previous` (a cut of the same source, perhaps of an older state of it) as little changes as the query
    allows. A budget that fits nothing gives no entries. `tree` and `codec` must have the same levels.
    """
    started = time.perf_counter()
    tree.refresh()
    start = Cut(tree, codec) if previous is None else carried(previous, tree, codec)
    cut, pinned = allocate(start, scorer, query, settings or FocusSettings())
    entries = _entries(cut, scorer, query, pinned)
    return Focused(
        cut=cut,
        entries=tuple(
            sorted(entries, key=lambda entry: -WORTH.get(entry.level, 1.0) * entry.score)
        ),
        total_cost=cut.total,
        budget=query.budget,
        changes=_changes(previous.spoken if previous else (), cut.spoken),
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )


def _entries(
    cut: Cut, scorer: Scorer, query: FocusQuery, pinned: frozenset[Node]
) -> list[WorkingEntry]:
    scores = scorer.score(cut.spoken, query)
    return [
        WorkingEntry(
            node=node,
            level=node.level,
            cost=cost,
            score=float(score),
            reasons=("pinned",) * (node in pinned) + scorer.reasons(node, query),
            path=cut.tree.shown(node.path),
            start_line=lines[0],
            end_line=lines[1],
            silent=False,
            pinned=node in pinned,
        )
        for node, cost, score in zip(cut.spoken, cut.costs(), scores, strict=True)
        for lines in [cut.tree.span(node)]
    ]


def spoken(
    cut: Cut,
    scores: Mapping[Node, float],
    budget: int,
    previous: Focused | None,
    reasons: tuple[str, ...],
) -> Focused:
    """The working context of a cut that somebody else chose, with a score for each of its rendered entries."""
    entries = [
        replace(_entry(cut, node, cost), score=scores[node], reasons=reasons)
        for node, cost in zip(cut.spoken, cut.costs(), strict=True)
    ]
    entries.sort(key=lambda entry: -entry.score)
    before = previous.cut.spoken if previous else ()
    return Focused(cut, tuple(entries), cut.total, budget, _changes(before, cut.spoken), 0.0)


def all_entries(focused: Focused) -> list[WorkingEntry]:
    """Every entry of the cut in reading order, the silent ones too: the whole source as it is covered."""
    shown = {entry.node: entry for entry in focused.entries}
    return [
        shown.get(node) or replace(_entry(focused.cut, node, 0), silent=True)
        for node in focused.cut
    ]


def _entry(cut: Cut, node: Node, cost: int) -> WorkingEntry:
    first, last = cut.tree.span(node)
    return WorkingEntry(
        node,
        node.level,
        cost,
        0.0,
        (),
        cut.tree.shown(node.path),
        first,
        last,
        silent=False,
        pinned=False,
    )


def _changes(before: tuple[Node, ...], now: tuple[Node, ...]) -> Changes:
    # A chunk that only moved in its file is not a change to a reader, but its ordinal is another one.
    was, is_ = {_text_of(node) for node in before}, {_text_of(node) for node in now}
    return Changes(
        expanded=tuple(node for node in now if _text_of(node) not in was),
        collapsed=tuple(node for node in before if _text_of(node) not in is_),
    )


def _text_of(node: Node) -> Node:
    return node._replace(start=0) if node.digest and not node.fold else node
