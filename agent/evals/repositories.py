"""Pinned packages as repositories with a memory of their own: unpacked, indexed, gisted.

Knows no snapshot and no measure.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from megacontext.configs.errors import ModelError
from megacontext.configs.loading import default_settings
from megacontext.configs.settings import Settings
from megacontext.memory.focus import Node
from megacontext.memory.focus.stored_gists import StoredGists
from megacontext.memory.focus.stored_tokens import StoredTokens
from megacontext.memory.listing import has_git
from megacontext.memory.memory import Memory
from megacontext.memory.places import Places
from megacontext.memory.tree.store import BLOCK_SIZE
from megacontext.models.choosing.choose import Choice, choose_model
from megacontext.models.choosing.machine import probe_machine
from megacontext.models.gist.gister import Gister
from megacontext.models.gist.loading import gister_for
from megacontext.models.language.loading import load_model
from megacontext.models.language.transformers_model import TransformersModel
from megacontext.models.training.corpus.settings import PackageSource
from megacontext.models.training.corpus.sources import File, package_files

from ..codecs import Lens, gist_lens, text_lens
from ..opening import Workplace

WRITTEN_AT = 1_577_836_800
"""Time stamp of every unpacked file, so that an edit's age tells nothing."""


@dataclass(frozen=True)
class Reader:
    """A base model with its gister, shared by all repositories of one run."""

    choice: Choice
    model: TransformersModel
    gister: Gister
    settings: Settings
    """Those that ship, whatever this machine's files say."""

    @classmethod
    def load(cls, name: str) -> "Reader":
        """Load a model by preset, name or folder; raises ModelError for one that reads no vectors.

        In float32 on any device: what one entry adds is little against what rounding to bf16 does.
        """
        choice = choose_model(name, probe_machine(), precision="float32")
        model = load_model(choice)
        if not isinstance(model, TransformersModel) or choice.folder is None:
            raise ModelError(f"{name} has no weights here, so it cannot be measured with gists")
        return cls(choice, model, gister_for(model, choice.folder), default_settings())


def unpack(package: PackageSource, folder: Path, wheels: Path) -> Path:
    """The package's Python files below `folder`, fetched once; raises TrainingError when they cannot be had."""
    files = (
        (path, data)
        for path, data in package_files(package, wheels)
        if not any(skipped in f"/{path}" for skipped in package.skip)
    )
    return lay_down(files, folder / f"{package.name}-{package.version}")


def lay_down(files: Iterable[File], root: Path) -> Path:
    """A repository of these files at `root`, whole or not at all; one that is there stays as it is."""
    if root.is_dir():
        return root
    part = root.with_name(f"{root.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for path, data in files:
        file = part / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (WRITTEN_AT, WRITTEN_AT))
    if has_git(part):
        # What encloses it may ignore this folder, and git would list nothing.
        subprocess.run(["git", "init", "--quiet", str(part)], check=True, capture_output=True)
    part.replace(root)
    return root


class Texts(Protocol):
    """Files that can be read, whether or not there is a memory of them."""

    name: str

    @property
    def files(self) -> Sequence[str]:
        """Their paths, in order."""
        ...

    def text(self, path: str) -> str:
        """What one of them holds."""
        ...


class Repository:
    """One repository with an open memory in which everything has its gist. Use `opened`."""

    def __init__(self, name: str, workplace: Workplace, memory: Memory, reader: Reader) -> None:
        self.name = name
        self.workplace = workplace
        self.memory = memory
        self.model = reader.model
        self.gister = reader.gister
        self.gists = StoredGists(memory)
        self._tokens = StoredTokens(memory)
        self._gisting = memory.gisting(reader.gister)
        memory.writer.reconcile()
        self._gisting.run()

    @cached_property
    def lens(self) -> Lens:
        """Tree, feature scorer and codec with blocks as gists."""
        return gist_lens(self.memory, self.workplace, self.model)

    @cached_property
    def text_lens(self) -> Lens:
        """Tree, feature scorer and codec with text alone."""
        return text_lens(self.memory, self.workplace, None)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all indexed files, in order."""
        return tuple(record.path for record in self.memory.catalogue.files())

    def text(self, path: str) -> str:
        """A file as it is in memory now."""
        return (self.memory.read(path) or b"").decode("utf-8", "replace")

    def tokens(self, node: Node) -> tuple[int, ...]:
        """The token ids of a chunk, or of one of its blocks."""
        ids = tuple(self._tokens.tokens(self.lens.tree.chunk(node)) or ())
        start = node.block * BLOCK_SIZE
        return ids if node.block < 0 else ids[start : start + BLOCK_SIZE]

    @contextmanager
    def edited(self, path: str, data: bytes, *, lately: bool = True) -> Iterator[None]:
        """Inside, the file holds `data`, as in an editor that has not saved it.

        So neither full text, nor symbols, nor gists of the file or of its folders hold anything else of it. Without
        `lately` it looks as old as all others: what was edited for a task must not give the answer away.
        """
        overlays = self.memory.writer.overlays
        before = overlays.get(path)
        overlays[path] = data
        try:
            self._reread(path)
            if not lately:
                self._make_old(path)
            yield
        finally:
            overlays.pop(path)
            if before is not None:
                overlays[path] = before
            self._reread(path)

    def _make_old(self, path: str) -> None:
        writer = self.memory.writer
        with writer.transaction():
            writer.db.execute(
                "UPDATE files SET mtime_ns = ? WHERE path = ?", (WRITTEN_AT * 10**9, path)
            )
        self.lens.tree.refresh()

    def _reread(self, path: str) -> None:
        self.memory.writer.apply([path])
        self._gisting.run()
        self.lens.tree.refresh()


@contextmanager
def opened(name: str, root: Path, reader: Reader, slots: int) -> Iterator[Repository]:
    """Open the repository at `root`, with everything indexed and gisted.

    `slots` vectors of each block's gist are kept and read. Raises StoreBusyError when another process writes its index.
    """
    settings = reader.settings
    only = {"gist_slots": slots}
    sections = {
        "focus": settings.focus.model_copy(update=only),
        "memory": settings.memory.model_copy(update=only),
    }
    settings = settings.model_copy(update=sections)
    workplace = Workplace(Places(root.resolve()), settings, reader.choice)
    with workplace.open_memory(write=True) as memory:
        yield Repository(name, workplace, memory, reader)


def each_opened(
    packages: Sequence[PackageSource], folder: Path, wheels: Path, reader: Reader, slots: int
) -> Iterator[Repository]:
    """Every package's repository, one open at a time."""
    for package in packages:
        root = unpack(package, folder, wheels)
        with opened(package.name, root, reader, slots) as repository:
            yield repository
