"""A memory small enough to test: bytes for tokens, sums for gists, and everything it says as plain data."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.left_out import LeftOutRules
from megacontext.memory.memory import Memory
from megacontext.memory.places import Places
from megacontext.memory.tree.store import TreeSpec

SPEC = TreeSpec("tiny", "c0ffee" * 5, width=8, slots=2)
RULES = LeftOutRules()


class ByteTokens:
    """A token a byte, or several; counts what it was asked for."""

    def __init__(self, per_byte: int = 1) -> None:
        self.per_byte = per_byte
        self.texts = 0

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        self.texts += len(texts)
        return [list(text.encode()) * self.per_byte for text in texts]


class SumGister:
    """Weighted sums of what is in a row and of nothing else; counts its rows."""

    def __init__(self, spec: TreeSpec = SPEC) -> None:
        self.shape = spec.slots, spec.width
        self.rows = 0

    def encode_blocks(
        self, tokens: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        return self._sums(tokens[:, :, None], lengths)

    def encode_children(
        self, children: NDArray[np.uint16], lengths: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        return self._sums(children.astype(np.int64), lengths)

    def _sums(self, rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint16]:
        self.rows += len(rows)
        slots, width = self.shape
        weights = np.arange(1, 1 + rows[0].size * slots * width).reshape(rows[0].size, -1)
        counts = np.arange(rows.shape[1])[None, :] < lengths[:, None]
        sums = (rows * counts[:, :, None]).reshape(len(rows), -1) @ weights + lengths[:, None]
        return (sums % 65_521).astype(np.uint16).reshape(-1, slots, width)


@dataclass(frozen=True)
class Elsewhere(Places):
    """Places of a repository whose state lies in another folder: two indexes of the same files."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder


def open_memory(
    root: Path | Places,
    *,
    write: bool = True,
    tokenizer: Any = None,
    rules: LeftOutRules = RULES,
    spec: TreeSpec = SPEC,
) -> Memory:
    places = root if isinstance(root, Places) else Places(root)
    return Memory.open(places, spec, tokenizer or ByteTokens(), rules, write=write)


def write_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())


def module(name: str, functions: int = 3) -> str:
    """Source of a small module, different for each name."""
    parts = [f'"""Module {name}."""\n\nimport os\n\n']
    parts += [
        f"def {name}_{number}(value):\n    return os.path.join(value, '{name}', {number!r})\n\n"
        for number in range(functions)
    ]
    return "\n".join(parts)


def said(memory: Memory) -> dict[str, Any]:
    """Everything a memory says of its repository, without ids and time stamps."""
    catalogue = memory.catalogue
    files, chunks, symbols, keys = {}, {}, {}, {}
    for file in catalogue.files():
        files[file.path] = file.digest, file.size, file.language, file.lines, file.broken
        keys[file.path] = memory.store.path_key(1, file.path, directory=False)
        own = catalogue.chunks_of(file.id)
        chunks[file.path] = [astuple(chunk)[2:] for chunk in own]
        ordinals = {chunk.id: chunk.ordinal for chunk in own}
        symbols[file.path] = sorted(
            (
                symbol.start,
                symbol.name,
                ordinals[symbol.chunk_id],
                repr(replace(symbol, chunk_id=0)),
            )
            for symbol in catalogue.symbols_of(file.id)
        )
    return {
        "files": files,
        "chunks": chunks,
        "symbols": symbols,
        "keys": keys,
        "folders": _folders(memory),
        "texts": _texts(memory),
        "left out": catalogue.left_out(),
        "tokens": memory.tokens,
        "root": memory.root_key,
    }


def _folders(memory: Memory) -> dict[str, Any]:
    found, waiting = {}, [""]
    while waiting:
        folder = waiting.pop()
        found[folder] = memory.store.path_key(1, folder, directory=True)
        waiting += memory.catalogue.directories_in(folder)
    return found


def _texts(memory: Memory) -> list[tuple[Any, ...]]:
    rows = memory.db.execute(
        "SELECT f.path, c.ordinal, t.path, t.names, t.body FROM chunk_text t "
        "LEFT JOIN chunks c ON c.id = t.rowid LEFT JOIN files f ON f.id = c.file_id"
    )
    return sorted(rows.fetchall(), key=repr)


def scratch(
    root: Path, folder: Path, *, rules: LeftOutRules = RULES, spec: TreeSpec = SPEC
) -> dict[str, Any]:
    """What a new index of the same files, kept in `folder`, says."""
    with open_memory(Elsewhere(root, folder), rules=rules, spec=spec) as memory:
        memory.writer.reconcile()
        return said(memory)


def git(root: Path, *arguments: str) -> str:
    """Run real git, without the user's own settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always")
    command = ["git", "-C", str(root), *identity, *arguments]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return done.stdout


def commit_all(root: Path, message: str = "all") -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
