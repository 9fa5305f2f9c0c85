"""Hover, definitions, references and symbols, as editors ask for them."""

import re
from pathlib import Path

import pytest
from lsprotocol import types

from .editor import CAPABILITIES, Editor

RICH = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        inline_completion=types.InlineCompletionClientCapabilities(),
        hover=types.HoverClientCapabilities(
            content_format=[types.MarkupKind.Markdown, types.MarkupKind.PlainText]
        ),
        document_symbol=types.DocumentSymbolClientCapabilities(
            hierarchical_document_symbol_support=True
        ),
    ),
    general=CAPABILITIES.general,
)
PLAIN = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        hover=types.HoverClientCapabilities(content_format=[types.MarkupKind.PlainText])
    )
)
MINIMAL = types.ClientCapabilities()
NAVIGATION = {"navigation": True}
GREET, WORDS = "greeter/greet.py", "greeter/words.py"


def identifier(uri: str) -> types.TextDocumentIdentifier:
    return types.TextDocumentIdentifier(uri)


async def hover(editor: Editor, uri: str, line: int, character: int) -> types.Hover | None:
    return await editor.text_document_hover_async(
        types.HoverParams(identifier(uri), types.Position(line, character))
    )


async def definition(editor: Editor, uri: str, line: int, character: int) -> list[types.Location]:
    found = await editor.text_document_definition_async(
        types.DefinitionParams(identifier(uri), types.Position(line, character))
    )
    assert isinstance(found, list)
    return found


def text_at(texts: dict[str, str], place: types.Location) -> str:
    """What stands at a place, of ASCII lines."""
    assert place.range.start.line == place.range.end.line
    line = texts[place.uri].split("\n")[place.range.start.line]
    return line[place.range.start.character : place.range.end.character]


@pytest.mark.parametrize("capabilities", [RICH, PLAIN], ids=["markdown", "plain"])
async def test_a_hover_tells_what_is_known_of_a_name(start, repository: Path, capabilities):
    async with start([], capabilities=capabilities) as editor:
        uri = editor.show(repository / GREET)
        await editor.fresh()
        found = await hover(editor, uri, 13, 22)
        assert found is not None
        value = found.contents.value
        markdown = capabilities is not PLAIN
        assert found.contents.kind == ("markdown" if markdown else "plaintext")
        assert "word_for(language)" in value
        assert "The first word of a greeting in a language" in value
        where = r"greeter\/words\.py\:6" if markdown else "greeter/words.py:6"
        assert where in value
        assert await hover(editor, uri, 1, 0) is None
        assert await hover(editor, uri, 900_000, 900_000) is None


async def test_what_a_repository_says_is_no_markup(start, repository: Path):
    (repository / "evil.py").write_text(
        'def evil(x="```\\n<script>"):\n'
        '    """[a](command:b) <img src=x onerror=y> **b** &amp; `c` https://a.b ```"""\n'
    )
    (repository / "a`<b>[x](y).py").write_text("from evil import evil\n\nevil()\n")
    async with start([], capabilities=RICH) as editor:
        uri = editor.show(repository / "evil.py")
        await editor.fresh()
        found = await hover(editor, uri, 0, 5)
        fence, rest = found.contents.value.split("\n", 1)
        code, prose = rest.split(f"\n{fence.removesuffix('python')}\n")
        assert fence.startswith("````")
        assert "<script>" in code
        assert not re.search(r"(?<!\\)[\[\]`*<>:]", prose)
        assert "&amp;amp;" in prose


async def test_secrets_and_what_is_outside_have_no_hover(start, repository: Path, tmp_path: Path):
    outside = tmp_path / "outside.py"
    outside.write_text("word_for = 1\n")
    (repository / "link.py").symlink_to(outside)
    async with start([], options=NAVIGATION) as editor:
        await editor.fresh()
        for path in (outside, repository / "keys/.env", repository / "link.py"):
            uri = editor.show(path, "word_for\nPASSWORD\n")
            assert await hover(editor, uri, 0, 2) is None
            assert await definition(editor, uri, 0, 2) == []
        for uri in (
            "untitled:word_for",
            "http://localhost/word_for.py",
            f"{repository.as_uri()}/../outside.py",
            "file:///etc/passwd",
            "file://elsewhere/etc/passwd",
            "",
            "%00",
        ):
            assert await hover(editor, uri, 0, 2) is None
            assert await definition(editor, uri, 0, 2) == []


