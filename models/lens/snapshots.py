"""Snapshots on disk: working contexts at real editing positions, with what each entry's detail is worth.

A dataset is a folder of shards `snapshots-00000.safetensors` and a `manifest.json`, written last: it vouches
for the rest. Rows of all snapshots of a shard lie one after the other. Knows no tree and no base model.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from megacontext.configs.errors import TrainingError

MANIFEST = "manifest.json"
SHARD_ENTRIES = 65_536
"""Entries at which a shard is full: 32 MB of gists at width 256."""
PLACES = "places"

ENTRY_TYPES = {
    "entry_gists": torch.bfloat16,
    "features": torch.float32,
    "levels": torch.int8,
    "costs": torch.int32,
    "detail_costs": torch.int32,
    "detailed": torch.bool,
    "legal": torch.bool,
    "gains": torch.float32,
}
NUMBERS = ("line", "budget", "targets")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One cut at one editing position: n entries of width d with F features, m query gists.

    Raises ValueError at construction for tensors of other types or lengths, or numbers that cannot be.
    """

    entry_gists: Tensor
    """bfloat16 `[n, d]`: slot 0 of each entry's gist (its block's for tokens); zeros where there is none."""
    features: Tensor
    """float32 `[n, F]`, columns as the manifest names them."""
    levels: Tensor
    """int8 `[n]`"""
    costs: Tensor
    """int32 `[n]`: positions it takes now."""
    detail_costs: Tensor
    """int32 `[n]`: positions more that its detail takes."""
    detailed: Tensor
    """bool `[n]`: it is in detail now, so the action measured was to collapse it."""
    legal: Tensor
    """bool `[n]`: the action may be taken."""
    gains: Tensor
    """float32 `[n]`: nats over the targets, NLL without its detail − NLL with it; NaN where not measured."""
    query_gists: Tensor
    """bfloat16 `[m, d]`: slot 0 of the last blocks before the cursor, and of the question's."""
    repo: str
    path: str
    line: int
    """1-based, of the cursor."""
    budget: int
    """Positions of the working context."""
    targets: int
    """How many tokens behind the cursor were predicted."""

    def __post_init__(self) -> None:
        entries = len(self.gains)
        for name, dtype in ENTRY_TYPES.items():
            tensor: Tensor = getattr(self, name)
            if tensor.dtype != dtype or len(tensor) != entries:
                raise ValueError(
                    f"{name} is {tensor.dtype} {tuple(tensor.shape)}; it must be {dtype} [{entries}, …]"
                )
        width = self.entry_gists.shape[-1]
        if self.query_gists.dtype != torch.bfloat16 or self.query_gists.shape[1:] != (width,):
            raise ValueError(f"query_gists must be bfloat16 [m, {width}]")
        for name in ("entry_gists", "features", "query_gists"):
            if not getattr(self, name).isfinite().all():
                raise ValueError(f"{name} holds numbers that are not finite")
        if self.gains.isinf().any():
            raise ValueError("gains must be finite, or NaN where not measured")

    def __len__(self) -> int:
        return len(self.gains)


class DatasetFacts(BaseModel):
    """What all snapshots of a dataset have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_id: str
    """Of the base model that was measured; gists are in its embedding space."""
    encoder_id: str
    """Of the GistNet that made the gists."""
    width: int = Field(ge=1)
    features: tuple[str, ...]
    """Names of the feature columns."""
    targets: int = Field(ge=1)
    """H: tokens behind the cursor that gains are summed over."""
    seed: int
    repositories: dict[str, str]
    """Version by name."""
    split: Literal["train", "held_out"]
    commit: str
    """Of the code that made it."""


class Manifest(DatasetFacts):
    """The content of `manifest.json`."""

    format: int = Field(default=1, ge=1, le=1)
    count: int = Field(ge=0)
    shards: dict[str, str]
    """Hex digest of each shard by file name, in order."""

    @property
    def fingerprint(self) -> str:
        """Hex digest (32 digits) of all content."""
        return hashlib.blake2b(self.model_dump_json().encode(), digest_size=16).hexdigest()


class SnapshotWriter:
    """Writes a dataset; without `close`, or when its `with` block fails, there is no manifest.

    Raises:
        TrainingError: the folder holds a whole dataset already.
    """

    def __init__(self, folder: Path, facts: DatasetFacts) -> None:
        if (folder / MANIFEST).exists():
            raise TrainingError(
                f"{folder} holds snapshots already; move it away, or give these another name"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob("snapshots-*.safetensors*"):
            left_over.unlink()
        self._folder = folder
        self._facts = facts
        self._waiting: list[Snapshot] = []
        self._shards: dict[str, str] = {}
        self._count = 0

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, unless an error came."""
        if kind is None:
            self.close()

    def add(self, snapshot: Snapshot) -> None:
        """Append one; raises ValueError where it does not fit the facts."""
        facts = self._facts
        for what, is_, wanted in (
            ("width", snapshot.entry_gists.shape[-1], facts.width),
            ("number of features", snapshot.features.shape[-1], len(facts.features)),
            ("number of targets", snapshot.targets, facts.targets),
        ):
            if is_ != wanted:
                raise ValueError(f"the snapshot's {what} is {is_}, the dataset's {wanted}")
        if snapshot.repo not in facts.repositories:
            raise ValueError(f"repository {snapshot.repo!r} is not among the dataset's")
        self._waiting.append(snapshot)
        self._count += 1
        if sum(map(len, self._waiting)) >= SHARD_ENTRIES:
            self._flush()

    def close(self) -> None:
        """Write what waits, then the manifest."""
        self._flush()
        manifest = Manifest(**self._facts.model_dump(), count=self._count, shards=self._shards)
        part = self._folder / f"{MANIFEST}.new"
        part.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        part.replace(self._folder / MANIFEST)

    def _flush(self) -> None:
        if not self._waiting:
            return
        path = self._folder / f"snapshots-{len(self._shards):05d}.safetensors"
        part = path.with_name(f"{path.name}.new")
        places = json.dumps([(snapshot.repo, snapshot.path) for snapshot in self._waiting])
        save_file(_joined(self._waiting), part, metadata={PLACES: places})
        part.replace(path)
        self._shards[path.name] = _hash(path)
        self._waiting = []


