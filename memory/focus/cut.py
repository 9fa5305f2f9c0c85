"""The cut: which nodes cover the source, which of them are rendered, and what that costs.

A cut is kept as the set of *opened* nodes, closed towards the root: its entries are the children of opened
nodes that are not opened themselves. So every leaf is covered exactly once, whatever is done to it.
Knows no score and no budget.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from megacontext.configs.errors import FocusError

from .codec import Codec
from .node import ROOT, Node, ReadingKey, reading_key
from .tree_view import TreeView


class Cut:
    """One cut through a tree, with the running cost of its rendered ("spoken") entries.

    Starts as the silent root. Every action is checked and raises FocusError when it is illegal; `copy` first
    to keep what you had.
    """

    def __init__(self, tree: TreeView, codec: Codec) -> None:
        self.tree = tree
        self.codec = codec
        self.total = 0
        """Cost of all spoken entries, in positions."""
        self._opened: set[Node] = set()
        self._spoken: list[Node] = []
        self._keys: list[ReadingKey] = []

    def copy(self) -> "Cut":
        """An independent cut with the same state."""
        twin = Cut(self.tree, self.codec)
        twin.total = self.total
        twin._opened = set(self._opened)
        twin._spoken = list(self._spoken)
        twin._keys = list(self._keys)
        return twin

    # Questions

    @property
    def opened(self) -> frozenset[Node]:
        """The nodes above the cut."""
        return frozenset(self._opened)

    @property
    def spoken(self) -> tuple[Node, ...]:
        """The rendered entries, in reading order."""
        return tuple(self._spoken)

    def __iter__(self) -> Iterator[Node]:
        """Every entry, spoken or silent, in reading order."""
        waiting = [ROOT]
        while waiting:
            node = waiting.pop()
            if node in self._opened:
                waiting.extend(reversed(self.tree.children(node)))
            else:
                yield node

    def __contains__(self, node: Node) -> bool:
        """Whether `node` is an entry."""
        if node in self._opened:
            return False
        return node == ROOT or self.tree.parent(node) in self._opened

    def is_opened(self, node: Node) -> bool:
        """Whether the cut runs below `node`."""
        return node in self._opened

    def is_spoken(self, node: Node) -> bool:
        """Whether `node` is a rendered entry."""
        place = bisect_left(self._keys, reading_key(node))
        return place < len(self._spoken) and self._spoken[place] == node

    def can_expand(self, node: Node) -> bool:
        """Whether `node` is an entry with children."""
        return node in self and bool(self.tree.children(node))

    def can_collapse(self, node: Node) -> bool:
        """Whether `node` is opened and every child of it is an entry."""
        return node in self._opened and not any(
            child in self._opened for child in self.tree.children(node)
        )

    def costs(self) -> list[int]:
        """Cost of each spoken entry, in reading order; their sum is `total`."""
        before: list[Node | None] = [None, *self._spoken[:-1]]
        return [
            self.codec.cost(node, after) for node, after in zip(self._spoken, before, strict=False)
        ]

    # Actions

    def expand(self, node: Node, *, speak: bool = False) -> None:
        """Replace an entry by its children, all spoken or all silent."""
        self._require(self.can_expand(node), "expanded", node)
        self._replace(node, self.tree.children(node) if speak else ())
        self._opened.add(node)

    def collapse(self, node: Node, *, speak: bool = False) -> None:
        """Replace the children of a node by the node itself, spoken or silent."""
        self._require(self.can_collapse(node), "collapsed", node)
        low, high = self._spoken_below(node)
        self._splice(low, high, (node,) if speak else ())
        self._opened.remove(node)

    def speak(self, node: Node) -> None:
        """Render an entry."""
        self._require(node in self, "rendered", node)
        self._replace(node, (node,))

    def hush(self, node: Node) -> None:
        """Keep an entry, but do not render it."""
        self._require(node in self, "silenced", node)
        self._replace(node, ())

    def reveal(self, node: Node) -> None:
        """Open everything above `node`, silently, so that it is an entry or opened itself."""
        for above in self.tree.path_to(node)[:-1]:
            if above not in self._opened:
                self.expand(above)

    def tidy(self) -> None:
        """Close whatever has nothing spoken below it."""
        self._opened = {above for node in self._spoken for above in self.tree.path_to(node)[:-1]}

    # What an action would cost, before it is taken

    def price_of_speaking(self, node: Node) -> int:
        """By how much `speak` would change the total."""
        return self._price(*self._place(node), (node,))

    def price_of_expanding(self, node: Node) -> int:
        """By how much `expand(speak=True)` would change the total."""
        return self._price(*self._place(node), self.tree.children(node))

    def price_of_collapsing(self, node: Node, *, speak: bool = False) -> int:
        """By how much `collapse` would change the total."""
        return self._price(*self._spoken_below(node), (node,) if speak else ())

    # The ordered list of spoken entries

    def _require(self, legal: bool, verb: str, node: Node) -> None:
        if not legal:
            raise FocusError(
                f"{node.path or 'the root'} (L{node.level}) cannot be {verb} in this cut; focus again"
            )

    def _place(self, node: Node) -> tuple[int, int]:
        place = bisect_left(self._keys, reading_key(node))
        return place, place + (place < len(self._spoken) and self._spoken[place] == node)

    def _spoken_below(self, node: Node) -> tuple[int, int]:
        children = set(self.tree.children(node))
        low = bisect_left(self._keys, reading_key(self.tree.children(node)[0]))
        high = low
        while high < len(self._spoken) and self._spoken[high] in children:
            high += 1
        return low, high

    def _replace(self, node: Node, nodes: Sequence[Node]) -> None:
        self._splice(*self._place(node), nodes)

    def _splice(self, low: int, high: int, nodes: Sequence[Node]) -> None:
        self.total += self._price(low, high, nodes)
        self._spoken[low:high] = nodes
        self._keys[low:high] = [reading_key(node) for node in nodes]

    def _price(self, low: int, high: int, nodes: Sequence[Node]) -> int:
        # An entry's cost depends on what is rendered before it, so the one behind the change counts too.
        before = self._spoken[low - 1 : low] if low else []
        behind = self._spoken[high : high + 1]
        old = [*before, *self._spoken[low:high], *behind]
        new = [*before, *nodes, *behind]
        return self._chain(new, first=not before) - self._chain(old, first=not before)

    def _chain(self, nodes: Sequence[Node], *, first: bool) -> int:
        cost = self.codec.cost(nodes[0], None) if first and nodes else 0
        return cost + sum(self.codec.cost(node, after) for after, node in pairwise(nodes))


def carried(previous: Cut, tree: TreeView, codec: Codec) -> Cut:
    """A cut of today's tree with what `previous` rendered, as far as it is still there."""
    cut = Cut(tree, codec)
    for node in previous.spoken:
        match = tree.match(node)
        if match is None:
            continue
        cut.reveal(match)
        if match in cut:
            cut.speak(match)
    return cut
