"""`textDocument/codeAction` and `codeLens`: what can be done with the code at hand, as commands."""

import re
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.navigating.definitions import Definition
from megacontext.agent.navigating.navigator import Navigator

from ..view import View, view_of
from .commands import EDIT, EXPLAIN, FIX, FOCUS, TESTS

if TYPE_CHECKING:
    from ..server import Server

REWRITE = types.CodeActionKind.RefactorRewrite
OTHER = "megacontext"
TESTED = frozenset({"function", "method", "class"})
LENSED = frozenset({"function", "method", "class", "interface", "type"})
MOST_LENSES = 300
MOST_FIXES = 8
_TODO = re.compile(r"\b(?:TODO|FIXME)\b[^\n]{0,500}")


def register(server: "Server") -> None:
    """Offer them, unless the client wants none."""
    if not server.options.actions:
        return
    literal = "text_document.code_action.code_action_literal_support"
    literals = get_capability(server.client_capabilities, literal) is not None

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions([types.CodeActionKind.QuickFix, REWRITE, OTHER]),
    )
    async def code_action(
        params: types.CodeActionParams,
    ) -> list[types.CodeAction] | list[types.Command]:
        found = view_of(server, params.text_document.uri)
        if found is None:
            return []
        view, path = found
        actions = await view.look(lambda navigator: _actions(navigator, view, path, params)) or []
        if not view.is_current(path):
            return []
        wanted = [each for each in actions if _is_wanted(each, params.context.only)]
        return wanted if literals else [each.command for each in wanted if each.command]

    if not server.options.lenses:
        return

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())
    async def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        found = view_of(server, params.text_document.uri)
        if found is None or not _chats(found[0]):
            return []
        view, path = found
        lenses = await view.look(lambda navigator: _lenses(navigator, view, path)) or []
        return lenses if view.is_current(path) else []


def _chats(view: View) -> bool:
    engine = view.folder.host.engine
    return engine is not None and engine.can_chat


def _is_wanted(action: types.CodeAction, only: Any) -> bool:
    """A client that asks for `refactor` means `refactor.rewrite` as well."""
    kind = f"{_plain(action.kind)}."
    return not only or any(kind.startswith(f"{_plain(each)}.") for each in only)


def _plain(kind: Any) -> str:
    return str(getattr(kind, "value", kind))


def _actions(
    navigator: Navigator, view: View, path: str, params: types.CodeActionParams
) -> list[types.CodeAction]:
    text = navigator.texts.of(path)
    if text is None:
        return []
    uri, where = params.text_document.uri, params.range
    actions = [_action("Show what is in focus here", OTHER, FOCUS, uri, where)]
    if not _chats(view):
        return actions
    lines = view.lines(text)
    start, end = lines.offset(where.start), lines.offset(where.end)
    around = navigator.enclosing(path, start)
    name = around.name if around else "this"
    if around is not None or start != end:
        actions.insert(0, _action(f"Explain {name}", OTHER, EXPLAIN, uri, where))
    if around is not None and around.kind in TESTED:
        actions.insert(0, _action(f"Add tests for {name}", REWRITE, TESTS, uri, where))
    stop = text.text.find("\n", end)
    shown = text.text[text.text.rfind("\n", 0, start) + 1 : stop if stop >= 0 else None]
    if todo := _TODO.search(shown):
        wish = f"Do what this comment asks for, and take the comment away: {todo[0]}"
        actions.insert(0, _action(f"Do: {todo[0][:60]}", REWRITE, EDIT, uri, where, wish))
    return [*_fixes(params), *actions]


def _fixes(params: types.CodeActionParams) -> list[types.CodeAction]:
    fixes = []
    for each in params.context.diagnostics[:MOST_FIXES]:
        line, *_ = each.message.strip().split("\n")
        title, wish = f"Fix: {line[:60]}", each.message[:4_000]
        uri = params.text_document.uri
        action = _action(title, types.CodeActionKind.QuickFix, FIX, uri, each.range, wish)
        action.diagnostics = [each]
        fixes.append(action)
    return fixes


def _action(
    title: str, kind: str, command: str, uri: str, where: types.Range, wish: str = ""
) -> types.CodeAction:
    named = f"{title} (MegaContext)"
    return types.CodeAction(
        title=named,
        kind=types.CodeActionKind(kind) if kind != OTHER else kind,
        command=types.Command(named, command, arguments=[_arguments(uri, where, wish)]),
    )


def _arguments(uri: str, where: types.Range, wish: str = "") -> dict[str, Any]:
    start, end = where.start, where.end
    given: dict[str, Any] = {
        "uri": uri,
        "range": {
            "start": {"line": start.line, "character": start.character},
            "end": {"line": end.line, "character": end.character},
        },
    }
    return given | ({"instruction": wish} if wish else {})


def _lenses(navigator: Navigator, view: View, path: str) -> list[types.CodeLens]:
    text = navigator.texts.of(path)
    if text is None:
        return []
    found = [each for each in navigator.outline(path) if each.kind in LENSED][:MOST_LENSES]
    return [
        types.CodeLens(where, types.Command(title, command, arguments=[_arguments(uri, where)]))
        for each in found
        for uri, where in [(view.uri_of(path), view.range(text, each.at))]
        for title, command in _offered(each)
    ]


def _offered(definition: Definition) -> list[tuple[str, str]]:
    tests = [("Add tests", TESTS)] if definition.kind in TESTED else []
    return [("Explain", EXPLAIN), *tests]
