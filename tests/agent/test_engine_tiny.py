"""The engine with a tiny random model in this process: positions, caches, gists."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.engine import Engine
from megacontext.agent.events import FocusChange, Token, Usage
from megacontext.configs.errors import ModelFilesError, StoreError
from megacontext.memory.focus import Cut, FocusQuery, Position, WorkingEntry
from megacontext.memory.focus.features import FEATURES
from megacontext.memory.focus.node import BLOCK, TOKENS
from megacontext.models.base import Vectors
from megacontext.models.gist.loading import gister_for
from megacontext.models.language.scripted import ScriptedModel
from megacontext.models.language.transformers_model import TransformersModel
from megacontext.models.lens.files import save_lensnet
from megacontext.models.lensnet import LensNet, LensNetConfig
from tests.memory.workbench import module, write_files

IN_GREET = Position("greeter/greet.py", 14, 19)


@pytest.fixture(scope="module")
def model(model_folder):
    return TransformersModel.from_pretrained(model_folder)


@pytest.fixture
def engine(open_engine, model) -> Engine:
    model.forget()
    return open_engine(model, complete__max_new_tokens=4)


def last(events) -> Usage:
    *_, usage = events
    assert isinstance(usage, Usage)
    return usage


def test_a_model_from_a_folder_is_the_one_that_settings_load(open_engine, model, model_folder):
    assert model.name == model_folder.name and str(model.device) == "cpu"
    own = open_engine(complete__max_new_tokens=4)
    assert own.model.name == model.name
    texts = [
        [event.text for event in engine.complete(IN_GREET) if isinstance(event, Token)]
        for engine in (own, Engine(own.workplace, own.memory, model))
    ]
    assert texts[0] == texts[1]


def test_a_second_completion_computes_only_what_changed(engine):
    first = last(engine.complete(IN_GREET))
    again = last(engine.complete(IN_GREET))
    assert first.reused < again.reused == again.positions - 1
    assert again.mean_logprob is not None and again.mean_logprob <= 0
    path = engine.memory.places.root / "greeter/greet.py"
    typed = path.read_text().replace('f"{word', 'f"{abs(word')
    engine.memory.writer.overlays["greeter/greet.py"] = typed.encode()
    engine.refresh()
    later = last(engine.complete(Position("greeter/greet.py", 14, 23)))
    behind = engine.model.count(typed.split("abs(")[1]) + 12
    assert later.reused >= later.positions - behind


@pytest.mark.parametrize("codec", ["text", "gist"])
def test_focus_costs_the_positions_that_the_model_reads(engine, codec):
    root = engine.memory.places.root
    write_files(root, {f"mod{n}.py": module(f"mod{n}", 6) for n in range(6)})
    engine.refresh()
    for at in (None, IN_GREET):
        for budget in (0, 40, 150, 400, 1500):
            query = FocusQuery("word_for mod3_2 join greeting", at=at, budget=budget)
            focused, rendering = engine.focus_and_read(query, codec)
            assert focused.total_cost <= budget
            assert engine.model.count(rendering.segments) == focused.total_cost


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
@pytest.mark.parametrize("codec", ["text", "gist"])
def test_any_cut_costs_the_positions_that_it_renders_to(engine, codec, data):
    lens, _ = engine._tools(FocusQuery(), codec)
    used = data.draw(st.sampled_from([lens.plain, lens.numbered]))
    cut = Cut(lens.tree, used)
    for _ in range(data.draw(st.integers(1, 30))):
        entries = list(cut)
        node = data.draw(st.sampled_from(entries))
        if cut.can_expand(node) and data.draw(st.booleans()):
            cut.expand(node, speak=data.draw(st.booleans()))
        elif data.draw(st.booleans()):
            cut.speak(node)
        else:
            cut.hush(node)
    rendering = used.render(_entries(cut))
    assert rendering.stale == ()
    assert engine.model.count(rendering.segments) == cut.total == sum(cut.costs())


def _entries(cut: Cut) -> list[WorkingEntry]:
    return [
        WorkingEntry(node, node.level, cost, 0.0, (), node.path, *cut.tree.span(node), False, False)
        for node, cost in zip(cut.spoken, cut.costs(), strict=True)
    ]


# Gists


def test_gists_are_made_and_read_as_vectors(open_engine, model):
    engine = open_engine(model, complete__max_new_tokens=4, focus__gist_slots=2)
    events = list(engine.complete(IN_GREET, codec="gist"))
    assert isinstance(events[0], FocusChange)
    focused, rendering = engine.focus_and_read(FocusQuery("word_for", budget=80), "gist")
    blocks = [entry for entry in focused.entries if entry.level == BLOCK]
    assert {entry.cost for entry in blocks if entry.node.block} == {2}
    vectors = [part for part in rendering.segments if isinstance(part, Vectors)]
    assert vectors and {len(part.keys) for part in vectors} == {2}
    assert "[gist of block 1 of greeter/words.py:1-8]" in rendering.text


def test_a_chunk_in_detail_is_whole_whatever_came_before(engine):
    """Room is made by going back to gists, never by dropping a block out of the middle of a chunk."""
    for budget in (1000, 80, 100, 60, 400, 150, 70):
        composed, _ = engine.focus_and_read(FocusQuery("word_for", budget=budget), "gist")
        focused = composed.repository
        assert focused.total_cost <= budget
        blocks = defaultdict(list)
        for entry in focused.in_order:
            if entry.level <= BLOCK:
                blocks[entry.path, entry.node.start].append(entry.node.block)
        for (path, start), found in blocks.items():
            chunk = focused.cut.tree.chunks_of(path)[start]
            size = engine.model.counter.count(engine.memory.text_of(chunk))
            assert found == list(range(-(-size // 32)))


@pytest.fixture
def with_lensnet(model, model_folder):
    """Puts a LensNet that wants nothing beside the model, made for the base and GistNet that are asked for."""
    gister = gister_for(model, model_folder)

    def put(**other):
        facts = {"base_id": gister.base_id, "encoder_id": gister.encoder_id} | other
        config = LensNetConfig(
            **facts, gist_width=gister.width, feature_names=FEATURES, minimum=9.0, width=8, heads=2
        )
        save_lensnet(LensNet(config), model_folder)

    yield put
    for name in ("lensnet.json", "lensnet.safetensors"):
        (model_folder / name).unlink()


@pytest.mark.parametrize(
    ("scorer", "codec", "learned"),
    [
        ("lensnet", "gist", True),
        ("features", "gist", False),
        ("lensnet", "text", False),
    ],
)
def test_settings_say_which_scorer_chooses(
    open_engine, model, with_lensnet, scorer, codec, learned
):
    with_lensnet()
    engine = open_engine(model, focus__scorer=scorer)
    focused = engine.focus(FocusQuery("word_for", budget=200), codec)
    assert all(entry.score < 0 for entry in focused.entries) == learned


def test_a_lensnet_of_another_base_is_refused_with_the_reason(open_engine, model, with_lensnet):
    with_lensnet(base_id="another")
    engine = open_engine(model, focus__scorer="lensnet")
    with pytest.raises(ModelFilesError, match=r"made for another base.*or use the feature scorer"):
        engine.focus(FocusQuery("word_for", budget=200), "gist")


def test_a_question_can_be_answered_over_gists(open_engine, model):
    engine = open_engine(model)
    events = list(engine.ask("word_for", budget=60, codec="gist"))
    spans = [event for event in events if event.kind == "span"]
    assert spans and len({(span.path, span.start_line) for span in spans}) == len(spans)


def _damage(engine: Engine) -> None:
    file = engine.memory.store.folder / "L1.ctx"
    data = file.read_bytes()
    file.write_bytes(data[:64] + bytes(byte ^ 0xFF for byte in data[64:]))


def _reads_vectors(engine: Engine, query: FocusQuery) -> bool:
    focused, rendering = engine.focus_and_read(query, "gist")
    assert rendering.stale == ()
    assert engine.model.count(rendering.segments) == focused.total_cost
    return any(isinstance(part, Vectors) for part in rendering.segments)


@pytest.mark.parametrize("write", [True, False])
def test_damaged_gists_are_never_served(open_engine, model, write):
    writer = open_engine(model)
    query = FocusQuery("word_for greeting", budget=230)
    assert _reads_vectors(writer, query)
    _damage(writer)
    engine = writer if write else open_engine(model, write=False)
    assert not _reads_vectors(engine, query)
    if write:
        # They were thrown away, and are made again.
        again = Engine(writer.workplace, writer.memory, model)
        assert _reads_vectors(again, query)


def test_a_reader_uses_the_gists_there_are_and_says_when_there_are_none(open_engine, model):
    writer = open_engine(model)
    reader = open_engine(model, write=False)
    query = FocusQuery("word_for", budget=60)
    with pytest.raises(StoreError, match=r"index --gists.*--codec text"):
        reader.focus_and_read(query, "gist")
    writer.focus_and_read(query, "gist")
    _, rendering = reader.focus_and_read(query, "gist")
    assert any(isinstance(part, Vectors) for part in rendering.segments)
    write_files(writer.memory.places.root, {"later.py": "def later_word():\n    return 1\n"})
    writer.refresh()
    _, rendering = reader.focus_and_read(FocusQuery("later_word", budget=200), "gist")
    assert "def later_word" in rendering.text and rendering.stale == ()


def test_the_gist_of_a_block_is_the_encoders(engine):
    from megacontext.memory.focus.stored_gists import StoredGists
    from megacontext.models.gist.gister import to_bits
    from megacontext.models.gist.loading import gister_for
    from megacontext.models.gistnet import reading_order

    gister = gister_for(engine.model, engine.workplace.folder)
    engine.memory.gisting(gister).run()
    chunk = engine.memory.catalogue.chunk_at("greeter/words.py", 1)
    ids = engine.model.encode(engine.memory.text_of(chunk))
    gists = StoredGists(engine.memory)
    assert gists.blocks(chunk) == -(-len(ids) // 32)
    block = np.array([ids[:32]], np.int64)
    expected = gister.encode_blocks(block, np.array([32]))[0, reading_order(32, 4)]
    found = gists.block(chunk, 0, 4)
    assert found.rows.shape == (4, engine.model.hidden_size)
    assert (to_bits(found.rows) == expected).all()
    assert engine.memory.catalogue.chunk_at("greeter/__init__.py", 1) is None


def test_verbatim_blocks_of_a_chunk_are_its_tokens(engine):
    lens, codec = engine._tools(FocusQuery(), "gist")
    chunk = lens.tree.node_at("greeter/greet.py", 8)
    blocks = [child for block in lens.tree.children(chunk) for child in lens.tree.children(block)]
    assert {node.level for node in blocks} == {TOKENS}
    cut = Cut(lens.tree, codec)
    for node in blocks:
        cut.reveal(node)
        cut.speak(node)
    ids = [
        token for part in codec.render(_entries(cut)).segments for token in getattr(part, "ids", ())
    ]
    record = lens.tree.chunk(chunk)
    assert ids == engine.model.encode(engine.memory.text_of(record))


def test_a_model_of_another_tokenizer_reads_text_but_no_gists(open_engine):
    engine = open_engine(ScriptedModel([]))
    with pytest.raises(Exception, match="use --codec text"):
        engine.focus(FocusQuery("word_for"), "gist")
