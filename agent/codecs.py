"""Which codec a working context is read with, made for one memory and one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import ModelError, StoreError
from megacontext.memory.catalogue import ChunkRecord
from megacontext.memory.focus import (
    GIST_LEVELS,
    ChunkTokens,
    Codec,
    FeatureScorer,
    Scorer,
    TextCodec,
    TreeView,
)
from megacontext.memory.focus.features import FEATURES
from megacontext.memory.focus.gist_codec import GistCodec
from megacontext.memory.focus.lazy_gists import LazyGists
from megacontext.memory.focus.stored_gists import StoredGists
from megacontext.memory.focus.stored_tokens import StoredTokens
from megacontext.memory.memory import Memory
from megacontext.models.base import BaseModel, TextCounter
from megacontext.models.language.tokenizing import TextTokenizer

from .opening import Workplace
from .packs.calling import CallCodec
from .packs.choosing import LIMITS as PACK_LIMITS

if TYPE_CHECKING:
    from megacontext.memory.focus.lens_scorer import LensScorer
    from megacontext.models.gist.gister import Gister
    from megacontext.models.lensnet import LensNet


@dataclass(frozen=True)
class Lens:
    """What a working context is chosen and read with, in one codec."""

    tree: TreeView
    scorer: Scorer
    plain: Codec
    """For completion: nothing but code and signatures."""
    numbered: Codec
    """For answers that name places: with line numbers."""
    calls: CallCodec
    """For completion beside what it is a lens of: calls in place of signatures."""
    counter: TextCounter
    """Counts positions of a text."""
    separated: bool
    """Whether the model has a token that parts files."""

    @cached_property
    def features(self) -> FeatureScorer:
        """What chunks are held against those of other sources by, whatever scores them in their own."""
        return self.scorer if isinstance(self.scorer, FeatureScorer) else FeatureScorer(self.tree)


class CountedTexts:
    """The `ChunkTokens` of a model whose tokens the tree does not hold: counted from the text."""

    def __init__(self, memory: Memory, counter: TextCounter) -> None:
        self._memory = memory
        self._counter = counter

    def counts(self, chunks: Sequence[ChunkRecord]) -> list[int]:
        """How many tokens each chunk has."""
        return [self._counter.count(self._memory.text_of(chunk) or "") for chunk in chunks]

    def tokens(self, chunk: ChunkRecord) -> None:
        """Say that there are no ids."""


def text_lens(memory: Memory, workplace: Workplace, given: BaseModel | None) -> Lens:
    """Outlines and verbatim text; loads no model. `given` is used in place of the one that settings choose."""
    tree = TreeView(memory.catalogue, label=memory.label)
    tokens: ChunkTokens
    if given is not None and not _is_of_tree(given, workplace):
        tokens, counter = CountedTexts(memory, given.counter), given.counter
        separated = given.specials.file_sep is not None
    else:
        local = workplace.choice is not None or given is not None
        tokens, counter = StoredTokens(memory, exact=local), workplace.tokenizer
        separated = local and "<|file_sep|>" in workplace.tokenizer.added_tokens

    def make(numbered: bool) -> Codec:
        return TextCodec(tree, tokens, counter, memory.read, separated=separated, numbered=numbered)

    calls = CallCodec(tree, tokens, counter, memory.read, separated=separated)
    return Lens(tree, _scorer(tree), make(False), make(True), calls, counter, separated)


def gist_lens(memory: Memory, workplace: Workplace, model: BaseModel) -> Lens:
    """Gists of blocks between outlines and verbatim text; makes missing gists first.

    Those of a pack are the ones that it brings, or are made as they are read. Raises ModelError when the model reads no
    vectors of this tree, ModelFilesError for a LensNet that does not fit it, StoreError when there are no gists and
    another process is the one to make them.
    """
    if not model.supports_embeddings or not _is_of_tree(model, workplace):
        raise ModelError(
            f"{model.name} takes text only, or another model's text than this tree's; use --codec text"
        )
    gists = StoredGists(memory)
    if memory.ingest is not None:
        memory.gisting(_gister(workplace, model)).run()
    elif memory.may_lack_tree:
        if not memory.has_all_gists():
            gists = LazyGists(memory, _gister(workplace, model))
    elif not memory.store.rows_per_level().get(1):
        raise StoreError(
            f"there are no gists yet, and {memory.who_writes() or 'another process'} writes this index; "
            "stop it and run `megacontext index --gists`, or use --codec text"
        )
    tree = TreeView(memory.catalogue, GIST_LEVELS, gists.blocks, memory.label)
    settings: dict[str, Any] = {
        "decode": model.decode,
        "slots": min(workplace.settings.focus.gist_slots, memory.store.spec.slots),
        "separated": model.specials.file_sep is not None,
    }

    def make(numbered: bool) -> Codec:
        tokens = StoredTokens(memory)
        return GistCodec(
            tree, tokens, gists, model.counter, memory.read, numbered=numbered, **settings
        )

    separated = model.specials.file_sep is not None
    scorer = _scorer(tree)
    if workplace.settings.focus.scorer == "lensnet" and not tree.label:
        scorer = _learned(tree, memory, workplace, _gister(workplace, model))
    calls = CallCodec(tree, StoredTokens(memory), model.counter, memory.read, separated=separated)
    return Lens(tree, scorer, make(False), make(True), calls, model.counter, separated)


def _gister(workplace: Workplace, model: BaseModel) -> "Gister":
    from megacontext.models.gist.loading import gister_for

    return gister_for(model, workplace.folder)


def _scorer(tree: TreeView) -> Scorer:
    return FeatureScorer(tree, limits=PACK_LIMITS if tree.label else None)


def _learned(
    tree: TreeView, memory: Memory, workplace: Workplace, gister: "Gister"
) -> "LensScorer":
    from megacontext.models.lens.files import load_lensnet

    lensnet = load_lensnet(
        workplace.folder,
        base_id=gister.base_id,
        encoder_id=gister.encoder_id,
        gist_width=gister.width,
        feature_names=FEATURES,
    )
    return lens_scorer(tree, memory, lensnet, gister)


def lens_scorer(
    tree: TreeView, memory: Memory, lensnet: "LensNet", gister: "Gister"
) -> "LensScorer":
    """LensNet in the feature scorer's place, over the gists of a memory; it loads torch."""
    from megacontext.memory.focus.lens_scorer import LensScorer
    from megacontext.memory.focus.node_gists import NodeGists
    from megacontext.memory.focus.query_gists import QueryGists
    from megacontext.models.lens.tail_gists import TailGistCache

    queries = QueryGists(TailGistCache(gister), memory.tokenizer, memory.read)
    return LensScorer(tree, lensnet, NodeGists(memory), queries)


def _is_of_tree(model: BaseModel, workplace: Workplace) -> bool:
    counter = model.counter
    return (
        isinstance(counter, TextTokenizer)
        and counter.fingerprint == workplace.tokenizer.fingerprint
    )
