"""Snapshots whose gains are a known function of how entries and query agree."""

import torch
from torch.nn.functional import normalize

from megacontext.models.lens.snapshots import DatasetFacts, Snapshot

FEATURES = ("bm25", "near", "level")


def facts(**changes) -> DatasetFacts:
    values = {
        "base_id": "b1",
        "encoder_id": "e1",
        "width": 16,
        "features": FEATURES,
        "targets": 64,
        "seed": 3,
        "repositories": {"one": "1.0", "two": "2.1"},
        "split": "train",
        "commit": "c1",
    }
    return DatasetFacts(**values | changes)


def snapshot(number: int, entries: int = 12, queries: int = 4, **changes) -> Snapshot:
    """One with random content; the gain of an entry is its cosine with the nearest of the query's gists."""
    random = torch.Generator().manual_seed(number)
    gists = normalize(torch.randn(entries, 16, generator=random))
    query = normalize(torch.randn(queries, 16, generator=random))
    gains = 4 * (gists @ query.T).amax(1) - 1 if queries else torch.zeros(entries)
    values = {
        "entry_gists": gists.bfloat16(),
        "features": torch.rand(entries, len(FEATURES), generator=random),
        "levels": torch.full((entries,), 2, dtype=torch.int8),
        "costs": torch.full((entries,), 4, dtype=torch.int32),
        "detail_costs": torch.randint(20, 200, (entries,), generator=random, dtype=torch.int32),
        "detailed": torch.rand(entries, generator=random) < 0.3,
        "legal": torch.ones(entries, dtype=torch.bool),
        "gains": gains,
        "query_gists": query.bfloat16(),
        "repo": ("one", "two")[number % 2],
        "path": f"src/module{number}.py",
        "line": 7 + number,
        "budget": 512,
        "targets": 64,
    }
    return Snapshot(**values | changes)
