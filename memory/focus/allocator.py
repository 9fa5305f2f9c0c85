"""Choosing the cut: greedy, legal, within the budget.

Best-first search from the entries of the cut: coarse nodes are opened silently, which is free, on the way to what
scores well; chunks are then rendered in the order of score per cost. What scores below the minimum collapses, and
so does what a much better newcomer needs the room of; at a cursor what stands there resists for a while.
Knows no feature and no model.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .cut import Cut
from .frontier import Frontier
from .node import BLOCK, CHUNK, DIRECTORY, FILE, ROOT, Node, reading_key
from .query import FocusQuery
from .scorer import Scorer

WORTH = {CHUNK: 0.5, FILE: 0.35, DIRECTORY: 0.1}
"""How much of a node's score a coarse rendering is worth: a signature tells more of its chunk than the outline
of a whole file does."""
OVERVIEW_CANDIDATES = 32
TYPICAL_COST = 128
"""Positions at which `brevity` begins to count."""
LEFT_OVER = 1 / 64
"""Share of the budget that is not worth searching for something small enough to fit."""


@dataclass(frozen=True, slots=True)
class FocusSettings:
    """How the allocator spends a budget; raises ValueError at construction for values that make no sense."""

    overview: float = 0.12
    """Share of the budget for entries that are not verbatim."""
    breadth: int = 0
    """So many of the best chunks are shown by their signatures, in that share, before any is shown in full."""
    minimum: float = 0.0
    """Score above which a node deserves detail where a question is asked."""
    cursor_minimum: float = -0.3
    """The same at a cursor: there, code that is only likely of use is worth more than room left empty."""
    cursor_stay: float = 0.85
    """By how much a newcomer must score better at a cursor: each line changes the query a little, and a context
    that follows every change leaves a model nothing in its cache."""
    brevity: float = 0.1
    """How much a low cost counts against a high score: priority = score / (1 + cost / 128) ** brevity."""
    margin: float = 0.2
    """A newcomer displaces a rendered chunk only if its priority is higher by this share."""
    step: int = 16
    """Expansions, then collapses, before the other side has its turn."""
    cooldown: int = 2
    """Rounds in which a changed node is not changed back."""
    rounds: int = 8
    patience: int = 24
    """Chunks in a row that do not fit before a round gives up."""

    def __post_init__(self) -> None:
        shares = {"overview": self.overview, "margin": self.margin}
        counts = {
            "step": self.step,
            "cooldown": self.cooldown,
            "rounds": self.rounds,
            "patience": self.patience,
        }
        for name, share in shares.items():
            if not 0 <= share < 1:
                raise ValueError(f"focus.{name} is {share}; it must be at least 0 and below 1")
        for name, count in counts.items():
            if count < 1:
                raise ValueError(f"focus.{name} is {count}; it must be at least 1")
        for name, number in {"brevity": self.brevity, "cursor_stay": self.cursor_stay}.items():
            if number < 0:
                raise ValueError(f"focus.{name} is {number}; it must be at least 0")


def allocate(
    cut: Cut, scorer: Scorer, query: FocusQuery, settings: FocusSettings
) -> tuple[Cut, frozenset[Node]]:
    """A new cut within the query's budget, starting from `cut`, and which of its entries are pinned."""
    allocation = Allocation(cut.copy(), scorer, query, settings)
    allocation.run()
    below_pins = {child for node in allocation.pinned for child in cut.tree.children(node)}
    return allocation.cut, frozenset(below_pins)


