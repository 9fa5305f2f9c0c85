"""Training GistNet, alone or along with its base, as a task of the loop. Knows no command line."""

from collections.abc import Mapping
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
from .data import BlendedWindows
from .dense_cgr import dense_cgr
from .learner import GistLearner
from .settings import GistRunSettings


class GistTask(Task):
    """One run of GistNet training.

    Args:
        settings: of the run.
        base: model folder that the run starts from.
        windows: folder of the packed windows, one folder a corpus.
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
        self.build = partial(build_learner, settings, base)
        self._learner = self.build()
        self.learner = self._learner
        self._train = BlendedWindows(settings, windows)
        validation = Windows(windows / settings.data[0].corpus, "validation", settings.seq_len)
        count = min(settings.evaluation.windows, len(validation))
        self.held_out: Rows = validation.rows([i * len(validation) // count for i in range(count)])

    @property
    def gist_learner(self) -> GistLearner:
        """The learner as it stands."""
        return self._learner

    def rows(self, index: int) -> Rows:
        """Windows of group `index`."""
        return self._train.batch(index, self._run.batch.windows)

    def measure(self) -> dict[str, float]:
        """Dense CGR on some held-out windows."""
        return dense_cgr(self._learner, self.held_out, self._run.view.slots)


def build_learner(settings: GistRunSettings, base: Path) -> GistLearner:
    """A learner as it is at the start of a run."""
    model = TransformersModel.from_pretrained(base)
    return GistLearner(
        model.module,
        _start(settings, model),
        settings.view,
        settings.terms,
        pad=markers_of(model.tokenizer).pad,
        seed=settings.seed,
        train_base=settings.train_base,
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
