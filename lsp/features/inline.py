"""`textDocument/inlineCompletion`: what could stand at the cursor, in grey."""

from typing import TYPE_CHECKING

from lsprotocol import types

from megacontext.agent.engine import Engine
from megacontext.agent.events import Token

from ..folders import Cancelled

if TYPE_CHECKING:
    from ..server import Server


def register(server: "Server") -> None:
    """Offer it, unless the client wants none."""
    if not server.options.inline:
        return

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        return types.InlineCompletionList(await _items(server, params))


async def _items(
    server: "Server", params: types.InlineCompletionParams
) -> list[types.InlineCompletionItem]:
    uri = params.text_document.uri
    document, found = server.documents.get(uri), server.folders.find(uri)
    if document is None or found is None:
        return []
    folder, path = found
    at, text, cancel = document.place(path, params.position), document.text, Cancelled()

    def generate(engine: Engine) -> str:
        events = engine.complete(at, cancel, text=text)
        return "".join(event.text for event in events if isinstance(event, Token))

    answer = await folder.ask(generate, cancel)
    where = types.Range(params.position, params.position)
    return [types.InlineCompletionItem(answer, range=where)] if answer else []
