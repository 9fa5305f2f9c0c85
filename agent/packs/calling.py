"""A pack at a cursor: calls of what can be reached from there, one a line, in place of chunks. Knows no rule.

What a model writes next is a call, so what it is shown is a call: of the same form, with what stands before the cursor
already. A few positions each tell it what can be called and with what, where a definition in full takes hundreds.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from megacontext.memory.focus import Cut, Node, TextCodec
from megacontext.memory.focus.node import CHUNK, reading_key
from megacontext.memory.focus.words import asked_share, stems

from .reach import Place, Reach, Reached

LISTED = 8
"""Calls that are shown, at most."""
LINE = 80
"""Characters before the cursor whose words count twice."""
WINDOW = 400
"""Characters before the cursor whose words count."""


class CallCodec(TextCodec):
    """A text codec in which a chunk's signature is the calls of what it defines."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)  # type: ignore[arg-type]
        self.calls: Mapping[Node, Sequence[str]] = {}

    def _outline_cost(self, node: Node) -> int:
        return self._count(self._body(node))

    def _body(self, node: Node) -> str:
        if node.level == CHUNK and node in self.calls:
            return "".join(f"{call}\n" for call in self.calls[node])
        return super()._body(node)


def likeliest(
    reached: Sequence[Reached], place: Place, counts: Callable[[list[str]], Mapping[str, int]]
) -> list[tuple[float, Reached]]:
    """What is likeliest to be called, best first, with its score.

    `counts` tells how many chunks of the repository hold each lower-case word: what it calls elsewhere, it calls again.
    """
    if place.raises and (errors := [each for each in reached if each.is_error]):
        reached = errors
    used = counts([each.symbol.name.lower() for each in reached])
    near, window = stems(place.text[-LINE:]), stems(place.text[-WINDOW:])
    scored = []
    for each in reached:
        own = stems(each.symbol.name)
        alike = 2 * asked_share(near, own) + asked_share(window, own)
        scored.append((math.log1p(used[each.symbol.name.lower()]) + alike, each))
    scored.sort(key=lambda pair: -pair[0])
    first: dict[str, tuple[float, Reached]] = {}
    for score, each in scored:
        first.setdefault(f"{each.receiver}{each.symbol.name}", (score, each))
    return list(first.values())[:LISTED]


def listed(
    reach: Reach, codec: CallCodec, wanted: Sequence[tuple[float, Reached]], budget: int
) -> tuple[Cut, dict[Node, float]]:
    """A cut that renders the first of some calls that fit in a budget of positions, and the best score of each."""
    calls: dict[Node, list[str]] = {}
    scores: dict[Node, float] = {}
    tree = reach.tree
    # Most calls give what they have to; of the only one, all that it takes is told.
    whole = len({each.symbol.name for _, each in wanted}) == 1
    by_id = tree.catalogue.chunks({each.symbol.chunk_id for _, each in wanted})
    for score, each in wanted:
        node = tree.node_of(by_id[each.symbol.chunk_id])
        tried = {**calls, node: [*calls.get(node, []), reach.form(each, whole=whole)]}
        codec.calls = tried
        if _cost(codec, tried) <= budget:
            calls = tried
            scores.setdefault(node, score)
    codec.calls = calls
    cut = Cut(tree, codec)
    for node in calls:
        cut.reveal(node)
        cut.speak(node)
    return cut, scores


def _cost(codec: CallCodec, nodes: Iterable[Node]) -> int:
    placed = sorted(nodes, key=reading_key)
    return sum(
        codec.cost(node, after) for after, node in zip([None, *placed], placed, strict=False)
    )
