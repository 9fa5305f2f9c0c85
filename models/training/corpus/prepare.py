"""Write a corpus: one document a file, as Arrow shards, with a manifest beside them.

What is held out is read first, so that a copy of it never gets into the train
split. Knows nothing of tokens.
"""

import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from megacontext.configs.errors import TrainingError

from .filters import SeenLines, reason_to_drop, reason_to_drop_prose, without_notice
from .settings import CorpusSettings, FileSource, LibrarySource, PackageSource
from .sources import File, library_files, package_files, shuffled_by_folder
from .texts import text_files

MANIFEST = "manifest.json"
Progress = Callable[[str, int, int], None]
"""Called with a package's name, how many are done, and how many there are."""


@dataclass(frozen=True)
class Document:
    """One file of the corpus. `path` is relative to the import root of `repo`."""

    repo: str
    path: str
    content: str
    licence: str


@dataclass(frozen=True)
class _Origin:
    """One package or folder, as far as one split has of it."""

    split: str
    name: str
    version: str
    licence: str
    max_mb: float
    skip: tuple[str, ...]
    files: Callable[[], Iterable[File]]
    """In the order in which they are taken until `max_mb` is reached."""
    prose: bool = False


@dataclass
class _Split:
    documents: list[Document] = field(default_factory=list)
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)


def prepare(
    settings: CorpusSettings, out: Path, cache: Path, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Collect, filter and write the corpus to `out`; return its manifest.

    Raises:
        TrainingError: the `[train]` extra is missing, a package or folder cannot be had, or has no
            file that passes the filters.
    """
    datasets = _datasets()
    seen = SeenLines()
    splits = {"train": _Split(), "validation": _Split()}
    origins = list(_origins(settings, cache))
    total = len(origins)
    for done, origin in enumerate(origins):
        progress(origin.name, done, total)
        _collect(splits[origin.split], origin, settings, seen)
    for name, split in splits.items():
        if not split.documents:
            raise TrainingError(f"there is no document for the {name} split; give more text")
    out.mkdir(parents=True, exist_ok=True)
    # The manifest vouches for the splits: it goes first and comes last.
    (out / MANIFEST).unlink(missing_ok=True)
    datasets.disable_progress_bars()
    for name, split in splits.items():
        shutil.rmtree(out / name, ignore_errors=True)
        rows = [vars(document) for document in split.documents]
        datasets.Dataset.from_list(rows).save_to_disk(out / name, max_shard_size="64MB")
    manifest = _manifest(settings, splits)
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    progress("done", total, total)
    return manifest


def read_split(corpus: Path, split: str) -> Iterator[Document]:
    """Yield the documents of `train` or `validation` in their written order.

    Raises:
        TrainingError: the folder holds no prepared corpus.
    """
    datasets = _datasets()
    if not (corpus / split).is_dir():
        raise TrainingError(f"{corpus} holds no {split} split; run `megacontext data prepare`")
    for row in datasets.load_from_disk(str(corpus / split)):
        yield Document(**row)


def read_manifest(corpus: Path) -> dict[str, Any]:
    """Read what `prepare` wrote about a corpus.

    Raises:
        TrainingError: the folder holds no prepared corpus.
    """
    try:
        manifest: dict[str, Any] = json.loads((corpus / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise TrainingError(
            f"{corpus / MANIFEST} cannot be read; run `megacontext data prepare` first"
        ) from exc
    return manifest


def _origins(settings: CorpusSettings, cache: Path) -> Iterator[_Origin]:
    """Everything a corpus is made of, what is held out first."""
    for package in settings.held_out:
        yield _of_package("validation", package, settings, partial(package_files, package, cache))
    for source in settings.files:
        if source.held_out:
            yield _of_folder("validation", source, source.held_out, settings)
    for package in settings.packages:
        yield _of_package("train", package, settings, partial(package_files, package, cache))
    for source in settings.files:
        yield _of_folder("train", source, 1 - source.held_out, settings)
    if settings.standard_library is not None:
        library = _library(settings.standard_library)
        yield _of_package("train", library, settings, library_files)


def _of_package(
    split: str,
    package: PackageSource,
    settings: CorpusSettings,
    files: Callable[[], Iterator[File]],
) -> _Origin:
    return _Origin(
        split=split,
        name=package.name,
        version=package.version,
        licence=package.licence,
        max_mb=package.max_mb or settings.max_mb,
        skip=package.skip,
        files=lambda: shuffled_by_folder(files(), settings.seed),
    )


def _of_folder(split: str, source: FileSource, share: float, settings: CorpusSettings) -> _Origin:
    room = (source.max_mb or settings.max_mb) * share
    return _Origin(
        split=split,
        name=source.name,
        version="as given",
        licence=source.licence,
        max_mb=room,
        skip=source.skip,
        files=partial(
            text_files,
            source,
            settings.seed,
            settings.max_file_kb * 1000,
            int(room * 1e6),
            held_out=split == "validation",
        ),
        prose=True,
    )


def _library(library: LibrarySource) -> PackageSource:
    return PackageSource(
        name="python",
        version=".".join(map(str, sys.version_info[:3])),
        licence="PSF-2.0",
        **library.model_dump(),
    )


def _collect(split: _Split, origin: _Origin, settings: CorpusSettings, seen: SeenLines) -> None:
    room = int(origin.max_mb * 1e6)
    dropped: Counter[str] = Counter()
    kept: list[Document] = []
    why = reason_to_drop_prose if origin.prose else reason_to_drop
    for path, content in origin.files():
        if any(part in f"/{path}" for part in origin.skip):
            dropped["skipped"] += 1
            continue
        reason = why(path, content, settings.max_file_kb * 1000)
        if reason is None and len(content) > room:
            reason = "cap"
        text = "" if reason else content.decode("utf-8")
        if not origin.prose:
            text = without_notice(text)
        if reason is None and seen.is_copy(text):
            reason = "copy"
        if reason:
            dropped[reason] += 1
            continue
        room -= len(content)
        kept.append(Document(origin.name, path, text, origin.licence))
    # A small folder may well have nothing in the few that are held out.
    if not kept and not (origin.prose and origin.split == "validation"):
        raise TrainingError(f"{origin.name}: no file passes the filters ({dict(dropped)})")
    split.documents += sorted(kept, key=lambda document: document.path)
    split.packages[origin.name] = {
        "version": origin.version,
        "licence": origin.licence,
        "files": len(kept),
        "bytes": sum(len(document.content.encode()) for document in kept),
        "dropped": dict(sorted(dropped.items())),
    }


def _manifest(settings: CorpusSettings, splits: dict[str, _Split]) -> dict[str, Any]:
    manifest: dict[str, Any] = {"name": settings.name, "seed": settings.seed}
    for name, split in splits.items():
        digest = hashlib.blake2b(digest_size=16)
        licences: Counter[str] = Counter()
        for document in split.documents:
            digest.update(f"{document.repo}\0{document.path}\0{document.content}\0".encode())
            licences[document.licence] += 1
        manifest[name] = {
            "files": len(split.documents),
            "bytes": sum(package["bytes"] for package in split.packages.values()),
            "hash": digest.hexdigest(),
            "licences": dict(sorted(licences.items())),
            "packages": split.packages,
        }
    return manifest


def _datasets() -> Any:
    try:
        import datasets
    except ImportError as exc:
        raise TrainingError(
            "training needs `datasets` and `pyarrow`; run `pip install megacontext[train]`"
        ) from exc
    return datasets
