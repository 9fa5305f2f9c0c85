"""Whole sessions with clients that can do what Neovim and Visual Studio Code declare, and with one that tells little.

The server is a process of its own. pytest-lsp looks at all that is sent: what the client cannot take is a warning, and
so an error.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import (
    ClientServerConfig,
    LanguageClient,
    client_capabilities,
    make_test_lsp_client,
)

from megacontext.models.language.scripted import call
from tests.patience import PATIENCE_S

from .conftest import SETTINGS

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(PATIENCE_S)]

ROOT = Path(__file__).parents[2]
GREET, WORDS = "greeter/greet.py", "greeter/words.py"
SMILE = 'SMILE = "😀" + word_for("en")\n'
REPLIES = (
    "d_for(name)",
    call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"'),
    "Done.",
)


@dataclass(frozen=True)
class Profile:
    """A kind of client, and what it is to get."""

    capabilities: types.ClientCapabilities
    encoding: str = "utf-16"
    inline: bool = False
    progress: bool = True
    literals: bool = True
    annotated: bool = False
    """Edits that a person confirms, of documents with their versions."""


def neovim() -> Profile:
    return Profile(client_capabilities("neovim@v0.11"), encoding="utf-8")


def visual_studio_code() -> Profile:
    capabilities = client_capabilities("visual-studio-code")
    # What is recorded of it is older than completions in grey; its client library declares them so.
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities(True)
    return Profile(capabilities, inline=True, annotated=True)


def plain() -> Profile:
    workspace = types.WorkspaceClientCapabilities(apply_edit=True)
    return Profile(types.ClientCapabilities(workspace), progress=False, literals=False)


@pytest.fixture(params=[neovim, visual_studio_code, plain], ids=lambda make: make.__name__)
def profile(request: pytest.FixtureRequest) -> Profile:
    return request.param()


@pytest.fixture(autouse=True)
def _found_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted server is started in whatever folder the tests are started in."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def editor() -> LanguageClient:
    """pytest-lsp's own client, but for one mistake of `lsprotocol`: it reads an action with a command as a command."""
    client = make_test_lsp_client()
    converter = client.protocol._converter

    def read(found: dict[str, Any], _: Any) -> types.Command | types.CodeAction:
        is_command = isinstance(found.get("command"), str)
        return converter.structure(found, types.Command if is_command else types.CodeAction)

    converter.register_structure_hook(Union[types.Command, types.CodeAction], read)  # noqa: UP007  as the types spell it
    return client


@pytest_lsp.fixture(
    config=ClientServerConfig(
        server_command=[sys.executable, "-m", "tests.lsp.scripted", *REPLIES],
        client_factory=editor,
    )
)
async def client(server: LanguageClient) -> AsyncIterator[None]:
    yield
    await server.shutdown_session()
    assert server.error is None
    assert server._server.returncode == 0


async def opened(
    client: LanguageClient, profile: Profile, repository: Path
) -> types.ServerCapabilities:
    """Open the repository as an editor does; what the server offers, when it has read everything."""
    folder = types.WorkspaceFolder(repository.as_uri(), repository.name)
    result = await client.initialize_session(
        types.InitializeParams(
            profile.capabilities,
            root_uri=folder.uri,
            workspace_folders=[folder],
            initialization_options={"settings": SETTINGS, "navigation": True},
        )
    )
    await until(lambda: any("files complete" in each.message for each in client.log_messages))
    assert result.capabilities.position_encoding == profile.encoding
    return result.capabilities


async def until(holds: Callable[[], object]) -> None:
    """Wait for something to hold; the test's own limit says for how long."""
    while not holds():
        await asyncio.sleep(0.01)


