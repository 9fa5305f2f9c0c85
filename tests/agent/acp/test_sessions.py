"""Sessions: listed, gone on with, side by side, let go."""

import asyncio

import pytest
from acp.exceptions import RequestError

from megacontext.agent.opening import Workplace
from megacontext.configs.errors import StoreBusyError
from tests.agent.acp.conftest import EDIT, Editor, play_alone, scripted


def test_a_saved_session_is_listed_and_loaded_with_all_that_was_said_and_done(play, root):
    async def scene(stage):
        session = await stage.begin()
        await stage.prompt(session, EDIT, "French is there now.", text="Add French.")
        await stage.agent.close_session(session_id=session)
        listed = (await stage.agent.list_sessions(cwd=str(root))).sessions
        first = list(stage.editor.updates)
        stage.editor.updates.clear()
        loaded = await stage.agent.load_session(cwd=str(root), session_id=session)
        replayed = list(stage.editor.updates)
        await stage.agent.close_session(session_id=session)
        stage.editor.updates.clear()
        await stage.agent.resume_session(cwd=str(root), session_id=session)
        answer = await stage.prompt(session, "$knows French is there now.", text="And now?")
        return session, listed, first, loaded, replayed, answer, stage.editor

    session, listed, first, loaded, replayed, answer, editor = play(scene)
    assert [(each.session_id, each.cwd) for each in listed] == [(session, str(root))]
    assert listed[0].title.startswith("Add French.")
    assert listed[0].updated_at
    assert loaded.modes.current_mode_id == "ask"
    kinds = [update.session_update for _, update in replayed]
    assert kinds[0] == "user_message_chunk"
    assert replayed[0][1].content.text.startswith("Add French.")
    assert kinds.count("tool_call") == 1
    ids = {update.tool_call_id for _, update in replayed if hasattr(update, "tool_call_id")}
    assert ids == {update.tool_call_id for _, update in first if hasattr(update, "tool_call_id")}
    assert "French is there now." in str(replayed)
    assert "French is there now." not in editor.said
    assert answer.stop_reason == "end_turn"
    assert editor.said.endswith("yes")


def test_sessions_side_by_side_share_a_repository_and_nothing_else(play, root):
    async def scene(stage):
        one = await stage.begin()
        two = (await stage.agent.new_session(cwd=str(root / "greeter"))).session_id
        await stage.agent.set_session_mode(session_id=two, mode_id="plan")
        asking = asyncio.create_task(stage.prompt(one, EDIT, "One is done."))
        await stage.editor.until(lambda: stage.editor.asked)
        # The first waits for its permission meanwhile.
        other = await stage.prompt(two, "Two is done.")
        await stage.agent.cancel(session_id=one)
        return one, two, (await asking).stop_reason, other.stop_reason, stage.editor

    one, two, first, second, editor = play(scene, Editor(answers=["hang"]))
    assert (first, second) == ("cancelled", "end_turn")
    told = {
        name: "".join(
            update.content.text
            for session, update in editor.updates
            if session == name and update.session_update == "agent_message_chunk"
        )
        for name in (one, two)
    }
    assert told[two] == "Two is done."
    assert "Two" not in told[one]
    assert "Bonjour" not in (root / "greeter/words.py").read_text()


def test_a_second_message_in_a_turn_is_refused_and_disturbs_nothing(play):
    async def scene(stage):
        session = await stage.begin()
        going = asyncio.create_task(stage.prompt(session, EDIT, "Done."))
        await stage.editor.until(lambda: stage.editor.asked)
        with pytest.raises(RequestError, match="a turn goes on"):
            await stage.prompt(session, "Me too.")
        with pytest.raises(RequestError, match="a turn goes on"):
            await stage.agent.load_session(cwd=str(stage.root), session_id=session)
        await stage.agent.cancel(session_id=session)
        first = await going
        return first.stop_reason, (await stage.prompt(session, "Again.")).stop_reason

    assert play(scene, Editor(answers=["hang"])) == ("cancelled", "end_turn")


