"""What can be done with code at hand: offered where a model can do it, made by the client, never on disk."""

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from megacontext.models.language.scripted import ScriptedModel, call

from .editor import CAPABILITIES, Editor

GREET, WORDS = "greeter/greet.py", "greeter/words.py"
FULL = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(
        apply_edit=True,
        workspace_edit=types.WorkspaceEditClientCapabilities(
            document_changes=True,
            resource_operations=[types.ResourceOperationKind.Create],
            change_annotation_support=types.ChangeAnnotationsSupportOptions(),
        ),
    ),
    text_document=types.TextDocumentClientCapabilities(
        code_action=types.CodeActionClientCapabilities(
            code_action_literal_support=types.ClientCodeActionLiteralOptions(
                types.ClientCodeActionKindOptions([])
            )
        ),
    ),
    window=types.WindowClientCapabilities(work_done_progress=True),
    general=CAPABILITIES.general,
)
PLAIN = types.ClientCapabilities(workspace=types.WorkspaceClientCapabilities(apply_edit=True))
MINIMAL = types.ClientCapabilities()
HI = call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"')
TEST = call("write", path="tests/test_words.py", content="def test_words():\n    assert True\n")


def argument(uri: str, line: int, character: int = 0, **more: Any) -> dict[str, Any]:
    place = {"line": line, "character": character}
    return {"uri": uri, "range": {"start": place, "end": place}, **more}


async def execute(editor: Editor, command: str, *arguments: Any) -> Any:
    return await editor.workspace_execute_command_async(
        types.ExecuteCommandParams(command, list(arguments))
    )


def taking(editor: Editor, *, applied: bool = True) -> list[types.WorkspaceEdit]:
    """Have the editor take edits; gives the list that they go into."""
    taken: list[types.WorkspaceEdit] = []

    @editor.feature(types.WORKSPACE_APPLY_EDIT)
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        taken.append(params.edit)
        return types.ApplyWorkspaceEditResult(applied)

    return taken


async def actions(editor: Editor, uri: str, line: int, **context: Any) -> list[Any]:
    where = types.Range(types.Position(line, 0), types.Position(line, 0))
    found = await editor.text_document_code_action_async(
        types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            where,
            types.CodeActionContext(context.pop("diagnostics", []), **context),
        )
    )
    return list(found or [])


async def test_actions_fit_the_place_and_what_is_asked_for(start, repository: Path):
    where = types.Range(types.Position(5, 0), types.Position(5, 3))
    fault = types.Diagnostic(where, "undefined name 'x'\nmore of it")
    async with start([], capabilities=FULL) as editor:
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        titles = [each.title for each in await actions(editor, uri, 6, diagnostics=[fault])]
        assert [title.removesuffix(" (MegaContext)") for title in titles] == [
            "Fix: undefined name 'x'",
            "Add tests for word_for",
            "Explain word_for",
            "Show what is in focus here",
        ]
        fixes = await actions(
            editor, uri, 6, diagnostics=[fault], only=[types.CodeActionKind.QuickFix]
        )
        assert ["megacontext.fix" in str(each.command) for each in fixes] == [True]
        assert len(await actions(editor, uri, 6, only=[types.CodeActionKind.Refactor])) == 1
        editor.type(uri, 6, 0, "    # TODO: cache this\n")
        titles = [each.title for each in await actions(editor, uri, 6)]
        assert titles[0] == "Do: TODO: cache this (MegaContext)"
        lenses = await editor.text_document_code_lens_async(
            types.CodeLensParams(types.TextDocumentIdentifier(uri))
        )
        assert [(each.range.start.line, each.command.title) for each in lenses] == [
            (5, "Explain"),
            (5, "Add tests"),
        ]


async def test_a_client_without_action_literals_gets_commands(start, repository: Path):
    async with start([], capabilities=MINIMAL) as editor:
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        found = await actions(editor, uri, 6)
        assert all(isinstance(each, types.Command) for each in found)
        assert found[-1].command == "megacontext.showFocus"


async def test_a_model_that_cannot_chat_offers_no_more_than_it_does(start, repository: Path):
    async with start(ScriptedModel([], chat=False), capabilities=FULL) as editor:
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        [offered] = await actions(editor, uri, 6)
        assert "megacontext.showFocus" in str(offered.command)
        lenses = types.CodeLensParams(types.TextDocumentIdentifier(uri))
        assert not await editor.text_document_code_lens_async(lenses)
        with pytest.raises(JsonRpcException, match="completes code but cannot chat"):
            await execute(editor, "megacontext.explain", argument(uri, 6))


async def test_an_explanation_is_shown_and_given(start, repository: Path):
    model = ScriptedModel(["It looks up a word."])
    async with start(model, capabilities=FULL) as editor:
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        answer = await execute(editor, "megacontext.explain", argument(uri, 7, 4))
        text = answer["text"] if isinstance(answer, dict) else answer.text
        assert text == "It looks up a word."
        shown = await editor.until(lambda method, _: method == types.WINDOW_SHOW_MESSAGE)
        assert shown.message == text
        assert "word_for (greeter/words.py:6-8)" in model.texts[0]