async def test_definitions_and_references(start, repository: Path):
    async with start([], options=NAVIGATION) as editor:
        uri = editor.show(repository / GREET)
        await editor.fresh()
        [found] = await definition(editor, uri, 13, 22)
        assert found.uri == (repository / WORDS).as_uri()
        assert found.range == types.Range(types.Position(5, 4), types.Position(5, 12))
        params = types.ReferenceParams(
            types.ReferenceContext(include_declaration=True),
            identifier(uri),
            types.Position(13, 22),
        )
        places = await editor.text_document_references_async(params)
        texts = {path.as_uri(): path.read_text() for path in repository.rglob("*.py")}
        assert {text_at(texts, each) for each in places} == {"word_for"}
        assert len(places) == 3
        params.context.include_declaration = False
        assert len(await editor.text_document_references_async(params)) == 2


async def test_places_follow_unsaved_text(start, repository: Path):
    async with start([], options=NAVIGATION) as editor:
        greet, words = editor.show(repository / GREET), editor.show(repository / WORDS)
        await editor.fresh()
        editor.type(words, 0, 0, "# 😀 one\r\n# two\n")
        editor.type(words, 7, 4, "a_")  # the function has another name now
        assert await definition(editor, greet, 13, 22) == []
        editor.type(words, 7, 4, "", remove=2)
        [found] = await definition(editor, greet, 13, 22)
        assert found.uri == words
        assert found.range == types.Range(types.Position(7, 4), types.Position(7, 12))
        editor.close(words)
        [found] = await definition(editor, greet, 13, 22)
        assert found.range.start == types.Position(5, 4)


async def test_navigation_is_off_unless_it_is_wanted(start):
    async with start([]) as editor:
        offered = editor.result.capabilities
        assert offered.definition_provider is None
        assert offered.references_provider is None
        assert offered.document_symbol_provider is None
        assert offered.workspace_symbol_provider
        assert offered.hover_provider


@pytest.mark.parametrize("capabilities", [RICH, MINIMAL], ids=["nested", "flat"])
async def test_symbols_of_a_document(start, repository: Path, capabilities):
    async with start([], capabilities=capabilities, options=NAVIGATION) as editor:
        uri = editor.show(repository / GREET)
        await editor.fresh()
        editor.type(uri, 0, 0, "\n\n")
        found = await editor.text_document_document_symbol_async(
            types.DocumentSymbolParams(identifier(uri))
        )
        if capabilities is MINIMAL:
            assert [each.name for each in found] == ["Greeter", "__init__", "greet"]
            assert found[0].location.range.start == types.Position(7, 6)
            return
        [greeter] = found
        assert greeter.selection_range.start == types.Position(7, 6)
        assert [each.name for each in greeter.children] == ["__init__", "greet"]
        for each in (greeter, *greeter.children):
            assert each.range.start.line <= each.selection_range.start.line <= each.range.end.line


async def test_symbols_of_the_workspace(start, repository: Path, tmp_path: Path):
    other = tmp_path / "other" / "greeter"
    (other / ".megacontext").mkdir(parents=True)
    (other / "far.py").write_text("def word_far():\n    pass\n")
    async with start([], folders=[repository, other]) as editor:
        uri = editor.show(repository / WORDS)
        await editor.fresh()
        await editor.until(
            lambda method, params: (
                method == types.WINDOW_LOG_MESSAGE
                and "files complete" in params.message
                and other.as_uri() in params.message
            )
        )
        editor.type(uri, 0, 0, "\n")
        found = await editor.workspace_symbol_async(types.WorkspaceSymbolParams("wordf"))
        assert {(each.name, each.location.uri) for each in found} == {
            ("word_for", uri),
            ("word_far", (other / "far.py").as_uri()),
        }
        [near] = [each for each in found if each.name == "word_for"]
        assert near.location.range.start == types.Position(6, 4)
        for query in ("", "%", "_", "'\"\\", "x" * 100_000, "Greeter.greet", "\0", "\ud800"):
            assert isinstance(
                await editor.workspace_symbol_async(types.WorkspaceSymbolParams(query)), list
            )
