"""A scene: one cursor, a few dozen entries around it, and the working context for any choice of detail among them.

There are two kinds of entries, after the actions of the allocator:

    a chunk (L2)   without detail it is silent; with detail all its blocks are verbatim
    a block (L1)   without detail it is read as its gist; with detail it is verbatim

So *expanding* gives an entry its detail and *collapsing* takes it away, and a choice of detail is a set of entries.
All other nodes of the tree stay silent. Knows no score and no loss.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import Cut, FocusQuery, Node, WorkingEntry
from megacontext.memory.focus.node import BLOCK, reading_key
from megacontext.models.base import Segment, Special, Text, Tokens

from ...repositories import Repository
from .places import Place

Detail = frozenset[int]
"""Which entries of a scene are in detail, by index."""


@dataclass(frozen=True)
class Scene:
    """One cursor with its entries; valid while its repository's file is cut off there."""

    repository: Repository
    place: Place
    query: FocusQuery
    nodes: tuple[Node, ...]
    """The entries, in reading order: chunks, and blocks of opened chunks."""
    detailed: Detail
    """Which of them are in detail in the context that was drawn."""

    @cached_property
    def base(self) -> Cut:
        """The cut with no entry in detail."""
        lens = self.repository.lens
        cut = Cut(lens.tree, lens.plain)
        for node in self.nodes:
            if node.level != BLOCK:
                continue
            cut.reveal(node)
            cut.speak(node)
        return cut

    @cached_property
    def drawn(self) -> Cut:
        """The cut as it was drawn."""
        return self.cut(self.detailed)

    def cut(self, detail: Collection[int]) -> Cut:
        """The cut in which exactly these entries are in detail."""
        cut = self.base.copy()
        for index in sorted(detail):
            self.expand(cut, index)
        return cut

    def expand(self, cut: Cut, index: int) -> None:
        """Give an entry its detail: everything below it down to the tokens."""
        cut.reveal(self.nodes[index])
        waiting = [self.nodes[index]]
        while waiting:
            above = waiting.pop()
            if children := cut.tree.children(above):
                cut.expand(above, speak=True)
                waiting.extend(children)

    def collapse(self, cut: Cut, index: int) -> None:
        """Take an entry's detail away: a block goes back to its gist, a chunk falls silent."""
        node = self.nodes[index]
        for child in cut.tree.children(node):
            if cut.is_opened(child):
                cut.collapse(child)
        cut.collapse(node, speak=node.level == BLOCK)

    @cached_property
    def costs(self) -> tuple[int, ...]:
        """Positions that each entry takes in the drawn cut, headers and gaps before it included."""
        own = list(zip(self.drawn.spoken, self.drawn.costs(), strict=True))
        return tuple(
            sum(cost for node, cost in own if _is_within(node, entry)) for entry in self.nodes
        )

    @cached_property
    def detail_costs(self) -> tuple[int, ...]:
        """Positions that each entry takes in detail beyond those without, everything else as drawn."""
        return tuple(
            abs(self.drawn.total - self.toggled_total(index)) for index in range(len(self.nodes))
        )

    @cached_property
    def bare_costs(self) -> tuple[int, ...]:
        """Positions that each entry's detail takes on top of the context without any."""
        return tuple(self.cut({index}).total - self.base.total for index in range(len(self.nodes)))

    def toggled_total(self, index: int) -> int:
        """Positions of the drawn context after one action: expanding an entry, or collapsing one in detail."""
        cut = self.drawn.copy()
        (self.collapse if index in self.detailed else self.expand)(cut, index)
        return cut.total

    def toggled(self, index: int) -> Detail:
        """The drawn choice with one action taken: the entry expanded, or collapsed where it is in detail."""
        return self.detailed ^ {index}

    def prompt(self, detail: Collection[int]) -> list[Segment]:
        """What the base reads for a choice of detail: memory, and the tail before the cursor under its file's name.

        As in a completion whose prefix is the tail. Raises FocusError if a file has changed meanwhile.
        """
        specials = self.repository.model.specials
        parts: list[Segment] = []
        if specials.repo_name is not None:
            parts += [Special("repo_name"), Text(f"{self.repository.name}\n")]
        parts += self._memory(self.cut(detail))
        if specials.file_sep is not None:
            parts += [Special("file_sep"), Text(f"{self.place.path}\n")]
        else:
            parts.append(Text(f"\n### {self.place.path}\n"))
        return [*parts, Tokens(self.place.tail)]

    def _memory(self, cut: Cut) -> Sequence[Segment]:
        rendering = cut.codec.render(spoken_entries(cut))
        if rendering.stale:
            raise FocusError(f"{rendering.stale[0]} has changed while it was measured; start again")
        return rendering.segments


def spoken_entries(cut: Cut) -> list[WorkingEntry]:
    """What a cut renders, for its codec."""
    return [
        WorkingEntry(node, node.level, cost, 0.0, (), node.path, *cut.tree.span(node), False, False)
        for node, cost in zip(cut.spoken, cut.costs(), strict=True)
    ]


def in_reading_order(nodes: Collection[Node]) -> tuple[Node, ...]:
    """Nodes that do not contain each other, as a reader meets them."""
    return tuple(sorted(nodes, key=reading_key))


def _is_within(node: Node, entry: Node) -> bool:
    """Whether a rendered node shows part of an entry."""
    same_chunk = node[1:3] == entry[1:3]
    return same_chunk and (entry.level != BLOCK or node.block == entry.block)
