"""LensNet on disk: `lensnet.safetensors` beside `lensnet.json`.

The JSON holds the configuration, which names base, encoder and features, and a digest of the weights, so that
files that do not belong together are found out. Knows no training state.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from megacontext.configs.errors import ModelFilesError

from ..lensnet import LensNet, LensNetConfig

WEIGHTS = "lensnet.safetensors"
CARD = "lensnet.json"


class _Card(BaseModel):
    """The content of `lensnet.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lens_id: str
    config: LensNetConfig


def lens_id(lensnet: LensNet) -> str:
    """Hex digest (32 digits) of configuration and weights."""
    digest = hashlib.blake2b(lensnet.config.model_dump_json().encode(), digest_size=16)
    for name, tensor in sorted(lensnet.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_lensnet(lensnet: LensNet, folder: Path) -> None:
    """Write both files into `folder`, which is made if need be; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    card = _Card(lens_id=lens_id(lensnet), config=lensnet.config)
    weights = {name: value.cpu().contiguous() for name, value in lensnet.state_dict().items()}
    new_weights, new_card = folder / f"{WEIGHTS}.new", folder / f"{CARD}.new"
    save_file(weights, new_weights)
    new_card.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new_weights.replace(folder / WEIGHTS)
    new_card.replace(folder / CARD)


def has_lensnet(folder: Path) -> bool:
    """Whether a LensNet was saved there."""
    return (folder / CARD).is_file() and (folder / WEIGHTS).is_file()


def load_lensnet(
    folder: Path,
    *,
    base_id: str,
    encoder_id: str,
    gist_width: int,
    feature_names: Sequence[str],
    device: str = "cpu",
) -> LensNet:
    """The LensNet saved in `folder`, for the gists and features that it will be given.

    Raises ModelFilesError where a file is missing or damaged, or where it was made for another base, another
    GistNet, another width or other features.
    """
    card = _read_card(folder / CARD)
    made_for = card.config
    for what, theirs, ours in (
        ("gist width", made_for.gist_width, gist_width),
        ("base", made_for.base_id, base_id),
        ("GistNet", made_for.encoder_id, encoder_id),
        ("features", ", ".join(made_for.feature_names), ", ".join(feature_names)),
    ):
        if theirs != ours:
            raise ModelFilesError(
                f"the LensNet in {folder} was made for another {what} ({theirs}, here {ours}); "
                "train one for this, or use the feature scorer"
            )
    lensnet = LensNet(card.config)
    try:
        lensnet.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as exc:
        raise ModelFilesError(
            f"{folder / WEIGHTS} is missing, damaged or of other sizes than {CARD} says; "
            "get both files again from where the model came from"
        ) from exc
    if lens_id(lensnet) != card.lens_id:
        raise ModelFilesError(
            f"{folder / WEIGHTS} does not belong to the {CARD} beside it; "
            "get both files again from where the model came from"
        )
    return lensnet.to(device).eval()


def _read_card(path: Path) -> _Card:
    try:
        return _Card.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise ModelFilesError(
            f"{path} cannot be read ({exc.strerror}); a learned focus needs it, the feature scorer not"
        ) from exc
    except ValidationError as exc:
        where = ".".join(map(str, exc.errors()[0]["loc"])) or "its content"
        raise ModelFilesError(
            f"{path} is no LensNet of this version ({where}: {exc.errors()[0]['msg']}); "
            "get it again, or train one with this version"
        ) from exc
