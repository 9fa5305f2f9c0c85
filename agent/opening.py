"""From a path and settings to an open memory: which model's tokens and gists, which rules. Loads no torch."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from megacontext.configs.errors import ModelFilesError
from megacontext.configs.loading import load_settings
from megacontext.configs.settings import Settings
from megacontext.memory.left_out import LeftOutRules
from megacontext.memory.memory import Memory
from megacontext.memory.places import Places, find_places
from megacontext.memory.tree.store import TreeSpec
from megacontext.models.choosing.choose import Choice, choose_model, pocket_folder
from megacontext.models.choosing.machine import probe_machine
from megacontext.models.identity import encoder_identity
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
    folder: Path
    """Whose tokenizer and encoder the tree is made with: the chosen model's, else pocket's."""

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
            return cls(places, settings, None, settings.model.remote.tokenizer or pocket_folder())
        model = settings.model
        choice = choose_model(
            model.name,
            probe_machine(),
            device=model.device,
            precision=model.dtype,
            folders=model.folders,
            allow_download=model.allow_download,
        )
        return cls(places, settings, choice, choice.folder or pocket_folder())

    @property
    def base_name(self) -> str:
        """A short name of the model behind the tree, fit for a folder."""
        own = self.choice.name if self.choice and self.choice.folder else "pocket"
        return NOT_IN_A_FOLDER_NAME.sub("-", Path(own).name).strip("-.")[:40] or "model"

    def spec(self) -> TreeSpec:
        """The tree of this model; raises ModelFilesError when its folder cannot be read."""
        slots = self.settings.memory.gist_slots
        identity = f"{encoder_identity(self.folder)}/{slots}"
        encoder = blake2b(identity.encode(), digest_size=16).hexdigest()
        return TreeSpec(self.base_name, encoder, _hidden_size(self.folder), slots)

    def rules(self) -> LeftOutRules:
        """What stays out of this repository's memory."""
        return left_out_rules(self.settings.memory)

    def open_memory(self, *, write: bool) -> Memory:
        """Open the index; see `Memory.open` for errors."""
        return Memory.open(
            self.places, self.spec(), TextTokenizer.load(self.folder), self.rules(), write=write
        )


def _hidden_size(folder: Path) -> int:
    path = folder / "config.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelFilesError(
            f"{path} does not tell the model's hidden_size; get the model's folder again"
        ) from exc
