"""A revision of a git repository as the origin of a pack: read from git's own archive, checked out nowhere."""

import io
import re
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.configs.errors import PackError
from megacontext.memory.packs.building import Identity, SourceFile

from .from_folder import identity_of
from .origins import REVISION, Gathered

GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never")
FETCH_TIMEOUT_S = 900
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MAX_ARCHIVE = 2_000_000_000
MAX_FILE = 100_000_000


def from_git(where: str) -> Gathered:
    """The files of `WHERE@REV`, a folder or an address that git fetches from; raises PackError."""
    place, at, revision = where.rpartition("@")
    if not at or not place or not revision or revision.startswith("-") or place.startswith("-"):
        raise PackError(f"git:{where} names no revision; write git:WHERE@REV")
    folder = Path(place).expanduser()
    if folder.exists():
        return _archived(folder, revision, place, revision)
    with TemporaryDirectory(prefix="megacontext-git-") as temporary:
        _git(Path(temporary), "init", "--quiet", "--bare")
        _git(Path(temporary), "fetch", "--quiet", "--depth=1", place, revision)
        return _archived(Path(temporary), "FETCH_HEAD", place, revision)


def _archived(folder: Path, revision: str, place: str, asked: str) -> Gathered:
    commit = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    commit_id = commit.decode().strip()
    if not COMMIT.fullmatch(commit_id):
        raise PackError(f"{place} has no revision {asked}")
    files = list(_files(_git(folder, "archive", "--format=tar", commit_id)))
    name = Path(place.rstrip("/")).name.removesuffix(".git") or "repository"
    # The commit, not the branch that was asked for: a branch is another text tomorrow.
    origin = f"git:{place}@{commit_id}"
    said = identity_of({file.path: file.data for file in files}, name, origin)
    version = said.version if said.version != "0" else commit_id[:12]
    return Gathered(Identity(said.name, version, origin, said.licence), files)


def _files(archive: bytes) -> list[SourceFile]:
    found = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            # Links lead elsewhere, and submodules are empty folders.
            if member.isreg() and member.size <= MAX_FILE:
                stream = tar.extractfile(member)
                if stream is not None:
                    made = int(member.mtime) * 10**9
                    found.append(SourceFile(member.name, stream.read(), made, REVISION))
    return found


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(
            [*GIT, "-C", str(folder), *arguments],
            capture_output=True,
            check=False,
            timeout=FETCH_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise PackError(f"git {arguments[0]} did not work in {folder}: {exc}") from exc
    if done.returncode:
        why = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["there is none"])[-1]
        raise PackError(f"git {arguments[0]} found nothing to pack: {why}")
    if len(done.stdout) > MAX_ARCHIVE:
        raise PackError(f"the archive has {len(done.stdout):,} bytes; that is too much for a pack")
    return done.stdout
