"""Paths as models write them, to files that tools may touch. Every refusal says why, and names what may be meant."""

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import ToolError

from ..edits import inside
from ..edits.editor import shown
from ..edits.text_file import TextFile
from .base import Shop

MAX_BYTES = 5_000_000
"""Larger files are neither read nor edited by tools."""
MAX_NAMED = 6
_DIFF_PREFIX = re.compile(r"[ab]/")


@dataclass(frozen=True, slots=True)
class Located:
    """A path that tools may touch."""

    path: str
    """As it stands on disk, relative to the root, no link on the way."""
    exists: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """A text file that was read."""

    path: str
    data: bytes
    mode: int
    file: TextFile
    notes: tuple[str, ...] = ()


def locate(shop: Shop, typed: str, *, new: bool = False) -> Located:
    """The path that `typed` means; with `new` it need not exist.

    Mended where it is plain: quotes, `./`, an absolute path into the repository, backslashes, `a/` of a diff, upper and
    lower case, and the end of a path that fits one file alone. Raises ToolError for anything outside of the
    repository, what belongs to git or MegaContext, and secrets.
    """
    path = _plain(shop.root, typed)
    found = _on_disk(shop.root, path)
    if found is None:
        variants = [path.replace("\\", "/"), _DIFF_PREFIX.sub("", path, count=1)]
        known = (_on_disk(shop.root, each) for each in variants if each and each != path)
        found = next((each for each in known if each is not None), None)
    if found is None and not new:
        found = _by_its_end(shop, path)
    if found is not None:
        notes = () if found == path else (f"took {typed} for {found}",)
        return Located(_allowed(shop, found), True, notes)
    if not new:
        raise ToolError(_absent(shop, path))
    path = _with_known_folders(shop.root, path)
    return Located(_allowed(shop, path), False)


def open_text(shop: Shop, typed: str) -> Opened:
    """Read the file that `typed` means; raises ToolError when tools may not read it, or it is no text."""
    located = locate(shop, typed)
    if shop.editor is None and located.path in _unsaved(shop):
        raise ToolError(
            f"{located.path} has changes in an editor that are not saved; ask to save it"
        )
    found = inside.read(shop.root, located.path, MAX_BYTES + 1)
    if found is None:
        raise ToolError(_absent(shop, located.path))
    data = found.data
    if len(data) <= MAX_BYTES and shop.editor is not None:
        data = shown(shop.editor, located.path, data) or b""
    if len(data) > MAX_BYTES:
        raise ToolError(
            f"{located.path} is larger than {MAX_BYTES:,} bytes; use `run` to look at it"
        )
    if (reason := shop.secrets.by_content(data)) is not None:
        raise ToolError(f"{located.path} is not shown to models: {reason}")
    file = TextFile.of(located.path, data)
    return Opened(located.path, data, found.mode, file, located.notes)


def _unsaved(shop: Shop) -> Sequence[str]:
    return list(shop.memory.ingest.overlays) if shop.memory.ingest else []


def _plain(root: Path, typed: str) -> str:
    """Relative, without detours; raises ToolError when it leads out."""
    text = typed.strip().strip("`'\"").strip()
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise ToolError(f"{text[:80]!r} is no path: it holds control characters or half characters")
    if text.startswith("~"):
        raise _outside(text)
    if text.startswith("/"):
        text = os.path.relpath(os.path.normpath(text), root)
    path = os.path.normpath(text) if text else ""
    if path in {"", "."}:
        raise ToolError("the path is empty; give a file, relative to the repository's root")
    if path.split("/")[0] == "..":
        raise _outside(typed)
    inside.parts_of(path)
    return path


def _outside(typed: str) -> ToolError:
    return ToolError(
        f"{typed.strip()[:80]} is outside of the repository; tools work inside of it alone"
    )


def _leads_out(path: str) -> ToolError:
    return ToolError(f"{path} leads out of the repository through a symbolic link")


def _on_disk(root: Path, path: str) -> str | None:
    """The path with its names as they are on disk, links followed while they stay inside; None if there is none."""
    try:
        here = root
        for part in inside.parts_of(path):
            if not Path(os.path.realpath(here)).is_relative_to(root):
                raise _leads_out(path)
            name = _name_on_disk(here, part)
            if name is None:
                return None
            here /= name
        real = Path(os.path.realpath(here))
    except OSError:
        return None
    if not real.is_relative_to(root) or real == root:
        raise _leads_out(path)
    return real.relative_to(root).as_posix() if real.exists() else None


def _name_on_disk(folder: Path, name: str) -> str | None:
    names = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
    if name in names:
        return name
    same = sorted(each for each in names if _folded(each) == _folded(name))
    if len(same) > 1:
        raise ToolError(f"{name} may be {', '.join(same[:MAX_NAMED])}; write the one that is meant")
    return same[0] if same else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _by_its_end(shop: Shop, path: str) -> str | None:
    """The one indexed file whose path ends like this."""
    ending = f"/{_folded(path)}"
    with shop.memory.reading():
        paths = [file.path for file in shop.memory.catalogue.files()]
    found = [each for each in paths if _folded(f"/{each}").endswith(ending)]
    if len(found) > 1:
        raise ToolError(f"{path} may be {', '.join(found[:MAX_NAMED])}; write the whole path")
    return _on_disk(shop.root, found[0]) if found else None


def _with_known_folders(root: Path, path: str) -> str:
    """A new file's path, whose folders are named as they are on disk, as far as they exist."""
    *folders, name = path.split("/")
    here, parts = root, []
    for part in folders:
        if not Path(os.path.realpath(here)).is_relative_to(root):
            raise _leads_out(path)
        known = _name_on_disk(here, part)
        parts.append(known or part)
        here /= parts[-1]
    if not Path(os.path.realpath(here)).is_relative_to(root):
        raise _leads_out(path)
    real = Path(os.path.realpath(here)) / name
    return real.relative_to(root).as_posix()


def _allowed(shop: Shop, path: str) -> str:
    reason = inside.kept_from_tools(path)
    if reason is None and (secret := shop.secrets.by_path(path)) is not None:
        reason = f"{path} is neither shown to models nor edited: {secret}"
    if reason is not None:
        raise ToolError(reason)
    return path


def _absent(shop: Shop, path: str) -> str:
    stem = Path(path).stem.casefold()
    with shop.memory.reading():
        near = [
            file.path
            for file in shop.memory.catalogue.files()
            if stem and Path(file.path).stem.casefold() == stem
        ]
    meant = f"; did you mean {', '.join(near[:MAX_NAMED])}?" if near else "; look with `search`"
    return f"there is no file {path[:200]}{meant}"
