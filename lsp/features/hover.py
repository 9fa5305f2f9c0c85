"""`textDocument/hover`: what memory knows of the name under the cursor. No model is asked."""

from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.edits.change import visible
from megacontext.agent.navigating.about import About, about
from megacontext.agent.navigating.navigator import Navigator, User
from megacontext.agent.navigating.words import word_at
from megacontext.memory.chunking import language_of

from ..markdown import escaped, fenced
from ..view import View, view_of

if TYPE_CHECKING:
    from ..server import Server

LEVELS = (
    "word for word (L0)",
    "as gists of its blocks (L1)",
    "as its signature (L2)",
    "with the outline of its file (L3)",
    "with the outline of its folder (L4)",
)
MOST_NAMED = 6


def register(server: "Server") -> None:
    """Offer it, unless the client wants none."""
    if not server.options.hover:
        return
    formats = get_capability(server.client_capabilities, "text_document.hover.content_format")
    plain = formats is not None and types.MarkupKind.Markdown not in formats

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        found = view_of(server, params.text_document.uri)
        if found is None:
            return None
        view, path = found
        answer = await view.look(
            lambda navigator: _hover(navigator, view, path, params.position, plain)
        )
        return answer if view.is_current(path) else None


def _hover(
    navigator: Navigator, view: View, path: str, at: types.Position, plain: bool
) -> types.Hover | None:
    text = navigator.texts.of(path)
    if text is None:
        return None
    lines = view.lines(text)
    word = word_at(text.text, lines.offset(at))
    engine = view.folder.host.engine
    focused = engine.focused if engine else None
    entries = focused.entries if focused else ()
    told = about(navigator, word, path, entries) if word else None
    if word is None or told is None:
        return None
    kind = types.MarkupKind.PlainText if plain else types.MarkupKind.Markdown
    shown = _plain(told, focused=bool(entries)) if plain else _markdown(told, focused=bool(entries))
    return types.Hover(types.MarkupContent(kind, shown), lines.range(word.start, word.end))


def _markdown(told: About, *, focused: bool) -> str:
    first = told.definitions[0]
    paragraphs = [fenced(_header(told), language_of(first.path, b"")), escaped(first.doc)]
    return "\n\n".join(part for part in [*paragraphs, *map(escaped, _facts(told, focused))] if part)


def _plain(told: About, *, focused: bool) -> str:
    parts = [_header(told), told.definitions[0].doc, *_facts(told, focused)]
    return visible("\n\n".join(part for part in parts if part))


def _header(told: About) -> str:
    """The signature with those of the members."""
    first = told.definitions[0]
    more = f"    … {told.more_members} more"
    return "\n".join(
        [
            first.signature or first.qualified,
            *(f"    {each.signature or each.name}" for each in told.members),
            *([more] if told.more_members else []),
        ]
    )


def _facts(told: About, focused: bool) -> list[str]:
    """Where it is defined and used, and what the model sees of it: a line each."""
    first, *others = told.definitions
    inside = f" in {first.scope}" if first.scope else ""
    facts = [f"{first.kind}{inside}, {first.path}:{first.line}"]
    if others:
        named = [f"{each.path}:{each.line}" for each in others[:MOST_NAMED]]
        facts.append(f"also defined in {_listed(named, len(others))}")
    used = [_user(each) for each in told.users[:MOST_NAMED]]
    many = len(told.users) + told.more_users
    facts.append(f"used in {_listed(used, many, told.more_users)}" if used else "used nowhere else")
    if focused:
        level = "not at all" if told.level is None else LEVELS[told.level]
        facts.append(f"in the working context {level}")
    return facts


def _user(user: User) -> str:
    return f"{user.path} ({user.within})" if user.within else user.path


def _listed(named: list[str], count: int, more: bool = False) -> str:
    rest = count - len(named)
    if rest <= 0:
        return ", ".join(named)
    return f"{', '.join(named)} and {rest}{' or more' if more else ''} more"
