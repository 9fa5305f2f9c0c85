"""Which codec a working context is read with, made for one memory and one model."""

from collections.abc import Callable

from megacontext.configs.errors import ModelError
from megacontext.memory.focus import Codec, TextCodec, TreeView
from megacontext.memory.focus.gist_codec import GistCodec
from megacontext.memory.focus.node import GIST_LEVELS
from megacontext.memory.focus.stored_gists import StoredGists
from megacontext.memory.focus.stored_tokens import StoredTokens
from megacontext.memory.memory import Memory
from megacontext.models.base import BaseModel, TextCounter
from megacontext.models.language.tokenizing import TextTokenizer

from .opening import Workplace

LoadModel = Callable[[], BaseModel]


def text_codec(
    memory: Memory, workplace: Workplace, load_model: LoadModel
) -> tuple[TreeView, Codec]:
    """Outlines and verbatim text; loads no local model."""
    tree = TreeView(memory.catalogue)
    exact = workplace.choice is not None
    tokenizer = TextTokenizer.load(workplace.folder)
    counter: TextCounter = tokenizer if exact else load_model().counter
    separated = exact and "<|file_sep|>" in tokenizer.added_tokens
    return tree, TextCodec(
        tree, StoredTokens(memory, exact=exact), counter, memory.read, separated=separated
    )


def gist_codec(
    memory: Memory, workplace: Workplace, load_model: LoadModel
) -> tuple[TreeView, Codec]:
    """Gists of blocks between outlines and verbatim text; makes missing gists first.

    Raises ModelError when the model reads no vectors.
    """
    model = load_model()
    if not model.supports_embeddings:
        raise ModelError(f"{model.name} takes text only; use --codec text")
    if memory.ingest is not None:
        from megacontext.models.gist.loading import gister_for

        memory.gisting(gister_for(model, workplace.folder)).run()
    gists = StoredGists(memory)
    tree = TreeView(memory.catalogue, GIST_LEVELS, gists.blocks)
    codec = GistCodec(
        tree,
        StoredTokens(memory),
        gists,
        model.counter,
        memory.read,
        slots=min(workplace.settings.focus.gist_slots, memory.store.spec.slots),
        separated=model.specials.file_sep is not None,
    )
    return tree, codec
