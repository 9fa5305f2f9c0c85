"""Routing: pairs of cursors and definitions, and coarse gists that learn to be found."""

from typing import Any

import pytest
import torch

from megacontext.models.gist.routing import affinity
from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.training.gist.pairs import DEFINITION, QUERY, WIDTH, definition_pairs
from megacontext.models.training.gist.routing import routing_loss, routing_recall
from megacontext.models.training.gist.settings import RoutingSettings
from tests.models.training.gist.test_gist_learner import learner

PAD = 4
SHAPES = '''\
"""Shapes of things."""
import math


class Triangle:
    """Three corners, and what stands between them, with all its sides."""

    def area(self, base, height):
        return base * height / 2 + math.pi * 0


def perimeter(sides):
    """Walk once around whatever has sides, and say how long it took in steps."""
    return sum(side.length for side in sides if side.length is not None)
'''
USER = '''\
"""Draws shapes on a very large table, one after the other, until there is no room."""
from shapes import Triangle, perimeter


def draw_everything(table):
    """Put all shapes there are onto a table, the largest one first, and go home."""
    for place in table.places:
        corner = place.corner
        shape = Triangle(corner)
        table.put(shape)


def measure_everything(table):
    return [perimeter(shape.sides) for shape in table.shapes]
'''


def pairs(files: list[tuple[str, str]], tokenizer: TextTokenizer) -> list[list[int]]:
    return list(definition_pairs(files, tokenizer, PAD, "seed"))


def texts(row: list[int], tokenizer: TextTokenizer) -> tuple[str, str]:
    query, definition = row[:QUERY], row[QUERY:]
    return tuple(tokenizer.decode([i for i in part if i != PAD]) for part in (query, definition))


def test_a_pair_is_a_cursor_before_a_use_and_the_definition_elsewhere(
    tokenizer: TextTokenizer,
) -> None:
    rows = pairs([("shapes.py", SHAPES), ("draw.py", USER)], tokenizer)
    assert {len(row) for row in rows} == {WIDTH}
    found = [texts(row, tokenizer) for row in rows]
    assert len(found) == 2
    for query, definition in found:
        name = "Triangle" if definition.startswith("class") else "perimeter"
        assert definition.startswith(("class Triangle:", "def perimeter("))
        assert query.endswith("\n")
        assert f"{name}(" not in query
        assert USER.startswith(query) or USER.find(query) > 0


@pytest.mark.parametrize(
    "files",
    [
        [],
        [("shapes.py", SHAPES)],
        [("draw.py", USER)],
        [("a.py", SHAPES), ("b.py", SHAPES), ("draw.py", USER)],
        [("shapes.py", "def perimeter(x): pass"), ("draw.py", "perimeter(1)")],
    ],
    ids=["nothing", "no use", "no definition", "defined twice", "too short"],
)
def test_what_is_not_clear_makes_no_pair(
    files: list[tuple[str, str]], tokenizer: TextTokenizer
) -> None:
    assert pairs(files, tokenizer) == []


def test_pairs_are_the_same_for_the_same_seed(tokenizer: TextTokenizer) -> None:
    files = [("shapes.py", SHAPES), ("draw.py", USER * 5)]
    assert pairs(files, tokenizer) == pairs(files, tokenizer)


def test_affinity_is_the_nearest_of_a_querys_gists() -> None:
    nodes = torch.eye(4)
    queries = torch.stack([torch.stack([nodes[2], -nodes[0]]), torch.stack([nodes[1], nodes[3]])])
    heard = torch.tensor([[True, True], [True, False]])
    near = affinity(queries, heard, nodes)
    assert near.argmax(1).tolist() == [2, 1]
    assert near[1, 3] == near[1, 0]
    alone = affinity(queries[1:, :1], heard[1:, :1], nodes)
    torch.testing.assert_close(near[1:], alone)


def rows(count: int) -> torch.Tensor:
    """Queries and definitions that share a token each, among noise; some are short."""
    random = torch.Generator().manual_seed(0)
    made = torch.randint(50, 90, (count, WIDTH), generator=random)
    own = torch.arange(count)[:, None] + 6
    made[:, 0:QUERY:7], made[:, QUERY::5] = own, own
    made[::2, 60:QUERY] = 0
    made[::3, QUERY + DEFINITION // 2 :] = 0
    return made


def test_routing_learns_what_belongs_together() -> None:
    taught = learner(reconstruction=0)
    taught.gistnet.requires_grad_(True)
    embed: Any = taught.base.get_input_embeddings()
    data = rows(24)
    before = routing_recall(taught.gistnet, embed, data, 0, 1)
    optimizer = torch.optim.Adam(taught.gistnet.parameters(), 3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        routing_loss(taught.gistnet, embed, data, 0).backward()
        optimizer.step()
    assert routing_recall(taught.gistnet, embed, data, 0, 1) > before + 0.2


def test_the_same_definition_is_no_wrong_answer() -> None:
    taught = learner(reconstruction=0)
    embed: Any = taught.base.get_input_embeddings()
    data = rows(4)
    data[1, QUERY:] = data[0, QUERY:]
    assert torch.isfinite(routing_loss(taught.gistnet, embed, data, 0))
    assert routing_recall(taught.gistnet, embed, data, 0, 3) == 1.0


def test_only_every_so_many_steps_are_for_routing() -> None:
    routing = RoutingSettings(weight=1, every=4)
    assert [step for step in range(9) if routing.is_due(step)] == [3, 7]
    assert not any(RoutingSettings().is_due(step) for step in range(9))
