"""What has changed on disk since it was indexed, told from names, sizes and time stamps alone. Writes nothing."""

from dataclasses import dataclass
from pathlib import Path

from .catalogue import Catalogue
from .left_out import LeftOutRules
from .listing import Listing, list_files


@dataclass(frozen=True)
class Differences:
    """Where the catalogue and the files part."""

    listing: Listing
    added: list[str]
    """Files that are neither indexed nor known to be left out."""
    changed: list[str]
    """Files whose size or time stamp is another one."""
    removed: list[str]
    """Indexed files that are gone."""
    unsure: list[str]
    """Files to look at again: the time stamp proves nothing, or they were judged by other rules."""

    def as_counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "added": len(self.added),
            "changed": len(self.changed),
            "removed": len(self.removed),
        }


def compare(root: Path, catalogue: Catalogue, rules: LeftOutRules) -> Differences:
    """Compare the files under `root` with the catalogue; raises RepositoryError when they cannot be listed."""
    listing = list_files(root)
    indexed, left_out = catalogue.stamps("files"), catalogue.stamps("left_out")
    same_rules = catalogue.state() == rules.fingerprint
    added, changed, unsure = [], [], []
    for path in listing.paths:
        known = indexed.get(path) or left_out.get(path)
        if known is None:
            added.append(path)
        elif known[1] < 0 or not same_rules:
            unsure.append(path)
        elif known != _stamp(root / path):
            changed.append(path)
    present = set(listing.paths)
    removed = [path for path in indexed if path not in present]
    return Differences(listing, added, changed, removed, unsure)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
