"""Write a corpus: one document a file, as Arrow shards, with a manifest beside them.

Held-out packages are read first, so that a copy of one of their files never gets into the train
split. Knows nothing of tokens.
"""

import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megacontext.configs.errors import TrainingError

from .filters import SeenLines, reason_to_drop, without_notice
from .settings import CorpusSettings, LibrarySource, PackageSource
from .sources import File, library_files, package_files, shuffled_by_folder

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


@dataclass
class _Split:
    documents: list[Document] = field(default_factory=list)
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)


def prepare(
    settings: CorpusSettings, out: Path, cache: Path, progress: Progress = lambda *_: None
) -> dict[str, Any]:
    """Collect, filter and write the corpus to `out`; return its manifest.

    Raises:
        TrainingError: the `[train]` extra is missing, a package cannot be had, or has no file that
            passes the filters.
    """
    datasets = _datasets()
    seen = SeenLines()
    total = len(settings.packages) + len(settings.held_out) + 1
    validation, train = _Split(), _Split()
    done = 0
    for split, packages in ((validation, settings.held_out), (train, settings.packages)):
        for package in packages:
            progress(package.name, done, total)
            files = package_files(package, cache)
            _collect(split, package, files, settings, seen)
            done += 1
    if settings.standard_library is not None:
        progress("standard library", done, total)
        _collect(train, _library(settings.standard_library), library_files(), settings, seen)
    splits = {"train": train, "validation": validation}
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


def _library(library: LibrarySource) -> PackageSource:
    return PackageSource(
        name="python",
        version=".".join(map(str, sys.version_info[:3])),
        licence="PSF-2.0",
        **library.model_dump(),
    )


def _collect(
    split: _Split,
    package: PackageSource,
    files: Iterator[File],
    settings: CorpusSettings,
    seen: SeenLines,
) -> None:
    room = int((package.max_mb or settings.max_mb) * 1e6)
    dropped: Counter[str] = Counter()
    kept: list[Document] = []
    for path, content in shuffled_by_folder(files, settings.seed):
        if any(part in f"/{path}" for part in package.skip):
            dropped["skipped"] += 1
            continue
        reason = reason_to_drop(path, content, settings.max_file_kb * 1000)
        if reason is None and len(content) > room:
            reason = "cap"
        text = "" if reason else without_notice(content.decode("utf-8"))
        if reason is None and seen.is_copy(text):
            reason = "copy"
        if reason:
            dropped[reason] += 1
            continue
        room -= len(content)
        kept.append(Document(package.name, path, text, package.licence))
    if not kept:
        raise TrainingError(f"{package.name}: no file passes the filters ({dict(dropped)})")
    split.documents += sorted(kept, key=lambda document: document.path)
    split.packages[package.name] = {
        "version": package.version,
        "licence": package.licence,
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
