"""A place that memory is shared at: a folder, or any address that fsspec knows (`s3://`, `gs://`, `sftp://` …).

```
lines/NAME.json        which snapshot a line ends in
sessions/ID.json       which snapshot holds a conversation
snapshots/ID.mcsnap    what a snapshot has that its parents do not
packs/NAME-VERSION-ID.mcpack
```

Files are written beside their place and moved there, so that nobody reads half of one. What is read is input from
outside. Knows no object's inside.
"""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from megacontext.configs.errors import VersionError

from .bundles import LARGEST_BUNDLE
from .snapshots import ID, NAME

RefKind = Literal["lines", "sessions"]
SNAPSHOTS, PACKS = "snapshots", "packs"
BUNDLE, PACK, REF = ".mcsnap", ".mcpack", ".json"
LONGEST_REF = 4_000
_LOGIN = re.compile(r"//[^/@]*@")
_UNKNOWN = re.compile(r"rotocol not known|nstall ")


class Remote:
    """One such place."""

    def __init__(self, url: str) -> None:
        """Raises VersionError for an address that nothing here can open."""
        import fsspec

        self.url = _LOGIN.sub("//", url)
        """Without a login."""
        try:
            found: tuple[Any, str] = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError, OSError) as exc:
            mend = " (fsspec says what to install)" if _UNKNOWN.search(str(exc)) else ""
            raise VersionError(f"{self.url} cannot be opened: {exc}{mend}") from exc
        self._fs, self._root = found[0], found[1].rstrip("/")

    @property
    def name(self) -> str:
        """A short name for people, and for lines that come from here."""
        last = re.sub(r"[^A-Za-z0-9._-]+", "-", self._root.rstrip("/").rpartition("/")[2])
        return last.strip("-.") or "remote"

    # References

    def refs(self, kind: RefKind) -> dict[str, str]:
        """Snapshots by the name of a line, or of a conversation."""
        names = [name.removesuffix(REF) for name in self._names(kind) if name.endswith(REF)]
        found = ((name, self.ref(kind, name)) for name in names if NAME.fullmatch(name))
        return {name: snapshot for name, snapshot in found if snapshot is not None}

    def ref(self, kind: RefKind, name: str) -> str | None:
        """The snapshot behind a name; None when there is no such name. Raises VersionError for a damaged one."""
        data = self._read(f"{kind}/{name}{REF}", LONGEST_REF)
        if data is None:
            return None
        try:
            snapshot = json.loads(data)["snapshot"]
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            raise VersionError(f"{self.url}: {kind}/{name}{REF} cannot be read") from exc
        if not isinstance(snapshot, str) or not ID.fullmatch(snapshot):
            raise VersionError(f"{self.url}: {kind}/{name}{REF} names no snapshot")
        return snapshot

    def set_ref(self, kind: RefKind, name: str, snapshot_id: str) -> None:
        """Let a name stand for a snapshot that was sent."""
        self._write(f"{kind}/{name}{REF}", json.dumps({"snapshot": snapshot_id}).encode() + b"\n")

    # Snapshots

    def snapshots(self) -> set[str]:
        """Every snapshot that was sent here."""
        return {
            name.removesuffix(BUNDLE) for name in self._names(SNAPSHOTS) if name.endswith(BUNDLE)
        }

    def send(self, snapshot_id: str, bundle: bytes) -> None:
        """Send a snapshot's bundle."""
        self._write(f"{SNAPSHOTS}/{snapshot_id}{BUNDLE}", bundle)

    def fetch(self, snapshot_id: str) -> bytes:
        """A snapshot's bundle; raises VersionError when it is not there."""
        data = self._read(f"{SNAPSHOTS}/{snapshot_id}{BUNDLE}", LARGEST_BUNDLE)
        if data is None:
            raise VersionError(f"{self.url} lacks snapshot {snapshot_id}; push it there again")
        return data

    # Packs

    def packs(self) -> list[str]:
        """File names of the packs."""
        return sorted(name for name in self._names(PACKS) if name.endswith(PACK))

    def send_pack(self, path: Path, name: str) -> None:
        """Send a pack's file under a name that ends in `.mcpack`."""
        with self._named_errors():
            self._make(PACKS)
            part = self._part(f"{PACKS}/{name}")
            self._fs.put_file(str(path), part)
            self._fs.mv(part, self._path(f"{PACKS}/{name}"))

    def fetch_pack(self, name: str, to: Path) -> None:
        """Fetch a pack's file, one of `packs`."""
        with self._named_errors():
            self._fs.get_file(self._path(f"{PACKS}/{name}"), str(to))

    # Files

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _part(self, name: str) -> str:
        return self._path(f"{name}.part-{secrets.token_hex(4)}")

    def _make(self, folder: str) -> None:
        self._fs.makedirs(self._path(folder), exist_ok=True)

    def _names(self, folder: str) -> list[str]:
        with self._named_errors():
            try:
                found = self._fs.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return []
            return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    def _read(self, name: str, most: int) -> bytes | None:
        with self._named_errors():
            try:
                if self._fs.size(self._path(name)) > most:
                    raise VersionError(f"{self.url}: {name} is larger than {most:,} bytes")
                data = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
            return bytes(data)

    def _write(self, name: str, data: bytes) -> None:
        with self._named_errors():
            self._make(name.rpartition("/")[0])
            part = self._part(name)
            self._fs.pipe_file(part, data)
            self._fs.mv(part, self._path(name))

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            said = exc.strerror or str(exc)
            raise VersionError(f"{self.url} cannot be reached or written: {said}") from exc