@pytest.mark.parametrize(
    ("method", "arguments", "told"),
    [
        ("prompt", {"session_id": "nobody", "prompt": [scripted("x")]}, "no open session"),
        ("set_session_mode", {"session_id": "nobody", "mode_id": "ask"}, "no open session"),
        ("close_session", {"session_id": "nobody"}, "no open session"),
        ("load_session", {"session_id": "nobody"}, "no session 'nobody'"),
        ("load_session", {"session_id": "../../etc"}, "no session"),
        ("new_session", {"cwd": "relative"}, "absolute path"),
        ("new_session", {"cwd": "/nowhere/at/all"}, "cannot be opened"),
        ("list_sessions", {"cwd": "/nowhere/at/all"}, "cannot be opened"),
    ],
)
def test_what_is_not_there_is_an_error_in_words(play, root, method, arguments, told):
    async def scene(stage):
        await stage.introduce()
        given = {"cwd": str(root)} | arguments if method == "load_session" else arguments
        with pytest.raises(RequestError, match=told):
            await getattr(stage.agent, method)(**given)

    play(scene)


def test_a_session_that_is_open_in_another_process_is_not_taken_away(play, root):
    async def scene(stage):
        session = await stage.begin()
        await stage.prompt(session, "Here.")

        async def elsewhere(other):
            await other.introduce()
            with pytest.raises(RequestError) as refused:
                await other.agent.load_session(cwd=str(root), session_id=session)
            fresh = (await other.agent.new_session(cwd=str(root))).session_id
            # This process only reads the memory, and works all the same.
            return str(refused.value), await other.prompt(fresh, "There.")

        return await asyncio.to_thread(play_alone, root, elsewhere)

    refused, answer = play(scene)
    assert "open" in refused
    assert answer.stop_reason == "end_turn"


def test_listing_goes_page_by_page(play, root):
    folder = root / ".megacontext" / "sessions"

    async def scene(stage):
        session = await stage.begin()
        await stage.prompt(session, "Saved.")
        first = folder / session
        for number in range(60):
            copy = folder / f"20200101-{number:06}-abcd"
            copy.mkdir()
            text = (first / "conversation.jsonl").read_text().replace(session, copy.name)
            (copy / "conversation.jsonl").write_text(text)
        seen, cursor = [], None
        while True:
            page = await stage.agent.list_sessions(cwd=str(root), cursor=cursor)
            seen += [each.session_id for each in page.sessions]
            cursor = page.next_cursor
            if cursor is None:
                break
        bad = await stage.agent.list_sessions(cwd=str(root), cursor="nonsense")
        return seen, bad

    seen, bad = play(scene)
    assert len(seen) == len(set(seen)) == 61
    assert len(bad.sessions) == 50


def test_a_repository_is_let_go_with_its_last_session(play, root):
    workplace = Workplace.at(root, {"model.name": "pocket", "model.device": "cpu"})

    async def scene(stage):
        one = await stage.begin()
        two = (await stage.agent.new_session(cwd=str(root / "greeter"))).session_id
        await stage.prompt(one, "Here.")
        await stage.agent.close_session(session_id=two)
        # The same session again is no reason to let go of it either.
        await stage.agent.load_session(cwd=str(root), session_id=one)
        with pytest.raises(StoreBusyError):
            workplace.open_memory(write=True)
        await stage.agent.close_session(session_id=one)
        with workplace.open_memory(write=True) as memory:
            known = memory.catalogue.counts()["files"]
        listed = [each.session_id for each in (await stage.agent.list_sessions()).sessions]
        await stage.agent.resume_session(cwd=str(root), session_id=one)
        return one, known, listed, (await stage.prompt(one, "Again.")).stop_reason

    session, known, listed, again = play(scene)
    assert known
    assert session in listed
    assert again == "end_turn"
