"""`textDocument/completion`: the suggestion as an item of the list, for clients that show none in grey."""

import re
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

from .inline import suggestion

if TYPE_CHECKING:
    from ..documents import Document
    from ..server import Server

WORD = re.compile(r"\w*\Z")
LABEL = 60
"""Characters of the first line that the list shows."""


def register(server: "Server") -> None:
    """Offer it where the client cannot do better, or where it wants it all the same."""
    wanted, capable = server.options.completion, "text_document.inline_completion"
    inline = get_capability(server.client_capabilities, capable) is not None
    if wanted == "off" or (wanted == "auto" and inline and server.options.inline):
        return

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=["."])
    )
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        text = await suggestion(server, params.text_document.uri, params.position)
        document = server.documents.get(params.text_document.uri)
        items = [_item(document, params.position, text)] if text and document else []
        return types.CompletionList(is_incomplete=True, items=items)


def _item(document: "Document", at: types.Position, text: str) -> types.CompletionItem:
    """The suggestion with the word it goes on with, since lists are filtered by that."""
    offset = document.offset(at)
    word = WORD.search(document.text[max(0, offset - 200) : offset])
    typed = word[0] if word else ""
    start = document.position(offset - len(typed))
    first, *rest = (typed + text).strip().split("\n")
    return types.CompletionItem(
        label=first[:LABEL] + ("…" if rest or len(first) > LABEL else ""),
        kind=types.CompletionItemKind.Snippet,
        detail="MegaContext",
        filter_text=typed + text,
        insert_text_mode=types.InsertTextMode.AsIs,
        insert_text_format=types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(types.Range(start, document.position(offset)), typed + text),
    )