def show(client: LanguageClient, file: Path, text: str) -> types.TextDocumentIdentifier:
    """Open a document with unsaved text."""
    item = types.TextDocumentItem(file.as_uri(), "python", 1, text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    return types.TextDocumentIdentifier(item.uri)


def units(text: str, profile: Profile) -> int:
    """The length of a text as the client counts it."""
    width = {"utf-8": 1, "utf-16": 2}[profile.encoding]
    return len(text.encode(f"{profile.encoding}-le" if width == 2 else profile.encoding)) // width


async def test_what_memory_knows(client: LanguageClient, profile: Profile, repository: Path):
    await opened(client, profile, repository)
    saved = (repository / GREET).read_text()
    document = show(client, repository / GREET, saved + SMILE)
    start = units('SMILE = "😀" + ', profile)
    here = types.Position(saved.count("\n"), start + 2)
    name = types.Range(types.Position(5, 4), types.Position(5, 12))
    words = (repository / WORDS).as_uri()

    hover = await client.text_document_hover_async(types.HoverParams(document, here))
    assert "word_for(language)" in hover.contents.value
    assert hover.range == types.Range(
        types.Position(here.line, start), types.Position(here.line, start + len("word_for"))
    )
    defined = await client.text_document_definition_async(types.DefinitionParams(document, here))
    assert defined == [types.Location(words, name)]
    context = types.ReferenceContext(include_declaration=True)
    used = await client.text_document_references_async(
        types.ReferenceParams(context, document, here)
    )
    assert types.Location(document.uri, hover.range) in used
    assert len(used) == 4
    params = types.DocumentSymbolParams(document)
    first, *others = await client.text_document_document_symbol_async(params)
    assert first.name == "Greeter"
    if isinstance(first, types.DocumentSymbol):
        assert [each.name for each in first.children] == ["__init__", "greet"]
    assert others[-1].name == "SMILE"
    [found] = await client.workspace_symbol_async(types.WorkspaceSymbolParams("wordfor"))
    assert found.location == types.Location(words, name)

    def ended() -> list[bool]:
        shown = client.progress_reports.values()
        return [isinstance(each[-1], types.WorkDoneProgressEnd) for each in shown if each]

    if profile.progress:
        await until(lambda: ended() and all(ended()))
    else:
        assert not client.progress_reports


async def test_what_a_model_writes(client: LanguageClient, profile: Profile, repository: Path):
    taken: list[types.WorkspaceEdit] = []

    @client.feature(types.WORKSPACE_APPLY_EDIT)
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        taken.append(params.edit)
        return types.ApplyWorkspaceEditResult(applied=True)

    offered = await opened(client, profile, repository)
    assert bool(offered.inline_completion_provider)
    assert bool(offered.completion_provider) == (not profile.inline)
    document = show(client, repository / GREET, "x, y = '😀', wor\n")
    start = units("x, y = '😀', ", profile)
    at = types.Position(0, start + 3)
    if profile.inline:
        kind = types.InlineCompletionTriggerKind.Automatic
        asked = types.InlineCompletionParams(types.InlineCompletionContext(kind), document, at)
        answer = await client.text_document_inline_completion_async(asked)
        [shown] = answer.items
        assert (shown.insert_text, shown.range) == ("d_for(name)", types.Range(at, at))
    else:
        answer = await client.text_document_completion_async(types.CompletionParams(document, at))
        [listed] = answer.items
        assert answer.is_incomplete
        assert listed.label == listed.filter_text == "word_for(name)"
        where = types.Range(types.Position(0, start), at)
        assert listed.text_edit == types.TextEdit(where, "word_for(name)")

    text = (repository / WORDS).read_text()
    document = show(client, repository / WORDS, text)
    where = types.Range(types.Position(2, 0), types.Position(2, 5))
    fault = types.Diagnostic(where, "this says too much")
    first, *_ = await client.text_document_code_action_async(
        types.CodeActionParams(document, where, types.CodeActionContext([fault]))
    )
    assert isinstance(first, types.CodeAction) == profile.literals
    assert "this says too much" in first.title
    command = first.command if isinstance(first, types.CodeAction) else first
    await client.workspace_execute_command_async(
        types.ExecuteCommandParams(command.command, command.arguments)
    )
    [edit] = taken
    if profile.annotated:
        [changed] = edit.document_changes
        assert changed.text_document.version == 1
        [change] = changed.edits
        assert edit.change_annotations[change.annotation_id].needs_confirmation
    else:
        [change] = edit.changes[document.uri]
    assert change.new_text == 'WORDS = {"en": "Hi", "de": "Hallo"}\n'
    assert (repository / WORDS).read_text() == text