class Allocation:
    """One run of the allocator over one cut, which it changes in place."""

    def __init__(
        self, cut: Cut, scorer: Scorer, query: FocusQuery, settings: FocusSettings
    ) -> None:
        self.cut = cut
        self.tree = cut.tree
        self.scorer = scorer
        self.query = query
        self.settings = settings
        self.scores: dict[Node, float] = {}
        self.pinned: set[Node] = set()
        self._before = frozenset(cut.spoken)
        self._minimum = settings.minimum if query.at is None else settings.cursor_minimum
        self._stay = 0.0 if query.at is None else settings.cursor_stay
        self._round = 0
        self._changed: dict[Node, int] = {}
        fine = (node for node in cut.opened if node.level <= CHUNK)
        # A set has another order in every process, and equals would go in that order.
        self._fine = sorted(fine, key=reading_key)
        self._detailed = frozenset(self._fine)
        """What was opened before this run."""
        self._standing: list[tuple[float, Node]] | None = None

    def run(self) -> None:
        """Pins first, then rounds to a fixed point, the overview, and what room is left for more detail."""
        budget = self.query.budget
        self._clear_room()
        self._pin()
        reserve = int(budget * self.settings.overview)
        if self.settings.breadth:
            self._speak_best(reserve)
            reserve = 0
        self._settle(budget - reserve)
        self.cut.tidy()
        self._speak_overview(reserve)
        self._settle(budget)
        if not self.cut.spoken:
            # Nothing fits in detail, so the overview may have all the room.
            self._speak_overview(budget)
        self.cut.tidy()
        self._speak_root()

    def _settle(self, limit: int) -> None:
        for _ in range(self.settings.rounds):
            self._round += 1
            if not self._advance(limit):
                return

    # What the last cut leaves behind

    def _clear_room(self) -> None:
        """Silence old overview entries and what the prompt holds by now; the rest may stay."""
        for node in self.cut.spoken:
            if node.level >= CHUNK:
                self.cut.hush(node)
        for node in [node for node in self._fine if self._is_excluded(node)]:
            if self.cut.is_opened(node):
                self._collapse(node)
        self._score(self._fine)
        while self.cut.total > self.query.budget:
            # A chunk can only go when none of its blocks is finer, hence the rounds.
            loose = [node for node in self._fine if self.cut.can_collapse(node)]
            for node in sorted(loose, key=self._rendered_priority):
                if self.cut.total <= self.query.budget:
                    return
                self._collapse(node)

    def _pin(self) -> None:
        for pin in self.query.pins:
            for chunk in self.tree.chunks_of(pin.path):
                node = self.tree.node_of(chunk)
                if not pin.overlaps(
                    chunk.path, chunk.start_line, chunk.end_line
                ) or self._is_excluded(node):
                    continue
                self.cut.reveal(node)
                if not self.cut.is_opened(node) and not self._fits(node, self.query.budget):
                    continue
                if not self.cut.is_opened(node):
                    self._expand(node)
                self.pinned.add(node)

    # One round

    def _advance(self, limit: int) -> bool:
        """Alternate expansions and collapses until neither finds anything; whether anything changed."""
        entries = list(self.cut)
        self._score([*entries, *self._fine])
        waiting = Frontier(self._ranked(entries))
        changed = False
        while True:
            expanded = self._expand_best(waiting, limit)
            collapsed = self._collapse_worst()
            if not expanded and not collapsed:
                return changed
            changed = True

    def _expand_best(self, waiting: Frontier, limit: int) -> int:
        done = misses = 0
        while done < self.settings.step and misses < self.settings.patience:
            priority, node = waiting.pop()
            if node is None or self._is_full(limit, priority):
                break
            if not self.cut.can_expand(node):
                continue  # a block whose chunk has made room for something better
            if node.level >= FILE:
                self.cut.expand(node)
                done += 1
            elif self._fits(node, limit) or self._displace(node, priority):
                self._expand(node)
                done, misses = done + 1, 0
            else:
                misses += 1
                continue
            children = self.tree.children(node)
            self._score(children)
            waiting.push(self._ranked(children))
        return done

    def _is_full(self, limit: int, priority: float) -> bool:
        """Whether next to no room is left, and what waits with this priority may displace nothing."""
        if limit - self.cut.total > self.query.budget * LEFT_OVER:
            return False
        weakest = self._weakest_first()
        return not weakest or weakest[0][0] >= priority * (1 - self.settings.margin)

    def _collapse_worst(self) -> int:
        below = [
            node
            for node in self._fine
            if self._standing_score(node) <= self._minimum and self._may_collapse(node)
        ]
        below.sort(key=lambda node: self.scores[node])
        for node in below[: self.settings.step]:
            self._collapse(node)
        return len(below[: self.settings.step])

    def _displace(self, newcomer: Node, priority: float) -> bool:
        """Collapse much worse chunks until `newcomer` fits; False, and nothing done, when that is not enough."""
        bar = priority * (1 - self.settings.margin)
        missing = self.cut.total + self.cut.price_of_expanding(newcomer) - self.query.budget
        victims = []
        for standing, node in self._weakest_first():
            if missing <= 0 or standing >= bar:
                break
            if self._may_collapse(node) and node[1:3] != newcomer[1:3]:
                victims.append(node)
                missing += self._price_of_collapsing(node)
        if missing > 0:
            return False
        for node in victims:
            self._collapse(node)
        return self._fits(newcomer, self.query.budget)

    def _weakest_first(self) -> list[tuple[float, Node]]:
        """What is rendered in detail, with its priorities; kept until the next change."""
        if self._standing is None:
            ranked = [(self._rendered_priority(node), node) for node in self._fine]
            self._standing = sorted(ranked, key=lambda item: item[0])
        return self._standing

    # The overview

    def _speak_overview(self, reserve: int) -> None:
        """Speak silent entries by worth per cost, within `reserve`."""
        entries = [node for node in self.cut if node.level >= CHUNK and not self._repeats(node)]
        self._score(entries)
        good = [node for node in entries if self.scores[node] > self._minimum]
        good.sort(key=lambda node: -self.scores[node])
        priced = [(node, self.cut.price_of_speaking(node)) for node in good[:OVERVIEW_CANDIDATES]]
        priced.sort(key=lambda item: -self._overview_worth(item[0]) / max(1, item[1]))
        spent = 0
        for node, _ in priced:
            price = self.cut.price_of_speaking(node)
            if self._says_something(node) and spent + price <= reserve and self._affords(price):
                self.cut.speak(node)
                spent += price

    def _speak_best(self, reserve: int) -> None:
        """Speak the signatures of the best chunks within `reserve`, best first."""
        entries = list(self.cut)
        self._score(entries)
        waiting = Frontier(self._ranked(entries))
        found = 0
        while found < self.settings.breadth:
            _, node = waiting.pop()
            if node is None:
                return
            if node.level >= FILE:
                self.cut.expand(node)
                children = self.tree.children(node)
                self._score(children)
                waiting.push(self._ranked(children))
                continue
            price = self.cut.price_of_speaking(node)
            found += 1
            if self.cut.total + price <= reserve:
                self.cut.speak(node)

    def _speak_root(self) -> None:
        """The root's line, when there is nothing else."""
        if self.cut.spoken or not self.tree.children(ROOT):
            return
        if self._affords(self.cut.price_of_speaking(ROOT)):
            self.cut.speak(ROOT)

    def _overview_worth(self, node: Node) -> float:
        stays = node in self._before
        return WORTH[node.level] * self.scores[node] * (1 + self.settings.margin * stays)

    def _says_something(self, node: Node) -> bool:
        # Behind itself an entry has no header: what is left is its own text.
        return self.cut.codec.cost(node, node) > 0

    # Actions and their legality

    def _expand(self, node: Node) -> None:
        self.cut.expand(node, speak=True)
        self._changed[node] = self._round
        self._fine.append(node)
        self._standing = None
        self._score([node])

    def _collapse(self, node: Node) -> None:
        for child in self.tree.children(node):
            if self.cut.is_opened(child):
                self._collapse(child)
        self.cut.collapse(node, speak=_leaves_a_gist(node))
        self._changed[node] = self._round
        self._fine.remove(node)
        self._standing = None

    def _price_of_collapsing(self, node: Node) -> int:
        return self.cut.price_of_collapsing(node, speak=_leaves_a_gist(node))

    def _fits(self, node: Node, limit: int) -> bool:
        # The limit holds back a reserve, but what is begun below it may use it up: the best chunk can be long.
        return self.cut.total < limit and self._affords(self.cut.price_of_expanding(node))

    def _affords(self, price: int) -> bool:
        return self.cut.total + price <= self.query.budget

    def _may_collapse(self, node: Node) -> bool:
        affordable = (
            self._affords(self._price_of_collapsing(node)) if self.cut.can_collapse(node) else False
        )
        return affordable and node not in self.pinned and not self._is_cooling(node)

    def _is_cooling(self, node: Node) -> bool:
        return (
            self._round - self._changed.get(node, -self.settings.cooldown) < self.settings.cooldown
        )

    def _is_excluded(self, node: Node) -> bool:
        return node.level <= CHUNK and self._repeats(node)

    def _repeats(self, node: Node) -> bool:
        """Whether it covers lines that the prompt holds anyway."""
        if node.level == DIRECTORY or not self.query.exclude:
            return False
        return any(
            span.overlaps(chunk.path, chunk.start_line, chunk.end_line)
            for chunk in self.tree.chunks(node)
            for span in self.query.exclude
        )

    # Scores and priorities

    def _score(self, nodes: Iterable[Node]) -> None:
        unknown = [node for node in nodes if node not in self.scores]
        if unknown:
            values = self.scorer.score(unknown, self.query).tolist()
            self.scores.update(zip(unknown, values, strict=True))

    def _ranked(self, nodes: Iterable[Node]) -> list[tuple[float, Node]]:
        """Entries worth expanding, with their priorities."""
        wanted = [
            node for node in nodes if self.scores[node] > self._minimum and self.tree.children(node)
        ]
        wanted = [
            node for node in wanted if not self._is_excluded(node) and not self._is_cooling(node)
        ]
        self.cut.codec.prepare([node for node in wanted if node.level <= CHUNK])
        return [(self._priority(node), node) for node in wanted]

    def _priority(self, node: Node) -> float:
        if node.level >= FILE:
            return self.scores[node]
        return self._per_cost(self.scores[node], self.cut.price_of_expanding(node))

    def _rendered_priority(self, node: Node) -> float:
        if node in self.pinned or not self.cut.can_collapse(node):
            return float("inf")
        return self._per_cost(self._standing_score(node), -self._price_of_collapsing(node))

    def _standing_score(self, node: Node) -> float:
        return self.scores[node] + self._stay * (node in self._detailed)

    def _per_cost(self, score: float, cost: int) -> float:
        return score * float((1 + max(0, cost) / TYPICAL_COST) ** -self.settings.brevity)


def _leaves_a_gist(node: Node) -> bool:
    """Whether a collapse leaves something to read: a block goes back to its gist, whatever is coarser falls silent."""
    return node.level == BLOCK
