"""All that are compared, made for one repository. Knows no measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from megacontext.memory.focus import Scorer, TreeView
from megacontext.memory.focus.features import FEATURES
from megacontext.models.gist.gister import Gister
from megacontext.models.lens.files import load_lensnet
from megacontext.models.lensnet import LensNet

from ...codecs import lens_scorer
from ..measuring import Measurer
from ..repositories import Repository
from .baselines.hindsight import Hindsight
from .baselines.judges import Asked, Filled, Judge, Sum
from .baselines.lexical import Bm25, Jaccard
from .baselines.neural import AttentionMass, Dense, MutualInformation
from .baselines.plain import Chance, ImportDistance, Nearness

FEATURE_SCORER = "features"
LENSNET = "lensnet"
HINDSIGHT = "hindsight"
"""Knows what is to be predicted: a bound, no entrant."""


@dataclass(frozen=True)
class Lenses:
    """LensNets by name, read from disk once; the first is the one that is measured, the others its ablations."""

    nets: Mapping[str, LensNet]

    @classmethod
    def load(cls, folders: Mapping[str, Path], gister: Gister) -> "Lenses":
        """Raises ModelFilesError for one that was made for another base, GistNet or other features."""
        nets = {
            name: load_lensnet(
                folder,
                base_id=gister.base_id,
                encoder_id=gister.encoder_id,
                gist_width=gister.width,
                feature_names=FEATURES,
            )
            for name, folder in folders.items()
        }
        return cls(nets)

    def scorers(self, repository: Repository, tree: TreeView) -> dict[str, Scorer]:
        """A scorer for each of them, over one tree."""
        memory, gister = repository.memory, repository.gister
        return {name: lens_scorer(tree, memory, net, gister) for name, net in self.nets.items()}


def judges_of(repository: Repository, lenses: Lenses, measurer: Measurer) -> dict[str, Judge]:
    """Every scorer and every baseline, by name; made while the repository's files are whole."""
    features = Asked(repository.lens.scorer)
    bm25, recency = Bm25(repository), Nearness()
    learned = lenses.scorers(repository, repository.lens.tree)
    return {
        **{name: Asked(scorer) for name, scorer in learned.items()},
        FEATURE_SCORER: features,
        "features_filled": Filled(features),
        "random": Chance(),
        "recency": recency,
        "bm25": bm25,
        "bm25_recency": Sum((bm25, recency)),
        "jaccard": Jaccard(),
        "imports": ImportDistance(repository),
        "dense": Dense(measurer),
        "attention": AttentionMass(measurer),
        "ami": MutualInformation(measurer),
        HINDSIGHT: Hindsight(measurer),
    }
