"""What `status` tells: read from the index and the file system alone, for every tree it holds. Loads no model."""

from pathlib import Path
from typing import Any

from megacontext.configs.errors import StoreError
from megacontext.configs.loading import load_settings
from megacontext.memory.catalogue import Catalogue
from megacontext.memory.catalogue.connection import open_for_reading
from megacontext.memory.freshness import compare
from megacontext.memory.lock import WriterLock
from megacontext.memory.places import find_places
from megacontext.memory.tree.summary import summaries

from .rules import left_out_rules


def read_state(repository: Path | None = None) -> dict[str, Any]:
    """The state of the enclosing repository's memory, as JSON data.

    Raises RepositoryError, or StoreError when it is not indexed.
    """
    places = find_places(repository or Path.cwd())
    if not places.catalogue.exists():
        raise StoreError(f"{places.root} is not indexed yet; run `megacontext index`")
    settings = load_settings(places.root)
    db = open_for_reading(places.catalogue)
    catalogue = Catalogue(db)
    try:
        writer = WriterLock(places.lock).holder()
        disk = [Path(f"{places.catalogue}{ending}") for ending in ("", "-wal")]
        return {
            "root": str(places.root),
            "fresh": compare(places.root, catalogue, left_out_rules(settings.memory)).as_counts(),
            "writer": str(writer) if writer else None,
            "catalogue": catalogue.counts(),
            "disk": {"catalogue": sum(path.stat().st_size for path in disk if path.exists())},
            "trees": [tree.as_json() for tree in summaries(db, places.trees)],
            "left_out": [
                {"path": item.path, "reason": item.reason} for item in catalogue.left_out()
            ],
        }
    finally:
        db.close()
