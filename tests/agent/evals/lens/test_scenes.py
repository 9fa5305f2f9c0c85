"""Scenes: any choice of detail is a cut whose cost is what the model reads, and nothing behind the cursor is in it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.evals.lens.scenes.drawing import draw_scene
from megacontext.agent.evals.lens.scenes.scene import spoken_entries
from megacontext.agent.evals.measuring import lay_out
from megacontext.memory.focus.node import BLOCK, CHUNK, TOKENS
from megacontext.models.base import Tokens, Vectors
from tests.agent.evals.lens.conftest import DRAW, FILES

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def drawn(repository, place, seed=1, **changes):
    return draw_scene(repository, place, DRAW.model_copy(update=changes), seed)


def test_the_same_seed_draws_the_same_scene(repository, scene):
    again = drawn(repository, scene.place)
    assert (again.nodes, again.detailed, again.query) == (scene.nodes, scene.detailed, scene.query)
    others = [drawn(repository, scene.place, seed) for seed in range(2, 8)]
    assert any(other.nodes != scene.nodes for other in others)


def test_a_scene_keeps_to_its_settings(repository, scene):
    for seed in range(12):
        found = drawn(repository, scene.place, seed)
        assert DRAW.entries[0] <= len(found.nodes) <= DRAW.entries[1]
        assert len(set(found.nodes)) == len(found.nodes)
        assert {node.level for node in found.nodes} <= {CHUNK, BLOCK}
        assert found.drawn.total <= found.query.budget <= DRAW.budget[1]
        assert 2 * len(found.detailed) <= len(found.nodes) + 1
        opened = {node.start for node in found.nodes if node.level == BLOCK}
        for start in opened:
            same = [node for node in found.nodes if node.level == BLOCK and node.start == start]
            assert {node.path for node in same}


def test_as_many_entries_are_in_detail_as_settings_say(repository, scene):
    for seed in range(4):
        assert drawn(repository, scene.place, seed, detailed=(0.0, 0.0)).detailed == frozenset()
        most = drawn(repository, scene.place, seed, detailed=(0.1, 0.2))
        assert 0 < len(most.detailed) <= 0.2 * len(most.nodes) + 1


def test_there_is_no_scene_where_there_are_too_few_chunks(repository, scene):
    assert drawn(repository, scene.place, entries=(200, 300)) is None


@QUICK
@given(data=st.data())
def test_any_choice_of_detail_costs_what_is_read(scene, data):
    detail = data.draw(st.frozensets(st.integers(0, len(scene.nodes) - 1)))
    cut = scene.cut(detail)
    model = scene.repository.model
    memory = cut.codec.render(spoken_entries(cut)).segments
    assert len(lay_out(model, memory)) == cut.total
    bare = len(lay_out(model, scene.prompt(()))) - scene.base.total
    assert len(lay_out(model, scene.prompt(detail))) == bare + cut.total
    for index, node in enumerate(scene.nodes):
        ids = scene.repository.tokens(node)
        shown = tuple(
            token
            for spoken in cut.spoken
            if spoken.level == TOKENS and spoken[1:3] == node[1:3]
            if node.level == CHUNK or spoken.block == node.block
            for token in scene.repository.tokens(spoken)
        )
        assert shown == (ids if index in detail else ())


@QUICK
@given(data=st.data())
def test_an_action_taken_back_leaves_the_cut_as_it_was(scene, data):
    detail = data.draw(st.frozensets(st.integers(0, len(scene.nodes) - 1)))
    index = data.draw(st.integers(0, len(scene.nodes) - 1))
    without, with_ = scene.cut(detail - {index}), scene.cut(detail | {index})
    cut = with_.copy()
    scene.collapse(cut, index)
    assert cut.spoken == without.spoken and cut.total == without.total
    scene.expand(cut, index)
    assert cut.spoken == with_.spoken and cut.total == with_.total


def test_costs_are_those_of_the_context_that_was_drawn(scene):
    assert sum(scene.costs) == scene.drawn.total
    for index, (cost, more) in enumerate(zip(scene.costs, scene.detail_costs, strict=True)):
        node = scene.nodes[index]
        without = DRAW.slots if node.level == BLOCK else 0
        assert more >= len(scene.repository.tokens(node)) - without
        assert cost >= (len(scene.repository.tokens(node)) if index in scene.detailed else without)


def test_blocks_without_detail_are_read_as_their_first_slots(scene):
    vectors = [part for part in scene.prompt(()) if isinstance(part, Vectors)]
    blocks = sum(node.level == BLOCK for node in scene.nodes)
    assert len(vectors) == blocks > 0
    assert {len(part.keys) for part in vectors} == {DRAW.slots}


def test_a_prompt_ends_with_the_tail(scene):
    assert scene.prompt(scene.detailed)[-1] == Tokens(scene.place.tail)


def test_nothing_behind_the_cursor_is_anywhere_in_memory(repository, places):
    place = next(place for place in places if "count_" not in place.before)
    hidden = f"count_{place.path.removeprefix('fruit/').removesuffix('.py')}_rows"
    catalogue, root = repository.memory.catalogue, repository.memory.root_key
    assert catalogue.search(hidden) and catalogue.symbols_named(hidden)
    with repository.edited(place.path, place.before.encode()):
        assert not catalogue.symbols_named(hidden)
        chunks = catalogue.chunks_of(catalogue.file(place.path).id)
        assert max(chunk.end for chunk in chunks) == len(place.before.encode())
        assert repository.lens.tree.chunks_of(place.path) == chunks
        assert repository.memory.has_all_gists()
        for seed in range(6):
            found = drawn(repository, place, seed)
            everything = found.prompt(range(len(found.nodes)))
            text = repository.model.decode(lay_out(repository.model, everything).ids)
            assert hidden not in text
            assert all(
                not span.overlaps(node.path, *repository.lens.tree.span(node))
                for node in found.nodes
                for span in found.query.exclude
            )
    assert catalogue.symbols_named(hidden)
    assert repository.lens.tree.chunks_of(place.path)[-1].end == len(FILES[place.path])
    assert repository.memory.root_key == root and repository.memory.has_all_gists()


def test_the_whole_file_is_back_after_an_error(repository, places):
    root = repository.memory.root_key
    with pytest.raises(KeyboardInterrupt), repository.edited(places[0].path, b"pass\n"):
        raise KeyboardInterrupt
    assert repository.memory.root_key == root
