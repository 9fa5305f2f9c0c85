"""The gister of a loaded base model: its trained GistNet where one lies beside it, else an initial one."""

from pathlib import Path

from ..base import BaseModel
from ..language.transformers_model import TransformersModel
from .base_identity import identify_base
from .files import has_gistnet, load_gistnet
from .gister import Gister
from .initial import initial_gistnet

SEED = 0


def gister_for(model: BaseModel, folder: Path) -> Gister:
    """The gister for `model`, which was loaded from `folder`.

    Raises ModelError for a model whose embeddings are out of reach, ModelFilesError for a GistNet that does not fit.
    """
    if not isinstance(model, TransformersModel):
        from megacontext.configs.errors import ModelError

        raise ModelError(f"{model.name} takes text only, so it has no gists; use the text codec")
    base = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    gistnet = (
        load_gistnet(folder, base)
        if has_gistnet(folder)
        else initial_gistnet(model.module, base, seed=SEED)
    )
    return Gister(model.module.get_input_embeddings().weight, gistnet)
