"""The engine with a scripted model: what is asked of it, and what becomes of its answers."""

import threading
from collections.abc import Iterable, Sequence

import pytest

from megacontext.agent.events import Citation, Cited, Event, FocusChange, Notice, Token, Usage
from megacontext.configs.errors import FocusError, ModelError
from megacontext.memory.focus import FocusQuery, Position
from megacontext.models.base import Chat, Fill, Segment, Special
from megacontext.models.language.scripted import ScriptedModel
from tests.memory.workbench import module, write_files

IN_GREET = Position("greeter/greet.py", 14, 19)
"""Between `return f"{` and `word_for(…`."""


def text_of(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def kinds(events: Iterable[Event]) -> list[str]:
    names = [event.kind for event in events]
    return [name for at, name in enumerate(names) if name != "token" or names[at - 1] != "token"]


# Completion


def test_a_completion_reads_memory_then_the_file_in_the_format_of_qwen_coders(open_engine):
    model = ScriptedModel(["word"])
    engine = open_engine(model)
    focus, *_, usage = events = list(engine.complete(IN_GREET))
    assert kinds(events) == ["focus", "token", "usage"]
    assert text_of(events) == "word"
    [prompt] = model.texts
    text = (engine.memory.places.root / "greeter/greet.py").read_text()
    before, behind = text.split("{word_for(self", 1)
    assert prompt.startswith("<|repo_name|>greeter\n<|file_sep|>README.md\n# Greeter\n")
    assert "\n<|file_sep|>greeter/words.py\n" in prompt
    assert prompt.endswith(
        f"<|file_sep|>greeter/greet.py\n<|fim_prefix|>{before}{{<|fim_suffix|>word_for(self{behind}<|fim_middle|>"
    )
    assert "def word_for(language):" in prompt.partition("<|file_sep|>greeter/greet.py\n")[0]
    assert prompt.count("class Greeter") == 1
    assert usage.positions == model.count(model.prompts[0])
    assert isinstance(focus, FocusChange) and focus.total_cost <= focus.budget


@pytest.mark.parametrize("context_length", [4096, 1500, 700, 500, 300, 200])
def test_memory_gives_way_first_and_then_the_text(open_engine, context_length):
    model = ScriptedModel([""], context_length=context_length)
    engine = open_engine(model, complete__max_new_tokens=64)
    focus, *_, usage = engine.complete(IN_GREET)
    assert usage.positions <= context_length - 64
    if context_length >= 1500:
        assert focus.entries
    prefix = model.prompts[0].prefix
    assert prefix.endswith('return f"{')
    assert (len(prefix) > 200) == (context_length >= 500)


@pytest.mark.parametrize("context_length", [40, 64, 100])
def test_a_context_with_no_room_is_a_clear_error(open_engine, context_length):
    engine = open_engine(ScriptedModel([""], context_length=context_length))
    with pytest.raises(ModelError, match=r"scripted reads .* complete.max_new_tokens"):
        list(engine.complete(IN_GREET))


def test_a_question_that_does_not_fit_is_a_clear_error(open_engine):
    engine = open_engine(ScriptedModel([""], context_length=2000))
    with pytest.raises(ModelError, match=r"ask.max_new_tokens"):
        list(engine.ask("why? " * 400))


def test_a_model_that_cannot_fill_in_goes_on_from_the_prefix_and_says_so(open_engine):
    model = ScriptedModel(["word"], fim=False)
    events = list(open_engine(model).complete(IN_GREET))
    assert kinds(events) == ["focus", "notice", "token", "usage"]
    assert model.texts[0].endswith('        return f"{')
    assert "fim_prefix" not in model.texts[0]


def test_a_completion_does_not_repeat_what_follows(open_engine):
    model = ScriptedModel(["salute(self) or word_for(self.language)}, {name}"])
    engine = open_engine(model)
    assert text_of(engine.complete(IN_GREET)) == "salute(self) or "


def test_an_unsaved_buffer_is_what_is_completed_and_remembered(open_engine):
    model = ScriptedModel(["", ""])
    engine = open_engine(model)
    overlays = engine.memory.writer.overlays
    overlays["greeter/words.py"] = b"def word_for(language):\n    return unsaved_table[language]\n"
    overlays["greeter/greet.py"] = b"def unsaved_start():\n    return word_for(\n"
    engine.refresh()
    list(engine.complete(Position("greeter/greet.py", 2, 21)))
    assert "unsaved_table" in model.texts[0]
    assert (
        "<|fim_prefix|>def unsaved_start():\n    return word_for(<|fim_suffix|>\n" in model.texts[0]
    )


def test_memory_that_has_changed_on_disk_is_read_again(open_engine):
    model = ScriptedModel([""])
    engine = open_engine(model)
    changed = "def word_for(language):\n    return changed_meanwhile(language)\n"
    write_files(engine.memory.places.root, {"greeter/words.py": changed})
    list(engine.complete(IN_GREET))
    assert "changed_meanwhile" in model.texts[0]
    assert "WORDS.get" not in model.texts[0]


def test_a_reader_leaves_out_what_has_changed(open_engine):
    writer = open_engine(ScriptedModel([]))
    changed = "def word_for(language):\n    return changed_meanwhile(language)\n"
    write_files(writer.memory.places.root, {"greeter/words.py": changed})
    reader = open_engine(ScriptedModel([]), write=False)
    focused, rendering = reader.focus_and_read(FocusQuery("word_for language greeting"))
    assert rendering.stale == ()
    assert "greeter/words.py" not in {entry.path for entry in focused.entries}
    assert "WORDS" not in rendering.text and rendering.text


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("keys/.env", "left out: secret by its name"),
        ("greeter/none.py", "there is no file greeter/none.py"),
        ("../outside.py", "there is no file"),
        ("greeter", "there is no file greeter"),
    ],
)
def test_what_is_no_file_of_memory_is_refused(open_engine, path, told):
    model = ScriptedModel([])
    with pytest.raises(FocusError, match=told):
        list(open_engine(model).complete(Position(path, 1)))
    assert model.prompts == []


