"""How still a focus stays while a cursor moves on, and how long a refocus takes. Loses no nats: it reads no model."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from megacontext.memory.focus import Focused, Node, Scorer, focus
from megacontext.memory.focus.node import BLOCK, CHUNK
from megacontext.memory.tree.store import BLOCK_SIZE
from megacontext.models.evaluation.bootstrap import DRAWS, Bootstrap, Interval

from ...codecs import Lens
from ..repositories import Repository
from .scenes.drawing import query_at
from .scenes.places import Place, PlaceFinder
from .settings import PlaceSettings, StabilitySettings

LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass
class Walk:
    """What happened while the cursor moved through one file."""

    file: str
    blocks: float = 0.0
    """How far it moved, in blocks of 32 tokens."""
    actions: int = 0
    """Entries whose detail came or went."""
    stays: list[int] = field(default_factory=list)
    """For every entry that was in detail, for how many refocuses in a row."""


def walk(
    repository: Repository, lens: Lens, scorer: Scorer, places: Sequence[Place], budget: int
) -> Walk:
    """Refocus at each place of one file in turn, from the working context before."""
    done = Walk(f"{repository.name}:{places[0].path}")
    focused: Focused | None = None
    staying: dict[Node, int] = {}
    for before, place in zip([None, *places], places, strict=False):
        query = query_at(repository, place, budget)
        previous = focused.cut if focused else None
        focused = focus(lens.tree, query, lens.plain, scorer, previous)
        if before is not None:
            changes = [*focused.changes.expanded, *focused.changes.collapsed]
            done.actions += sum(node.level <= BLOCK for node in changes)
            moved = place.before[len(before.before) :]
            done.blocks += repository.model.counter.count(moved) / BLOCK_SIZE
        detailed = {node for node in focused.cut.spoken if node.level <= BLOCK}
        done.stays += [count for node, count in staying.items() if node not in detailed]
        staying = {node: staying.get(node, 0) + 1 for node in detailed}
    done.stays += staying.values()
    return done


def block_steps(
    repository: Repository, settings: PlaceSettings, path: str, steps: int
) -> list[Place]:
    """Cursors in one file, each the first line at least a block behind the one before."""
    finder = PlaceFinder(repository, settings, 0)
    text = repository.text(path)
    places: list[Place] = []
    offset = gone = 0
    for line, content in enumerate(LINE.findall(text), start=1):
        if (not places or gone >= BLOCK_SIZE) and content.strip():
            place = finder.place_at(path, text, line, offset)
            if place is not None:
                places.append(place)
                gone = 0
        if len(places) > steps:
            break
        gone += repository.model.counter.count(content)
        offset += len(content)
    return places


def walked(walks: Sequence[Walk], seed: int) -> dict[str, Interval]:
    """Actions for each block that the cursor moves, and refocuses that an entry stays in detail."""
    bootstrap = Bootstrap([each.file for each in walks], seed=seed)

    def ratio(above: list[float], below: list[float]) -> Interval:
        return bootstrap.interval(lambda one, other: one / other, np.array(above), np.array(below))

    return {
        "flips_per_block": ratio(
            [float(each.actions) for each in walks], [each.blocks for each in walks]
        ),
        "residency": ratio(
            [float(sum(each.stays)) for each in walks], [float(len(each.stays)) for each in walks]
        ),
    }


def refocus_ms(
    repository: Repository,
    lens: Lens,
    scorer: Scorer,
    places: Sequence[Place],
    settings: StabilitySettings,
) -> tuple[list[float], int]:
    """Milliseconds of each refocus on a new query, and how many entries each scored.

    A refocus scores that many chunks (with their blocks, if there are too few), then allocates.
    """
    nodes = _nodes(repository, lens, settings.entries)
    found: list[float] = []
    focused: Focused | None = None
    for round_ in range(settings.rounds + 1):
        query = query_at(repository, places[round_ % len(places)], settings.budget + round_)
        started = time.perf_counter()
        scorer.score(nodes, query)
        previous = focused.cut if focused else None
        focused = focus(lens.tree, query, lens.plain, scorer, previous)
        found.append((time.perf_counter() - started) * 1000)
    return found[1:], len(nodes)  # the first loads the tree


def _nodes(repository: Repository, lens: Lens, count: int) -> list[Node]:
    chunks = [
        lens.tree.node_of(chunk) for path in repository.files for chunk in lens.tree.chunks_of(path)
    ]
    nodes = chunks[:count]
    for chunk in chunks:
        if len(nodes) >= count:
            break
        nodes += [node for node in lens.tree.children(chunk) if chunk.level == CHUNK]
    return nodes[:count]


def median(values: Sequence[float], seed: int) -> Interval:
    """The median with its 95 % bootstrap interval."""
    column = np.array(values)
    drawn = np.random.default_rng(seed).choice(column, (DRAWS, len(column)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return Interval(float(low), float(np.median(column)), float(high))
