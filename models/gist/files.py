"""GistNet on disk: `gistnet.safetensors` beside `gistnet.json`.

The JSON holds the configuration, which names the base, and the encoder's id, so that weights and
configuration that do not belong together are found out. Knows no training state.
"""

import hashlib
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from megacontext.configs.errors import ModelFilesError

from ..gistnet import GistNet, GistNetConfig
from .base_identity import BaseIdentity, stable_bytes

WEIGHTS = "gistnet.safetensors"
CARD = "gistnet.json"


class _Card(BaseModel):
    """The content of `gistnet.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder_id: str
    config: GistNetConfig


def encoder_id(gistnet: GistNet) -> str:
    """Hex digest (32 digits) of configuration and weights: the name of the gists it makes.

    The same on every device and in float32 as in bfloat16.
    """
    digest = hashlib.blake2b(digest_size=16)
    # The base's name is for people; its weights and tokenizer are told by the rest of its identity.
    digest.update(gistnet.config.model_dump_json(exclude={"base": {"name"}}).encode())
    for name, parameter in sorted(gistnet.named_parameters()):
        digest.update(name.encode())
        digest.update(stable_bytes(parameter))
    return digest.hexdigest()


def save_gistnet(gistnet: GistNet, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write both files into `folder`, which is made if need be; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    card = _Card(encoder_id=encoder_id(gistnet), config=gistnet.config)
    weights = {
        name: value.to("cpu", dtype).contiguous() for name, value in gistnet.state_dict().items()
    }
    new_weights, new_card = folder / f"{WEIGHTS}.new", folder / f"{CARD}.new"
    save_file(weights, new_weights)
    # The library writes for the owner alone, and a wheel would keep that.
    new_weights.chmod(0o644)
    new_card.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    new_weights.replace(folder / WEIGHTS)
    new_card.replace(folder / CARD)


def has_gistnet(folder: Path) -> bool:
    """Whether a GistNet was saved there."""
    return (folder / CARD).is_file() and (folder / WEIGHTS).is_file()


def load_gistnet(
    folder: Path, base: BaseIdentity, dtype: torch.dtype = torch.float32, device: str = "cpu"
) -> GistNet:
    """The GistNet saved in `folder`, for the base that is loaded.

    Raises ModelFilesError where a file is missing or damaged, or where it was made for a base of
    another width, other weights or another tokenizer.
    """
    card = _read_card(folder / CARD)
    _check_base(folder, card.config.base, base)
    gistnet = GistNet(card.config)
    try:
        gistnet.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as exc:
        raise ModelFilesError(
            f"{folder / WEIGHTS} is missing, damaged or of other sizes than {CARD} says; "
            "get both files again from where the model came from"
        ) from exc
    if encoder_id(gistnet) != card.encoder_id:
        raise ModelFilesError(
            f"{folder / WEIGHTS} does not belong to the {CARD} beside it; "
            "get both files again from where the model came from"
        )
    return gistnet.to(device=device, dtype=dtype).eval()


def _read_card(path: Path) -> _Card:
    try:
        return _Card.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise ModelFilesError(
            f"{path} cannot be read ({exc.strerror}); the gist codec needs it, the text codec not"
        ) from exc
    except ValidationError as exc:
        where = ".".join(map(str, exc.errors()[0]["loc"])) or "its content"
        raise ModelFilesError(
            f"{path} is no GistNet of this version ({where}: {exc.errors()[0]['msg']}); "
            "get it again, or train one with this version"
        ) from exc


def _check_base(folder: Path, made_for: BaseIdentity, loaded: BaseIdentity) -> None:
    for what, theirs, ours in (
        ("width", made_for.width, loaded.width),
        ("tokenizer", made_for.tokenizer, loaded.tokenizer),
        ("weights", made_for.weights, loaded.weights),
    ):
        if theirs != ours:
            raise ModelFilesError(
                f"the GistNet in {folder} was made for {made_for.name}, whose {what} ({theirs}) "
                f"differs from that of {loaded.name} ({ours}); use the GistNet of this base, or "
                "the text codec"
            )