async def test_what_is_in_focus_is_told_without_a_model(start, repository: Path):
    async with start(capabilities=FULL, options={"answers": "result", "preload": False}) as editor:
        uri = editor.show(repository / GREET)
        await editor.fresh()
        answer = await execute(editor, "megacontext.showFocus", argument(uri, 12))
        assert "greeter/words.py" in str(answer)
        assert not [method for method, _ in editor.said if method == types.WINDOW_SHOW_MESSAGE]


async def test_an_edit_is_asked_about_in_the_editor(start, repository: Path):
    before = (repository / WORDS).read_text()
    async with start([HI, TEST, "Done."], capabilities=FULL) as editor:
        taken = taking(editor)
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        editor.type(uri, 0, 0, "# 😀\n")
        await execute(editor, "megacontext.edit", argument(uri, 8, instruction="say hi"))
        [edit] = taken
        [annotation] = edit.change_annotations.values()
        assert annotation.needs_confirmation
        words, made, new = edit.document_changes
        assert words.text_document.uri == uri
        assert words.text_document.version == 2
        [change] = words.edits
        assert change.range == types.Range(types.Position(3, 0), types.Position(4, 0))
        assert change.new_text == 'WORDS = {"en": "Hi", "de": "Hallo"}\n'
        assert change.annotation_id in edit.change_annotations
        assert made.kind == "create"
        assert made.uri == new.text_document.uri == (repository / "tests/test_words.py").as_uri()
        assert new.text_document.version is None
        assert (repository / WORDS).read_text() == before
        assert not (repository / "tests/test_words.py").exists()
        begun = [params for method, params in editor.said if method == types.PROGRESS]
        assert any(getattr(each.value, "kind", "") == "end" for each in begun) or begun


async def test_a_client_that_takes_no_edits_is_told_so(start, repository: Path):
    async with start([HI, "Done."], capabilities=MINIMAL) as editor:
        uri = editor.show(repository / GREET)
        await editor.fresh()
        with pytest.raises(JsonRpcException, match="takes no edits"):
            await execute(editor, "megacontext.addTests", argument(uri, 8))


async def test_a_model_without_an_edit_changes_nothing(start, repository: Path):
    async with start(["I would rather not."], capabilities=FULL) as editor:
        taken = taking(editor)
        uri = editor.show(repository / GREET)
        await editor.fresh()
        with pytest.raises(JsonRpcException, match="nothing was changed: I would rather not"):
            await execute(editor, "megacontext.addTests", argument(uri, 8))
        assert taken == []


async def test_an_edit_of_a_document_that_has_changed_meanwhile_is_not_made(
    start, repository: Path
):
    def reply(_: str) -> str:
        if not model.texts[1:]:
            editor.type(uri, 0, 0, "# typed meanwhile\n")
            return HI
        return "Done."

    model = ScriptedModel(reply)
    async with start(model, capabilities=FULL) as editor:
        taken = taking(editor)
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        with pytest.raises(JsonRpcException, match="changed while"):
            await execute(editor, "megacontext.edit", argument(uri, 8, instruction="say hi"))
        assert taken == []


WRONG = (
    (),
    (None,),
    ([],),
    ("x",),
    ({},),
    ({"uri": 1, "range": None},),
    ({"uri": "file:///etc/passwd", "range": {"start": {"line": 0, "character": 0}}},),
    (argument("file:///etc/passwd", 0),),
    (argument("untitled:x", 0),),
    (argument("", 0),),
    (argument("file:///", -1),),
    (argument("file:///", 10**20),),
    (argument("file:///x", 0, more=1),),
    (argument("file:///x", 0), argument("file:///x", 0)),
)


@pytest.mark.parametrize("command", ["explain", "edit", "fix", "addTests", "showFocus"])
async def test_arguments_are_checked(start, command):
    async with start(["never said"], capabilities=FULL) as editor:
        await editor.fresh()
        for given in WRONG:
            with pytest.raises(JsonRpcException):
                await execute(editor, f"megacontext.{command}", *given)
        with pytest.raises(JsonRpcException):
            await execute(editor, "megacontext.unknown")
        found = await editor.workspace_symbol_async(types.WorkspaceSymbolParams("greet"))
        assert len(found) >= 2


async def test_secrets_are_neither_explained_nor_edited(start, repository: Path):
    model = ScriptedModel(["never said"])
    async with start(model, capabilities=FULL) as editor:
        uri = editor.show(repository / "keys/.env")
        await editor.fresh()
        with pytest.raises(JsonRpcException, match="not in memory"):
            await execute(editor, "megacontext.explain", argument(uri, 0))
        assert await actions(editor, uri, 0) == []
        assert model.texts == []
