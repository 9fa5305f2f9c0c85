"""LensNet in the feature scorer's place, over a real memory with real gists of a tiny base."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from megacontext.memory.focus import (
    GIST_LEVELS,
    ROOT,
    FeatureScorer,
    FocusQuery,
    Position,
    TextCodec,
    TreeView,
    Weights,
    focus,
)
from megacontext.memory.focus.evidence import Evidence
from megacontext.memory.focus.features import FEATURES, FeatureTable
from megacontext.memory.focus.lens_scorer import LensScorer
from megacontext.memory.focus.node import BLOCK, FILE, Node
from megacontext.memory.focus.node_gists import NodeGists
from megacontext.memory.focus.query_gists import QueryGists
from megacontext.memory.focus.stored_gists import StoredGists
from megacontext.memory.focus.stored_tokens import StoredTokens
from megacontext.memory.memory import Memory
from megacontext.memory.tree.store import TreeSpec
from megacontext.models.gist.gister import Gister, from_bits
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.lens.tail_gists import TailGistCache
from megacontext.models.lensnet import Asked, Entries, LensNet, LensNetConfig
from tests.memory.focus.shelf import WordCounter
from tests.memory.workbench import module, open_memory, write_files
from tests.models.gist_bases import base_lm, identity

FILES = {
    "mail/fold.py": 'def fold_header(line):\n    """Fold a long header of an email message."""\n'
    + "".join(f"    line = line.strip() + 'header {n}'\n" for n in range(9))
    + "    return line\n",
    "mail/send.py": "from mail.fold import fold_header\n\ndef send(message):\n    return fold_header(message)\n",
    "unread.py": "x = 1\n",
    **{f"many/mod{n:02}.py": module(f"work{n}", 2) for n in range(40)},
}
QUERIES = [
    FocusQuery(text="where is a long header of an email folded?", budget=300),
    FocusQuery(at=Position("mail/send.py", 4), window="fold_header(message)", budget=300),
    FocusQuery(text="work3_1", at=Position("mail/fold.py", 3), budget=300),
]


@pytest.fixture(scope="module")
def gister() -> Gister:
    model = base_lm(vocab_size=256)
    gistnet = initial_gistnet(model, identity(model), layers=1, seed=3)
    with torch.no_grad():  # fresh, a gist tells of one token of the block alone
        gistnet.up.weight.normal_(generator=torch.Generator().manual_seed(4))
    return Gister(model.get_input_embeddings().weight, gistnet, batch=4)


@pytest.fixture(scope="module")
def memory(tmp_path_factory, gister) -> Iterator[Memory]:
    root = tmp_path_factory.mktemp("repository")
    write_files(root, FILES)
    with open_memory(root, spec=TreeSpec("tiny", "c0ffee", width=32, slots=2)) as opened:
        opened.writer.reconcile()
        opened.gisting(gister).run()
        yield opened


@pytest.fixture
def tree(memory) -> TreeView:
    return TreeView(memory.catalogue, GIST_LEVELS, StoredGists(memory).blocks)


def net(spread: float = 0.0, **changes) -> LensNet:
    """A fresh one, or with some noise on all weights, as training would leave it."""
    weights = dict(zip(FEATURES, Weights().vector(FocusQuery()).tolist(), strict=True))
    values = {"gist_width": 32, "feature_names": FEATURES, "feature_weights": weights, "width": 16}
    made = LensNet(LensNetConfig(base_id="b", encoder_id="e", **values | changes)).eval()
    random = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(spread * torch.randn(parameter.shape, generator=random))
    return made


@pytest.fixture
def make(memory, tree, gister):
    def scorer(spread: float = 0.1, over: TreeView = tree, **changes) -> LensScorer:
        queries = QueryGists(TailGistCache(gister), memory.tokenizer, memory.read)
        return LensScorer(over, net(spread, **changes), NodeGists(memory), queries)

    return scorer


def all_nodes(tree: TreeView) -> list[Node]:
    found, waiting = [], [ROOT]
    while waiting:
        found.append(waiting.pop())
        waiting.extend(tree.children(found[-1]))
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_fresh_it_scores_every_node_as_the_feature_scorer_does(tree, make, query):
    nodes = all_nodes(tree)
    weighed = FeatureScorer(
        tree, Weights(tail=0.0, cursor_defines=Weights().defines, cursor_scale=1.0)
    ).score(nodes, query)
    assert {node.level for node in nodes} == GIST_LEVELS
    assert np.allclose(make(spread=0).score(nodes, query), weighed, atol=1e-6)


@pytest.mark.parametrize("query", QUERIES)
def test_candidates_have_the_scores_that_lensnet_gives_them(memory, tree, gister, make, query):
    table = FeatureTable(Evidence(tree, query))
    nodes = [tree.node_of(chunk) for chunk in table.chunks]
    entries = Entries(
        from_bits(NodeGists(memory).first_slots(nodes))[None],
        torch.from_numpy(table.features(nodes))[None],
        torch.ones(1, len(nodes), dtype=torch.bool),
    )
    cache = TailGistCache(gister)
    asked = from_bits(QueryGists(cache, memory.tokenizer, memory.read).gists(query))[None]
    assert asked.shape[1] > 0
    expected = net(0.1)(entries, Asked(asked, torch.ones(asked.shape[:2], dtype=torch.bool)))
    assert np.allclose(make().score(nodes, query), expected[0].detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("query", QUERIES)
def test_a_score_does_not_depend_on_what_else_is_asked(tree, make, query):
    nodes = all_nodes(tree)
    together = make().score(nodes, query)
    one_by_one = make()
    single = [one_by_one.score([node], query)[0] for node in reversed(nodes)][::-1]
    assert np.allclose(together, single, atol=1e-5)
    assert np.isfinite(together).all()
    assert make().score([], query).shape == (0,)


def test_what_is_coarse_scores_as_the_best_candidate_below(tree, make):
    query, scorer = QUERIES[0], make()
    chunks = [tree.node_of(chunk) for chunk in FeatureTable(Evidence(tree, query)).chunks]
    scores = scorer.score(chunks, query).tolist()
    for above in tree.path_to(chunks[int(np.argmax(scores))])[:-1]:
        assert scorer.score([above], query).tolist() == [max(scores)]


def test_chunks_that_nothing_was_found_for_are_scored_by_their_own_gists(tree, make):
    query = QUERIES[0]
    found = {chunk.path for chunk in FeatureTable(Evidence(tree, query)).chunks}
    others = [tree.node_at(path, 1) for path in sorted(FILES.keys() - found)][:9]
    assert len(set(make().score(others, query).tolist())) == 9


def test_blocks_are_scored_by_their_own_gists(tree, make):
    chunk = tree.node_at("mail/fold.py", 2)
    blocks = tree.children(chunk)
    assert len(blocks) > 2
    scores = make().score(blocks, QUERIES[0]).tolist()
    assert len(set(scores)) == len(scores)
    tokens = [child for block in blocks for child in tree.children(block)]
    assert make().score(tokens, QUERIES[0]).tolist() == scores


def test_another_cursor_changes_the_scores_of_all_candidates(tree, make):
    scorer = make(features=False)
    nodes = [tree.node_at(path, 1) for path in ("mail/fold.py", "mail/send.py")]
    one = scorer.score(nodes, replace(QUERIES[0], at=Position("many/mod03.py", 7)))
    other = scorer.score(nodes, replace(QUERIES[0], at=Position("many/mod31.py", 7)))
    assert (one != other).all()


def test_reasons_name_features_and_likeness(tree, make):
    node = tree.node_at("mail/fold.py", 2)
    assert make(spread=0).reasons(node, QUERIES[0]) == FeatureScorer(tree).reasons(node, QUERIES[0])
    scorer, nodes = make(), all_nodes(tree)
    told = {query: [scorer.reasons(node, query) for node in nodes] for query in QUERIES[:2]}
    assert {"like the question"} < {why for reasons in told[QUERIES[0]] for why in reasons}
    assert {"like what is at the cursor"} < {why for reasons in told[QUERIES[1]] for why in reasons}
    assert all(len(reasons) <= 3 for per_query in told.values() for reasons in per_query)


@pytest.mark.parametrize(
    "query",
    [FocusQuery(), FocusQuery(text="nothing like this"), FocusQuery(at=Position("no.py", 3))],
)
def test_nothing_found_is_no_error(tree, make, query):
    scorer, nodes = make(), all_nodes(tree)
    assert np.isfinite(scorer.score(nodes, query)).all()
    assert isinstance(scorer.reasons(nodes[-1], query), tuple)


@pytest.mark.parametrize("query", QUERIES)
def test_focus_keeps_to_its_budget_and_is_the_same_again(memory, make, query):
    tree = TreeView(memory.catalogue)
    codec = TextCodec(tree, StoredTokens(memory), WordCounter(), memory.read)
    first = focus(tree, query, codec, make(over=tree))
    again = focus(tree, query, codec, make(over=tree))
    assert 0 < first.total_cost <= query.budget
    assert [entry.node for entry in first.entries] == [entry.node for entry in again.entries]
    assert any(entry.reasons for entry in first.entries)


def test_before_there_are_gists_features_have_to_do(tmp_path, gister):
    write_files(tmp_path, {path: FILES[path] for path in ("mail/fold.py", "mail/send.py")})
    with open_memory(tmp_path, spec=TreeSpec("tiny", "c0ffee", width=32, slots=2)) as memory:
        memory.writer.reconcile()
        tree = TreeView(memory.catalogue, GIST_LEVELS, StoredGists(memory).blocks)
        queries = QueryGists(TailGistCache(gister), memory.tokenizer, memory.read)
        scorer = LensScorer(tree, net(0.1), NodeGists(memory), queries)
        nodes = all_nodes(tree)
        assert BLOCK not in {node.level for node in nodes}
        before = scorer.score(nodes, QUERIES[0])
        assert np.isfinite(before).all()
        memory.gisting(gister).run()
        tree.refresh()
        node = next(node for node in nodes if node.level == FILE)
        assert scorer.score([node], QUERIES[0])[0] != before[nodes.index(node)]
