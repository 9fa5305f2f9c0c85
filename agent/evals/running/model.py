"""The model that a run asks, and what its folder is called by. Loads when asked to."""

from typing import Any

from megacontext.configs.loading import load_settings
from megacontext.models.base import BaseModel
from megacontext.models.choosing.choose import choose_model
from megacontext.models.choosing.machine import probe_machine
from megacontext.models.identity import encoder_identity, model_identity


def load(name: str, device: str = "auto") -> tuple[BaseModel, dict[str, Any]]:
    """A model by its preset, folder or hub name, as the user's settings find it; and what tells it from others.

    A remote model of the settings is meant by `remote`. Raises ModelError or SettingsError.
    """
    settings = load_settings(None).model
    if name == "remote" and settings.remote is not None:
        from megacontext.models.language.remote import RemoteModel

        return RemoteModel(settings.remote), {
            "name": settings.remote.model,
            "server": settings.remote.base_url,
        }
    from megacontext.models.language.loading import download, load_model

    choice = choose_model(
        name,
        probe_machine(),
        device=device,
        precision=settings.dtype,
        folders=settings.folders,
        allow_download=settings.allow_download,
    )
    folder = choice.folder or download(choice.hub_id or choice.name)
    about = {
        "name": choice.name,
        "base": model_identity(folder),
        "encoder": encoder_identity(folder),
        "device": choice.device,
        "precision": choice.precision,
    }
    return load_model(choice), about
