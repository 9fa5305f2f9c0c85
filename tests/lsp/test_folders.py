"""Several folders, progress that can be stopped, and documents that come and go."""

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types

from megacontext.models.language.scripted import ScriptedModel
from tests.memory.workbench import write_files
from tests.patience import held

TEXT = "def one():\n    return 1\n"


def folder(root: Path) -> types.WorkspaceFolder:
    return types.WorkspaceFolder(root.as_uri(), root.name)


def changed(added: list[Path], removed: list[Path]) -> types.DidChangeWorkspaceFoldersParams:
    event = types.WorkspaceFoldersChangeEvent(list(map(folder, added)), list(map(folder, removed)))
    return types.DidChangeWorkspaceFoldersParams(event)


@pytest.fixture
def twins(tmp_path: Path) -> list[Path]:
    """Two repositories in folders of the same name."""
    roots = [tmp_path / side / "app" for side in ("left", "right")]
    for root in roots:
        (root / ".megacontext").mkdir(parents=True)
        write_files(root, {"a.py": TEXT, f"{root.parent.name}.py": TEXT})
    return roots


async def test_two_folders_of_one_name_are_two(start, twins):
    async with start(["left_one", "right_one"], folders=twins) as editor:
        for number, root in enumerate(twins):
            await editor.fresh(root)
            uri = editor.show(root / "a.py", "x = \n")
            assert await editor.complete(uri, 0, 4) == [("left_one", "right_one")[number]]
        hosts = {each.host.root for each in editor.server.folders}
        assert hosts == set(twins)


async def test_folders_come_and_go_while_the_server_runs(start, repository, twins):
    model = ScriptedModel(["first", "second"])
    async with start(model, folders=[repository]) as editor:
        await editor.fresh(repository)
        uri = editor.show(twins[0] / "a.py", "x = \n")
        assert await editor.complete(uri, 0, 4) == []
        editor.workspace_did_change_workspace_folders(changed([twins[0]], [repository]))
        await editor.fresh(twins[0])
        assert await editor.complete(uri, 0, 4) == ["first"]
        inside = editor.show(repository / "greeter/words.py")
        assert await editor.complete(inside, 0, 0) == []
        editor.workspace_did_change_workspace_folders(changed([repository, twins[1]], [twins[0]]))
        await editor.fresh(twins[1])
        assert await editor.complete(uri, 0, 4) == []


async def test_two_folders_in_one_repository_share_it(start, repository):
    inner = [repository / "greeter", repository / "tests"]
    async with start(["one", "two"], folders=inner) as editor:
        await editor.fresh()
        first, second = editor.server.folders
        assert first.host is second.host
        uri = editor.show(repository / "tests/test_greet.py")
        assert await editor.complete(uri, 5, 0) == ["one"]
        editor.workspace_did_change_workspace_folders(changed([], [inner[0]]))
        assert await editor.complete(uri, 5, 0) == ["one"]
        assert len(list(editor.server.folders)) == 1


async def test_a_folder_that_is_none_is_told_and_the_others_go_on(start, repository, tmp_path):
    async with start(["fine"], folders=[tmp_path / "gone", repository]) as editor:
        warned = await editor.until(lambda method, _: method == types.WINDOW_SHOW_MESSAGE)
        assert "gone" in warned.message
        await editor.fresh(repository)
        uri = editor.show(repository / "greeter/words.py")
        assert await editor.complete(uri, 8, 0) == ["fine"]


async def test_settings_that_are_wrong_are_told_and_left_out(start, repository):
    options = {"settings": {"focus.budget": "much", "no.such": 1}}
    async with start(["fine"], options=options) as editor:
        warned = await editor.until(lambda method, _: method == types.WINDOW_SHOW_MESSAGE)
        assert "focus.budget" in warned.message or "no.such" in warned.message
        await editor.fresh()


async def test_links_that_lead_out_are_outside(start, repository, tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text(TEXT)
    (repository / "link.py").symlink_to(outside)
    async with start([]) as editor:
        await editor.fresh()
        for path in (repository / "link.py", repository / "greeter" / ".." / ".." / "outside.py"):
            uri = editor.show(path, "x = \n")
            assert await editor.complete(uri, 0, 4) == []


async def test_a_repository_behind_a_link_is_spelled_as_the_client_does(
    start, repository, tmp_path
):
    link = tmp_path / "link"
    link.symlink_to(repository)
    async with start(["fine"], folders=[link]) as editor:
        await editor.fresh()
        [only] = editor.server.folders
        assert only.uri_of("greeter/words.py") == (link / "greeter/words.py").as_uri()
        uri = editor.show(link / "greeter/words.py")
        assert await editor.complete(uri, 8, 0) == ["fine"]


async def test_a_secret_is_never_sent_to_a_model(start, repository):
    model = ScriptedModel([])
    async with start(model) as editor:
        await editor.fresh()
        uri = editor.show(repository / "keys/.env", language="plaintext")
        assert await editor.complete(uri, 0, 9) == []
        assert model.prompts == []
        assert not [each for each in editor.said if each[0] == types.WINDOW_SHOW_MESSAGE]


async def test_what_is_typed_is_memory_s_until_the_document_is_closed(start, repository):
    async with start([]) as editor:
        await editor.fresh()
        [only] = editor.server.folders
        words = "greeter/words.py"
        uri = editor.show(repository / words)
        editor.type(uri, 0, 0, "# unsaved\n")
        while b"# unsaved" not in (only.host.engine.memory.read(words) or b""):
            await asyncio.sleep(0.01)
        editor.close(uri)
        while b"# unsaved" in (only.host.engine.memory.read(words) or b""):
            await asyncio.sleep(0.01)


async def test_indexing_is_shown_and_ends(start, repository):
    async with start([]) as editor:
        await editor.fresh()
        shown = await editor.until(
            lambda method, params: (
                method == types.PROGRESS and params.value.get("kind") == "end"
                if isinstance(getattr(params, "value", None), dict)
                else method == types.PROGRESS
            )
        )
        assert str(shown.token).startswith("megacontext-")


async def test_clients_that_show_no_progress_are_not_asked_to(start, repository):
    async with start([], capabilities=types.ClientCapabilities()) as editor:
        await editor.fresh()
        assert not [each for each in editor.said if each[0] == types.PROGRESS]


async def test_a_cancelled_request_is_answered_with_the_error_for_it(start, repository):
    async with start(ScriptedModel([held("x")])) as editor:
        await editor.fresh()
        uri = editor.show(repository / "greeter/greet.py", "x = \n")
        asked = types.InlineCompletionParams(
            types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
            types.TextDocumentIdentifier(uri),
            types.Position(0, 4),
        )
        answer = editor.protocol.send_request(
            types.TEXT_DOCUMENT_INLINE_COMPLETION, asked, msg_id="wanted"
        )
        editor.protocol.notify(types.CANCEL_REQUEST, types.CancelParams("wanted"))
        with pytest.raises(Exception, match="canceled") as told:
            await asyncio.wrap_future(answer)
        assert told.value.code == -32800
