"""`textDocument/definition` and `references` from memory, where no other server gives them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types

from megacontext.agent.navigating.definitions import Stretch
from megacontext.agent.navigating.navigator import Navigator
from megacontext.agent.navigating.words import Word, word_at

from ..view import view_of

if TYPE_CHECKING:
    from ..server import Server


def register(server: "Server") -> None:
    """Offer both where the client wants them."""
    if not server.options.navigation:
        return

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: types.DefinitionParams) -> list[types.Location]:
        def meant(navigator: Navigator, path: str, word: Word) -> list[Stretch]:
            return [each.at for each in navigator.meant(word, path)]

        return await _locations(server, params, meant)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def references(params: types.ReferenceParams) -> list[types.Location]:
        def used(navigator: Navigator, _: str, word: Word) -> list[Stretch]:
            found = [each.at for each in navigator.named(word.name)]
            return [
                *(found if params.context.include_declaration else []),
                *navigator.uses(word.name),
            ]

        return await _locations(server, params, used)


async def _locations(
    server: "Server",
    params: types.DefinitionParams | types.ReferenceParams,
    find: Callable[[Navigator, str, Word], list[Stretch]],
) -> list[types.Location]:
    found = view_of(server, params.text_document.uri)
    if found is None:
        return []
    view, path = found

    def look(navigator: Navigator) -> list[types.Location]:
        text = navigator.texts.of(path)
        word = word_at(text.text, view.lines(text).offset(params.position)) if text else None
        places = dict.fromkeys(find(navigator, path, word)) if word else ()
        return [each for place in places if (each := view.location(navigator, place))]

    return view.current(await view.look(look))