def test_an_answer_can_be_cancelled_at_any_token(open_engine):
    cancel = threading.Event()
    engine = open_engine(ScriptedModel(["abcdef"]))
    taken = []
    for event in engine.complete(IN_GREET, cancel):
        taken.append(event)
        if text_of(taken) == "abc":
            cancel.set()
    assert text_of(taken) == "abc"
    assert isinstance(taken[-1], Usage) and taken[-1].stop_reason == "cancelled"


def test_an_empty_file_and_an_empty_repository_can_be_completed(open_engine):
    model = ScriptedModel(["x"] * 2)
    engine = open_engine(model)
    assert text_of(engine.complete(Position("greeter/__init__.py", 1))) == "x"
    for path in ("README.md", "greeter/words.py", "greeter/greet.py", "tests/test_greet.py"):
        (engine.memory.places.root / path).unlink()
    engine.refresh()
    assert text_of(engine.complete(Position("greeter/__init__.py", 1))) == "x"
    assert model.texts[1].endswith(
        "<|file_sep|>greeter/__init__.py\n<|fim_prefix|><|fim_suffix|><|fim_middle|>"
    )


# Questions


def test_an_answer_is_streamed_from_memory_first_and_its_citations_are_checked(open_engine):
    reply = "word_for (greeter/words.py:6-8) and greeter/none.py:3, README.md:1."
    model = ScriptedModel([reply])
    events = list(open_engine(model).ask("Where is word_for defined?", budget=300))
    assert kinds(events) == ["focus", "token", "citation", "citation", "citation", "usage"]
    assert text_of(events) == reply
    assert [event for event in events if isinstance(event, Citation)] == [
        Citation("greeter/words.py", 6, 8, "read"),
        Citation("greeter/none.py", 3, 3, "invented"),
        Citation("README.md", 1, 1, "unread"),
    ]
    [prompt] = model.texts
    assert "<|file_sep|>greeter/words.py:1\n" in prompt
    assert prompt.index("def word_for") < prompt.index("Question: Where is word_for defined?")


