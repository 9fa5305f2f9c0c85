"""Descendant recall: how far down the file stands that is needed."""

import numpy as np
import pytest

from megacontext.agent.evals.lens.recall import (
    CONTROLS,
    LEVELS,
    FileVectors,
    Found,
    _found,
    find_homes,
    recall_at,
)
from megacontext.agent.evals.lens.scenes.places import PlaceFinder
from megacontext.memory.focus.node_gists import NodeGists
from megacontext.models.gist.gister import from_bits
from tests.agent.evals.lens.conftest import FILES, PLACES

ALL_NEED = PLACES.model_copy(update={"need_share": 1.0})


@pytest.fixture(scope="module")
def needing(repository):
    return PlaceFinder(repository, ALL_NEED, seed=4).find(6)


def test_every_way_ranks_all_files_but_the_cursors_own(repository, needing):
    found = list(find_homes(repository, needing, {"features": repository.lens.scorer}))
    assert len(found) == len(needing) > 0
    ways = {f"{level} {way}" for level in LEVELS for way in ("late", "max")}
    for each in found:
        assert set(each.ranks) == ways | {"features", *CONTROLS}
        assert each.others == len(FILES) - 1
        assert all(0 <= rank < each.others for rank in each.ranks.values())
    assert list(find_homes(repository, needing, {})) == [
        Found(each.file, each.others, {k: v for k, v in each.ranks.items() if k != "features"})
        for each in found
    ]


def test_names_lead_to_the_file_that_defines_them(repository, needing):
    found = list(find_homes(repository, needing, {"features": repository.lens.scorer}))
    assert np.mean([each.ranks["features"] for each in found]) < 1.5


def test_the_best_score_stands_first_and_equals_by_chance(repository, needing):
    place = needing[0]
    paths = list(repository.files)
    home = paths.index(place.homes[0])
    best, worst = np.zeros(len(paths)), np.ones(len(paths))
    best[home], worst[home] = 1, 0
    found = _found(place, paths, {"best": best, "worst": worst})
    assert found.ranks == {"best": 0, "worst": found.others - 1}
    equal = [
        _found(each, paths, {"equal": np.zeros(len(paths))}).ranks["equal"] for each in needing
    ]
    assert len(set(equal)) > 1


def test_a_file_is_like_its_own_blocks(repository):
    vectors = FileVectors(repository)
    tree = repository.lens.tree
    for number, path in enumerate(vectors.paths):
        chunks = [tree.node_of(chunk) for chunk in tree.chunks_of(path)]
        if not chunks:
            continue
        own = from_bits(NodeGists(repository.memory).first_slots(tree.children(chunks[0])))
        like = vectors.like("L1", own)["L1 late"]
        assert like[number] == pytest.approx(1.0, abs=1e-4)
        assert like.max() == pytest.approx(float(like[number]), abs=1e-4)


def test_recall_grows_with_k():
    found = [Found(f"f{rank}", 20, {"way": rank}) for rank in (0, 3, 4, 9, 15)]
    (way,) = recall_at(found, (1, 5, 10), seed=0).values()
    assert [way[k].mid for k in ("1", "5", "10")] == pytest.approx([0.2, 0.6, 0.8])
    assert all(0 <= each.low <= each.mid <= each.high <= 1 for each in way.values())
