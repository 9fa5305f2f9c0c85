"""Packed windows on disk, and the order in which a run reads them.

A memory-mapped array of token ids, [windows, seq_len]: uint16, or uint32 for vocabularies over
65,536, as `windows.json` says. Batch `i` of a run is a pure function of the seed and `i`, so a
resumed run reads on exactly where it stopped.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import TrainingError

META = "windows.json"
DTYPE = "uint16"
"""Of folders whose `windows.json` names none."""
Ids = NDArray[np.unsignedinteger[Any]]


def dtype_for(vocabulary: int) -> str:
    """The smallest type of token ids below `vocabulary`."""
    return DTYPE if vocabulary <= np.iinfo(DTYPE).max + 1 else "uint32"


def write_windows(
    folder: Path,
    name: str,
    rows: Iterable[Sequence[int]],
    seq_len: int,
    pad: int,
    dtype: str = DTYPE,
) -> int:
    """Write rows of at most `seq_len` ids to `name.bin`, padded; return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    part = folder / f"{name}.part"
    with part.open("wb") as out:
        for row in rows:
            line = np.full(seq_len, pad, dtype=dtype)
            line[: len(row)] = row
            out.write(line.tobytes())
            count += 1
    part.replace(folder / f"{name}.bin")
    return count


def write_meta(folder: Path, meta: dict[str, Any]) -> None:
    """Write what the windows were made from; written last, it vouches for the rest."""
    (folder / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def forget_meta(folder: Path) -> None:
    """Take back what `write_meta` wrote, before the windows change."""
    (folder / META).unlink(missing_ok=True)


def read_meta(folder: Path) -> dict[str, Any] | None:
    """Read what `write_meta` wrote, or None."""
    try:
        meta: dict[str, Any] = json.loads((folder / META).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return meta


class Windows:
    """Windows of one split, read by number or in a seeded, endless order.

    Raises:
        TrainingError: the file is missing, empty, or not a whole number of windows.
    """

    def __init__(self, folder: Path, name: str, seq_len: int, seed: int = 0) -> None:
        path = folder / f"{name}.bin"
        size = path.stat().st_size if path.is_file() else 0
        dtype = np.dtype((read_meta(folder) or {}).get("dtype", DTYPE))
        if not size or size % (dtype.itemsize * seq_len):
            raise TrainingError(f"{path} holds no whole windows; delete {folder} and start again")
        self._rows: Ids = np.memmap(path, dtype=dtype, mode="r").reshape(-1, seq_len)
        self._seed = seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, numbers: Sequence[int]) -> Ids:
        """Return the windows of these numbers, [len(numbers), seq_len]."""
        return self._rows[list(numbers)]

    def batch(self, index: int, size: int) -> Ids:
        """Return batch `index` of the endless order; every epoch has its own shuffle."""
        return self.rows([self._number(index * size + i) for i in range(size)])

    def _number(self, position: int) -> int:
        epoch, offset = divmod(position, len(self))
        if epoch not in self._orders:
            order = np.random.default_rng([self._seed, epoch]).permutation(len(self))
            self._orders = {epoch: order}
        return int(self._orders[epoch][offset])
