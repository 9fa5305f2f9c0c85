"""Training GistNet, alone or along with its base, as a task of the loop. Knows no command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...gist.base_identity import identify_base
from ...gist.files import load_gistnet
from ...gist.initial import initial_gistnet
from ...gistnet import GistNet
from ...language.transformers_model import TransformersModel
from ..markers import markers_of
from ..task import Rows, Task
from ..windows import Windows
from .data import HELD_OUT_PAIRS, PAIRS, BlendedWindows, Pairs
from .dense_cgr import dense_cgr
from .learner import GistLearner
from .settings import GistRunSettings
from .teacher import TeacherCache

ROUTED_GROUPS, ROUTED, RECALLED = 4, 64, 5
"""Groups of held-out pairs, pairs of each, and among how many nearest definitions the right one counts."""


class GistTask(Task):
    """One run of GistNet training.

    Args:
        settings: of the run.
        base: model folder that the run starts from.
        windows: folder of the packed windows, one folder a corpus; what the base says of them lies
            beside it, where that is kept.
        sources: hashes of "base" and "data".
    """

    def __init__(
        self, settings: GistRunSettings, base: Path, windows: Path, sources: Mapping[str, str]
    ) -> None:
        self._run = settings
        self.settings = settings
        self.fingerprint = f"{settings.fingerprint()}-{sources['base']}-{sources['data']}"
        self.sources = sources
        self.tokens_per_row = settings.seq_len
        self.rates = {"base.": settings.base_rate}
        kept = KeptTeacher(windows, f"{sources['base']}-{sources['data']}")
        self.build = partial(build_learner, settings, base, kept)
        self._learner = self.build()
        self.learner = self._learner
        self._train = BlendedWindows(settings, windows)
        here, routed = windows / settings.data[0].corpus, settings.routing.weight > 0
        self._pairs = Pairs(here, PAIRS, settings.seed) if routed else None
        self._held_out_pairs = Pairs(here, HELD_OUT_PAIRS) if routed else None
        validation = Windows(windows / settings.data[0].corpus, "validation", settings.seq_len)
        count = min(settings.evaluation.windows, len(validation))
        self.held_out: Rows = validation.rows([i * len(validation) // count for i in range(count)])

    @property
    def gist_learner(self) -> GistLearner:
        """The learner as it stands."""
        return self._learner

    def rows(self, index: int) -> Rows:
        """Windows of group `index`, or pairs in a step of routing."""
        routing = self._run.routing
        if self._pairs is not None and routing.is_due(index // self._run.batch.accumulate):
            return self._pairs.group(index, routing.pairs)
        return self._train.batch(index, self._run.batch.windows)

    def measure(self) -> dict[str, float]:
        """Dense CGR on some held-out windows, and how often the right definition is near."""
        measured = dense_cgr(self._learner, self.held_out, self._run.view.slots)
        if self._held_out_pairs is not None:
            groups = self._held_out_pairs.spread(ROUTED_GROUPS, ROUTED)
            recalls = [self._learner.routing_recall(rows, RECALLED) for rows in groups]
            measured[f"routing_recall_{RECALLED}"] = sum(recalls) / len(recalls)
        return measured


@dataclass(frozen=True)
class KeptTeacher:
    """Where what a base says of windows is kept, if settings ask for it."""

    windows: Path
    key: str
    """Of the base's weights and of the windows."""

    def opened(self, settings: GistRunSettings, vocabulary: int) -> TeacherCache | None:
        """The cache, or None where everything is made anew."""
        top = settings.teacher.top
        if top is None:
            return None
        parts = [
            Windows(self.windows / blend.corpus, "train", settings.seq_len)
            for blend in settings.data
        ]
        return TeacherCache(self.windows.parent / "teacher", self.key, parts, top, vocabulary)


def build_learner(
    settings: GistRunSettings, base: Path, kept: KeptTeacher | None = None
) -> GistLearner:
    """A learner as it is at the start of a run."""
    model = TransformersModel.from_pretrained(base, dtype=settings.base_precision)
    if settings.recompute:
        model.module.activation_checkpointing_enable({"use_reentrant": False})
    vocabulary = model.module.get_output_embeddings().weight.shape[0]
    return GistLearner(
        model.module,
        _start(settings, model),
        settings.view,
        settings.terms,
        pad=markers_of(model.tokenizer).pad,
        seed=settings.seed,
        train_base=settings.train_base,
        teacher=kept.opened(settings, vocabulary) if kept else None,
        routing=settings.routing,
        filler=markers_of(model.tokenizer).filler,
    )


def _start(settings: GistRunSettings, model: TransformersModel) -> GistNet:
    identity = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    encoder = settings.encoder
    if encoder.start is not None:
        return load_gistnet(Path(encoder.start), identity)
    return initial_gistnet(
        model.module,
        identity,
        layers=encoder.layers,
        bottleneck=encoder.bottleneck,
        seed=settings.seed,
    )
