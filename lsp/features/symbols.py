"""`workspace/symbol` and `textDocument/documentSymbol`: definitions by name, and those of one document."""

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.navigating.definitions import Definition, Stretch
from megacontext.agent.navigating.navigator import Navigator
from megacontext.agent.navigating.texts import Text

from ..view import View, view_of

if TYPE_CHECKING:
    from ..server import Server

MOST_SYMBOLS = 100
KINDS = {
    "class": types.SymbolKind.Class,
    "function": types.SymbolKind.Function,
    "method": types.SymbolKind.Method,
    "constant": types.SymbolKind.Constant,
    "variable": types.SymbolKind.Variable,
    "module": types.SymbolKind.Module,
    "type": types.SymbolKind.Struct,
    "interface": types.SymbolKind.Interface,
    "field": types.SymbolKind.Field,
    "macro": types.SymbolKind.Function,
    "heading": types.SymbolKind.String,
    "selector": types.SymbolKind.Class,
    "key": types.SymbolKind.Key,
}


def register(server: "Server") -> None:
    """Offer the first always, the second where the client wants it."""

    @server.feature(types.WORKSPACE_SYMBOL)
    async def workspace_symbol(
        params: types.WorkspaceSymbolParams,
    ) -> list[types.SymbolInformation]:
        hosts = {id(folder.host): folder for folder in server.folders}.values()
        views = [View(server, folder) for folder in hosts]
        found = await asyncio.gather(*(_matching(view, params.query) for view in views))
        return [each for symbols in found for each in symbols]

    if not server.options.navigation:
        return
    capable = "text_document.document_symbol.hierarchical_document_symbol_support"
    nested = get_capability(server.client_capabilities, capable, False)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def document_symbol(
        params: types.DocumentSymbolParams,
    ) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
        found = view_of(server, params.text_document.uri)
        if found is None:
            return []
        view, path = found

        def look(
            navigator: Navigator,
        ) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:
            text, outline = navigator.texts.of(path), navigator.outline(path)
            if text is None:
                return []
            return _tree(view, text, outline) if nested else _flat(view, navigator, outline)

        answer = await view.look(look)
        return answer if answer and view.is_current(path) else []


async def _matching(view: View, query: str) -> list[types.SymbolInformation]:
    found = await view.look(
        lambda navigator: _flat(view, navigator, navigator.matching(query, MOST_SYMBOLS))
    )
    current = {each.uri for each in view.current([each.location for each in found or []])}
    return [each for each in found or [] if each.location.uri in current]


def _flat(
    view: View, navigator: Navigator, found: list[Definition]
) -> list[types.SymbolInformation]:
    return [
        types.SymbolInformation(
            location=location,
            name=each.name,
            kind=KINDS.get(each.kind, types.SymbolKind.Variable),
            container_name=each.scope or each.path,
        )
        for each in found
        if (location := view.location(navigator, each.at))
    ]


def _tree(view: View, text: Text, outline: list[Definition]) -> list[types.DocumentSymbol]:
    """The definitions of a document, each under the one that it stands in."""
    roots: list[types.DocumentSymbol] = []
    around: list[tuple[Definition, list[types.DocumentSymbol]]] = []
    for each in outline:
        while around and around[-1][0].whole.end < each.whole.end:
            around.pop()
        inner: list[types.DocumentSymbol] = []
        # A client refuses a name that is outside of its definition.
        whole = Stretch(
            each.path, min(each.whole.start, each.at.start), max(each.whole.end, each.at.end)
        )
        (around[-1][1] if around else roots).append(
            types.DocumentSymbol(
                name=each.name,
                detail=each.signature,
                kind=KINDS.get(each.kind, types.SymbolKind.Variable),
                range=view.range(text, whole),
                selection_range=view.range(text, each.at),
                children=inner,
            )
        )
        around.append((each, inner))
    return roots
