"""Whole turns: what an editor is told, asked and shown."""

import asyncio
import sys

import pytest
from acp import spawn_agent_process, text_block
from acp.exceptions import RequestError
from acp.schema import EmbeddedResourceContentBlock, ResourceContentBlock, TextResourceContents

from megacontext.models.language.scripted import call
from tests.agent.acp.conftest import EDIT, Editor, environment, play_alone, scripted
from tests.agent.acp.scripted_server import DONE

RUN = call("run", command="echo hello from a program")


def test_an_editor_learns_what_the_agent_can_do(play, root):
    async def scene(stage):
        told = await stage.introduce()
        opened = await stage.agent.new_session(cwd=str(root))
        await stage.editor.until(lambda: stage.editor.of("available_commands_update"))
        return told, opened, stage.editor

    told, opened, editor = play(scene)
    assert told.protocol_version == 1
    assert told.agent_info.name == "megacontext"
    assert told.agent_capabilities.load_session
    assert told.agent_capabilities.prompt_capabilities.embedded_context
    assert told.agent_capabilities.mcp_capabilities.http
    assert told.agent_capabilities.session_capabilities.list is not None
    assert told.auth_methods == []
    assert [mode.id for mode in opened.modes.available_modes] == ["ask", "accept-edits", "plan"]
    assert opened.modes.current_mode_id == "ask"
    commands = editor.of("available_commands_update")[0].available_commands
    assert [each.name for each in commands] == ["undo", "redo", "focus"]


def test_an_answer_streams_and_its_size_is_told(play, tmp_path):
    heard = tmp_path / "heard"

    async def scene(stage):
        session = await stage.begin()
        answer = asyncio.create_task(stage.prompt(session, f"$2 until {heard}", text="Greet me."))
        # The rest is said when this was heard, and not before.
        await stage.editor.until(lambda: stage.editor.said == "word word ")
        heard.touch()
        return await answer, stage.editor

    answer, editor = play(scene)
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0
    assert editor.said == f"word word {DONE}"
    assert 0 < editor.of("usage_update")[0].used <= editor.of("usage_update")[0].size
    assert editor.of("session_info_update")[0].title.startswith("Greet me.")


def test_an_edit_is_asked_about_with_its_diff_and_told_with_place_and_diff(play, root):
    async def scene(stage):
        session = await stage.begin()
        return await stage.prompt(session, EDIT, "French is there now."), stage.editor

    answer, editor = play(scene)
    path = root / "greeter/words.py"
    assert answer.stop_reason == "end_turn"
    assert '"fr": "Bonjour"' in path.read_text()
    ((asked, options),) = editor.asked
    assert [option.kind for option in options] == [
        "allow_once",
        "allow_always",
        "allow_always",
        "reject_once",
        "reject_always",
    ]
    (diff,) = asked.content
    assert diff.path == str(path)
    assert "Bonjour" in diff.new_text
    assert "Bonjour" not in diff.old_text
    (started,) = editor.of("tool_call")
    assert (started.kind, started.status) == ("edit", "in_progress")
    edited, finished = editor.of("tool_call_update")
    assert (
        edited.tool_call_id == finished.tool_call_id == started.tool_call_id == asked.tool_call_id
    )
    assert edited.content == [diff]
    assert edited.locations[0].path == str(path)
    assert edited.locations[0].line
    assert finished.status == "completed"


def test_reading_has_a_kind_and_a_place_and_asks_nobody(play, root):
    look = call("read", path="greeter/words.py", start=3)

    async def scene(stage):
        session = await stage.begin()
        await stage.prompt(session, look, "Read.")
        return stage.editor

    editor = play(scene)
    (started,) = editor.of("tool_call")
    assert started.kind == "read"
    assert started.locations[0].path == str(root / "greeter/words.py")
    assert started.locations[0].line == 3
    assert "WORDS" in editor.of("tool_call_update")[-1].content[0].content.text
    assert editor.asked == []


@pytest.mark.parametrize(
    ("answers", "asked", "edits"),
    [
        (["reject_once", "reject_once"], 2, 0),
        (["reject_always"], 1, 0),
        (["allow_always"], 1, 2),
        (["no such option", "reject_once"], 2, 0),
    ],
)
def test_answers_hold_once_or_for_the_session(play, root, answers, asked, edits):
    again = call("edit_text", path="greeter/words.py", old='"en": "Hello"', new='"en": "Hi"')

    async def scene(stage):
        session = await stage.begin()
        return await stage.prompt(session, EDIT, again, "Done."), stage.editor

    answer, editor = play(scene, Editor(answers=list(answers)))
    assert answer.stop_reason == "end_turn"
    assert len(editor.asked) == asked
    text = (root / "greeter/words.py").read_text()
    assert ("Bonjour" in text) + ('"Hi"' in text) == edits


def test_modes_decide_what_is_asked_and_can_change_between_turns(play, root):
    async def scene(stage):
        session = await stage.begin()
        await stage.agent.set_session_mode(session_id=session, mode_id="plan")
        await stage.prompt(session, EDIT, "Planned.")
        planned = (root / "greeter/words.py").read_text()
        await stage.agent.set_session_mode(session_id=session, mode_id="accept-edits")
        await stage.prompt(session, EDIT, "Edited.")
        with pytest.raises(RequestError, match="there is no mode"):
            await stage.agent.set_session_mode(session_id=session, mode_id="allow")
        return planned, stage.editor

    planned, editor = play(scene)
    assert "Bonjour" not in planned
    assert "Bonjour" in (root / "greeter/words.py").read_text()
    assert editor.asked == []
    assert [each.current_mode_id for each in editor.of("current_mode_update")] == [
        "plan",
        "accept-edits",
    ]
    assert editor.of("tool_call_update")[0].status == "failed"


