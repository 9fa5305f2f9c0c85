"""`workspace/executeCommand`: explain, edit, fix, add tests, show focus."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from lsprotocol import types

from megacontext.agent.chat.tasks import (
    Selected,
    edit_task,
    explain_question,
    fix_task,
    tests_task,
)
from megacontext.agent.engine import Engine
from megacontext.configs.errors import ToolError
from megacontext.memory.focus import FocusQuery, Position

from ..acting import edit, explain
from ..targets import Target, chatting, selected, target_of
from ..view import View

if TYPE_CHECKING:
    from ..server import Server

EXPLAIN: Final = "megacontext.explain"
EDIT: Final = "megacontext.edit"
FIX: Final = "megacontext.fix"
TESTS: Final = "megacontext.addTests"
FOCUS: Final = "megacontext.showFocus"
MOST_ENTRIES = 40


def register(server: "Server") -> None:
    """Offer them, unless the client wants no actions."""
    if not server.options.actions:
        return
    tasks: dict[str, Callable[[Selected, Target], tuple[str, str]]] = {
        EDIT: lambda code, target: (f"edit {_short(code)}", edit_task(code, _wish(target))),
        FIX: lambda code, target: (f"fix {_short(code)}", fix_task(code, _wish(target))),
        TESTS: lambda code, _: (f"tests for {_short(code)}", tests_task(code)),
    }

    @server.command(EXPLAIN)
    async def explained(*arguments: Any) -> dict[str, Any]:
        view, code = await _code(server, arguments)
        text = await explain(server, view, explain_question(code))
        return _shown(server, {"text": text})

    for name, task in tasks.items():
        server.command(name)(_editing(server, task))

    @server.command(FOCUS)
    async def focus(*arguments: Any) -> dict[str, Any]:
        target = target_of(arguments)
        view, code = await selected(server, target)
        return _shown(server, await _focus(view, code))


def _editing(
    server: "Server", task: Callable[[Selected, Target], tuple[str, str]]
) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def command(*arguments: Any) -> dict[str, Any]:
        target = target_of(arguments)
        view, code = await _code(server, arguments)
        return await edit(server, view, *task(code, target))

    return command


async def _code(server: "Server", arguments: tuple[Any, ...]) -> tuple[View, Selected]:
    view, code = await selected(server, target_of(arguments))
    chatting(view.folder)
    return view, code


def _wish(target: Target) -> str:
    if not target.instruction.strip():
        raise ToolError("the command needs an `instruction` that says what to change")
    return target.instruction


def _short(code: Selected) -> str:
    return code.name or f"{code.path}:{code.first_line}"


def _shown(server: "Server", answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, for a client that shows no results as a message as well."""
    if server.options.answers == "message":
        server.window_show_message(
            types.ShowMessageParams(types.MessageType.Info, str(answer["text"]))
        )
    return answer


async def _focus(view: View, code: Selected) -> dict[str, Any]:
    """Which parts of the repository would be before the model, for what is selected."""
    engine = view.folder.host.engine
    if engine is None:
        raise ToolError("the memory of this folder is still being opened; ask again")
    entries = await view.folder.look(lambda _: _entries(engine, view, code)) or []
    lines = [
        f"{each['path'] or '.'}:{each['startLine']}-{each['endLine']} L{each['level']}, "
        f"{each['cost']} positions{_why(each['reasons'])}"
        for each in entries[:MOST_ENTRIES]
    ]
    more = len(entries) - MOST_ENTRIES
    lines += [f"and {more} more"] if more > 0 else []
    return {"text": "\n".join(lines) or "nothing is in focus", "entries": entries}


def _why(reasons: list[str]) -> str:
    return f" ({', '.join(reasons)})" if reasons else ""


def _entries(engine: Engine, view: View, code: Selected) -> list[dict[str, Any]]:
    query = FocusQuery(
        at=Position(code.path, code.first_line, 1),
        window=code.code[:2_000],
        budget=engine.settings.focus.budget,
    )
    focused = engine.beside().focus(query, "text")
    return [
        {
            "path": entry.path,
            "uri": view.uri_of(entry.path),
            "startLine": entry.start_line,
            "endLine": entry.end_line,
            "level": entry.level,
            "cost": entry.cost,
            "score": round(entry.score, 4),
            "reasons": list(entry.reasons),
        }
        for entry in focused.entries
    ]
