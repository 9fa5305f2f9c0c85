"""The gister of a loaded base model: its trained GistNet where one lies beside it, else an initial one."""

from pathlib import Path

import torch

from megacontext.configs.errors import ModelError

from ..base import BaseModel
from ..choosing.machine import has_bfloat16, processors
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
        raise ModelError(f"{model.name} takes text only, so it has no gists; use the text codec")
    base = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    gistnet = (
        load_gistnet(folder, base)
        if has_gistnet(folder)
        else initial_gistnet(model.module, base, seed=SEED)
    )
    embeddings = model.module.get_input_embeddings().weight
    if embeddings.device.type != "cpu":
        return Gister(embeddings, gistnet)
    # Rows are bf16 in any case; a processor that multiplies it makes them twice as fast.
    precision = torch.bfloat16 if has_bfloat16() else torch.float32
    return Gister(embeddings.to(precision), gistnet, workers=processors())
