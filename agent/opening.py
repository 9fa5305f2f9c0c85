"""From a path and settings to an open memory: which model's tokens and gists, which rules. Loads no torch."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import platformdirs

from megacontext.configs.errors import ModelFilesError
from megacontext.configs.loading import load_settings
from megacontext.configs.settings import Settings
from megacontext.memory.left_out import LeftOutRules
from megacontext.memory.memory import Memory
from megacontext.memory.packs.mounts import Mounts
from megacontext.memory.packs.store import PackStore
from megacontext.memory.packs.unpacking import Reader
from megacontext.memory.places import Places, find_places
from megacontext.memory.tree.store import TreeSpec
from megacontext.models.base import BaseModel
from megacontext.models.choosing.choose import Choice, choose_model, pocket_folder
from megacontext.models.choosing.machine import probe_machine
from megacontext.models.identity import encoder_identity
from megacontext.models.language.chat_template import ChatTemplate
from megacontext.models.language.loading import download
from megacontext.models.language.tokenizing import TextTokenizer

from .rules import left_out_rules

NOT_IN_A_FOLDER_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Workplace:
    """A repository and what to work on it with; nothing is open yet."""

    places: Places
    settings: Settings
    choice: Choice | None
    """The local model; None when a remote one answers."""

    @classmethod
    def at(
        cls, repository: Path | None = None, overrides: Mapping[str, object] | None = None
    ) -> "Workplace":
        """The repository that encloses `repository` (default: the current folder), its settings and its model.

        Raises RepositoryError, SettingsError, ModelChoiceError or ModelFilesError.
        """
        places = find_places(repository or Path.cwd())
        settings = load_settings(places.root, overrides)
        if settings.model.remote is not None:
            return cls(places, settings, None)
        model = settings.model
        choice = choose_model(
            model.name,
            probe_machine(),
            device=model.device,
            precision=model.dtype,
            folders=model.folders,
            allow_download=model.allow_download,
        )
        return cls(places, settings, choice)

    @cached_property
    def folder(self) -> Path:
        """The model folder whose tokenizer and encoder the tree is made with; pocket's for a remote model.

        Downloads the chosen model where settings allow that and it is not here yet.
        """
        if self.choice is None:
            return pocket_folder()
        return self.choice.folder or download(self.choice.hub_id or self.choice.name)

    @cached_property
    def tokenizer(self) -> TextTokenizer:
        """What the tree's token ids are made with; raises ModelFilesError when it cannot be read."""
        return TextTokenizer.load(self._remote_tokenizer or self.folder)

    @property
    def can_chat(self) -> bool:
        """Whether the model answers questions, told without loading it."""
        if self.choice is None:
            return True
        if self.choice.folder is None and self.choice.preset is not None:
            return self.choice.preset.chat
        return ChatTemplate.of_folder(self.folder) is not None

    @property
    def base_name(self) -> str:
        """A short name of the model behind the tree, fit for a folder."""
        remote = self.settings.model.remote if self._remote_tokenizer else None
        own = remote.model if remote else self.choice.name if self.choice else "pocket"
        return NOT_IN_A_FOLDER_NAME.sub("-", Path(own).name).strip("-.")[:40] or "model"

    def spec(self) -> TreeSpec:
        """The tree of this model; raises ModelFilesError when its folder cannot be read."""
        slots = self.settings.memory.gist_slots
        # A remote model reads no vectors: its tree holds tokens alone, and no width matters.
        remote = self._remote_tokenizer is not None
        base = self.tokenizer.fingerprint if remote else encoder_identity(self.folder)
        encoder = blake2b(f"{base}/{slots}".encode(), digest_size=16).hexdigest()
        return TreeSpec(self.base_name, encoder, 1 if remote else _hidden_size(self.folder), slots)

    @property
    def _remote_tokenizer(self) -> Path | None:
        remote = self.settings.model.remote
        return remote.tokenizer if remote is not None else None

    @property
    def wants_gists(self) -> bool:
        """Whether the settings ask for gists: `auto` is on for a local model."""
        wanted = self.settings.memory.gists
        return wanted == "on" or (wanted == "auto" and self.choice is not None)

    def load_model(self) -> BaseModel:
        """The base model; slow. Raises ModelError when it cannot be loaded."""
        if self.settings.model.remote is not None:
            from megacontext.models.language.remote import RemoteModel

            return RemoteModel(self.settings.model.remote)
        from megacontext.models.language.loading import load_model

        assert self.choice is not None, "no remote model is set, so one was chosen"
        return load_model(self.choice)

    def rules(self) -> LeftOutRules:
        """What stays out of this repository's memory."""
        return left_out_rules(self.settings.memory)

    def open_memory(self, *, write: bool) -> Memory:
        """Open the index, with the packs that are mounted beside it; see `Memory.open` for errors."""
        spec = self.spec()
        memory = Memory.open(self.places, spec, self.tokenizer, self.rules(), write=write)
        memory.mounts = Mounts(self.places, self.pack_store, Reader(spec, self.tokenizer))
        return memory

    @property
    def pack_store(self) -> PackStore:
        """The packs of this machine."""
        return PackStore(
            self.settings.packs.store or platformdirs.user_data_path("megacontext") / "packs"
        )


def _hidden_size(folder: Path) -> int:
    path = folder / "config.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelFilesError(
            f"{path} does not tell the model's hidden_size; get the model's folder again"
        ) from exc
