"""What a corpus is made of. Knows the shape of `configs/data/*.yaml`, reads no package."""

from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from megacontext.configs.errors import SettingsError

Settings = TypeVar("Settings", bound=BaseModel)

PERMISSIVE = ("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "PSF-2.0")
"""SPDX names of the licences that the corpus may hold."""


class Strict(BaseModel):
    """Frozen, and a key that nobody reads is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PackageSource(Strict):
    """One distribution of the Python Package Index, pinned."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.!+_-]*$")]
    licence: str
    max_mb: Annotated[float, Field(gt=0)] | None = None
    skip: tuple[str, ...] = ()
    """Files whose path (with a leading slash) contains one of these strings stay out."""

    @model_validator(mode="after")
    def _permissive(self) -> Self:
        if self.licence not in PERMISSIVE:
            allowed = ", ".join(PERMISSIVE)
            raise ValueError(f"{self.name}: licence {self.licence!r} is not one of {allowed}")
        return self


class LibrarySource(Strict):
    """The running Python's standard library."""

    max_mb: Annotated[float, Field(gt=0)]
    skip: tuple[str, ...] = ()


class FileSource(Strict):
    """A folder of prose or dialogue: `.txt`, `.md`, and `.jsonl` with one document a line."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    path: Annotated[str, Field(min_length=1)]
    """Of the folder, from where the command runs."""
    licence: Annotated[str, Field(min_length=1)]
    """As whoever names the folder states it; told in the manifest, and not checked."""
    max_mb: Annotated[float, Field(gt=0)] | None = None
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of its documents that is never trained on."""
    skip: tuple[str, ...] = ()
    """Documents whose path (with a leading slash) contains one of these strings stay out."""


class CorpusSettings(Strict):
    """A corpus: what is trained on, and what never is."""

    name: str
    seed: int = 0
    max_file_kb: Annotated[int, Field(gt=0)] = 200
    max_mb: Annotated[float, Field(gt=0)] = 5.0
    standard_library: LibrarySource | None = None
    packages: tuple[PackageSource, ...] = ()
    held_out: tuple[PackageSource, ...] = ()
    files: tuple[FileSource, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.packages or self.standard_library or self.files):
            raise ValueError("there is nothing to train on; give packages, files or both")
        if not (self.held_out or any(source.held_out for source in self.files)):
            raise ValueError("nothing is held out; give packages that are, or files with a share")
        return self

    @model_validator(mode="after")
    def _apart(self) -> Self:
        both = {p.name.lower() for p in self.packages} & {p.name.lower() for p in self.held_out}
        if both:
            raise ValueError(f"{', '.join(sorted(both))}: both in packages and in held_out")
        return self


def read_yaml(path: Path, kind: type[Settings]) -> Settings:
    """Read `path` as `kind`.

    Raises:
        SettingsError: no such file, no YAML, or a key or value that `kind` does not allow.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise SettingsError(f"{path} cannot be read as YAML: {exc}") from exc
    try:
        return kind.model_validate(raw)
    except ValidationError as exc:
        raise SettingsError(f"{path}: {_first_fault(exc, kind)}") from exc


def _first_fault(exc: ValidationError, kind: type[BaseModel]) -> str:
    fault = exc.errors()[0]
    key = ".".join(str(part) for part in fault["loc"]) or "the file"
    if fault["type"] == "extra_forbidden":
        allowed = ", ".join(_model_at(kind, fault["loc"][:-1]).model_fields)
        return f"unknown key {key!r}; allowed here: {allowed}"
    return f"{key} = {fault['input']!r}: {fault['msg']}"


def _model_at(kind: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model that stands at a place in a settings file; numbers are list positions."""
    for part in place:
        if isinstance(part, str):
            annotation = kind.model_fields[part].annotation
            kind = next(
                found
                for found in (annotation, *get_args(annotation))
                if isinstance(found, type) and issubclass(found, BaseModel)
            )
    return kind
