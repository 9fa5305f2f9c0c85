"""What a base says of windows with everything in sight: made anew each time, or once and kept on disk.

    teacher.json    what the file belongs to
    teacher.bin     one record a window: likeliest tokens, their log-probabilities, surprise, check

A frozen base says the same of a window in every epoch, so that its plain reading can be spared. The
file is sparse and filled as windows are read; a record that does not check was never whole, and is
made again. Knows windows and numbers; no base.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from megacontext.configs.errors import TrainingError

from ..loss import Likeliest, next_chances, rows_a_slice
from ..task import Rows
from ..windows import Windows, dtype_for

META = "teacher.json"
RECORDS = "teacher.bin"
HASHED = 1024
"""Windows that are hashed at a time."""


@dataclass(frozen=True)
class Said:
    """What a teacher says at each place of windows `[b, n]` but the last."""

    tokens: Tensor
    """`[b, n - 1, top]`, int64"""
    logs: Tensor
    """Their log-probabilities `[b, n - 1, top]`, float32."""
    surprise: Tensor
    """Nats `[b, n - 1]` that the token which follows costs, float32."""

    def to(self, device: torch.device) -> "Said":
        """The same on a device."""
        return Said(self.tokens.to(device), self.logs.to(device), self.surprise.to(device))

    def at(self, places: Tensor) -> Likeliest:
        """What is likely to follow the places `[m]` of each window, window after window."""
        chances = self.logs[:, places].flatten(0, 1).exp()
        return Likeliest(self.tokens[:, places].flatten(0, 1), chances)


@torch.no_grad()
def what_is_said(states: Tensor, head: Tensor, ids: Tensor, top: int) -> Said:
    """From the states `[b, n, d]` of windows `[b, n]`; `top` tokens, or all that there are."""
    flat, following = states[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    parts = []
    rows = rows_a_slice(head)
    for some, after in zip(torch.split(flat, rows), torch.split(following, rows), strict=True):
        logs = next_chances(some, head).clamp(min=1e-30).log()
        best = logs.topk(min(top, logs.shape[1]), dim=1)
        parts.append((best.indices, best.values, -logs.gather(1, after[:, None])[:, 0]))
    tokens, logs, surprise = (torch.cat(part) for part in zip(*parts, strict=True))
    shape = (len(ids), -1)
    top = tokens.shape[1]
    return Said(tokens.view(*shape, top), logs.view(*shape, top), surprise.view(shape))


class TeacherCache:
    """What a base says of the windows of a run, on disk.

    Args:
        folder: made if missing; what belongs to another `key` is thrown away.
        key: of everything that decides what is said: weights, windows.
        windows: all that may be asked for.
        top: tokens that are kept a place.
        vocabulary: how many there are.
    """

    def __init__(
        self, folder: Path, key: str, windows: Sequence[Windows], top: int, vocabulary: int
    ) -> None:
        self.top = min(top, vocabulary)
        places = windows[0].rows([0]).shape[1] - 1
        token = dtype_for(vocabulary)
        fields = [("tokens", token, (places, self.top)), ("logs", np.float16, (places, self.top))]
        self._record = np.dtype(
            [*fields, ("surprise", np.float16, (places,)), ("check", np.uint32)]
        )
        hashes = np.concatenate([_hashes_of_all(part) for part in windows])
        self._order = np.argsort(hashes)
        self._hashes = hashes[self._order]
        self._path = folder / RECORDS
        _make(folder, {"key": key, "top": self.top, "windows": len(hashes)}, self.size)
        self._records = np.memmap(self._path, dtype=self._record, mode="r")

    @property
    def size(self) -> int:
        """Bytes of the file once it is full."""
        return len(self._hashes) * self._record.itemsize

    def said(self, rows: Rows, say: Callable[[list[int]], Said]) -> Said:
        """What is said of windows `[b, n]`; `say` is asked for those, by place, that are not there yet.

        Raises:
            TrainingError: the disk is full, or a window is none of those that may be asked for.
        """
        numbers = self._numbers(rows)
        records = [self._whole(number) for number in numbers]
        missing = [place for place, record in enumerate(records) if record is None]
        if missing:
            made = self._records_of(say(missing))
            for place, record in zip(missing, made, strict=True):
                self._write(numbers[place], record)
                records[place] = record
        found = np.array(records, dtype=self._record)
        return Said(
            torch.from_numpy(found["tokens"].astype(np.int64)),
            torch.from_numpy(found["logs"].astype(np.float32)),
            torch.from_numpy(found["surprise"].astype(np.float32)),
        )

    def _records_of(self, said: Said) -> NDArray[np.void]:
        records = np.zeros(len(said.tokens), dtype=self._record)
        for name in ("tokens", "logs", "surprise"):
            records[name] = getattr(said, name).cpu().numpy()
        for record in records:
            record["check"] = _check(record)
        return records

    def _write(self, number: int, record: Any) -> None:
        # Written, not assigned to the mapping: a full disk is then an error, not the end of the process.
        try:
            with self._path.open("r+b") as file:
                file.seek(number * self._record.itemsize)
                file.write(record.tobytes())
        except OSError as exc:
            raise TrainingError(
                f"{self._path} cannot be written ({exc.strerror}); it takes up to "
                f"{self.size / 1e9:.0f} GB: make room, or keep fewer tokens with teacher.top"
            ) from exc

    def _whole(self, number: int) -> Any | None:
        """A copy of one record, or None where it is not there."""
        record = self._records[number].copy()
        return record if record["check"] and record["check"] == _check(record) else None

    def _numbers(self, rows: Rows) -> list[int]:
        hashes = _hashes(rows)
        places = np.searchsorted(self._hashes, hashes).clip(max=len(self._hashes) - 1)
        if not (self._hashes[places] == hashes).all():
            raise TrainingError("a window is none of those whose teacher is kept; start a new run")
        return [int(number) for number in self._order[places]]


def _make(folder: Path, meta: dict[str, Any], size: int) -> None:
    """An empty file of the full size, unless the one that is there belongs to `meta`."""
    path = folder / META
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) == meta:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with (folder / RECORDS).open("wb") as records:
        records.truncate(size)
    path.write_text(json.dumps(meta) + "\n", encoding="utf-8")


def _check(record: Any) -> int:
    """Of all but the field itself; never 0, which stands for a record that was not written."""
    whole: bytes = record.tobytes()
    return zlib.crc32(whole[: -np.dtype(np.uint32).itemsize]) or 1


def _hashes_of_all(windows: Windows) -> NDArray[np.uint64]:
    starts = range(0, len(windows), HASHED)
    parts = (range(start, min(start + HASHED, len(windows))) for start in starts)
    return np.concatenate([_hashes(windows.rows(part)) for part in parts])


def _hashes(rows: Rows) -> NDArray[np.uint64]:
    """Of each window, whatever type of ids it is held in."""
    plain = np.ascontiguousarray(rows, dtype=np.uint32)
    digests = b"".join(hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in plain)
    return np.frombuffer(digests, dtype=np.uint64)
