"""The folder of one run: what it was, every sample as it came, its figures. Knows no suite and no model."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from megacontext.configs.errors import SettingsError

from ..reports import plain
from .figures import Figure, figure_from
from .origin import origin
from .suite import Identity, Sample

ABOUT, SAMPLES, FIGURES = "run.json", "samples.jsonl", "figures.json"


def fingerprint(name: str, identity: Identity) -> str:
    """Twelve hex digits that stand for everything the samples depend on."""
    text = json.dumps([name, plain(asdict(identity))], sort_keys=True)
    return blake2b(text.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Run:
    """A finished run as it lies on disk."""

    folder: Path
    about: Mapping[str, Any]
    figures: tuple[Figure, ...]

    @property
    def suite(self) -> str:
        """The name of its suite."""
        return str(self.about["suite"])


def read_run(folder: Path) -> Run:
    """A finished run. Raises SettingsError for a folder that is none, or whose run was stopped."""
    about = _object(folder / ABOUT)
    if not (folder / FIGURES).is_file():
        again = about.get("command", f"megacontext eval {about.get('suite', '')}")
        raise SettingsError(f"the run in {folder} was stopped; finish it with: {again}")
    try:
        kept = _object(folder / FIGURES)["figures"]
        return Run(folder, about, tuple(figure_from(each) for each in kept))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise SettingsError(
            f"{folder / FIGURES} holds no figures of a run ({exc}); run the suite again"
        ) from exc


class RunFolder:
    """Where a run keeps what it does. One process at a time; use it as a context manager."""

    def __init__(self, folder: Path, name: str, identity: Identity, command: str) -> None:
        """Makes the folder where it is not there.

        Raises SettingsError where nothing can be written, or while another process runs the same.
        """
        self.path = folder
        self._about: dict[str, Any] = {
            "suite": name,
            "fingerprint": fingerprint(name, identity),
            "command": command,
            **plain(asdict(identity)),
            "finished": False,
            "starts": [],
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise SettingsError(
                f"{folder} cannot be made ({exc.strerror}); give another --out"
            ) from exc
        self._lock = FileLock(folder / ".lock")

    @classmethod
    def of(
        cls,
        out: Path,
        name: str,
        identity: Identity,
        command: str,
        *,
        day: date | None = None,
        fresh: bool = False,
    ) -> "RunFolder":
        """The folder `out/DAY/NAME-FINGERPRINT`: of the newest day that has one, or a new one of today.

        With `fresh` what is there stays, and a new one with a number behind its name begins.
        """
        stem = f"{name}-{fingerprint(name, identity)}"
        there = sorted(each for each in out.glob(f"*/{stem}*") if (each / ABOUT).is_file())
        if there and not fresh:
            newest = max(there, key=lambda each: (each.parent.name, _number(each.name, stem)))
            return cls(newest, name, identity, command)
        today = out / (day or datetime.now(UTC).date()).isoformat()
        folder, number = today / stem, 2
        while folder.exists():
            folder, number = today / f"{stem}-{number}", number + 1
        return cls(folder, name, identity, command)

    def __enter__(self) -> "RunFolder":
        try:
            self._lock.acquire(timeout=0)
        except Timeout as exc:
            raise SettingsError(
                f"another process is at work on {self.path}; wait for it, or give --fresh"
            ) from exc
        if (self.path / ABOUT).is_file():
            self._about["starts"] = _object(self.path / ABOUT).get("starts", [])
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._about["starts"].append(
            {"started": started, "seconds": None, "samples": 0, **origin()}
        )
        self._write(ABOUT, self._about)
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        with suppress(OSError):
            (self.path / ".lock").unlink()

    @property
    def about(self) -> Mapping[str, Any]:
        """What `run.json` says."""
        return self._about

    def samples(self) -> list[Sample]:
        """What was done so far; a last line that was torn in the middle is cut off.

        Raises SettingsError for any other line that is no sample.
        """
        file = self.path / SAMPLES
        if not file.exists():
            return []
        data = file.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with file.open("r+b") as kept:
                kept.truncate(len(whole))
        return [_sample(file, n, line) for n, line in enumerate(whole.splitlines(), start=1)]

    def append(self, samples: Sequence[Sample]) -> None:
        """Keep samples: they are on the disk when this returns."""
        lines = (json.dumps(plain(asdict(each)), allow_nan=False) + "\n" for each in samples)
        with (self.path / SAMPLES).open("ab") as file:
            file.write("".join(lines).encode())
            file.flush()
            os.fdatasync(file.fileno())
        self._about["starts"][-1]["samples"] += len(samples)

    def finish(self, figures: Sequence[Figure], seconds: float) -> None:
        """Write the figures, and that the run is complete."""
        self._write(FIGURES, {"figures": [plain(each.as_json()) for each in figures]})
        self._about["finished"] = True
        self.spent(seconds)

    def spent(self, seconds: float) -> None:
        """Write how long this start took."""
        self._about["starts"][-1]["seconds"] = round(seconds, 3)
        self._write(ABOUT, self._about)

    def _write(self, name: str, data: Mapping[str, Any]) -> None:
        new = self.path / f"{name}.new"
        try:
            new.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
            new.replace(self.path / name)
        except OSError as exc:
            raise SettingsError(
                f"{self.path / name} cannot be written ({exc.strerror}); give another --out"
            ) from exc


def _sample(file: Path, number: int, line: bytes) -> Sample:
    try:
        return Sample(**json.loads(line))
    except (ValueError, TypeError) as exc:
        raise SettingsError(
            f"line {number} of {file} is no sample; delete the line, or begin anew with --fresh"
        ) from exc


def _number(name: str, stem: str) -> int:
    number = name.removeprefix(f"{stem}-")
    return int(number) if number.isdecimal() else 1


def _object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise SettingsError(
            f"{file} cannot be read ({exc}); name the folder of a run, with its {ABOUT}"
        ) from exc
    if not isinstance(found, dict):
        raise SettingsError(f"{file} is not of a run: it holds no JSON object")
    return found