def test_a_program_runs_after_it_was_allowed(play):
    async def scene(stage):
        session = await stage.begin()
        await stage.prompt(session, RUN, "It ran.")
        return stage.editor

    editor = play(scene)
    asked, options = editor.asked[0]
    assert asked.kind == "execute"
    assert asked.raw_input == {"command": "echo hello from a program"}
    assert any("echo *" in option.name for option in options)
    assert "hello from a program" in editor.of("tool_call_update")[-1].content[0].content.text


def test_links_become_mentions_and_embedded_text_stands_in_the_message(play, root):
    words = (root / "greeter/words.py").as_uri()
    blocks = [
        text_block("Compare"),
        ResourceContentBlock(type="resource_link", name="words.py", uri=f"{words}#L4-L8"),
        text_block(" with "),
        EmbeddedResourceContentBlock(
            type="resource",
            resource=TextResourceContents(uri="file:///elsewhere/b.py", text="x = '```'"),
        ),
        ResourceContentBlock(
            type="resource_link", name="out", uri=(root.parent / "outside.txt").as_uri()
        ),
        ResourceContentBlock(
            type="resource_link", name="up", uri=f"{root.as_uri()}/../outside.txt"
        ),
        ResourceContentBlock(type="resource_link", name="web", uri="https://example.com/x"),
    ]

    async def scene(stage):
        session = await stage.begin()
        blocks.append(scripted("", "$echo"))
        await stage.agent.prompt(session_id=session, prompt=blocks)
        return stage.editor

    editor = play(scene)
    assert "Compare @greeter/words.py:4-8 with" in editor.said
    assert "file:///elsewhere/b.py:\n````\nx = '```'\n````" in editor.said
    assert "private words" not in editor.said
    for name in ("out", "up", "web"):
        assert f"{name} was not read: it is no file of this repository" in editor.said


def test_unsaved_buffers_are_read_and_written_through_the_editor(play, root):
    path = root / "greeter/words.py"
    unsaved = path.read_text().replace("Hallo", "Guten Tag")
    edit = call("edit_text", path="greeter/words.py", old='"de": "Guten Tag"', new='"de": "Servus"')

    async def scene(stage):
        session = await stage.begin(files=True)
        await stage.prompt(session, call("read", path="greeter/words.py"), edit, "Done.")
        edited = dict(stage.editor.buffers)
        await stage.command(session, "/undo")
        return edited, stage.editor

    edited, editor = play(scene, Editor(buffers={str(path): unsaved}))
    assert "Guten Tag" in editor.of("tool_call_update")[0].content[0].content.text
    assert "Servus" in edited[str(path)]
    assert editor.written == [str(path)] * 2
    assert editor.buffers[str(path)] == unsaved
    assert "Undone: `greeter/words.py`" in editor.said


def test_commands_undo_and_redo_a_turn_and_show_the_focus(play, root):
    path = root / "greeter/words.py"
    before = path.read_text()

    async def scene(stage):
        session = await stage.begin()
        await stage.command(session, "/focus")
        await stage.prompt(session, EDIT, "Done.", text="Where is a greeting built?")
        after = path.read_text()
        texts = []
        for command in ("/undo", "/redo", "/focus", "/redo"):
            await stage.command(session, command)
            texts.append(path.read_text())
        return after, texts, stage.editor

    after, texts, editor = play(scene)
    assert texts[:2] == [before, after]
    assert "Nothing is in focus yet" in editor.said
    assert "positions" in editor.said
    assert "greeter/greet.py" in editor.said
    assert "there is nothing to do again" in editor.said


def test_a_model_that_cannot_chat_gives_places(root):
    """Without a scripted model: pocket, which completes."""

    async def scene():
        editor = Editor()
        command = (sys.executable, "-m", "megacontext.agent.main", "acp", "--model", "pocket")
        async with spawn_agent_process(editor, *command, cwd=root, env=environment(root)) as (
            agent,
            _,
        ):
            await agent.initialize(protocol_version=1)
            session = (await agent.new_session(cwd=str(root))).session_id
            question = [text_block("How is a greeting built?")]
            return await agent.prompt(session_id=session, prompt=question), editor

    answer, editor = asyncio.run(scene())
    assert answer.stop_reason == "end_turn"
    assert "cannot chat" in editor.said
    assert f"](file://{root}/greeter/greet.py#L1)" in editor.said


def test_a_limit_and_a_message_that_is_too_long_are_told_as_such(root):
    look = call("read", path="greeter/words.py")

    async def scene(stage):
        session = await stage.begin()
        limited = await stage.prompt(session, look, look)
        short = await stage.prompt(session, "$50")
        large = await stage.prompt(session, text="x" * 100_000)
        with pytest.raises(RequestError) as refused:
            await stage.prompt(session, text="x" * 2_500_000)
        return limited, short, large, str(refused.value), stage.editor

    limited, short, large, refused, editor = play_alone(
        root, scene, chat__max_queries=1, chat__max_new_tokens=64, context_length=40_000
    )
    assert limited.stop_reason == "max_turn_requests"
    assert short.stop_reason == "max_turn_requests"
    assert "stopped at a limit" in editor.said
    assert large.stop_reason == "max_tokens"
    assert "no longer fits" in editor.said
    assert "at most 2,000,000" in refused
