"""A refocus for a new cursor: 2,048 entries scored, by LensNet and by features, and the allocator run."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.codecs import Lens, lens_scorer
from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import Focused, FocusQuery, focus
from megacontext.memory.focus.features import FEATURES
from megacontext.memory.focus.node import CHUNK, Node
from megacontext.models.gist.loading import gister_for
from megacontext.models.language.loading import load_model
from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.lens.files import load_lensnet

from .bars import Bar, spread
from .corpora import repository
from .focus_bench import _places

TOKENS = 300_000
ENTRIES = 2_048
ROUNDS = 60
WARM_UP = 5
LENSNET, FEATURE_SCORER, IN_GISTS = "LensNet", "features", "LensNet, gist codec"


@dataclass
class Subject:
    """One scorer over the repository."""

    lens: Lens
    took: list[float] = field(default_factory=list)
    focused: Focused | None = None

    def refocus(self, nodes: Sequence[Node], query: FocusQuery) -> None:
        """Score all, then choose, from the cut before; what a key press at a new place costs."""
        started = time.perf_counter()
        self.lens.scorer.score(nodes, query)
        before = self.focused.cut if self.focused else None
        self.focused = focus(self.lens.tree, query, self.lens.plain, self.lens.scorer, before)
        self.took.append((time.perf_counter() - started) * 1000)


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as name:
        root = Path(name)
        repository(root, TOKENS // (10 if quick else 1), TextTokenizer.load(Workplace.at().folder))
        _index_with_gists(root)
        workplace = Workplace.at(root, {"focus.scorer": "lensnet", "focus.codec": "gist"})
        with workplace.open_memory(write=False) as memory:
            engine = Engine(workplace, memory)
            subjects = _subjects(engine)
            everything = [(_nodes(subject.lens, engine), subject) for subject in subjects.values()]
            for query in _places(engine, ROUNDS // (5 if quick else 1)):
                for nodes, subject in everything:
                    subject.refocus(nodes, query)
    times = {name: subject.took[WARM_UP:] for name, subject in subjects.items()}
    medians = {name: statistics.median(took) for name, took in times.items()}
    few = min(len(nodes) for nodes, _ in everything)
    entries = f"{few:,} entries; " if few != ENTRIES else ""
    notes = {name: entries + spread(took, "ms") for name, took in times.items()}
    return [
        Bar(
            "a refocus of 2,048 entries by LensNet, p50",
            medians[LENSNET],
            "ms",
            at_most=20,
            note=notes[LENSNET],
        ),
        Bar("the same by features, p50", medians[FEATURE_SCORER], "ms", note=notes[FEATURE_SCORER]),
        Bar("LensNet against features", medians[LENSNET] / medians[FEATURE_SCORER], "×"),
        Bar(
            "the same by LensNet with the gist codec, p50",
            medians[IN_GISTS],
            "ms",
            note=notes[IN_GISTS],
        ),
    ]


def _subjects(engine: Engine) -> dict[str, Subject]:
    """Both scorers over chunks as text, as `eval lens` takes times, and LensNet over blocks as the product does."""
    folder = engine.workplace.folder
    gister = gister_for(engine.model, folder)
    lensnet = load_lensnet(
        folder,
        base_id=gister.base_id,
        encoder_id=gister.encoder_id,
        gist_width=gister.width,
        feature_names=FEATURES,
    )
    plain, text, gists = (engine.lens(engine.memory, codec) for codec in ("text", "text", "gist"))
    learned = lens_scorer(text.tree, engine.memory, lensnet, gister)
    found = {LENSNET: replace(text, scorer=learned), FEATURE_SCORER: plain, IN_GISTS: gists}
    return {name: Subject(lens) for name, lens in found.items()}


def _index_with_gists(root: Path) -> None:
    workplace = Workplace.at(root)
    assert workplace.choice is not None
    with workplace.open_memory(write=True) as memory:
        memory.writer.reconcile()
        memory.gisting(gister_for(load_model(workplace.choice), workplace.folder)).run()


def _nodes(lens: Lens, engine: Engine) -> list[Node]:
    """Chunks, and with too few of them blocks."""
    with engine.memory.reading():
        paths = [file.path for file in engine.memory.catalogue.files()]
        chunks = [lens.tree.node_of(chunk) for path in paths for chunk in lens.tree.chunks_of(path)]
        nodes = chunks[:ENTRIES]
        for chunk in chunks:
            if len(nodes) >= ENTRIES:
                break
            nodes += [node for node in lens.tree.children(chunk) if chunk.level == CHUNK]
    return nodes[:ENTRIES]
