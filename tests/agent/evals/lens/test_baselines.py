"""Baselines: scores for every entry, the same each time, and what each is made to see, it sees."""

import numpy as np
import pytest

from megacontext.agent.evals.bm25 import Rarity, bm25
from megacontext.agent.evals.lens.baselines.hindsight import Hindsight
from megacontext.agent.evals.lens.baselines.judges import Filled, Sum, ranged
from megacontext.agent.evals.lens.baselines.lexical import Bm25, Jaccard, texts_of
from megacontext.agent.evals.lens.baselines.neural import AttentionMass, Dense, MutualInformation
from megacontext.agent.evals.lens.baselines.plain import (
    Chance,
    ImportDistance,
    Nearness,
    imported_modules,
)
from megacontext.agent.evals.lens.entrants import FEATURE_SCORER, HINDSIGHT, Lenses, judges_of


def test_every_judge_scores_every_entry_and_does_so_again(repository, scene, measurer):
    judges = judges_of(repository, Lenses({}), measurer)
    assert len(judges) >= 11
    for name, judge in judges.items():
        scores = judge.scores(scene)
        assert scores.shape == (len(scene.nodes),) and np.isfinite(scores).all(), name
        assert (judge.scores(scene) == scores).all(), name
        if name not in (FEATURE_SCORER, HINDSIGHT):
            assert (scores > 0).all(), name


def test_hindsight_knows_what_an_entry_saves_alone(scene, measurer):
    scores = Hindsight(measurer).scores(scene)
    for index in (0, len(scene.nodes) - 1):
        bare, alone = measurer.losses(
            [scene.prompt(()), scene.prompt({index})], scene.place.targets
        )
        assert scores[index] == pytest.approx(bare - alone, abs=1e-3)


def test_filling_keeps_the_order_and_wants_everything(scene):
    class Signed:
        def scores(self, scene):
            return np.linspace(-3, 2, len(scene.nodes))

    filled = Filled(Signed()).scores(scene)
    assert (filled > 0).all() and (np.diff(filled) > 0).all()
    both = Sum((Signed(), Chance())).scores(scene)
    assert both == pytest.approx(filled + ranged(Chance().scores(scene)))


def test_equal_scores_stay_equal():
    assert set(ranged(np.zeros(4))) == {0.5}


def test_bm25_prefers_rare_words_and_short_texts():
    texts = ["alpha beta", "alpha alpha gamma", "beta " * 40 + "gamma", "delta"]
    rarity = Rarity.among(texts)
    assert rarity.of("delta") > rarity.of("alpha") > 0
    by_gamma = bm25("gamma", texts, rarity)
    assert by_gamma[1] > by_gamma[2] > 0 == by_gamma[0] == by_gamma[3]
    assert bm25("unheard words", texts, rarity).tolist() == [0, 0, 0, 0]
    assert len(bm25("x", [], Rarity.among([]))) == 0


def test_words_in_common_count(repository, scene):
    texts = texts_of(scene)
    window = scene.query.window
    for judge in (Bm25(repository), Jaccard()):
        scores = judge.scores(scene)
        assert len(texts) == len(scores)
    shared = [len(set(window.split()) & set(text.split())) for text in texts]
    jaccard = Jaccard().scores(scene)
    assert jaccard[int(np.argmax(shared))] > jaccard.min() or len(set(shared)) == 1


def test_near_is_what_lies_in_the_same_file_close_before(scene):
    scores = Nearness().scores(scene)
    own = [index for index, node in enumerate(scene.nodes) if node.path == scene.place.path]
    others = [index for index in range(len(scene.nodes)) if index not in own]
    assert not own or not others or min(scores[own]) > max(scores[others])


def test_imports_count_hops_in_either_direction(repository, scene):
    graph = ImportDistance(repository)
    distances = graph._distances("fruit/apple.py")
    assert distances["fruit/apple.py"] == 0
    # apple uses banana, and elder uses apple.
    assert distances["fruit/banana.py"] == distances["fruit/elder.py"] == 1
    assert distances["fruit/cherry.py"] == distances["fruit/damson.py"] == 2


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("a/b.py", "import os, x.y as z\n", {"os", "x.y"}),
        ("a/b.py", "from . import c\n", {"a", "a.c"}),
        (
            "a/b/d.py",
            "    from ..c import (\n        e,\n        f as g,\n    )\n",
            {"a.c", "a.c.e", "a.c.f"},
        ),
        ("b.py", "from ...far import x\nimport\nfrom x import (\n", {"far", "far.x"}),
        ("b.py", "from \0 import x\nimportant = 1\n", set()),
    ],
)
def test_imports_are_read_from_whole_and_broken_files(path, text, wanted):
    assert set(imported_modules(path, text)) == wanted


def test_attention_is_computed_as_before_afterwards(scene, measurer):
    usual = measurer.model.module.config._attn_implementation
    AttentionMass(measurer).scores(scene)
    assert measurer.model.module.config._attn_implementation == usual != "eager"


def test_attention_falls_on_entries_alone(scene, measurer, monkeypatch):
    judge = AttentionMass(measurer)
    told = []
    real = judge._mass
    monkeypatch.setattr(judge, "_mass", lambda *given: told.append(real(*given)) or told[-1])
    judge.scores(scene)
    assert told[0].sum() == pytest.approx(1, abs=1e-4) and (told[0] >= 0).all()


def test_dense_finds_the_tail_itself(scene, measurer, monkeypatch):
    monkeypatch.setattr(
        scene.repository,
        "tokens",
        lambda node: scene.place.tail if node == scene.nodes[2] else (5, 6, 7, 8),
    )
    scores = Dense(measurer).scores(scene)
    assert int(np.argmax(scores)) == 2


def test_information_is_what_an_entry_tells_of_the_tail(scene, measurer):
    scores = MutualInformation(measurer).scores(scene)
    assert len(set(scores.tolist())) > 1
