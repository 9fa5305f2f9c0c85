"""Old turns as a source: what is remembered of them, and at which level of detail."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.chat.conversation import Conversation
from megacontext.agent.chat.events import Measures
from megacontext.agent.chat.sessions.export import as_json, as_markdown
from megacontext.agent.chat.sessions.source import LONGEST_RESULT, SessionSource, document, path_of
from megacontext.agent.engine import Engine
from megacontext.memory.focus import FocusQuery
from megacontext.memory.focus.node import BLOCK
from megacontext.models.base import Message, ToolCall, Vectors
from megacontext.models.language.scripted import ByteTokenizer, ScriptedModel
from megacontext.models.language.tokenizing import TextTokenizer

RETRIES = "How were retries of the network done?"


def talk(conversation: Conversation, text: str, answer: str, result: str = "x = 1") -> None:
    conversation.begin(text)
    calls = conversation.numbered([ToolCall("", "read", '{"path": "a.py"}')])
    conversation.add(Message("assistant", "I look.", calls))
    conversation.add(Message("tool", result, call_id=calls[0].id))
    conversation.add(Message("assistant", answer))
    conversation.end("done", "", Measures())


@pytest.fixture
def conversation() -> Conversation:
    conversation = Conversation("x")
    topics = [
        "the parser of dates",
        "the colours of the theme",
        "retries of the network",
        "the cache on disk",
    ]
    for topic in topics:
        talk(
            conversation,
            f"Tell me about {topic}.\nAll of it.",
            f"What matters of {topic} is long. " * 12,
        )
    return conversation


def test_a_turn_is_a_document_with_a_heading_for_each_thing_done(conversation):
    text = document(conversation.turns[0])
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Turn 1: Tell me about the parser of dates.",
        "## Answer",
        '## read {"path": "a.py"}',
        "## Answer",
    ]
    assert "\n    x = 1\n" in text and "All of it." in text


def test_a_heading_in_a_result_is_none_of_the_document_and_long_results_are_cut():
    conversation = Conversation("x")
    talk(conversation, "Look.", "Yes.", "# not a heading\n" + "y" * 5000)
    text = document(conversation.current)
    assert "\n    # not a heading\n" in text
    assert len(text) < LONGEST_RESULT + 300


@pytest.fixture
def make_source(open_engine, tmp_path):
    """A source in a folder of its own, read by a scripted model or another one."""
    made: list[SessionSource] = []
    scripted: list[Engine] = []

    def make(engine: Engine | None = None) -> SessionSource:
        if engine is None and not scripted:
            scripted.append(open_engine(ScriptedModel(["Yes."])))
        made.append(SessionSource(engine or scripted[0], tmp_path / "kept"))
        return made[-1]

    yield make
    for source in made:
        source.close()


def found(source: SessionSource, text: str, budget: int = 900) -> str:
    """What a model reads of the turns for a query."""
    focused = source.focus(FocusQuery(text, budget=budget))
    assert focused.total_cost <= budget
    shown = source.render(focused.in_order)
    assert shown.stale == ()
    return shown.text


def test_the_turn_that_is_asked_about_is_read_whole_and_others_in_outline(
    conversation, make_source
):
    source = make_source()
    assert len(source) == 0
    source.take(conversation.turns)
    assert len(source) == 4
    focused = source.focus(FocusQuery(RETRIES, budget=900))
    best = focused.entries[0]
    assert (best.path, best.level) == (path_of(conversation.turns[2]), 0)
    assert "What matters of retries of the network" in found(source, RETRIES)
    assert source.is_current(best)
    source.forget(conversation.turns[2:3])
    assert not source.is_current(best)
    again = source.focus(FocusQuery(RETRIES, budget=900))
    assert path_of(conversation.turns[2]) not in {entry.path for entry in again.entries}


def test_where_nothing_in_particular_is_asked_for_the_turns_are_named(conversation, make_source):
    source = make_source()
    source.take(conversation.turns)
    named = found(source, "What did we do so far?", 400)
    assert "turn-00001-tell-me-about-the-parser-of-dates" in named
    assert "turn-00004-tell-me-about-the-cache-on-disk" in named and "What matters" not in named


def test_a_turn_that_is_taken_again_takes_the_place_of_the_old_one(conversation, make_source):
    source = make_source()
    source.take(conversation.turns)
    old = source.focus(FocusQuery("the parser of dates", budget=500)).entries[0]
    other = Conversation("y")
    talk(other, "Something else about zebras.", "Zebras it is.")
    source.take(other.turns)
    assert len(source) == 4 and not source.is_current(old)
    assert "Zebras it is." in found(source, "zebras", 500)


def test_what_was_made_of_turns_is_there_again_after_a_restart(
    conversation, make_source, monkeypatch
):
    source = make_source()
    source.take(conversation.turns)
    before = found(source, RETRIES)
    source.close()
    again = make_source()
    monkeypatch.setattr(TextTokenizer, "encode_batch", None)  # nothing is left to be tokenized
    again.take(conversation.turns)
    assert found(again, RETRIES) == before
    again.close()
    fewer = make_source()
    fewer.take(conversation.turns[:1])
    assert "retries" not in found(fewer, RETRIES, 5000)


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" * 99])
def test_what_is_damaged_is_made_again(conversation, make_source, tmp_path, content):
    first = make_source()
    first.take(conversation.turns)
    before = found(first, RETRIES)
    first.close()
    (tmp_path / "kept/memory/catalogue.db").write_bytes(content)
    source = make_source()
    source.take(conversation.turns)
    assert source.problem is None and found(source, RETRIES) == before


def test_where_nothing_can_be_written_turns_are_remembered_as_soon_as_there_is_room(
    conversation, make_source, tmp_path
):
    (tmp_path / "kept").write_text("in the way")
    source = make_source()
    source.take(conversation.turns[:2])
    assert len(source) == 0 and "not remembered" in (source.problem or "")
    source.forget(conversation.turns[1:2])
    (tmp_path / "kept").unlink()
    source.take(conversation.turns[2:])
    assert (len(source), source.problem) == (3, None)
    assert "the parser of dates" in found(source, "the parser of dates")


def test_turns_are_read_as_gists_as_files_are(conversation, make_source, open_engine, tiny_models):
    engine = open_engine(tiny_models("qwen2"), focus__codec="gist")
    source = make_source(engine=engine)
    source.take(conversation.turns)
    focused = source.focus(FocusQuery(RETRIES, budget=260))
    assert BLOCK in {entry.level for entry in focused.entries}
    segments = source.render(focused.in_order).segments
    assert any(isinstance(segment, Vectors) for segment in segments)
    assert engine.model.count(segments) == focused.total_cost <= 260


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    texts=st.lists(
        st.text(max_size=60) | st.just("Code generated by x. DO NOT EDIT\0"),
        min_size=1,
        max_size=4,
    ),
    budget=st.integers(0, 400),
)
def test_whatever_was_said_can_be_remembered_within_its_budget(make_source, texts, budget):
    conversation = Conversation("x")
    for text in texts:
        talk(conversation, text, text, text)
    source = make_source()
    source.take(conversation.turns)
    assert len(source) == len(texts) and source.problem is None
    assert ByteTokenizer().count(found(source, "a word", budget)) <= budget
    source.close()


# Export


def test_a_conversation_is_exported_for_people_and_for_programs(conversation):
    conversation.facts |= {"model": "coder", "created": 0}
    talk(conversation, "A fence?", "```\ncode\n```", "a ``` b\n````\n")
    conversation.begin("Half.")
    conversation.end("cancelled", "by me", Measures(by_level={0: 3}))
    text = as_markdown(conversation)
    assert text.startswith("# Tell me about the parser of dates.\n") and "· coder ·" in text
    assert text.count("\n## ") == 6 and "*The turn ended: cancelled, by me*" in text
    assert "`````\na ``` b\n````\n`````" in text
    data = json.loads(json.dumps(as_json(conversation)))
    assert [turn["ending"] for turn in data["turns"]] == ["done"] * 5 + ["cancelled"]
    assert data["turns"][-1]["measures"]["by_level"] == {"L0": 3}
    assert data["turns"][0]["messages"][1]["calls"][0]["name"] == "read"