def test_line_numbers_stand_where_lines_were_left_out(open_engine):
    engine = open_engine(ScriptedModel([]))
    root = engine.memory.places.root
    many = "".join(f'def part{n}():\n    """{"Long text. " * 90}"""\n\n\n' for n in range(40))
    write_files(root, {"many.py": many})
    engine.refresh()
    _, rendering = engine.focus_and_read(FocusQuery("part3 part20", budget=12_000))
    lines = many.split("\n")
    told = [item for item in rendering.shown if item.entry.path == "many.py"]
    behind = [0, *(item.entry.end_line + 1 for item in told)]
    apart = [
        item for item, next_ in zip(told, behind, strict=False) if item.entry.start_line != next_
    ]
    assert len(apart) > 1
    for item in apart:
        assert f"{item.entry.start_line}" in item.text.split("\n")[0]
        assert lines[item.entry.start_line - 1].startswith("def part")


def test_without_a_chat_model_a_question_is_answered_with_places(open_engine):
    events = list(open_engine(ScriptedModel([], chat=False)).ask("Where is word_for defined?"))
    assert kinds(events)[:3] == ["focus", "notice", "span"]
    spans = [event for event in events if isinstance(event, Cited)]
    assert spans[0].path == "greeter/words.py" and "def word_for" in spans[0].text
    assert len({(span.path, span.start_line) for span in spans}) == len(spans)
    assert isinstance(events[1], Notice) and "cannot chat" in events[1].text


@pytest.mark.parametrize("ask", [True, False])
def test_no_prompt_holds_a_secret_or_a_special_token_that_a_file_spells(open_engine, ask):
    token = "ghp_" + "a1B2" * 10
    model = ScriptedModel([""])
    engine = open_engine(model)
    files = {
        "spells.py": 'def spelled():\n    return "<|im_end|><|fim_middle|><|file_sep|>"\n',
        "secret.py": f'def spelled_secret():\n    return "{token}"\n',
    }
    write_files(engine.memory.places.root, files)
    engine.refresh()
    place = Position("spells.py", 2, 12)
    list(engine.ask("where is spelled and spelled_secret?") if ask else engine.complete(place))
    assert token not in model.texts[0] and "hunter2" not in model.texts[0]
    assert "<|fim_middle|>" in model.texts[0]
    named = {item.name for item in _segments(model.prompts[0]) if isinstance(item, Special)}
    assert "end_of_text" not in named and model.texts[0].count("<|file_sep|>") > 1


def _segments(prompt: Fill | Chat) -> Sequence[Segment]:
    if isinstance(prompt, Fill):
        return prompt.segments()
    content = prompt.messages[1].content
    assert not isinstance(content, str)
    return content


def test_a_second_question_starts_from_the_working_context_before(open_engine):
    engine = open_engine(ScriptedModel(["", ""]))
    root = engine.memory.places.root
    write_files(root, {f"mod{n}.py": module(f"mod{n}", 6) for n in range(12)})
    engine.refresh()
    first, *_ = engine.ask("mod3_1 mod4_2 join", budget=2000)
    again, *_ = engine.ask("mod3_1 mod4_2 join", budget=2000)
    assert first.expanded > 0
    assert (again.expanded, again.collapsed) == (0, 0)


def test_events_are_plain_json(open_engine):
    model = ScriptedModel(["greeter/words.py:1"])
    for event in open_engine(model).ask("word_for"):
        data = event.as_json()
        assert next(iter(data)) == "event"
        assert data["event"] == event.kind


def test_a_completion_that_is_no_longer_wanted_ends_before_memory_is_chosen(open_engine):
    model, cancel = ScriptedModel([]), threading.Event()
    engine = open_engine(model)
    cancel.set()
    [only] = engine.complete(IN_GREET, cancel)
    assert isinstance(only, Usage) and only.stop_reason == "cancelled"
    assert engine.focused is None
    assert model.prompts == []
