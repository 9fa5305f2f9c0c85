"""Arms: none over its budget, each by its own rule."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.evals.repository.arms.entrants import FULL, NONE, Plan
from megacontext.agent.evals.repository.arms.outline import RepositoryMap, page_rank
from megacontext.agent.evals.repository.arms.packing import Packer
from megacontext.agent.evals.repository.arms.passages import LINES, Passage, passages_of
from megacontext.agent.evals.repository.arms.retrieval import knapsack, ranked_by_words
from megacontext.agent.evals.repository.spots import SpotFinder
from tests.agent.evals.repository.conftest import GARDEN

items = st.lists(st.tuples(st.floats(-2, 9), st.integers(1, 9)), max_size=7)


@given(items, st.integers(0, 24))
def test_a_knapsack_holds_the_best_that_fits(found, budget):
    worths, costs = [worth for worth, _ in found], [cost for _, cost in found]
    taken = knapsack(worths, costs, budget)
    assert sum(costs[index] for index in taken) <= budget
    best = max(
        sum(worths[index] for index in some)
        for size in range(len(found) + 1)
        for some in combinations(range(len(found)), size)
        if sum(costs[index] for index in some) <= budget
    )
    assert sum(worths[index] for index in taken) == pytest.approx(best)


@given(st.text("ab \n", max_size=200))
def test_passages_tile_a_file(text):
    found = passages_of("a.py", text)
    lines = text.splitlines(keepends=True)
    for passage in found:
        assert passage.text == "".join(lines[passage.first - 1 : passage.last])
        assert passage.last - passage.first < LINES
    kept = "".join(passage.text for passage in found)
    assert kept.split() == text.split()


def test_passages_that_share_rare_words_come_first():
    texts = ["def alpha(beta): pass", "beta beta beta", "gamma", "beta delta"]
    passages = [Passage("a.py", n, n, text) for n, text in enumerate(texts, start=1)]
    ranked = ranked_by_words("call alpha with beta", passages)
    assert ranked[0].first == 1
    assert 3 not in {each.first for each in ranked}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), unique=True), st.integers(0, 90)
)
def test_what_is_packed_fits_and_the_best_file_stands_last(bench, chosen, budget):
    packer = Packer(bench.model)
    ranked = [Passage(f"{name}.py", n, n, f"{name} = {n}\n") for name, n in chosen]
    segments, text = packer.pack(ranked, budget)
    assert bench.model.count(segments) <= budget
    if text:
        headed = [line for line in text.split("\n") if line.endswith(".py")]
        assert len(headed) == len(set(headed))
        assert (
            headed[-1].endswith(ranked[0].path)
            or bench.model.count(packer.pack(ranked[:1], 999)[0]) > budget
        )


links = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.floats(0.1, 9)))


@given(links, st.sampled_from(["a", "b", "elsewhere"]))
def test_ranks_are_shares(found, start):
    ranks = page_rank(found, ["a", "b", "c", "d"], start)
    assert sum(ranks.values()) == pytest.approx(1)
    assert min(ranks.values()) >= 0


def test_the_map_begins_with_what_the_file_at_work_uses(repository):
    ranked = RepositoryMap(repository).ranked("plot/shed.py", "bed = planned_bed(labels)")
    names = [symbol.name for symbol in ranked]
    assert set(names[:3]) == {"Plant", "tallest_plant", "sown_rows"}
    assert all(symbol.path != "plot/shed.py" for symbol in ranked)


def test_no_arm_is_over_its_budget_and_each_knows_the_file_up_to_the_cursor_alone(
    bench, repository
):
    spot = SpotFinder(repository, tail=40, longest=40, seed=3).find(9, 9)[0]
    with repository.edited(spot.path, spot.before.encode()):
        ask = bench.ask(spot)
        contexts = bench.contexts(ask)
    assert set(contexts) == set(bench.plan.names)
    for name, context in contexts.items():
        budget = {NONE: 0, FULL: bench.plan.room}.get(name) or int(name.partition("@")[2] or 0)
        assert bench.model.count([*context.segments]) <= budget if context.segments else True
        behind = GARDEN + spot.before
        assert spot.rest not in context.text or spot.rest in behind
    assert contexts[NONE].segments == ()
    assert "def tallest_plant" in contexts[FULL].text


@pytest.mark.parametrize(
    ("budgets", "room", "larger"),
    [((60, 120), 500, [240, 480]), ((100, 400), 399, []), ((256,), 784, [])],
)
def test_a_larger_budget_is_tried_where_it_fits(budgets, room, larger):
    plan = Plan(budgets, room, lensnet=False)
    assert plan.larger == larger
    assert [name for name in plan.names if name.startswith("bm25")] == [
        f"bm25@{budget}" for budget in (*budgets, *larger)
    ]