class _At(NamedTuple):
    """Where one snapshot lies."""

    shard: Path
    entries: slice
    queries: slice
    repo: str
    path: str
    line: int
    budget: int
    targets: int


class Snapshots:
    """A dataset, read from its files one snapshot at a time.

    Raises:
        TrainingError: no manifest, or one of another version, or a shard that is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.manifest = _read_manifest(folder)
        self._at: list[_At] = []
        for name, digest in self.manifest.shards.items():
            shard = folder / name
            if not shard.is_file() or _hash(shard) != digest:
                raise TrainingError(f"{shard} is missing or damaged; make the snapshots again")
            try:
                self._at += _listed(shard)
            except (SafetensorError, KeyError, ValueError) as exc:
                raise TrainingError(f"{shard} holds no snapshots; make them again") from exc

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, index: int) -> Snapshot:
        """Read the snapshot at `index`."""
        at = self._at[index]
        with safe_open(at.shard, "pt") as shard:
            tensors = {name: shard.get_slice(name)[at.entries] for name in ENTRY_TYPES}
            queries = shard.get_slice("query_gists")[at.queries]
        return Snapshot(
            **tensors,
            query_gists=queries,
            repo=at.repo,
            path=at.path,
            line=at.line,
            budget=at.budget,
            targets=at.targets,
        )

    @property
    def repositories(self) -> tuple[str, ...]:
        """The repository of each snapshot, without reading its tensors."""
        return tuple(at.repo for at in self._at)


def _joined(snapshots: Iterable[Snapshot]) -> dict[str, Tensor]:
    snapshots = list(snapshots)
    rows = {
        name: torch.cat([getattr(snapshot, name) for snapshot in snapshots]).contiguous()
        for name in (*ENTRY_TYPES, "query_gists")
    }
    numbers = {
        name: torch.tensor([getattr(snapshot, name) for snapshot in snapshots]) for name in NUMBERS
    }
    counts = {
        "entries": torch.tensor([len(snapshot) for snapshot in snapshots]),
        "queries": torch.tensor([len(snapshot.query_gists) for snapshot in snapshots]),
    }
    return rows | numbers | counts


def _listed(path: Path) -> list[_At]:
    with safe_open(path, "pt") as shard:
        places = json.loads(shard.metadata()[PLACES])
        numbers = [shard.get_tensor(name).tolist() for name in NUMBERS]
        entries = _slices(shard.get_tensor("entries").tolist())
        queries = _slices(shard.get_tensor("queries").tolist())
    rows = zip(entries, queries, places, zip(*numbers, strict=True), strict=True)
    return [
        _At(path, of_entries, of_queries, repo, file, *three)
        for of_entries, of_queries, (repo, file), three in rows
    ]


def _slices(counts: list[int]) -> list[slice]:
    ends = list(accumulate(counts))
    return [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise TrainingError(
            f"{folder} holds no whole dataset of snapshots ({MANIFEST} cannot be read); make it first"
        ) from exc
    except ValidationError as exc:
        where = ".".join(map(str, exc.errors()[0]["loc"])) or "its content"
        raise TrainingError(
            f"{path} is of another version ({where}: {exc.errors()[0]['msg']}); make the snapshots again"
        ) from exc


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
