"""`textDocument/inlineCompletion`: what could stand at the cursor, in grey."""

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from ..server import Server


def register(server: "Server") -> None:
    """Offer it, unless the client wants none."""
    if not server.options.inline:
        return

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        text = await suggestion(server, params.text_document.uri, params.position)
        where = types.Range(params.position, params.position)
        items = [types.InlineCompletionItem(text, range=where)] if text else []
        return types.InlineCompletionList(items)


async def suggestion(server: "Server", uri: str, at: types.Position) -> str:
    """What could stand at a position; "" for nothing, and outside of all folders."""
    document, found = server.documents.get(uri), server.folders.find(uri)
    if document is None or found is None:
        return ""
    folder, path = found
    return await server.suggester.suggest(document, folder, path, document.offset(at))
