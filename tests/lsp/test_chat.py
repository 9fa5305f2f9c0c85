"""`megacontext/chat`: messages, events as they come, permissions and open documents."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from megacontext.models.language.scripted import ScriptedModel, call

from .editor import Editor
from .test_actions import FULL, WORDS, taking

HI = call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"')


async def chat(editor: Editor, text: str, **more: Any) -> dict[str, Any]:
    answer = await editor.protocol.send_request_async("megacontext/chat", {"text": text, **more})
    return answer if isinstance(answer, dict) else answer._asdict()


def events(editor: Editor, token: str) -> list[dict[str, Any]]:
    """What came for a token."""
    values = [
        params.value
        for method, params in editor.said
        if method == types.PROGRESS and params.token == token
    ]
    return [each if isinstance(each, dict) else each._asdict() for each in values]


def answering(editor: Editor, title: str | None) -> list[types.ShowMessageRequestParams]:
    """Have the person give this answer to whatever is asked; gives the list of questions."""
    asked: list[types.ShowMessageRequestParams] = []

    @editor.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
    def ask(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        asked.append(params)
        return None if title is None else types.MessageActionItem(title)

    return asked


async def test_a_message_is_answered_piece_by_piece_and_the_session_goes_on(start):
    model = ScriptedModel(["It greets.", "As I said."])
    async with start(model, capabilities=FULL) as editor:
        await editor.fresh()
        answer = await chat(editor, "What is it?", partialResultToken="t")
        assert (answer["text"], answer["ending"]) == ("It greets.", "done")
        told = events(editor, "t")
        assert told[0]["event"] == "turn"
        assert told[-1]["event"] == "end"
        assert "".join(each["text"] for each in told if each["event"] == "token") == "It greets."
        again = await chat(editor, "Again?", session=answer["session"])
        assert again["session"] == answer["session"]
        assert "It greets." in model.texts[-1]


@pytest.mark.parametrize(
    ("answer", "edited"), [("Allow", True), ("Refuse", False), ("Stop", False), (None, False)]
)
async def test_an_edit_is_asked_about_and_made_in_the_open_document(
    start, repository: Path, answer, edited
):
    disk = (repository / WORDS).read_text()
    async with start([HI, "Done."], capabilities=FULL) as editor:
        taken, asked = taking(editor), answering(editor, answer)
        uri = editor.show(repository / WORDS)
        editor.type(uri, 0, 0, "# not saved\n")
        await editor.fresh()
        done = await chat(editor, "Say hi", uri=uri)
        assert len(asked) == 1
        assert '+WORDS = {"en": "Hi"' in asked[0].message
        assert done["ending"] == ("refused" if answer == "Stop" else "done")
        assert len(taken) == edited
        if edited:
            [change] = taken[0].document_changes
            assert change.text_document.version == 2
            assert change.edits[0].range.start == types.Position(3, 0)
            assert taken[0].change_annotations is None
        assert (repository / WORDS).read_text() == disk


async def test_a_file_that_is_not_open_is_written(start, repository: Path):
    async with start([HI, "Done."], capabilities=FULL) as editor:
        taken = taking(editor)
        await editor.fresh()
        await chat(editor, "Say hi", mode="accept-edits")
        assert '"en": "Hi"' in (repository / WORDS).read_text()
        assert taken == []


async def test_an_editor_that_cannot_ask_has_allowed_nothing(start, repository: Path):
    disk = (repository / WORDS).read_text()
    async with start([HI, "Done."], capabilities=types.ClientCapabilities()) as editor:
        await editor.fresh()
        assert (await chat(editor, "Say hi"))["ending"] == "done"
        assert (repository / WORDS).read_text() == disk


async def test_a_message_is_cancelled_while_a_person_is_asked(start):
    async with start([HI, "Done.", "Later."], capabilities=FULL) as editor:
        waiting = asyncio.Event()

        @editor.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
        async def ask(_: types.ShowMessageRequestParams) -> None:
            waiting.set()
            await asyncio.Event().wait()

        await editor.fresh()
        params = {"text": "Say hi"}
        request = editor.protocol.send_request("megacontext/chat", params, msg_id="one")
        await waiting.wait()
        editor.cancel_request(types.CancelParams("one"))
        with pytest.raises(JsonRpcException) as cancelled:
            await asyncio.wrap_future(request)
        assert cancelled.value.code == types.LSPErrorCodes.RequestCancelled
        assert (await chat(editor, "And now?"))["ending"] in {"done", "refused"}


async def test_completions_go_on_while_a_person_is_asked(start, repository: Path):
    def reply(prompt: str) -> str:
        return "name)" if "self.greet(" in prompt[-400:] else HI

    async with start(ScriptedModel(reply), capabilities=FULL) as editor:
        waiting, answered = asyncio.Event(), asyncio.Event()

        @editor.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
        async def ask(_: types.ShowMessageRequestParams) -> types.MessageActionItem:
            waiting.set()
            await answered.wait()
            return types.MessageActionItem("Stop")

        uri = editor.show(repository / "greeter/greet.py")
        await editor.fresh()
        turn = asyncio.ensure_future(chat(editor, "Say hi"))
        await waiting.wait()
        editor.type(uri, 12, 0, "        x = self.greet(\n")
        assert await editor.complete(uri, 12, 23) == ["name)"]
        answered.set()
        assert (await turn)["ending"] == "refused"


async def test_a_model_that_cannot_chat_gives_the_places(start):
    async with start(capabilities=FULL, options={"preload": False}) as editor:
        await editor.fresh()
        answer = await chat(editor, "Where is a greeting made?", partialResultToken=1)
        assert answer["ending"] == "done"
        told = [params.value for method, params in editor.said if method == types.PROGRESS]
        assert "cannot chat" in str(told)
        assert "greeter/greet.py" in str(told)


async def test_parameters_are_checked(start):
    async with start(["never said"], capabilities=FULL) as editor:
        await editor.fresh()
        for params in (
            None,
            [],
            {},
            {"text": ""},
            {"text": 1},
            {"text": "x", "mode": "allow"},
            {"text": "x", "session": "../../x"},
            {"text": "x", "session": ""},
            {"text": "x", "uri": "file:///etc/passwd"},
            {"text": "x", "_hidden": 1, "class": 2},
        ):
            with pytest.raises(JsonRpcException):
                await editor.protocol.send_request_async("megacontext/chat", params)
